"""From what is declared and what is in force to a plan. Pure: the same inputs give the same plan."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypedDict, Unpack

from reconciler.model.change import Block, Change, Plan, State
from reconciler.model.resource import Origin, Owner, Resource, ResourceKey
from reconciler.model.value import Path, digest_of
from reconciler.plan.compare import change_of, removal_of
from reconciler.plan.guard import Outlook, blocks_for, declared_twice, empty_specs, owned_by_api
from reconciler.plan.order import order
from reconciler.plan.outcome import resources_after
from reconciler.plan.renames import Renames, find_renames
from reconciler.plan.scope import Scope

__all__ = ["MAX_DELETES", "Options", "Scope", "make_plan", "plan_id"]

MAX_DELETES: Final = 10
"""How many objects one apply removes or replaces unless a person allows more."""

Places = Mapping[tuple[ResourceKey, Path], Origin]


class Options(TypedDict, total=False):
    """How to plan.

    ``prune``: remove what is in force, owned by git and no longer declared (default: keep it).
    ``max_deletes``: see ``MAX_DELETES``. ``scope``: which objects the plan is about (default: all).
    ``places``: where a field of a resource is written.
    """

    prune: bool
    max_deletes: int
    scope: Scope
    places: Places


def make_plan(
    desired: Iterable[Resource],
    state: State,
    *,
    revision: str = "",
    **options: Unpack[Options],
) -> Plan:
    """Return the plan that takes *state* to what is *desired*."""
    declared = list(desired)
    found = _find(declared, state, options)
    ordered = order(found.changes)
    outlook = Outlook(
        ordered,
        resources_after(state.resources, ordered),
        found.left_out,
        options.get("max_deletes", MAX_DELETES),
    )
    blocks = (*declared_twice(declared), *found.blocks, *blocks_for(outlook))
    return Plan(
        id=plan_id(state.generation, ordered),
        base=state.generation,
        revision=revision,
        changes=ordered,
        unchanged=found.unchanged,
        blocks=blocks,
        unmanaged=tuple(found.unmanaged),
        places=_places(options.get("places", {}), ordered),
        left_out=found.kept_out,
    )


def plan_id(base: int, changes: Iterable[Change]) -> str:
    """Return the id of a plan of *changes* on generation *base*: the same plan has the same id."""
    told = [
        (change.action.word, *(_mark(change, side) for side in ("before", "after")))
        for change in changes
    ]
    return digest_of(["plan", base, told])[:32]


def _mark(change: Change, side: str) -> tuple[str, str] | None:
    resource: Resource | None = getattr(change, side, None)
    return (str(resource.key), resource.digest) if resource is not None else None


@dataclass(slots=True)
class _Found:
    """What comparing has found so far. ``kept_out`` counts the differences outside the scope."""

    changes: list[Change] = field(default_factory=list)
    unchanged: int = 0
    unmanaged: list[Resource] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    left_out: frozenset[ResourceKey] = frozenset()
    kept_out: int = 0


def _find(declared: list[Resource], state: State, options: Options) -> _Found:
    wanted = {resource.key: resource for resource in declared}
    scope = options.get("scope", Scope())
    renames = find_renames(wanted, state.resources)
    found = _Found(blocks=list(renames.blocks))
    _compare(wanted, state, renames, (scope, found))
    gone = [
        state.resources[key]
        for key in sorted(state.resources.keys() - wanted.keys() - renames.taken)
        if state.resources[key].owner is Owner.GIT
    ]
    if options.get("prune", False) and not wanted:
        found.blocks.extend(empty_specs(gone))
    if options.get("prune", False) and wanted:
        for change in map(removal_of, gone):
            _keep(change, change.before, scope, found)
    else:
        found.unmanaged = [resource for resource in gone if scope.covers(resource)]
    return found


def _compare(
    wanted: Mapping[ResourceKey, Resource],
    state: State,
    renames: Renames,
    into: tuple[Scope, _Found],
) -> None:
    """Compare each wanted resource with the one in force, under its old name where it was renamed."""
    scope, found = into
    left_out = set()
    for key in sorted(wanted):
        after = wanted[key]
        before = renames.before.get(key, state.resources.get(key))
        change = change_of(before, after)
        covered = scope.covers(after) or (before is not None and scope.covers(before))
        if not covered:
            left_out.add(key)
            found.kept_out += change is not None
            continue
        found.blocks.extend(owned_by_api(before, after))
        if change is None:
            found.unchanged += 1
        else:
            found.changes.append(change)
    found.left_out = frozenset(left_out)


def _keep(change: Change, resource: Resource, scope: Scope, found: _Found) -> None:
    if scope.covers(resource):
        found.changes.append(change)
    else:
        found.kept_out += 1


def _places(places: Places, changes: Iterable[Change]) -> Places:
    """Return those of *places* that a reader of the plan asks for."""
    return dict(_asked(places, changes))


def _asked(
    places: Places, changes: Iterable[Change]
) -> Iterator[tuple[tuple[ResourceKey, Path], Origin]]:
    for change in changes:
        for field_change in getattr(change, "fields", ()):
            place = (change.key, field_change.path)
            if place in places:
                yield place, places[place]

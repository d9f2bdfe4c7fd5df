"""From what is declared and what is in force to a plan. Pure: the same inputs give the same plan."""

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, TypedDict, Unpack

from reconciler.model.change import Block, Change, Drifted, Plan, State
from reconciler.model.redo import NOT_ASKED
from reconciler.model.resource import Origin, Owner, Resource, ResourceKey
from reconciler.model.value import Path, digest_of
from reconciler.plan.compare import Standing, change_of, removal_of, standing
from reconciler.plan.drift import drifted, ignored_of
from reconciler.plan.guard import (
    Outlook,
    blocks_for,
    declared_twice,
    empty_specs,
    in_conflict,
    owned_by_api,
)
from reconciler.plan.hold import held_back
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

    ``now``: the time, for rules that end (default: no rule has ended). ``heal``: whose drift is to be
    put back (default: nobody's; it is shown). ``let_be``: whose drift is left as it is this once, whatever
    ``heal`` says. ``anew``: what is to be replaced, whether it differs or not.

    ``prune``: remove what is in force, owned by git and no longer declared (default: keep it).
    ``max_deletes``: see ``MAX_DELETES``. ``scope``: which objects the plan is about (default: all).
    ``places``: where a field of a resource is written.
    """

    prune: bool
    max_deletes: int
    scope: Scope
    places: Places
    now: datetime | None
    heal: Container[ResourceKey]
    let_be: Container[ResourceKey]
    anew: Container[ResourceKey]


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
    blocks = (*blocks, *held_back(ordered, blocks, state.resources))
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
        drifts=tuple(found.drifts),
        settled=tuple(found.settled),
    )


def plan_id(base: int, changes: Iterable[Change]) -> str:
    """Return the id of a plan of *changes* on generation *base*: the same plan has the same id."""
    told = [
        (change.action.word, *(_mark(change, side) for side in ("before", "after", "observed")))
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
    drifts: list[Drifted] = field(default_factory=list)
    settled: list[Resource] = field(default_factory=list)


def _find(declared: list[Resource], state: State, options: Options) -> _Found:
    wanted = {resource.key: resource for resource in declared}
    scope = options.get("scope", Scope())
    renames = find_renames(wanted, state.resources)
    found = _Found(blocks=list(renames.blocks))
    _compare(wanted, _States(state, renames, options), scope, found)
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


@dataclass(frozen=True, slots=True)
class _States:
    """How each declared resource stands, under its old name where it was renamed."""

    state: State
    renames: Renames
    options: Options

    def of(self, key: ResourceKey) -> Standing | None:
        observed = self.renames.before.get(key, self.state.resources.get(key))
        if observed is None:
            return None
        applied = self.state.applied.get(observed.key)
        redo = self.state.redo.get(observed.key, NOT_ASKED)
        anew = key == observed.key and key in self.options.get("anew", ())
        if applied is None:
            return standing(observed, redo, anew=anew)
        ignored = ignored_of(applied, self.options.get("now"))
        heal = observed.key in self.options.get("heal", ()) and not self.lets_be(observed.key)
        return Standing(applied, observed, ignored, heal, redo, anew)

    def lets_be(self, key: ResourceKey) -> bool:
        """Return whether drift of what is in force under *key* is left as it is this once."""
        return key in self.options.get("let_be", ())


def _compare(
    wanted: Mapping[ResourceKey, Resource], states: _States, scope: Scope, found: _Found
) -> None:
    """Compare each wanted resource with how it stands."""
    left_out = set()
    for key in sorted(wanted):
        after = wanted[key]
        before = states.of(key)
        change = change_of(before, after)
        covered = scope.covers(after) or (before is not None and scope.covers(before.observed))
        if not covered:
            left_out.add(key)
            found.kept_out += change is not None
            continue
        found.blocks.extend(owned_by_api(None if before is None else before.observed, after))
        if change is None:
            found.unchanged += 1
        else:
            found.changes.append(change)
        if before is not None and before.drifted:
            _see_drift(before, after, states, found, changes=change is not None)
    found.left_out = frozenset(left_out)


def _see_drift(
    before: Standing, after: Resource, states: _States, found: _Found, *, changes: bool
) -> None:
    if before.observed.digest == after.digest:
        if not changes:
            found.settled.append(after)
        return
    conflicts = before.conflicts(after)
    key, now = before.applied.key, states.options.get("now")
    drift = drifted(key, states.state, now, conflicts)
    found.drifts.append(replace(drift, let_be=states.lets_be(key)))
    found.blocks.extend(in_conflict(found.drifts[-1], after))


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

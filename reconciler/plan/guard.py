"""What stands in the way of a plan until a person decides; each block says what that person can do."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from reconciler.model.change import Block, Change, Delete, Drifted, Forget, Rename, Replace
from reconciler.model.resource import Kind, Owner, Resource, ResourceKey
from reconciler.plan.compare import ADOPT, immutable, wants_adoption
from reconciler.plan.order import cycles
from reconciler.plan.paths import dotted


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the guards look at: the changes, what would be in force after them, and what else is declared.

    ``left_out`` are keys that are declared and stay as they are because the scope leaves them out.
    """

    changes: tuple[Change, ...]
    after: Mapping[ResourceKey, Resource]
    left_out: frozenset[ResourceKey]
    max_deletes: int


def blocks_for(outlook: Outlook) -> Iterator[Block]:
    """Yield what stands in the way of the changes of *outlook*, in their order."""
    for change in outlook.changes:
        yield from _protected(change)
        yield from _renamed_and_replaced(change)
        yield from _missing(change, outlook)
    yield from _still_needed(outlook)
    yield from _too_many(outlook)
    yield from _circles(outlook)


def empty_specs(in_force: Iterable[Resource]) -> Iterator[Block]:
    """Yield why specs that hold nothing prune nothing, if there is anything to prune."""
    kept = list(in_force)
    if kept:
        yield Block(
            min(resource.key for resource in kept),
            "EMPTY_SPECS",
            f"the specs hold nothing, and pruning would remove all {len(kept)} objects in force",
            "look whether the folder, branch or --env is the right one; to remove everything, "
            "keep one object in the specs and prune the rest",
        )


def owned_by_api(before: Resource | None, after: Resource) -> Iterator[Block]:
    """Yield why a spec may not name what the API owns, changed or not, unless it asks to adopt it."""
    if before is not None and before.owner is Owner.API and not wants_adoption(after):
        yield Block(
            after.key,
            "OWNED_BY_API",
            "it was made through the API or the dashboard, and the specs would take it over",
            f'give the spec the annotation {ADOPT}: "true" to adopt it, or another name',
        )


def in_conflict(drift: Drifted, after: Resource) -> Iterator[Block]:
    """Yield why specs and somebody else cannot both have their way with the same field."""
    fields = [field for field in drift.fields if field.path in drift.conflicts]
    if not fields:
        return
    told = ", ".join(f"{dotted(field.path)} (by {field.actor})" for field in fields)
    yield Block(
        after.key,
        "CONFLICT",
        f"the specs change what was also changed outside of git: {told}",
        f"keep the specs' values: reconciler apply --only {after.key} --heal; "
        f"or take the others into the specs: reconciler adopt {drift.key} --write",
    )


def declared_twice(desired: Iterable[Resource]) -> Iterator[Block]:
    """Yield a block for each key that is declared more than once."""
    seen: dict[ResourceKey, Resource] = {}
    for resource in desired:
        first = seen.setdefault(resource.key, resource)
        if first is not resource:
            places = " and ".join(str(one.origin) for one in (first, resource) if one.origin)
            yield Block(
                resource.key,
                "DECLARED_TWICE",
                f"it is declared more than once{f' ({places})' if places else ''}",
                "keep one of them, or give one another name",
            )


def _protected(change: Change) -> Iterator[Block]:
    if isinstance(change, (Delete, Forget, Replace)) and change.before.spec.get("protect") is True:
        what = "replace" if isinstance(change, Replace) else "remove"
        yield Block(
            change.key,
            "PROTECTED",
            f"it is protected (spec.protect), and this plan would {what} it",
            f"declare it as it was with protect: false, apply, and then {what} it; "
            f"or leave it out: --exclude {change.key}",
        )


def _renamed_and_replaced(change: Change) -> Iterator[Block]:
    if isinstance(change, Rename) and immutable(change.key.kind, change.fields):
        yield Block(
            change.key,
            "RENAME_AND_REPLACE",
            f"it is renamed from {change.before.key.name} and given another connector at once",
            "do it in two steps: rename and apply, then change spec.connector",
        )


def _missing(change: Change, outlook: Outlook) -> Iterator[Block]:
    if isinstance(change, (Delete, Forget)):
        return
    for need in sorted(need for need in change.after.needs if need not in outlook.after):
        if need in outlook.left_out:
            reason = f"it needs {need}, which is declared, not in force, and left out of this plan"
            remedy = f"take it into the plan: --only {need}"
        elif need.kind is not Kind.CONNECTOR:  # a connector may be built in; the reader knows those
            reason, remedy = f"it needs {need}, which would not be there", f"declare {need}"
        else:
            continue
        yield Block(change.key, "REFERENCE_MISSING", reason, remedy)


def _still_needed(outlook: Outlook) -> Iterator[Block]:
    """Yield a block for each removal of what a resource needs that no change touches."""
    gone = {change.key for change in outlook.changes if isinstance(change, (Delete, Forget))}
    gone |= {change.before.key for change in outlook.changes if isinstance(change, Rename)}
    told = {change.key for change in outlook.changes}
    for key in sorted(outlook.after.keys() - told) if gone else ():
        for need in sorted(outlook.after[key].needs & gone):
            yield Block(
                need,
                "STILL_NEEDED",
                f"{key} needs it, and stays",
                f"remove or change {key} as well, or keep {need} in the specs",
            )


def _too_many(outlook: Outlook) -> Iterator[Block]:
    removed = [
        change for change in outlook.changes if isinstance(change, (Delete, Forget, Replace))
    ]
    if len(removed) > outlook.max_deletes:
        yield Block(
            removed[0].key,
            "TOO_MANY_DELETES",
            f"{len(removed)} objects would be removed or replaced, more than the "
            f"{outlook.max_deletes} allowed at once",
            f"look at each of them; if all are meant, allow it: --max-deletes {len(removed)}",
            tuple(change.key for change in removed[1:]),
        )


def _circles(outlook: Outlook) -> Iterator[Block]:
    if not outlook.changes:
        return
    needs = {key: resource.needs for key, resource in outlook.after.items()}
    for circle in cycles(needs):
        way = " -> ".join(str(key) for key in (*circle, circle[0]))
        yield Block(
            circle[0],
            "REFERENCE_CYCLE",
            f"references run in a circle: {way}",
            "take one of these references out",
            circle[1:],
        )

"""What has to be done to one resource so that it is as declared."""

from collections.abc import Mapping
from typing import Final

from reconciler.model.change import (
    Adopt,
    Change,
    Create,
    Delete,
    FieldChange,
    Forget,
    Rename,
    Replace,
    Update,
)
from reconciler.model.resource import Kind, Owner, Resource
from reconciler.model.value import Path
from reconciler.plan.diff import diff
from reconciler.plan.effects import effects_of

ADOPT: Final = "reconciler/adopt"
"""The annotation by which a spec says that it wants to take over what the API owns: ``"true"``."""

IMMUTABLE: Final[dict[Kind, tuple[Path, ...]]] = {Kind.CONNECTION: (("spec", "connector"),)}
"""Fields that cannot change in place: another system is another connection."""


def change_of(before: Resource | None, after: Resource) -> Change | None:
    """Return what takes *before* (``None``: nothing is in force) to *after*; ``None``: nothing to do.

    *before* has another name where *after* was renamed.
    """
    if before is None:
        return Create(after)
    renamed = before.key != after.key
    taken_over = before.owner is Owner.API and wants_adoption(after)
    if before.digest == after.digest and not renamed and not taken_over:
        return None
    fields = tuple(diff(before.body, after.body))
    if renamed:
        return Rename(before, after, fields, effects_of(after.key.kind, fields))
    fixed = immutable(after.key.kind, fields)
    if fixed:
        costs = costs_of_replacing(before, after)
        return Replace(before, after, fields, fixed, costs, effects_of(after.key.kind, fields))
    if taken_over:
        return Adopt(before, after, fields)
    return Update(before, after, fields, effects_of(after.key.kind, fields))


def removal_of(before: Resource) -> Delete | Forget:
    """Return how *before* goes when it is no longer declared: by the policy kept with it."""
    if before.key.kind is Kind.CONNECTION and before.spec.get("deletionPolicy") != "delete":
        return Forget(before)
    return Delete(before)


def wants_adoption(resource: Resource) -> bool:
    """Return whether the spec of *resource* asks to take over what the API owns."""
    annotations: Mapping[str, str] = resource.body["metadata"]["annotations"]
    return annotations.get(ADOPT) == "true"


def immutable(kind: Kind, fields: tuple[FieldChange, ...]) -> tuple[Path, ...]:
    """Return the paths in *fields* that cannot change in place."""
    fixed = IMMUTABLE.get(kind, ())
    return tuple(change.path for change in fields if change.path in fixed)


def costs_of_replacing(before: Resource, after: Resource) -> tuple[str, ...]:
    """Return in words what is lost when a connection becomes one to another type of system."""
    old, new = before.spec, after.spec
    named = old.get("entities")
    whose = ", ".join(named) if named else "all its entities"
    history = new.get("history")
    reach = f" of the last {history}" if history else ""
    return (
        f"the sync cursors of {whose} are lost; the next sync of each is a full read{reach}",
        f"a record keeps its id only where {new['connector']} gives it the source key it had",
    )

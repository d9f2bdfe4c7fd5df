"""What is in force once changes are made."""

from collections.abc import Iterable, Mapping

from reconciler.model.change import (
    Adopt,
    Change,
    Create,
    Delete,
    Forget,
    Heal,
    Rename,
    Replace,
    Update,
)
from reconciler.model.resource import Resource, ResourceKey


def resources_after(
    resources: Mapping[ResourceKey, Resource], changes: Iterable[Change]
) -> Mapping[ResourceKey, Resource]:
    """Return *resources* as they are once *changes* are made."""
    after = dict(resources)
    for change in changes:
        if isinstance(change, (Delete, Forget)):
            del after[change.key]
            continue
        if isinstance(change, Rename):
            del after[change.before.key]
        after[change.key] = in_force_after(change)
    return after


def in_force_after(change: Create | Update | Replace | Rename | Adopt | Heal) -> Resource:
    """Return what is in force once *change* is made: what is declared, with the drift that stays."""
    observed: Resource | None = getattr(change, "observed", None)
    return observed or change.after

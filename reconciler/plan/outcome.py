"""What is in force once changes are made."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from reconciler.model.change import (
    Adopt,
    Change,
    Create,
    Delete,
    Effect,
    Forget,
    Heal,
    Rename,
    Replace,
    Update,
)
from reconciler.model.redo import Redo, redo_value
from reconciler.model.resource import Kind, Resource, ResourceKey


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


def redo_after(
    change: Create | Update | Replace | Rename | Adopt | Heal, known: Redo, at: datetime
) -> Redo:
    """Return what is known of work done once more when *change* is made at *at*: what its plan says.

    What is made or adopted asks for nothing, whatever its text. A connection that is replaced begins
    anew, as one that is made: all of it is read in any case.
    """
    value = redo_value(change.after) or known.value
    if Effect.REDO in getattr(change, "effects", ()):
        return Redo(value, at)
    anew = isinstance(change, Replace) and change.key.kind is Kind.CONNECTION
    return Redo(value, None if anew else known.asked_at)

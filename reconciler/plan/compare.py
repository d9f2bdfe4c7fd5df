"""What has to be done to one resource so that it is as declared."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from reconciler.model.change import (
    Adopt,
    Change,
    Create,
    Delete,
    Effect,
    FieldChange,
    Forget,
    Heal,
    Rename,
    Replace,
    Update,
)
from reconciler.model.redo import NOT_ASKED, Redo, asks_again
from reconciler.model.resource import Kind, Owner, Resource, with_body
from reconciler.model.value import Path
from reconciler.plan.diff import diff
from reconciler.plan.effects import effects_of
from reconciler.plan.merge import merge, put_at, under

ADOPT: Final = "reconciler/adopt"
"""The annotation by which a spec says that it wants to take over what the API owns: ``"true"``."""

IMMUTABLE: Final[dict[Kind, tuple[Path, ...]]] = {Kind.CONNECTION: (("spec", "connector"),)}
"""Fields that cannot change in place: another system is another connection."""

REPLACEABLE: Final[dict[Kind, frozenset[Effect]]] = {
    Kind.CONNECTION: frozenset({Effect.RECHECK, Effect.RESYNC}),
    Kind.MAPPING: frozenset({Effect.REDO}),
    Kind.SYNC_SCHEDULE: frozenset({Effect.REDO}),
}
"""The kinds of which something is made anew when they are replaced, and what that asks for."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a resource stands: what git applied last, what is in force, and what may be done about a gap.

    The two are one where nothing has drifted. Drift under ``ignored`` paths stays in any case; with
    ``heal`` no other does. ``redo`` is what is known of its work done once more; with ``anew`` it is to
    be replaced, whether it differs or not.
    """

    applied: Resource
    observed: Resource
    ignored: tuple[Path, ...] = ()
    heal: bool = False
    redo: Redo = NOT_ASKED
    anew: bool = False

    @property
    def drifted(self) -> bool:
        """Whether something else is in force than git applied."""
        return self.applied.digest != self.observed.digest

    def then(self, after: Resource) -> Resource | None:
        """Return what is in force once *after* is applied; ``None``: just that."""
        if not self.drifted:
            return None
        before = _only(self.observed, self) if self.heal else self.observed
        merged = merge(self.applied, after, before, self.ignored)
        return merged.observed if merged.kept else None

    def conflicts(self, after: Resource) -> tuple[Path, ...]:
        """Return the paths that have drifted and that *after* changes to something else."""
        if not self.drifted or self.heal:
            return ()
        return merge(self.applied, after, self.observed, self.ignored).conflicts

    def said_by(self, after: Resource) -> bool:
        """Return whether *after* says what was applied, or what is in force and asks for nothing more."""
        if after.digest == self.applied.digest:
            return True
        return after.digest == self.observed.digest and not asks_again(self.redo, after)


def standing(resource: Resource, redo: Redo = NOT_ASKED, *, anew: bool = False) -> Standing:
    """Return the standing of a resource that has not drifted."""
    return Standing(resource, resource, redo=redo, anew=anew)


def change_of(before: Standing | None, after: Resource) -> Change | None:
    """Return what takes *before* (``None``: nothing is in force) to *after*; ``None``: nothing to do.

    *before* has another name where *after* was renamed. Where what is in force is what *after* says,
    there is nothing to do, whatever was applied.
    """
    if before is None:
        return Create(after)
    renamed = before.applied.key != after.key
    taken_over = before.applied.owner is Owner.API and wants_adoption(after)
    if not (before.anew or renamed or taken_over) and before.said_by(after):
        return _healing(before, after)
    fields = tuple(diff(before.applied.body, after.body))
    effects = effects_of(after.key.kind, fields)
    if asks_again(before.redo, after):
        effects |= {Effect.REDO}
    if renamed:
        return Rename(before.observed, after, fields, effects, before.then(after))
    if before.anew or immutable(after.key.kind, fields):
        return _replacing(before, after)
    if taken_over:
        return Adopt(before.observed, after, fields)
    return Update(before.observed, after, fields, effects, before.then(after))


def _replacing(before: Standing, after: Resource) -> Replace:
    kind = after.key.kind
    because = immutable(kind, tuple(diff(before.applied.body, after.body)))
    fields = tuple(diff(before.observed.body, after.body))  # drift does not survive it
    effects = effects_of(kind, fields) | REPLACEABLE.get(kind, frozenset())
    costs = costs_of_replacing(before.applied, after) if kind is Kind.CONNECTION else ()
    return Replace(before.observed, after, fields, because, costs, effects)


def _healing(before: Standing, after: Resource) -> Heal | None:
    """Return what puts drift back, if that is wanted and any of it is not to be left alone."""
    if not before.heal:
        return None
    then = before.then(after)
    fields = tuple(diff(before.observed.body, (then or after).body))
    if not fields:
        return None
    return Heal(before.observed, after, fields, effects_of(after.key.kind, fields), then)


def _only(observed: Resource, standing: Standing) -> Resource:
    """Return what git applied with that drift alone that is to be left alone."""
    body = msgspec.json.decode(standing.applied.canonical)
    for change in diff(standing.applied.body, observed.body):
        if under(change.path, standing.ignored):
            put_at(body, change.path, change.after)
    return with_body(observed, body)


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
    """Return in words what is lost when a connection is made anew, to this or another type of system."""
    old, new = before.spec, after.spec
    named = old.get("entities")
    whose = ", ".join(named) if named else "all its entities"
    history = new.get("history")
    reach = f" of the last {history}" if history else ""
    cursors = f"the sync cursors of {whose} are lost; the next sync of each is a full read{reach}"
    if old["connector"] == new["connector"]:
        gone = "its records are gone from the API until they are read again, under the ids they had"
        return cursors, gone
    return (
        cursors,
        "the connection's API tokens die, and what its customer gave goes; make new ones for the new system",
        f"a record keeps its id only where {new['connector']} gives it the source key it had",
    )

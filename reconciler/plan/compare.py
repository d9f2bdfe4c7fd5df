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
    FieldChange,
    Forget,
    Heal,
    Rename,
    Replace,
    Update,
)
from reconciler.model.resource import Kind, Owner, Resource, with_body
from reconciler.model.value import Path
from reconciler.plan.diff import diff
from reconciler.plan.effects import effects_of
from reconciler.plan.merge import merge, put_at, under

ADOPT: Final = "reconciler/adopt"
"""The annotation by which a spec says that it wants to take over what the API owns: ``"true"``."""

IMMUTABLE: Final[dict[Kind, tuple[Path, ...]]] = {Kind.CONNECTION: (("spec", "connector"),)}
"""Fields that cannot change in place: another system is another connection."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a resource stands: what git applied last, what is in force, and what may be done about a gap.

    The two are one where nothing has drifted. Drift under ``ignored`` paths stays in any case; with
    ``heal`` no other does.
    """

    applied: Resource
    observed: Resource
    ignored: tuple[Path, ...] = ()
    heal: bool = False

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


def standing(resource: Resource) -> Standing:
    """Return the standing of a resource that has not drifted."""
    return Standing(resource, resource)


def change_of(before: Standing | None, after: Resource) -> Change | None:
    """Return what takes *before* (``None``: nothing is in force) to *after*; ``None``: nothing to do.

    *before* has another name where *after* was renamed. Where what is in force is what *after* says,
    there is nothing to do, whatever was applied.
    """
    if before is None:
        return Create(after)
    renamed = before.applied.key != after.key
    taken_over = before.applied.owner is Owner.API and wants_adoption(after)
    said = after.digest in {before.applied.digest, before.observed.digest}
    if said and not renamed and not taken_over:
        return _healing(before, after)
    fields = tuple(diff(before.applied.body, after.body))
    effects = effects_of(after.key.kind, fields)
    if renamed:
        return Rename(before.observed, after, fields, effects, before.then(after))
    if immutable(after.key.kind, fields):
        return _replacing(before, after, fields)
    if taken_over:
        return Adopt(before.observed, after, fields)
    return Update(before.observed, after, fields, effects, before.then(after))


def _replacing(before: Standing, after: Resource, fields: tuple[FieldChange, ...]) -> Replace:
    because = immutable(after.key.kind, fields)
    costs = costs_of_replacing(before.applied, after)
    effects = effects_of(after.key.kind, fields)
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
    """Return in words what is lost when a connection becomes one to another type of system."""
    old, new = before.spec, after.spec
    named = old.get("entities")
    whose = ", ".join(named) if named else "all its entities"
    history = new.get("history")
    reach = f" of the last {history}" if history else ""
    return (
        f"the sync cursors of {whose} are lost; the next sync of each is a full read{reach}",
        "the connection's API tokens die; make new ones for the new system",
        f"a record keeps its id only where {new['connector']} gives it the source key it had",
    )

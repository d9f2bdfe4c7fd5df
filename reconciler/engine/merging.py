"""What to commit so that git says what an edit of a mapping says: the file changed, as a unified diff."""

import asyncio
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.editing.adoption import adopted
from reconciler.editing.specs import Specs, difference
from reconciler.editing.writing import normal
from reconciler.engine.pausing import mapping_key
from reconciler.errors import ReconcilerError
from reconciler.model.change import State
from reconciler.model.resource import Kind, Owner, Resource, ResourceKey, make_resource, with_body
from reconciler.model.value import merge_patch
from reconciler.plan.compare import ADOPT
from reconciler.ports import CommitPatch, Snapshot


@dataclass(frozen=True, slots=True)
class Target:
    """Which entity of which connection is edited, its own ``mapping`` if it has one, and the ``patch``."""

    connection: ResourceKey
    entity: str
    mapping: ResourceKey | None
    patch: Mapping[str, Any] = field(default_factory=dict)

    @property
    def override(self) -> ResourceKey:
        """What the edit is called."""
        return mapping_key(self.connection.name, self.entity)

    @property
    def place(self) -> tuple[str, str, ResourceKey]:
        """The connection's name, the entity, and what the edit is an exception of."""
        return self.connection.name, self.entity, self.mapping or self.connection

    @property
    def way(self) -> tuple[str, ...]:
        """Where the rules stand in the override."""
        return ("spec", "patch") if self.mapping else ("spec", "patch", "mappings", self.entity)


@dataclass(frozen=True, slots=True)
class PatchMaker:
    """Makes patches of the files of the last snapshot that was read well (``None``: none yet).

    ``cache`` keeps what files were parsed to.
    """

    snapshot: Callable[[], Snapshot | None]
    catalogue: Mapping[str, bytes]
    environment: str | None = None
    cache: MutableMapping[bytes, bytes] = field(default_factory=dict)

    async def patch(self, state: State, target: Target) -> CommitPatch:
        """Return what to commit for the edit of *target*, made beside the event loop."""
        snapshot = self.snapshot()
        if snapshot is None:
            return CommitPatch(refused="no specs have been read yet")
        return await asyncio.to_thread(self._patch, snapshot, state, target)

    def _patch(self, snapshot: Snapshot, state: State, target: Target) -> CommitPatch:
        specs = Specs(snapshot.files, self.environment, self.catalogue, cache=self.cache)
        applied, observed = _sides(state, target)
        try:
            edited = adopted(specs, applied, observed, folder=_folder(snapshot.files))
        except ReconcilerError as error:
            hint = f" ({error.hint})" if error.hint else ""
            return CommitPatch(refused=f"{error.message}{hint}")
        return CommitPatch(difference(specs, edited))


def _sides(state: State, target: Target) -> tuple[Resource | None, Resource]:
    """Return the mapping as git applied it, if there is one, and as the edit has it."""
    if target.mapping is None:
        return None, _new(state, target)
    in_force = state.resources[target.mapping]
    applied = state.applied.get(target.mapping, in_force)
    body = applied.body
    observed = with_body(applied, {**body, "spec": merge_patch(body["spec"], target.patch)})
    if in_force.owner is Owner.API:  # it is in no file, and a file that names it has to ask for it
        metadata = merge_patch(body["metadata"], {"annotations": {ADOPT: "true"}})
        observed = with_body(observed, {**observed.body, "metadata": metadata})
    return applied, observed


def _new(state: State, target: Target) -> Resource:
    """Return the mapping that the connection does not have yet."""
    name = f"{target.connection.name}-{target.entity}"[:63].rstrip("-")
    key = ResourceKey(Kind.MAPPING, name)
    number = 2
    while key in state.resources:
        key = ResourceKey(Kind.MAPPING, f"{name[:60]}-{number}")
        number += 1
    spec = {"connection": target.connection.name, "entity": target.entity, **target.patch}
    return normal(make_resource(key, {"spec": spec}))


def _folder(files: Mapping[str, bytes]) -> str:
    """Return the folder that all files are in; nothing if they have none in common."""
    tops = {file.partition("/")[0] for file in files if "/" in file}
    return tops.pop() if len(tops) == 1 and all("/" in file for file in files) else ""

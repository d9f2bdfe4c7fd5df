"""Work asked for once more: what of it is still owed, told by what was done and under which basis.

Nothing is kept of it but the object's own row and the bases: whoever looks, after a restart too, sees
what is left. Mappings are not here: their records are under another basis, which ``remap`` finds.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from reconciler.engine.inforce import Situation
from reconciler.engine.schedules import Tick, ticks
from reconciler.errors import ReconcilerError
from reconciler.model.redo import NOT_ASKED
from reconciler.model.resource import Kind, Resource, ResourceKey
from reconciler.model.sync import Cursor, Trigger, redo_of
from reconciler.ports import SyncRequest

Cursors = Mapping[str, Mapping[str, Cursor]]
"""By uid of the connection and entity."""


@dataclass(frozen=True, slots=True)
class Owed:
    """Syncs that are owed: of connections as they are, and of schedules, each with its entities."""

    connections: tuple[SyncRequest, ...] = ()
    schedules: tuple[tuple[Tick, tuple[str, ...]], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.connections or self.schedules)


def asked(situation: Situation) -> frozenset[Kind]:
    """Return of which kinds objects in force have been asked for their work once more, ever."""
    return frozenset(key.kind for key, redo in situation.state.redo.items() if redo.asked_at)


def by_connection(cursors: Collection[Cursor]) -> Cursors:
    """Return *cursors* by uid and entity."""
    found: dict[str, dict[str, Cursor]] = {}
    for cursor in cursors:
        found.setdefault(cursor.connection, {})[cursor.entity] = cursor
    return found


def owed(situation: Situation, cursors: Cursors) -> Owed:
    """Return what is left to do, of what was asked for; what is suspended is owed nothing for now."""
    kinds = asked(situation)
    connections = _connections(situation, cursors) if Kind.CONNECTION in kinds else ()
    schedules = _schedules(situation, cursors) if Kind.SYNC_SCHEDULE in kinds else ()
    return Owed(tuple(connections), tuple(schedules))


def of_schedule(due: SyncRequest | None, tick: Tick, entities: Sequence[str]) -> SyncRequest | None:
    """Return what a *tick* that asks for *due* now asks for of those *entities* alone."""
    if due is None:
        return None
    return replace(due, entities=tuple(entities), trigger=Trigger.SPEC, key=f"redo:{tick.key}")


def _connections(situation: Situation, cursors: Cursors) -> Iterator[SyncRequest]:
    for connection in situation.connections():
        mark = situation.redo_mark(connection.key)
        if not mark or connection.spec.get("suspend"):
            continue
        own = cursors.get(situation.uid(connection), {})
        left = [name for name in _entities(situation, connection) if not _read(own.get(name), mark)]
        if left:
            # Under its new basis whatever is read of it is read in full.
            name = connection.key.name
            yield SyncRequest(name, tuple(left), trigger=Trigger.SPEC, key=f"redo:{name}")


def _read(cursor: Cursor | None, mark: str) -> bool:
    return cursor is not None and redo_of(cursor.basis) == mark and cursor.advanced_at is not None


def _entities(situation: Situation, connection: Resource) -> Sequence[str]:
    try:
        return situation.entities(connection)
    except ReconcilerError:
        return ()  # its connector is not known: its own syncs tell that


def _schedules(situation: Situation, cursors: Cursors) -> Iterator[tuple[Tick, tuple[str, ...]]]:
    for tick in ticks(situation):
        key = ResourceKey(Kind.SYNC_SCHEDULE, tick.schedule)
        at = situation.state.redo.get(key, NOT_ASKED).asked_at
        if at is None:
            continue
        connection = situation.connection(tick.connection)
        own = cursors.get(situation.uid(connection), {})
        left = tuple(name for name in tick.entities if _synced_before(own.get(name), at))
        if left:
            yield tick, left


def _synced_before(cursor: Cursor | None, at: datetime) -> bool:
    """Return whether it was synced, and not since *at*; what never was is due in any case."""
    return cursor is not None and cursor.advanced_at is not None and cursor.advanced_at < at

"""The read side of the store that is memory."""

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING

from reconciler.model.access import Token
from reconciler.model.change import State
from reconciler.model.connection import ConnectionState
from reconciler.model.event import Event
from reconciler.model.record import RecordQuery, Row, StoredRecord
from reconciler.model.resource import Resource, ResourceKey
from reconciler.model.sync import Cursor, SyncRun

if TYPE_CHECKING:
    from reconciler.store.memory import Tables


class MemoryViews:
    """``ports.Views`` over what is committed."""

    def __init__(self, tables: Callable[[], "Tables"]) -> None:
        self._tables = tables

    async def generation(self) -> int:
        """Return how often the state has changed."""
        return self._tables().state.generation

    async def state(self) -> State:
        """Return what is in force."""
        return self._tables().state

    async def resource(self, key: ResourceKey) -> Resource | None:
        """Return one resource in force."""
        return self._tables().state.resources.get(key)

    async def connection_states(self) -> Mapping[str, ConnectionState]:
        """Return how each connection is, by uid."""
        return dict(self._tables().connections)

    async def records(self, query: RecordQuery) -> Sequence[StoredRecord]:
        """Return records in the order of ``(updated_at, id)``."""
        found = [record for record in self._tables().records.values() if _fits(record, query)]
        return sorted(found, key=_place)[: query.limit]

    async def record(self, record_id: str) -> StoredRecord | None:
        """Return one record, a tombstone too."""
        return self._tables().records.get(record_id)

    async def counts(self) -> Mapping[tuple[str, str], int]:
        """Return how many live records there are."""
        counts: dict[tuple[str, str], int] = {}
        for record in self._tables().records.values():
            if record.deleted_at is None:
                key = (record.connection, record.entity)
                counts[key] = counts.get(key, 0) + 1
        return counts

    async def stale(
        self, connection: str, entity: str, *, basis: str, after: str, limit: int
    ) -> Sequence[Row]:
        """Return rows not mapped under *basis*, by id from *after* on."""
        found = [
            Row(one.source_id, one.id, one.raw, b"", one.mapped, one.error)
            for one in self._tables().records.values()
            if (one.connection, one.entity) == (connection, entity)
            and one.basis != basis
            and one.id > after
        ]
        return sorted(found, key=attrgetter("id"))[:limit]

    async def source_ids(self, connection: str, entity: str) -> Sequence[str]:
        """Return the source ids of all live records of an entity."""
        return [
            one.source_id
            for one in self._tables().records.values()
            if (one.connection, one.entity) == (connection, entity) and one.deleted_at is None
        ]

    async def cursors(self, connection: str | None = None) -> Sequence[Cursor]:
        """Return where the syncs stand."""
        cursors = self._tables().cursors
        return [cursors[key] for key in sorted(cursors) if connection in {None, key[0]}]

    async def runs(
        self, connection: str | None = None, *, entity: str | None = None, limit: int = 50
    ) -> Sequence[SyncRun]:
        """Return sync runs, the newest first."""
        found = [
            run
            for run in self._tables().runs.values()
            if connection in {None, run.connection} and entity in {None, run.entity}
        ]
        return sorted(found, key=lambda run: (run.started_at, run.id), reverse=True)[:limit]

    async def run(self, run_id: str) -> SyncRun | None:
        """Return one sync run."""
        return self._tables().runs.get(run_id)

    async def events(self, *, subject: str | None = None, limit: int = 100) -> Sequence[Event]:
        """Return events, the newest first."""
        found = [one for one in self._tables().events if subject in {None, one.subject}]
        return found[::-1][:limit]

    async def token_by_digest(self, digest: bytes) -> Token | None:
        """Return the token whose text has this SHA-256."""
        return next((one for one in self._tables().tokens.values() if one.digest == digest), None)

    async def tokens(self) -> Sequence[Token]:
        """Return all tokens, the newest first."""
        tokens = self._tables().tokens.values()
        return sorted(tokens, key=lambda one: (one.created_at, one.id), reverse=True)


def _place(record: StoredRecord) -> tuple[object, str]:
    return record.updated_at, record.id


def _fits(record: StoredRecord, query: RecordQuery) -> bool:
    after = query.after is None or (record.updated_at, record.id) > query.after
    modified = query.modified_after is None or record.updated_at > query.modified_after
    created = query.created_after is None or record.created_at > query.created_after
    return (
        record.entity == query.entity
        and (query.connections is None or record.connection in query.connections)
        and (query.deleted or record.deleted_at is None)
        and (not query.ids or record.id in query.ids)
        and after
        and modified
        and created
    )

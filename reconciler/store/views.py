"""The read side: what pages, API and command line show. It cannot write."""

from collections.abc import Callable, Mapping, Sequence
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, Select, func, select, tuple_

from reconciler.model.access import Token
from reconciler.model.change import State
from reconciler.model.connection import ConnectionState
from reconciler.model.event import Event
from reconciler.model.record import RecordQuery, Row, StoredRecord
from reconciler.model.resource import Resource, ResourceKey
from reconciler.model.sync import Cursor, SyncRun
from reconciler.store.failures import in_our_words
from reconciler.store.objects import read_connection_states, read_resource, read_state
from reconciler.store.rows import to_cursor, to_event, to_record, to_run, to_token
from reconciler.store.tables import cursors, events, meta, records, sync_runs, tokens
from reconciler.store.threads import Threads
from reconciler.store.times import micros

P = ParamSpec("P")
R = TypeVar("R")


class SqlViews:
    """``ports.Views`` on connections of their own."""

    def __init__(self, engine: Engine, threads: Threads) -> None:
        self._engine = engine
        self._threads = threads

    async def generation(self) -> int:
        """Return how often the state has changed."""
        return await self._read(_generation)

    async def state(self) -> State:
        """Return what is in force."""
        return await self._read(read_state)

    async def resource(self, key: ResourceKey) -> Resource | None:
        """Return one resource in force."""
        return await self._read(read_resource, key)

    async def connection_states(self) -> Mapping[str, ConnectionState]:
        """Return how each connection is, by uid."""
        return await self._read(read_connection_states)

    async def records(self, query: RecordQuery) -> Sequence[StoredRecord]:
        """Return records in the order of ``(updated_at, id)``."""
        return await self._read(_records, query)

    async def record(self, record_id: str) -> StoredRecord | None:
        """Return one record, a tombstone too."""
        return await self._read(_record, record_id)

    async def counts(self) -> Mapping[tuple[str, str], int]:
        """Return how many live records there are, by (connection uid, entity)."""
        return await self._read(_counts)

    async def stale(
        self, connection: str, entity: str, *, basis: str, after: str, limit: int
    ) -> Sequence[Row]:
        """Return rows not mapped under *basis*, by id from *after* on."""
        wanted = (
            select(records)
            .where(
                records.c.connection == connection,
                records.c.entity == entity,
                records.c.basis != basis,
                records.c.id > after,
            )
            .order_by(records.c.id)
            .limit(limit)
        )
        return await self._read(_stale, wanted)

    async def source_ids(self, connection: str, entity: str) -> Sequence[str]:
        """Return the source ids of all live records of an entity."""
        wanted = select(records.c.source_id).where(
            records.c.connection == connection,
            records.c.entity == entity,
            records.c.deleted_at.is_(None),
        )
        return await self._read(lambda connection: list(connection.scalars(wanted)))

    async def cursors(self, connection: str | None = None) -> Sequence[Cursor]:
        """Return where the syncs stand."""
        wanted = select(cursors).order_by(cursors.c.connection, cursors.c.entity)
        if connection is not None:
            wanted = wanted.where(cursors.c.connection == connection)
        return await self._read(lambda at: [to_cursor(row) for row in at.execute(wanted)])

    async def runs(
        self, connection: str | None = None, *, entity: str | None = None, limit: int = 50
    ) -> Sequence[SyncRun]:
        """Return sync runs, the newest first."""
        wanted = select(sync_runs)
        if connection is not None:
            wanted = wanted.where(sync_runs.c.connection == connection)
        if entity is not None:
            wanted = wanted.where(sync_runs.c.entity == entity)
        newest = wanted.order_by(sync_runs.c.started_at.desc(), sync_runs.c.id.desc()).limit(limit)
        return await self._read(lambda at: [to_run(row) for row in at.execute(newest)])

    async def run(self, run_id: str) -> SyncRun | None:
        """Return one sync run."""
        wanted = select(sync_runs).where(sync_runs.c.id == run_id)
        found = await self._read(lambda at: [to_run(row) for row in at.execute(wanted)])
        return found[0] if found else None

    async def events(self, *, subject: str | None = None, limit: int = 100) -> Sequence[Event]:
        """Return events, the newest first."""
        wanted = select(events).order_by(events.c.seq.desc()).limit(limit)
        if subject is not None:
            wanted = wanted.where(events.c.subject == subject)
        return await self._read(lambda at: [to_event(row) for row in at.execute(wanted)])

    async def token_by_digest(self, digest: bytes) -> Token | None:
        """Return the token whose text has this SHA-256."""
        wanted = select(tokens).where(tokens.c.digest == digest)
        found = await self._read(lambda at: [to_token(row) for row in at.execute(wanted)])
        return found[0] if found else None

    async def tokens(self) -> Sequence[Token]:
        """Return all tokens, the newest first."""
        wanted = select(tokens).order_by(tokens.c.created_at.desc(), tokens.c.id.desc())
        return await self._read(lambda at: [to_token(row) for row in at.execute(wanted)])

    async def _read(
        self, work: Callable[Concatenate[Connection, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        def call() -> R:
            with in_our_words(), self._engine.connect() as connection:
                return work(connection, *args, **kwargs)

        return await self._threads.run(call)


def _generation(connection: Connection) -> int:
    return int(connection.execute(select(meta.c.generation)).scalar_one())


def _records(connection: Connection, query: RecordQuery) -> list[StoredRecord]:
    return [to_record(row) for row in connection.execute(records_statement(query))]


def records_statement(query: RecordQuery) -> Select[tuple[object, ...]]:
    """Return the statement of a page of records; each form of it walks an index."""
    wanted = select(records).where(records.c.entity == query.entity)
    if query.connections is not None:
        one = len(query.connections) == 1
        column = records.c.connection
        chosen = column == query.connections[0] if one else column.in_(query.connections)
        wanted = wanted.where(chosen)
    if query.modified_after is not None:
        wanted = wanted.where(records.c.updated_at > micros(query.modified_after))
    if query.created_after is not None:
        wanted = wanted.where(records.c.created_at > micros(query.created_after))
    if not query.deleted:
        wanted = wanted.where(records.c.deleted_at.is_(None))
    if query.ids:
        wanted = wanted.where(records.c.id.in_(query.ids))
    if query.after is not None:
        at, key = query.after
        place = tuple_(records.c.updated_at, records.c.id)
        wanted = wanted.where(place > tuple_(micros(at), key))
    return wanted.order_by(records.c.updated_at, records.c.id).limit(query.limit)


def _record(connection: Connection, record_id: str) -> StoredRecord | None:
    row = connection.execute(select(records).where(records.c.id == record_id)).one_or_none()
    return None if row is None else to_record(row)


def _stale(connection: Connection, wanted: Select[tuple[object, ...]]) -> list[Row]:
    return [
        Row(row.source_id, row.id, row.raw, row.digest, row.mapped, row.error)
        for row in connection.execute(wanted)
    ]


def _counts(connection: Connection) -> dict[tuple[str, str], int]:
    found = connection.execute(
        select(records.c.connection, records.c.entity, func.count())
        .where(records.c.deleted_at.is_(None))
        .group_by(records.c.connection, records.c.entity)
    )
    return {(uid, entity): count for uid, entity, count in found}

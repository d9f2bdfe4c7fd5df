"""The read side in SQL: each view is one moment of the database, read on a thread of its own pool."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, select, tuple_

from reconciler.model.access import Token
from reconciler.model.alert import Alert, Board, Silence
from reconciler.model.audit import AuditEntry, Hold, Past, Pin
from reconciler.model.change import Marks, State
from reconciler.model.condition import Status
from reconciler.model.connection import Checks, ConnectionState, StatusChange
from reconciler.model.credential import InstanceSecret, Sealed
from reconciler.model.drift import Drift
from reconciler.model.endpoint import Endpoint
from reconciler.model.event import Delivery, Event
from reconciler.model.link import Link
from reconciler.model.record import Mapped, RecordQuery, Row, StoredRecord
from reconciler.model.resource import Resource, ResourceKey
from reconciler.model.sought import DeliveryQuery
from reconciler.model.standing import Standing
from reconciler.model.sync import Cursor, SyncRun
from reconciler.store import (
    again,
    alerts,
    burials,
    health,
    lines,
    objects,
    queries,
    tally,
    trust_views,
)
from reconciler.store import credentials as sealed
from reconciler.store.failures import in_our_words
from reconciler.store.rows import to_cursor, to_event, to_run, to_token
from reconciler.store.standing import read_standing
from reconciler.store.tables import cursors, events, sync_runs, tokens
from reconciler.store.threads import Threads
from reconciler.store.times import micros

P = ParamSpec("P")
R = TypeVar("R")


class SqlViews:
    """``ports.Views`` over connections that cannot write."""

    def __init__(self, engine: Engine, threads: Threads) -> None:
        self._engine = engine
        self._threads = threads

    async def generation(self) -> int:
        """Return how often the state has changed; cheap, to tell whether ``state`` is worth a read."""
        return await self._read(objects.read_generation)

    async def state(self) -> State:
        """Return what is in force."""
        return await self._read(objects.read_state)

    async def marks(self) -> Marks:
        """Return the digests of what is in force."""
        return await self._read(objects.read_marks)

    async def resource(self, key: ResourceKey) -> Resource | None:
        """Return one resource in force."""
        return await self._read(objects.read_resource, key)

    async def connection_states(self) -> Mapping[str, ConnectionState]:
        """Return how each connection is, by uid."""
        return await self._read(health.read_states)

    async def connection_state(self, connection: str) -> ConnectionState | None:
        """Return how one connection (its uid) is."""
        return await self._read(health.read_state, connection)

    async def status_changes(
        self, connection: str | None = None, *, limit: int = 100
    ) -> Sequence[StatusChange]:
        """Return what connections were, or one of them, the newest change first."""
        return await self._read(health.read_changes, connection, limit)

    async def checks(self, since: datetime, connection: str | None = None) -> Sequence[Checks]:
        """Return the counts of hours that began at or after *since*, by connection and hour."""
        return await self._read(health.read_checks, since, connection)

    async def records(self, query: RecordQuery) -> Sequence[StoredRecord]:
        """Return records in the order of ``(updated_at, id)``, ``query.limit`` at most."""
        return await self._read(queries.read_records, query)

    async def record(self, record_id: str) -> StoredRecord | None:
        """Return one record, a tombstone too."""
        return await self._read(queries.read_record, record_id)

    async def counts(self) -> Mapping[tuple[str, str], int]:
        """Return how many live records there are, by (connection uid, entity)."""
        return await self._read(burials.count_living)

    async def failures(self) -> Mapping[tuple[str, str], int]:
        """Return how many live records failed to be mapped, by (connection uid, entity)."""
        return await self._read(queries.count_failed)

    async def bases(
        self, connection: str | None = None
    ) -> Mapping[tuple[str, str], frozenset[str]]:
        """Return under which bases records lie, living and dead ones, by (connection uid, entity)."""
        return await self._read(tally.read_bases, connection)

    async def stale(
        self, connection: str, entity: str, *, basis: str, after: str, limit: int
    ) -> Sequence[Row]:
        """Return live and dead rows not mapped under *basis*, after the row of id *after*."""
        wish = queries.Stale(connection, entity, basis, after, limit)
        return await self._read(queries.read_stale, wish)

    async def mapped(
        self,
        connection: str,
        entity: str,
        *,
        after: str = "",
        limit: int,
        ids: Sequence[str] | None = None,
    ) -> Sequence[Mapped]:
        """Return live records by source id, after the one with the source id *after*, or those of *ids*."""
        walk = queries.Walk(connection, entity, after, limit, None if ids is None else tuple(ids))
        return await self._read(queries.read_mapped, walk)

    async def ids_below(self, connection: str, entity: str, below: str) -> Sequence[str]:
        """Return the ids of live records that are less than *below*, in their order."""
        return await self._read(queries.read_ids_below, connection, entity, below)

    async def source_ids(self, connection: str, entity: str) -> Sequence[str]:
        """Return the source ids of all live records of an entity."""
        return await self._read(queries.read_source_ids, connection, entity)

    async def cursors(self, connection: str | None = None) -> Sequence[Cursor]:
        """Return where the syncs stand."""
        return await self._read(_cursors, connection)

    async def runs(
        self, connection: str | None = None, *, entity: str | None = None, limit: int = 50
    ) -> Sequence[SyncRun]:
        """Return sync runs, the newest first."""
        return await self._read(_runs, connection, entity, limit)

    async def run(self, run_id: str) -> SyncRun | None:
        """Return one sync run."""
        return await self._read(_run, run_id)

    async def events(self, *, subject: str | None = None, limit: int = 100) -> Sequence[Event]:
        """Return events, the newest first."""
        return await self._read(_events, subject, limit)

    async def event(self, event_id: str) -> Event | None:
        """Return one event."""
        return await self._read(_event, event_id)

    async def delivery(self, delivery_id: str) -> Delivery | None:
        """Return one delivery, with its attempts."""
        return await self._read(lines.read_delivery, delivery_id)

    async def deliveries(self, wanted: DeliveryQuery) -> Sequence[Delivery]:
        """Return deliveries with their attempts, the newest first."""
        return await self._read(again.read_deliveries, wanted)

    async def events_of(self, ids: Sequence[str]) -> Mapping[str, Event]:
        """Return events by id; those that are not kept are missing."""
        return await self._read(_events_of, ids)

    async def board(self, now: datetime) -> Board:
        """Return all that is still to be told of something."""
        return await self._read(alerts.read_board, now)

    async def board_mark(self) -> int:
        """Return the mark of the board."""
        return await self._read(alerts.read_mark)

    async def alerts(
        self, *, ended: bool = False, after: tuple[datetime, str] | None = None, limit: int = 100
    ) -> Sequence[Alert]:
        """Return open alerts, and with *ended* those that are over too and notices, the newest first."""
        return await self._read(alerts.read_alerts, after, limit, ended=ended)

    async def alert(self, alert_id: str) -> Alert | None:
        """Return one alert."""
        return await self._read(alerts.read_alert, alert_id)

    async def silences(self) -> Sequence[Silence]:
        """Return all silences that are kept, the one that ends last first."""
        return await self._read(alerts.read_silences)

    async def endpoints(self) -> Mapping[str, Endpoint]:
        """Return how the receivers of routes are that are not well."""
        return await self._read(alerts.read_endpoints)

    async def waiting(self) -> Mapping[str, datetime]:
        """Return when each route that has pending deliveries can be served next."""
        return await self._read(lines.read_waiting)

    async def token_by_digest(self, digest: bytes) -> Token | None:
        """Return the token whose text has this SHA-256."""
        return await self._read(_token, digest)

    async def token(self, token_id: str) -> Token | None:
        """Return one token."""
        return await self._read(_token_by_id, token_id)

    async def tokens(
        self, *, after: tuple[datetime, str] | None = None, limit: int | None = None
    ) -> Sequence[Token]:
        """Return tokens, the newest first: all, or *limit* of them after the one at that place."""
        return await self._read(_tokens, after, limit)

    async def drifts(
        self, *, key: ResourceKey | None = None, ended: bool = False, limit: int = 500
    ) -> Sequence[Drift]:
        """Return open drift, and with *ended* that which is over too; the newest first."""
        return await self._read(trust_views.read_drifts, key, ended=ended, limit=limit)

    async def healings(self, since: datetime) -> Mapping[str, Sequence[datetime]]:
        """Return when drift of each object (uid) was healed after *since*, oldest first."""
        return await self._read(trust_views.read_healings, since)

    async def conditions(self, subject: str | None = None) -> Mapping[str, Sequence[Status]]:
        """Return what is said of each subject, or of one."""
        return await self._read(trust_views.read_conditions, subject)

    async def history(self, key: ResourceKey | None = None, *, limit: int = 100) -> Sequence[Past]:
        """Return the changes that were made, the newest first; of *key* under any of its names."""
        return await self._read(trust_views.read_history, key, limit)

    async def audit(self, *, after: int = 0, limit: int = 1000) -> Sequence[AuditEntry]:
        """Return entries of the audit log after the one with that ``seq``, the oldest first."""
        return await self._read(trust_views.read_audit, after, limit)

    async def pin(self, environment: str) -> Pin | None:
        """Return where the source of specs stays, if it does."""
        return await self._read(trust_views.read_pin, environment)

    async def credentials(self, connection: str) -> Mapping[str, Sealed]:
        """Return what a connection has, sealed, by field."""
        return await self._read(sealed.read_credentials, connection)

    async def links(self, connection: str) -> Sequence[Link]:
        """Return the connect links of a connection, the newest first."""
        return await self._read(sealed.read_links, connection)

    async def link_by_digest(self, digest: bytes) -> Link | None:
        """Return the connect link whose text has this SHA-256."""
        return await self._read(sealed.read_link, digest)

    async def secret(self, name: str) -> InstanceSecret | None:
        """Return a secret of the installation, sealed."""
        return await self._read(sealed.read_secret, name)

    async def sealed_under(self) -> Mapping[str, int]:
        """Return how many credentials and secrets are sealed under which key."""
        return await self._read(sealed.read_sealed_under)

    async def standing(self) -> Standing:
        """Return how it all stands, as numbers."""
        return await self._read(read_standing)

    async def holds(self) -> Sequence[Hold]:
        """Return who holds which lease, ended ones too."""
        return await self._read(trust_views.read_holds)

    async def _read(
        self, look: Callable[Concatenate[Connection, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        def call() -> R:
            with in_our_words(), self._engine.connect() as connection:
                return look(connection, *args, **kwargs)

        return await self._threads.run(call)


def _cursors(database: Connection, connection: str | None) -> Sequence[Cursor]:
    wanted = select(cursors).order_by(cursors.c.connection, cursors.c.entity)
    if connection is not None:
        wanted = wanted.where(cursors.c.connection == connection)
    return tuple(to_cursor(row) for row in database.execute(wanted))


def _runs(
    database: Connection, connection: str | None, entity: str | None, limit: int
) -> Sequence[SyncRun]:
    wanted = select(sync_runs).order_by(sync_runs.c.started_at.desc(), sync_runs.c.id.desc())
    if connection is not None:
        wanted = wanted.where(sync_runs.c.connection == connection)
    if entity is not None:
        wanted = wanted.where(sync_runs.c.entity == entity)
    return tuple(to_run(row) for row in database.execute(wanted.limit(limit)))


def _run(database: Connection, run_id: str) -> SyncRun | None:
    row = database.execute(select(sync_runs).where(sync_runs.c.id == run_id)).one_or_none()
    return None if row is None else to_run(row)


def _events(database: Connection, subject: str | None, limit: int) -> Sequence[Event]:
    wanted = select(events).order_by(events.c.seq.desc()).limit(limit)
    if subject is not None:
        wanted = wanted.where(events.c.subject == subject)
    return tuple(to_event(row) for row in database.execute(wanted))


def _event(database: Connection, event_id: str) -> Event | None:
    row = database.execute(select(events).where(events.c.id == event_id)).one_or_none()
    return None if row is None else to_event(row)


def _events_of(database: Connection, ids: Sequence[str]) -> Mapping[str, Event]:
    found: dict[str, Event] = {}
    for start in range(0, len(ids), 500):
        wanted = select(events).where(events.c.id.in_(ids[start : start + 500]))
        found |= {row.id: to_event(row) for row in database.execute(wanted)}
    return found


def _token(database: Connection, digest: bytes) -> Token | None:
    row = database.execute(select(tokens).where(tokens.c.digest == digest)).one_or_none()
    return None if row is None else to_token(row)


def _token_by_id(database: Connection, token_id: str) -> Token | None:
    row = database.execute(select(tokens).where(tokens.c.id == token_id)).one_or_none()
    return None if row is None else to_token(row)


def _tokens(
    database: Connection, after: tuple[datetime, str] | None, limit: int | None
) -> Sequence[Token]:
    wanted = select(tokens).order_by(tokens.c.created_at.desc(), tokens.c.id.desc()).limit(limit)
    if after is not None:
        place = tuple_(tokens.c.created_at, tokens.c.id)
        wanted = wanted.where(place < tuple_(micros(after[0]), after[1]))
    return tuple(to_token(row) for row in database.execute(wanted))

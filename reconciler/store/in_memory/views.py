"""The read side without a database."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice

from reconciler.model.access import Token
from reconciler.model.alert import Alert, Board, Silence
from reconciler.model.audit import AuditEntry, Hold, Past, Pin
from reconciler.model.change import Marks, State
from reconciler.model.condition import Status
from reconciler.model.connection import Checks, ConnectionState, StatusChange
from reconciler.model.credential import InstanceSecret, Sealed
from reconciler.model.drift import Drift, Resolution
from reconciler.model.endpoint import Endpoint
from reconciler.model.event import Delivery, Event
from reconciler.model.link import Link
from reconciler.model.record import Mapped, RecordQuery, Row, StoredRecord
from reconciler.model.resource import Owner, Resource, ResourceKey
from reconciler.model.sought import DeliveryQuery
from reconciler.model.standing import Standing
from reconciler.model.sync import Cursor, SyncRun
from reconciler.store.in_memory.again import deliveries_of
from reconciler.store.in_memory.alerts import alerts_of, board_of, endpoints_of, silences_of
from reconciler.store.in_memory.credentials import credentials_of, links_of, sealed_under
from reconciler.store.in_memory.health import changes_of, checks_of
from reconciler.store.in_memory.objects import state_of, states_of
from reconciler.store.in_memory.outbox import waiting
from reconciler.store.in_memory.records import matches
from reconciler.store.in_memory.shelf import Shelf
from reconciler.store.in_memory.standing import standing_of
from reconciler.store.times import maybe_moment, moment


class MemoryViews:
    """``ports.Views`` over what was committed last."""

    def __init__(self, committed: Callable[[], Shelf]) -> None:
        self._committed = committed

    async def generation(self) -> int:
        """Return how often the state has changed."""
        return state_of(self._committed()).generation

    async def state(self) -> State:
        """Return what is in force."""
        return state_of(self._committed())

    async def marks(self) -> Marks:
        """Return the digests of what is in force."""
        state = state_of(self._committed())
        found = {(key.kind.value, key.name): one.digest for key, one in state.resources.items()}
        owned = all(one.owner is Owner.GIT for one in state.resources.values())
        return Marks(state.generation, found, plain=owned and not state.applied)

    async def resource(self, key: ResourceKey) -> Resource | None:
        """Return one resource in force."""
        return state_of(self._committed()).resources.get(key)

    async def connection_states(self) -> Mapping[str, ConnectionState]:
        """Return how each connection is, by uid."""
        return states_of(self._committed())

    async def connection_state(self, connection: str) -> ConnectionState | None:
        """Return how one connection (its uid) is."""
        return states_of(self._committed()).get(connection)

    async def status_changes(
        self, connection: str | None = None, *, limit: int = 100
    ) -> Sequence[StatusChange]:
        """Return what connections were, or one of them, the newest change first."""
        return changes_of(self._committed(), connection, limit)

    async def checks(self, since: datetime, connection: str | None = None) -> Sequence[Checks]:
        """Return the counts of hours that began at or after *since*, by connection and hour."""
        return checks_of(self._committed(), since, connection)

    async def records(self, query: RecordQuery) -> Sequence[StoredRecord]:
        """Return records in the order of ``(updated_at, id)``, ``query.limit`` at most."""
        found = [
            filed.record
            for filed in self._committed().records.values()
            if matches(filed.record, query)
        ]
        found.sort(key=lambda record: (record.updated_at, record.id))
        return tuple(found[: query.limit])

    async def record(self, record_id: str) -> StoredRecord | None:
        """Return one record, a tombstone too."""
        shelf = self._committed()
        key = shelf.keys.get(record_id)
        return None if key is None else shelf.records[key].record

    async def counts(self) -> Mapping[tuple[str, str], int]:
        """Return how many live records there are, by (connection uid, entity)."""
        return Counter(
            (key[0], key[1])
            for key, filed in self._committed().records.items()
            if filed.record.deleted_at is None
        )

    async def failures(self) -> Mapping[tuple[str, str], int]:
        """Return how many live records failed to be mapped, by (connection uid, entity)."""
        return Counter(
            (key[0], key[1])
            for key, filed in self._committed().records.items()
            if filed.record.error is not None and filed.record.deleted_at is None
        )

    async def bases(
        self, connection: str | None = None
    ) -> Mapping[tuple[str, str], frozenset[str]]:
        """Return under which bases records lie, living and dead ones, by (connection uid, entity)."""
        found: dict[tuple[str, str], frozenset[str]] = {}
        for (uid, entity, _), filed in self._committed().records.items():
            if connection in {None, uid}:
                place = (uid, entity)
                found[place] = found.get(place, frozenset()) | {filed.record.basis}
        return found

    async def stale(
        self, connection: str, entity: str, *, basis: str, after: str, limit: int
    ) -> Sequence[Row]:
        """Return live and dead rows not mapped under *basis*, after the row of id *after*."""
        shelf = self._committed()
        reached = shelf.keys.get(after)
        rows = [
            (key, filed)
            for key, filed in sorted(shelf.records.items())
            if key[:2] == (connection, entity)
            and filed.record.basis != basis
            and (reached is None or key[2] > reached[2])
        ]
        return tuple(
            Row(key[2], filed.record.id, filed.record.raw, filed.digest, *_mapped(filed.record))
            for key, filed in rows[:limit]
        )

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
        found = [
            Mapped(one.source_id, one.id, one.raw, one.mapped, one.error, one.basis)
            for one in self._living(connection, entity)
            if (one.source_id > after if ids is None else one.id in ids)
        ]
        found.sort()
        return tuple(found if ids is not None else found[:limit])

    async def ids_below(self, connection: str, entity: str, below: str) -> Sequence[str]:
        """Return the ids of live records that are less than *below*, in their order."""
        return sorted(one.id for one in self._living(connection, entity) if one.id < below)

    def _living(self, connection: str, entity: str) -> Iterator[StoredRecord]:
        for key, filed in self._committed().records.items():
            if key[:2] == (connection, entity) and filed.record.deleted_at is None:
                yield filed.record

    async def source_ids(self, connection: str, entity: str) -> Sequence[str]:
        """Return the source ids of all live records of an entity."""
        return sorted(
            key[2]
            for key, filed in self._committed().records.items()
            if key[:2] == (connection, entity) and filed.record.deleted_at is None
        )

    async def cursors(self, connection: str | None = None) -> Sequence[Cursor]:
        """Return where the syncs stand."""
        return tuple(
            cursor
            for place, cursor in sorted(self._committed().cursors.items())
            if connection in {None, place[0]}
        )

    async def runs(
        self, connection: str | None = None, *, entity: str | None = None, limit: int = 50
    ) -> Sequence[SyncRun]:
        """Return sync runs, the newest first."""
        found = [
            run
            for run in self._committed().runs.values()
            if connection in {None, run.connection} and entity in {None, run.entity}
        ]
        found.sort(key=lambda run: (run.started_at, run.id), reverse=True)
        return tuple(found[:limit])

    async def run(self, run_id: str) -> SyncRun | None:
        """Return one sync run."""
        return self._committed().runs.get(run_id)

    async def events(self, *, subject: str | None = None, limit: int = 100) -> Sequence[Event]:
        """Return events, the newest first."""
        newest = reversed(self._committed().events.values())
        return tuple(islice((e for e in newest if subject in {None, e.subject}), limit))

    async def event(self, event_id: str) -> Event | None:
        """Return one event."""
        return self._committed().events.get(event_id)

    async def delivery(self, delivery_id: str) -> Delivery | None:
        """Return one delivery, with its attempts."""
        return self._committed().deliveries.get(delivery_id)

    async def deliveries(self, wanted: DeliveryQuery) -> Sequence[Delivery]:
        """Return deliveries with their attempts, the newest first."""
        return deliveries_of(self._committed(), wanted)

    async def events_of(self, ids: Sequence[str]) -> Mapping[str, Event]:
        """Return events by id; those that are not kept are missing."""
        kept = self._committed().events
        return {name: kept[name] for name in ids if name in kept}

    async def board(self, now: datetime) -> Board:
        """Return all that is still to be told of something."""
        return board_of(self._committed(), now)

    async def board_mark(self) -> int:
        """Return the mark of the board."""
        return self._committed().mark

    async def alerts(
        self, *, ended: bool = False, after: tuple[datetime, str] | None = None, limit: int = 100
    ) -> Sequence[Alert]:
        """Return open alerts, and with *ended* those that are over too and notices, the newest first."""
        return alerts_of(self._committed(), after, limit, ended=ended)

    async def alert(self, alert_id: str) -> Alert | None:
        """Return one alert."""
        return self._committed().alerts.get(alert_id)

    async def silences(self) -> Sequence[Silence]:
        """Return all silences that are kept, the one that ends last first."""
        return silences_of(self._committed())

    async def endpoints(self) -> Mapping[str, Endpoint]:
        """Return how the receivers of routes are that are not well."""
        return endpoints_of(self._committed())

    async def waiting(self) -> Mapping[str, datetime]:
        """Return when each route that has pending deliveries can be served next."""
        return waiting(self._committed())

    async def token_by_digest(self, digest: bytes) -> Token | None:
        """Return the token whose text has this SHA-256."""
        tokens = self._committed().tokens.values()
        return next((token for token in tokens if token.digest == digest), None)

    async def token(self, token_id: str) -> Token | None:
        """Return one token."""
        return self._committed().tokens.get(token_id)

    async def tokens(
        self, *, after: tuple[datetime, str] | None = None, limit: int | None = None
    ) -> Sequence[Token]:
        """Return tokens, the newest first: all, or *limit* of them after the one at that place."""
        tokens = [
            token
            for token in self._committed().tokens.values()
            if after is None or (token.created_at, token.id) < after
        ]
        tokens.sort(key=lambda one: (one.created_at, one.id), reverse=True)
        return tuple(tokens[:limit])

    async def drifts(
        self, *, key: ResourceKey | None = None, ended: bool = False, limit: int = 500
    ) -> Sequence[Drift]:
        """Return open drift, and with *ended* that which is over too; the newest first."""
        shelf = self._committed()
        found = [
            replace(drift, key=shelf.objects[drift.uid].resource.key)
            for drift in shelf.drifts.values()
            if (ended or drift.resolved_at is None) and drift.uid in shelf.objects
        ]
        found = [drift for drift in found if key in {None, drift.key}]
        found.sort(key=lambda drift: (drift.last_seen_at, drift.id), reverse=True)
        return tuple(found[:limit])

    async def healings(self, since: datetime) -> Mapping[str, Sequence[datetime]]:
        """Return when drift of each object (uid) was healed after *since*, oldest first."""
        found: dict[str, list[datetime]] = {}
        for drift in self._committed().drifts.values():
            at = drift.resolved_at
            if drift.resolution is Resolution.HEALED and at is not None and at > since:
                found.setdefault(drift.uid, []).append(at)
        return {uid: sorted(times) for uid, times in found.items()}

    async def conditions(self, subject: str | None = None) -> Mapping[str, Sequence[Status]]:
        """Return what is said of each subject, or of one."""
        found: dict[str, list[Status]] = {}
        for (about, _), status in sorted(self._committed().conditions.items()):
            if subject in {None, about}:
                found.setdefault(about, []).append(status)
        return found

    async def history(self, key: ResourceKey | None = None, *, limit: int = 100) -> Sequence[Past]:
        """Return the changes that were made, the newest first; of *key* under any of its names."""
        shelf = self._committed()
        uids = {uid for uid, kept in shelf.objects.items() if kept.resource.key == key}
        found = (p for p in reversed(shelf.history) if key in {None, p.key} or p.uid in uids)
        return tuple(islice(found, limit))

    async def audit(self, *, after: int = 0, limit: int = 1000) -> Sequence[AuditEntry]:
        """Return entries of the audit log after the one with that ``seq``, the oldest first."""
        return tuple(self._committed().audit[after : after + limit])

    async def pin(self, environment: str) -> Pin | None:
        """Return where the source of specs stays, if it does."""
        return self._committed().pins.get(environment)

    async def credentials(self, connection: str) -> Mapping[str, Sealed]:
        """Return what a connection has, sealed, by field."""
        return credentials_of(self._committed(), connection)

    async def links(self, connection: str) -> Sequence[Link]:
        """Return the connect links of a connection, the newest first."""
        return links_of(self._committed(), connection)

    async def link_by_digest(self, digest: bytes) -> Link | None:
        """Return the connect link whose text has this SHA-256."""
        links = self._committed().links.values()
        return next((one for one in links if one.digest == digest), None)

    async def secret(self, name: str) -> InstanceSecret | None:
        """Return a secret of the installation, sealed."""
        return self._committed().secrets.get(name)

    async def sealed_under(self) -> Mapping[str, int]:
        """Return how many credentials and secrets are sealed under which key."""
        return sealed_under(self._committed())

    async def standing(self) -> Standing:
        """Return how it all stands, as numbers."""
        return standing_of(self._committed())

    async def holds(self) -> Sequence[Hold]:
        """Return who holds which lease, ended ones too."""
        return tuple(
            Hold(
                name,
                lock.holder or "",
                lock.epoch,
                maybe_moment(lock.acquired_at),
                moment(lock.expires_at),
            )
            for name, lock in sorted(self._committed().leases.items())
        )


def _mapped(record: StoredRecord) -> tuple[bytes | None, str | None, str, bool]:
    return record.mapped, record.error, record.basis, record.deleted_at is not None

"""The read side of the store: what pages, API and command line show."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

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


class Views(Protocol):
    """The read side: what pages, API and command line show. Never changes anything."""

    async def generation(self) -> int:
        """Return how often the state has changed; cheap, to tell whether ``state`` is worth a read."""
        ...

    async def state(self) -> State:
        """Return what is in force."""
        ...

    async def marks(self) -> Marks:
        """Return the digests of what is in force, of the same moment as ``state`` would be."""
        ...

    async def resource(self, key: ResourceKey) -> Resource | None:
        """Return one resource in force."""
        ...

    async def connection_states(self) -> Mapping[str, ConnectionState]:
        """Return how each connection is, by uid."""
        ...

    async def connection_state(self, connection: str) -> ConnectionState | None:
        """Return how one connection (its uid) is."""
        ...

    async def status_changes(
        self, connection: str | None = None, *, limit: int = 100
    ) -> Sequence[StatusChange]:
        """Return what connections were, or one of them, the newest change first."""
        ...

    async def checks(self, since: datetime, connection: str | None = None) -> Sequence[Checks]:
        """Return the counts of hours that began at or after *since*, by connection and hour."""
        ...

    async def records(self, query: RecordQuery) -> Sequence[StoredRecord]:
        """Return records in the order of ``(updated_at, id)``, ``query.limit`` at most."""
        ...

    async def record(self, record_id: str) -> StoredRecord | None:
        """Return one record, a tombstone too."""
        ...

    async def counts(self) -> Mapping[tuple[str, str], int]:
        """Return how many live records there are, by (connection uid, entity)."""
        ...

    async def failures(self) -> Mapping[tuple[str, str], int]:
        """Return how many live records failed to be mapped, by (connection uid, entity); none: left out."""
        ...

    async def bases(
        self, connection: str | None = None
    ) -> Mapping[tuple[str, str], frozenset[str]]:
        """Return under which bases records lie, living and dead ones, by (connection uid, entity)."""
        ...

    async def stale(
        self, connection: str, entity: str, *, basis: str, after: str, limit: int
    ) -> Sequence[Row]:
        """Return live and dead rows not mapped under *basis*, in an order that does not change.

        *after* is the id of the last row of the page before, and "" for the first page.
        """
        ...

    async def mapped(
        self,
        connection: str,
        entity: str,
        *,
        after: str = "",
        limit: int,
        ids: Sequence[str] | None = None,
    ) -> Sequence[Mapped]:
        """Return live records by source id, after the one with the source id *after*; each once.

        With *ids* only those records, *limit* or not.
        """
        ...

    async def ids_below(self, connection: str, entity: str, below: str) -> Sequence[str]:
        """Return the ids of live records that are less than *below*, in their order.

        Ids are digests: those below a bound are a sample, whatever the records' age and values.
        """
        ...

    async def source_ids(self, connection: str, entity: str) -> Sequence[str]:
        """Return the source ids of all live records of an entity."""
        ...

    async def cursors(self, connection: str | None = None) -> Sequence[Cursor]:
        """Return where the syncs stand."""
        ...

    async def runs(
        self, connection: str | None = None, *, entity: str | None = None, limit: int = 50
    ) -> Sequence[SyncRun]:
        """Return sync runs, the newest first."""
        ...

    async def run(self, run_id: str) -> SyncRun | None:
        """Return one sync run."""
        ...

    async def events(self, *, subject: str | None = None, limit: int = 100) -> Sequence[Event]:
        """Return events, the newest first."""
        ...

    async def event(self, event_id: str) -> Event | None:
        """Return one event."""
        ...

    async def delivery(self, delivery_id: str) -> Delivery | None:
        """Return one delivery, with its attempts."""
        ...

    async def deliveries(self, wanted: DeliveryQuery) -> Sequence[Delivery]:
        """Return deliveries with their attempts, the newest first."""
        ...

    async def events_of(self, ids: Sequence[str]) -> Mapping[str, Event]:
        """Return events by id; those that are not kept are missing."""
        ...

    async def board(self, now: datetime) -> Board:
        """Return all that is still to be told of something, and the silences that have not ended."""
        ...

    async def board_mark(self) -> int:
        """Return the mark of the board; cheap, to tell whether ``board`` is worth a read."""
        ...

    async def alerts(
        self, *, ended: bool = False, after: tuple[datetime, str] | None = None, limit: int = 100
    ) -> Sequence[Alert]:
        """Return open alerts, and with *ended* those that are over too and notices, the newest first.

        *after* are ``opened_at`` and id of the last one of the page before.
        """
        ...

    async def alert(self, alert_id: str) -> Alert | None:
        """Return one alert."""
        ...

    async def silences(self) -> Sequence[Silence]:
        """Return all silences that are kept, the one that ends last first."""
        ...

    async def endpoints(self) -> Mapping[str, Endpoint]:
        """Return how the receivers of routes (their uids) are that are not well."""
        ...

    async def waiting(self) -> Mapping[str, datetime]:
        """Return when each route (its uid) that has pending deliveries can be served next.

        A time that is past: now. Deliveries that wait for others do not count.
        """
        ...

    async def token_by_digest(self, digest: bytes) -> Token | None:
        """Return the token whose text has this SHA-256."""
        ...

    async def token(self, token_id: str) -> Token | None:
        """Return one token."""
        ...

    async def tokens(
        self, *, after: tuple[datetime, str] | None = None, limit: int | None = None
    ) -> Sequence[Token]:
        """Return tokens, the newest first: all, or *limit* of them.

        *after* are ``created_at`` and ``id`` of the last one of the page before.
        """
        ...

    async def drifts(
        self, *, key: ResourceKey | None = None, ended: bool = False, limit: int = 500
    ) -> Sequence[Drift]:
        """Return open drift, and with *ended* that which is over too; the newest first."""
        ...

    async def healings(self, since: datetime) -> Mapping[str, Sequence[datetime]]:
        """Return when the drift of which object (by uid) was healed after *since*, oldest first."""
        ...

    async def conditions(self, subject: str | None = None) -> Mapping[str, Sequence[Status]]:
        """Return what is said of each subject, or of one."""
        ...

    async def history(self, key: ResourceKey | None = None, *, limit: int = 100) -> Sequence[Past]:
        """Return the changes that were made, the newest first; of *key* under any of its names."""
        ...

    async def audit(self, *, after: int = 0, limit: int = 1000) -> Sequence[AuditEntry]:
        """Return entries of the audit log after the one with that ``seq``, the oldest first."""
        ...

    async def pin(self, environment: str) -> Pin | None:
        """Return where the source of specs stays, if it does."""
        ...

    async def credentials(self, connection: str) -> Mapping[str, Sealed]:
        """Return what a connection (its uid) has, sealed, by field."""
        ...

    async def links(self, connection: str) -> Sequence[Link]:
        """Return the connect links of a connection (its uid), the newest first."""
        ...

    async def link_by_digest(self, digest: bytes) -> Link | None:
        """Return the connect link whose text has this SHA-256."""
        ...

    async def secret(self, name: str) -> InstanceSecret | None:
        """Return a secret of the installation, sealed."""
        ...

    async def sealed_under(self) -> Mapping[str, int]:
        """Return how many credentials and secrets are sealed under which key."""
        ...

    async def standing(self) -> Standing:
        """Return how it all stands, as numbers, by as many questions whatever there is."""
        ...

    async def holds(self) -> Sequence[Hold]:
        """Return who holds which lease, ended ones too."""
        ...

"""What the engine needs of the world, each port as small as its user. The shell fits them.

``Store`` is a transaction at a time; a ``UnitOfWork`` has one small port a table family, and leaves
nothing behind unless ``commit`` was called. ``connection`` is the connection's uid everywhere below
the API; its name is for people.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from reconciler.model.access import Token
from reconciler.model.change import Change, State
from reconciler.model.connection import ConnectionState
from reconciler.model.event import Attempt, Delivery, Event
from reconciler.model.record import Batch, Page, RecordQuery, Row, Saved, StoredRecord
from reconciler.model.resource import Resource, ResourceKey
from reconciler.model.sync import Cursor, SyncMode, SyncRun, Trigger


class Clock(Protocol):
    """The time, and waiting for it."""

    def now(self) -> datetime:
        """Return the time now, aware, in UTC."""
        ...

    async def sleep(self, delay: timedelta) -> None:
        """Return when *delay* has passed."""
        ...


# ── where specs come from ────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All spec files of one revision: path (relative, with ``/``) to content."""

    revision: str
    files: Mapping[str, bytes]


class SpecSource(Protocol):
    """A folder or a git branch."""

    async def read(self) -> Snapshot:
        """Return all files of one revision, never half of two."""
        ...

    def changes(self) -> AsyncIterator[None]:
        """Yield whenever it is worth to ``read`` again; a hint, never a list of what changed."""
        ...


# ── the store ────────────────────────────────────────────────────────────────────────────────────


class Objects(Protocol):
    """Resources in force, and the generation that counts their changes."""

    async def state(self) -> State:
        """Return what is in force."""
        ...

    async def advance_generation(self, base: int, *, revision: str, at: datetime) -> int:
        """Take the generation from *base* to the next, or raise ``PlanStale``."""
        ...

    async def put(self, change: Change, *, actor: str, at: datetime) -> None:
        """Make *change* true; a rename keeps the uid, a delete removes what the resource owns."""
        ...

    async def set_connection_state(self, state: ConnectionState) -> None:
        """Keep how a connection is."""
        ...


class Records(Protocol):
    """Raw and mapped records, by the page."""

    async def save(self, batch: Batch) -> Saved:
        """Keep a page: one bulk statement; rows with an equal digest and basis are not written.

        A row whose raw is as stored but whose basis differs is written (mapped anew); its
        ``updated_at`` moves only if its mapped bytes differ. A tombstone that comes back is alive.
        """
        ...

    async def remap(self, batch: Batch) -> int:
        """Write mapped bytes, error and basis of rows whose raw is as stored; return how many differ."""
        ...

    async def bury(
        self, connection: str, entity: str, source_ids: Sequence[str], *, at: datetime
    ) -> int:
        """Make these records tombstones (``deleted_at``); return how many were alive."""
        ...

    async def erase(self, connection: str, entity: str | None = None) -> int:
        """Remove all records of a connection, or of one entity of it, for good."""
        ...


class Runs(Protocol):
    """Sync runs and cursors."""

    async def cursor(self, connection: str, entity: str) -> Cursor | None:
        """Return where the sync stands, or ``None`` before the first."""
        ...

    async def move(self, cursor: Cursor, *, before: Cursor | None) -> None:
        """Put *cursor* where *before* stood; raise ``Conflict`` if another run has moved it."""
        ...

    async def put(self, run: SyncRun) -> None:
        """Keep *run* as it is now, new or known."""
        ...


class Outbox(Protocol):
    """Events, and their deliveries."""

    async def emit(self, events: Sequence[Event]) -> None:
        """Keep *events* with this transaction."""
        ...

    async def enqueue(self, deliveries: Sequence[Delivery]) -> None:
        """Keep *deliveries* that are to be made."""
        ...

    async def claim(
        self, holder: str, *, now: datetime, lease: timedelta, limit: int
    ) -> Sequence[Delivery]:
        """Take due deliveries under a lease that lapses."""
        ...

    async def settle(self, delivery: Delivery) -> None:
        """Keep how a delivery stands after an attempt."""
        ...


class Tokens(Protocol):
    """API tokens; the text of one is never kept."""

    async def put(self, token: Token) -> None:
        """Keep a token, new or known."""
        ...

    async def touch(self, token_id: str, *, at: datetime) -> None:
        """Keep when a token was used last."""
        ...


class Leases(Protocol):
    """Named leases: who may do what only one may do."""

    async def acquire(
        self, name: str, holder: str, *, now: datetime, lease: timedelta
    ) -> int | None:
        """Take or renew *name*; return its epoch, or ``None`` if another holds it."""
        ...

    async def release(self, name: str, holder: str) -> None:
        """Let go of *name* if *holder* has it."""
        ...


class UnitOfWork(Protocol):
    """One transaction: all of it, or nothing."""

    @property
    def objects(self) -> Objects:
        """Resources and their generation."""
        ...

    @property
    def records(self) -> Records:
        """Raw and mapped records."""
        ...

    @property
    def runs(self) -> Runs:
        """Sync runs and cursors."""
        ...

    @property
    def outbox(self) -> Outbox:
        """Events and deliveries."""
        ...

    @property
    def tokens(self) -> Tokens:
        """API tokens."""
        ...

    @property
    def leases(self) -> Leases:
        """Named leases."""
        ...

    async def commit(self) -> None:
        """Make it all true."""
        ...


class Store(Protocol):
    """Where state lives. Leaving ``begin`` without ``commit`` takes everything back."""

    def begin(self) -> AbstractAsyncContextManager[UnitOfWork]:
        """Open a transaction that may write; one at a time on SQLite."""
        ...

    @property
    def views(self) -> "Views":
        """The read side."""
        ...

    async def close(self) -> None:
        """Let go of files and connections."""
        ...


class Views(Protocol):
    """The read side: what pages, API and command line show. Never changes anything."""

    async def generation(self) -> int:
        """Return how often the state has changed; cheap, to tell whether ``state`` is worth a read."""
        ...

    async def state(self) -> State:
        """Return what is in force."""
        ...

    async def resource(self, key: ResourceKey) -> Resource | None:
        """Return one resource in force."""
        ...

    async def connection_states(self) -> Mapping[str, ConnectionState]:
        """Return how each connection is, by uid."""
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

    async def stale(
        self, connection: str, entity: str, *, basis: str, after: str, limit: int
    ) -> Sequence[Row]:
        """Return live and dead rows not mapped under *basis*, by id from *after* on."""
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

    async def token_by_digest(self, digest: bytes) -> Token | None:
        """Return the token whose text has this SHA-256."""
        ...

    async def tokens(self) -> Sequence[Token]:
        """Return all tokens, the newest first."""
        ...


# ── remote systems ───────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """What the engine must know of a stream.

    ``incremental``: it has a cursor. ``ordered``: its pages come in the order of the cursor, so that the
    highest value seen is safe; else the source's clock at the start of the run is. ``resumable``: a page
    token stays good after a stop. ``sweepable``: its ids can be listed. ``windowed``: the history window
    cuts it (reference data is always read whole). ``primary_key`` is for people.
    """

    entity: str
    incremental: bool
    ordered: bool
    resumable: bool
    sweepable: bool
    windowed: bool = True
    primary_key: str = "id"


class Connector(Protocol):
    """One connection's system, spoken to through the manifest of its type."""

    @property
    def streams(self) -> Mapping[str, StreamFacts]:
        """The entities it can read."""
        ...

    async def probe(self) -> None:
        """Return if the system answers and takes our credentials; else raise a ``SourceError``."""
        ...

    def start(self, entity: str, at: datetime) -> str | None:
        """Return the position that stands for the time *at*; ``None``: the stream has no cursor."""
        ...

    def resume(self, entity: str, position: str) -> str:
        """Return where to start again: *position* less the stream's lookback."""
        ...

    async def read(self, entity: str, *, since: str | None, page: str | None) -> Page:
        """Return a page of what changed at or after *since* (``None``: everything)."""
        ...

    async def ids(self, entity: str, *, page: str | None) -> Page:
        """Return a page of the ids that exist now; ``records`` is empty."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class Connectors(Protocol):
    """Opens the connector of a connection."""

    def open(self, connection: Resource, manifest: Resource) -> Connector:
        """Return a connector; secrets are resolved here, and held nowhere else.

        Raises:
            SecretMissing: if a reference leads nowhere.
        """
        ...


# ── jobs ─────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Job:
    """Work to be done once: ``id`` makes a second ask the same one; ``lane`` runs one at a time."""

    id: str
    name: str
    lane: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class JobStatus:
    """How a job stands: ``queued running succeeded failed cancelled``, and why it failed."""

    id: str
    status: str
    error: str = ""


class Jobs(Protocol):
    """Durable work in six verbs; what runs behind them may change."""

    async def enqueue(self, job: Job) -> JobStatus:
        """Ask for *job*; one with the same id is the same job, and is not run twice."""
        ...

    async def cancel(self, job_id: str) -> None:
        """Stop a job before its next step."""
        ...

    async def status(self, job_id: str) -> JobStatus | None:
        """Return how a job stands."""
        ...

    async def recover(self) -> int:
        """Take up what a dead process left; return how many jobs."""
        ...

    async def retain(self, keep: timedelta) -> int:
        """Forget jobs that ended longer ago than *keep*; return how many."""
        ...

    async def listen(self, handlers: Mapping[str, "JobHandler"]) -> None:
        """Run jobs, each by the handler of its name, until cancelled."""
        ...


JobHandler = Callable[[Job], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class SyncRequest:
    """A wish to sync: which entities (none: all) of which connection (its name), how, and who asks.

    ``key`` makes a second ask the same one: two requests with the same key are one job. Empty: a new one.
    """

    connection: str
    entities: tuple[str, ...] = ()
    mode: SyncMode = SyncMode.INCREMENTAL
    trigger: Trigger = Trigger.PERSON
    key: str = ""


class Sender(Protocol):
    """Sends one event to one address."""

    async def send(self, delivery: Delivery, event: Event) -> Attempt:
        """Return what came of it; never raises for what the receiver did."""
        ...

"""The store: a transaction at a time, with one small port a table family."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Protocol

from reconciler.model.access import Token
from reconciler.model.change import Change, State
from reconciler.model.event import Delivery, Event
from reconciler.model.record import Batch, Saved
from reconciler.model.resource import Resource, ResourceKey
from reconciler.model.sought import DeliveryQuery
from reconciler.model.sync import Cursor, SyncRun
from reconciler.ports.alerts import Alerts, Endpoints
from reconciler.ports.credentials import Credentials, Handovers, Links, Secrets
from reconciler.ports.health import Health
from reconciler.ports.trust import Audit, Conditions, Ledger, Pins
from reconciler.ports.views import Views


class Objects(Protocol):
    """Resources in force, and the generation that counts their changes."""

    async def state(self) -> State:
        """Return what is in force."""
        ...

    async def advance_generation(self, base: int, *, revision: str, at: datetime) -> int:
        """Take the generation from *base* to the next, or raise ``PlanStale``."""
        ...

    async def put(self, change: Change, *, actor: str, at: datetime) -> None:
        """Make *change* true; a rename keeps the uid, a delete removes what the resource owns.

        What ``plan.outcome.redo_after`` says is kept beside the object, and moves with its uid.
        """
        ...

    async def edit(self, before: Resource, after: Resource, *, actor: str, at: datetime) -> None:
        """Put *after* in force beside what git applied: drift, until git says the same or it is undone."""
        ...

    async def settle(self, resource: Resource, *, actor: str, at: datetime) -> None:
        """Say that git applied *resource*, which is in force already: drift of it is over."""
        ...

    async def uid(self, key: ResourceKey) -> str | None:
        """Return the identity of a resource in force, as this transaction sees it."""
        ...

    async def last_uid(self, key: ResourceKey) -> str | None:
        """Return the identity of a resource in force, or of the last one of that name whose data are kept."""
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

    async def erase(self, connection: str) -> int:
        """Remove all runs and cursors of a connection for good; return how many runs there were."""
        ...


class Outbox(Protocol):
    """Events, and their deliveries."""

    async def emit(self, events: Sequence[Event]) -> None:
        """Keep *events* with this transaction."""
        ...

    async def take(self, *, limit: int) -> Sequence[Event]:
        """Take the events that nobody has taken, the oldest first; taken when this is committed.

        Whoever takes at the same time waits for this transaction. No event is ever left behind: one
        that is committed late is taken late.
        """
        ...

    async def enqueue(self, deliveries: Sequence[Delivery]) -> None:
        """Keep *deliveries* that are to be made; one whose id is known is the same delivery."""
        ...

    async def claim(
        self, holder: str, *, now: datetime, lease: timedelta, limit: int, route: str | None = None
    ) -> Sequence[Delivery]:
        """Take due deliveries, of all routes or of one, under a lease that lapses.

        One that has an earlier one about the same subject before it at its route waits for that, unless
        one of them has failed ``ORDERED_TRIES`` times: then each goes by its own schedule.
        """
        ...

    async def settle(self, delivery: Delivery) -> None:
        """Keep how a delivery stands after an attempt."""
        ...

    async def release(self, holder: str) -> None:
        """Let go of all deliveries that *holder* has claimed and not settled."""
        ...

    async def give_up(self, route: str, *, reason: str, at: datetime) -> int:
        """End all pending deliveries of *route* as dead; return how many."""
        ...

    async def retry(self, deliveries: Sequence[str], *, now: datetime) -> int:
        """Have ended deliveries made once more, at once and on a whole schedule; return how many."""
        ...

    async def retry_all(self, wanted: DeliveryQuery, *, now: datetime) -> int:
        """Likewise, all that are dead and fit *wanted*, however many."""
        ...

    async def prune(self, before: datetime, *, limit: int) -> int:
        """Remove deliveries that ended before then, *limit* at most; return how many."""
        ...


class Tokens(Protocol):
    """API tokens; the text of one is never kept."""

    async def put(self, token: Token) -> None:
        """Keep a token, new or known."""
        ...

    async def touch(self, token_id: str, *, at: datetime) -> None:
        """Keep when a token was used last."""
        ...

    async def find(self, token_id: str) -> Token | None:
        """Return a token by its id; nobody else changes it before this transaction has ended."""
        ...

    async def of(self, connection: str) -> Sequence[Token]:
        """Return the tokens of one connection (its uid), likewise."""
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

    async def check(self, name: str, holder: str, *, epoch: int, now: datetime) -> None:
        """Return if *holder* still has *name* in that epoch, or raise ``LeaseLost``.

        Nobody else gets it before this transaction has ended.
        """
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

    @property
    def handovers(self) -> Handovers:
        """How tokens that come of connect links are handed over."""
        ...

    @property
    def ledger(self) -> Ledger:
        """Drift."""
        ...

    @property
    def conditions(self) -> Conditions:
        """Conditions."""
        ...

    @property
    def audit(self) -> Audit:
        """The audit log."""
        ...

    @property
    def health(self) -> Health:
        """How connections are."""
        ...

    @property
    def pins(self) -> Pins:
        """Pinned revisions."""
        ...

    @property
    def alerts(self) -> Alerts:
        """Alerts, and who was told of them."""
        ...

    @property
    def endpoints(self) -> Endpoints:
        """How receivers are."""
        ...

    @property
    def credentials(self) -> Credentials:
        """Sealed credentials of connections."""
        ...

    @property
    def links(self) -> Links:
        """Connect links."""
        ...

    @property
    def secrets(self) -> Secrets:
        """Sealed secrets of the installation."""
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
    def views(self) -> Views:
        """The read side."""
        ...

    def listen(self, heard: Callable[[], None]) -> None:
        """Call *heard* after each transaction of this process that left something in the outbox."""
        ...

    async def close(self) -> None:
        """Let go of files and connections."""
        ...

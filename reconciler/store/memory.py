"""``MemoryStore``: the whole contract of a store without a database, for tests and ``plan --offline``.

It imports no database library, and is the model that the SQL store is tested against.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from reconciler.store.in_memory.alerts import MemoryAlerts, MemoryEndpoints
from reconciler.store.in_memory.credentials import (
    MemoryCredentials,
    MemoryLinks,
    MemorySecrets,
)
from reconciler.store.in_memory.families import MemoryLeases, MemoryRuns, MemoryTokens
from reconciler.store.in_memory.handovers import MemoryHandovers
from reconciler.store.in_memory.health import MemoryHealth
from reconciler.store.in_memory.objects import MemoryObjects
from reconciler.store.in_memory.outbox import MemoryOutbox
from reconciler.store.in_memory.records import MemoryRecords
from reconciler.store.in_memory.shelf import Draft, Shelf
from reconciler.store.in_memory.trust import (
    MemoryAudit,
    MemoryConditions,
    MemoryLedger,
    MemoryPins,
)
from reconciler.store.in_memory.views import MemoryViews


class MemoryUnit:
    """``ports.UnitOfWork`` over a copy of all there is."""

    def __init__(self, draft: Draft, told: Callable[[], None]) -> None:
        self._draft = draft
        self._told = told
        self.objects = MemoryObjects(draft)
        self.records = MemoryRecords(draft)
        self.runs = MemoryRuns(draft)
        self.outbox = MemoryOutbox(draft)
        self.tokens = MemoryTokens(draft)
        self.leases = MemoryLeases(draft)
        self.ledger = MemoryLedger(draft)
        self.conditions = MemoryConditions(draft)
        self.audit = MemoryAudit(draft)
        self.pins = MemoryPins(draft)
        self.health = MemoryHealth(draft)
        self.credentials = MemoryCredentials(draft)
        self.links = MemoryLinks(draft)
        self.secrets = MemorySecrets(draft)
        self.alerts = MemoryAlerts(draft)
        self.endpoints = MemoryEndpoints(draft)
        self.handovers = MemoryHandovers(draft)

    async def commit(self) -> None:
        """Make it all true."""
        await self._draft.commit()
        if self.outbox.stirred or self.alerts.stirred:
            self._told()


class MemoryStore:
    """``ports.Store`` that ends with the process; one transaction at a time."""

    def __init__(self) -> None:
        self._shelf = Shelf()
        self._gate = asyncio.Lock()
        self._views = MemoryViews(lambda: self._shelf)
        self._listeners: list[Callable[[], None]] = []

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[MemoryUnit]:
        """Open a transaction that may write; leaving it without ``commit`` takes everything back."""
        async with self._gate:
            draft = Draft(self._shelf, self._keep)
            try:
                yield MemoryUnit(draft, self._tell)
            finally:
                draft.abandon()

    @property
    def views(self) -> MemoryViews:
        """The read side."""
        return self._views

    def listen(self, heard: Callable[[], None]) -> None:
        """Call *heard* after each transaction that left something in the outbox."""
        self._listeners.append(heard)

    async def close(self) -> None:
        """Hold on to nothing: there is nothing to let go of."""

    def _keep(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def _tell(self) -> None:
        for heard in self._listeners:
            heard()

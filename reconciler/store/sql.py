"""The store on SQLite or PostgreSQL: who writes when, and on which threads."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from sqlalchemy import Engine

from reconciler.store.engines import READERS
from reconciler.store.threads import Threads
from reconciler.store.transaction import Transaction
from reconciler.store.unit import SqlUnit
from reconciler.store.views import SqlViews


class SqlStore:
    """``ports.Store``, for one event loop. ``writers`` transactions at once: one on SQLite.

    Each transaction under way has a connection and can always have a thread, so none waits for another
    that waits for it.
    """

    def __init__(self, writer: Engine, readers: Engine, *, writers: int) -> None:
        self._engines = (writer, readers)
        self._writing = Threads("store-write", writers)
        self._reading = Threads("store-read", READERS)
        self._gate = asyncio.Semaphore(writers)
        self._views = SqlViews(readers, self._reading)
        self._listeners: list[Callable[[], None]] = []

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[SqlUnit]:
        """Open a transaction that may write; leaving it without ``commit`` takes everything back."""
        async with self._gate:
            transaction = Transaction(self._engines[0], self._writing)
            try:
                yield SqlUnit(transaction, self._tell)
            finally:
                await transaction.abandon()

    @property
    def views(self) -> SqlViews:
        """The read side."""
        return self._views

    def listen(self, heard: Callable[[], None]) -> None:
        """Call *heard* after each transaction of this process that left something in the outbox."""
        self._listeners.append(heard)

    async def close(self) -> None:
        """Let go of files and connections, when work under way has ended."""
        await self._writing.close()
        await self._reading.close()
        for engine in self._engines:
            await asyncio.to_thread(engine.dispose)

    def _tell(self) -> None:
        for heard in self._listeners:
            heard()

"""The store on a database: one writer at a time on SQLite, several on PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy import Engine

from reconciler.store.access import SqlLeases, SqlTokens
from reconciler.store.objects import SqlObjects
from reconciler.store.outbox import SqlOutbox
from reconciler.store.records import SqlRecords
from reconciler.store.runs import SqlRuns
from reconciler.store.threads import Threads
from reconciler.store.transaction import Transaction
from reconciler.store.views import SqlViews


class SqlUnit:
    """``ports.UnitOfWork`` over one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self.objects = SqlObjects(transaction)
        self.records = SqlRecords(transaction)
        self.runs = SqlRuns(transaction)
        self.outbox = SqlOutbox(transaction)
        self.tokens = SqlTokens(transaction)
        self.leases = SqlLeases(transaction)

    async def commit(self) -> None:
        """Make it all true."""
        await self._transaction.commit()


@dataclass(frozen=True, slots=True)
class Engines:
    """A side that writes, ``writers`` transactions at a time, and a side that reads."""

    writer: Engine
    reader: Engine
    writers: int
    readers: int


class SqlStore:
    """``ports.Store`` on a database."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._turn = asyncio.Semaphore(engines.writers)
        self._writing = Threads("store-write", engines.writers)
        self._reading = Threads("store-read", engines.readers)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[SqlUnit]:
        """Open a transaction; leaving it without ``commit`` takes everything back."""
        async with self._turn:
            transaction = Transaction(self._engines.writer, self._writing)
            try:
                yield SqlUnit(transaction)
            finally:
                await transaction.abandon()

    @property
    def views(self) -> SqlViews:
        """The read side."""
        return SqlViews(self._engines.reader, self._reading)

    async def close(self) -> None:
        """Let go of threads, connections and files."""
        await self._writing.close()
        await self._reading.close()
        await asyncio.to_thread(self._dispose)

    def _dispose(self) -> None:
        self._engines.writer.dispose()
        self._engines.reader.dispose()

"""One database transaction, its work done on the store's own threads."""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine

from reconciler.store.failures import in_our_words
from reconciler.store.threads import Threads

P = ParamSpec("P")
R = TypeVar("R")


class Transaction:
    """Opens with the first work, and is over with ``commit``, ``abandon``, or work that failed.

    Work that raised may have been done by half, so nothing of the transaction can be kept after it.
    """

    def __init__(self, engine: Engine, threads: Threads) -> None:
        self._engine = engine
        self._threads = threads
        self._connection: Connection | None = None
        self._over = False

    async def do(
        self, work: Callable[Concatenate[Connection, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Return what *work* returns, given the connection; cancelled, break off the statement."""

        def call() -> R:
            with in_our_words():
                return work(self._open(), *args, **kwargs)

        self._check()
        try:
            return await self._threads.finish(self._interrupt, call)
        except BaseException:
            self._over = True
            raise

    async def commit(self) -> None:
        """Make it all true. Cancelled, it is still whole: either committed or taken back."""

        def call() -> None:
            connection = self._connection
            if connection is None:
                return
            with in_our_words():
                try:
                    connection.commit()
                finally:
                    self._close()

        self._check()
        self._over = True
        await self._threads.finish(_leave_it, call)

    async def abandon(self) -> None:
        """Take everything back, unless it was committed."""
        self._over = True
        if self._connection is not None:
            await self._threads.finish(_leave_it, self._close)

    def _check(self) -> None:
        if self._over:
            msg = "the unit of work is over: begin another one"
            raise RuntimeError(msg)

    def _open(self) -> Connection:
        if self._connection is None:
            connection = self._engine.connect()
            try:
                connection.begin()
            except BaseException:
                connection.invalidate()
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()  # takes back what was not committed

    def _interrupt(self) -> None:
        """Break off a statement under way, from another thread; both drivers allow it."""
        connection = self._connection
        if connection is None or connection.closed:
            return
        driver = connection.connection.driver_connection
        stop = getattr(driver, "interrupt", None) or getattr(driver, "cancel", None)
        if stop is not None:
            stop()


def _leave_it() -> None:
    """Not break off what ends by itself."""

"""Work of the database on threads of its own: the event loop never waits for a disk."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Final, ParamSpec, TypeVar

STOP_EVERY: Final = 0.25
"""Seconds between two tries to stop work that was cancelled."""

P = ParamSpec("P")
R = TypeVar("R")


class Threads:
    """A few named threads."""

    def __init__(self, name: str, count: int) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix=name)

    async def run(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Return what *work* returns; cancelled, leave it to end by itself."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, partial(work, *args, **kwargs))

    async def finish(
        self, stop: Callable[[], None], work: Callable[P, R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Return what *work* returns; cancelled, call *stop* and wait until it has ended.

        So nothing of a transaction is under way when it is rolled back, however often it is cancelled.
        """
        future = self._pool.submit(work, *args, **kwargs)
        waiting = asyncio.wrap_future(future)
        try:
            return await asyncio.shield(waiting)
        except asyncio.CancelledError:
            await _ended(future, waiting, stop)
            raise

    async def close(self) -> None:
        """Return when all work has ended and the threads are gone."""
        await asyncio.to_thread(self._pool.shutdown, wait=True)


async def _ended(
    future: "Future[R]", waiting: "asyncio.Future[R]", stop: Callable[[], None]
) -> None:
    """Return when the work has ended, and stop it until it has.

    Once is not enough: a statement that had not begun when it was stopped runs as if nothing was said.
    """
    while not future.done():
        stop()
        try:
            await asyncio.wait([waiting], timeout=STOP_EVERY)
        except asyncio.CancelledError:
            continue  # already on the way out; the first cancellation is raised when the work has ended
    await asyncio.wait([waiting])
    if not waiting.cancelled():
        waiting.exception()  # looked at, so that nobody is told it was not

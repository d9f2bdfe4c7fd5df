"""Takes a key, lets it be looked at, and obeys the verdict."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeAlias, assert_never

import structlog

from reconciler.engine.backoff import wait_before
from reconciler.engine.judge import judge
from reconciler.engine.queue import WorkQueue
from reconciler.errors import ReconcilerError
from reconciler.model.verdict import Done, Halt, Retry, Verdict
from reconciler.ports import Clock

Turn: TypeAlias = Callable[[str], Awaitable[Verdict]]

log = structlog.get_logger()


class Controller:
    """One worker over a queue; a broken key never stops the others."""

    def __init__(self, queue: WorkQueue, turn: Turn, clock: Clock) -> None:
        self._queue = queue
        self._turn = turn
        self._clock = clock
        self._failures: dict[str, int] = {}
        self._waits: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Take keys until cancelled."""
        try:
            while True:
                await self.step()
        finally:
            for wait in self._waits.values():
                wait.cancel()

    async def step(self) -> None:
        """Take one key and obey its verdict."""
        key = await self._queue.take()
        try:
            verdict = await self._verdict(key)
        finally:
            await self._queue.done(key)
        again = self._next_look(key, verdict)
        self._forget_wait(key)
        if again is not None:
            self._waits[key] = asyncio.create_task(self._add_later(key, again))

    async def _verdict(self, key: str) -> Verdict:
        try:
            return await self._turn(key)
        except ReconcilerError as error:
            return judge(error)
        except Exception:
            # Unknown errors are bugs: told with a trace, and the key is tried again slowly.
            log.exception("turn_broken", key=key)
            return Retry("an unexpected error; see the log")

    def _next_look(self, key: str, verdict: Verdict) -> timedelta | None:
        match verdict:
            case Done(again=again):
                self._failures.pop(key, None)
                return again
            case Retry(why=why, wait=wait):
                failures = self._failures.get(key, 0) + 1
                self._failures[key] = failures
                pause = wait or wait_before(failures, jitter=random.random())  # noqa: S311  spread, not secrecy
                log.warning("turn_failed", key=key, why=why, again_in=pause.total_seconds())
                return pause
            case Halt(why=why):
                self._failures.pop(key, None)
                log.warning("turn_halted", key=key, why=why)
                return None
            case _:
                assert_never(verdict)

    async def _add_later(self, key: str, wait: timedelta) -> None:
        await self._clock.sleep(wait)
        await self._queue.add(key)

    def _forget_wait(self, key: str) -> None:
        waiting = self._waits.pop(key, None)
        if waiting is not None:
            waiting.cancel()

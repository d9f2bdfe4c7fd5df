"""Takes keys, lets them be looked at, and obeys the verdicts."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import TypeAlias, assert_never

import structlog

from reconciler.engine.backoff import wait_before
from reconciler.engine.judge import judge
from reconciler.engine.queue import Ask, Priority, WorkQueue
from reconciler.errors import ReconcilerError
from reconciler.model.verdict import Done, Halt, Retry, Verdict, Wait
from reconciler.ports import SILENT, Meter

Turn: TypeAlias = Callable[[str], Awaitable[Verdict]]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Limits:
    """How many keys are looked at at a time, and how long a turn may take.

    ``longer`` are keys whose turns may take longer than ``turn``. ``stop`` is how long turns under way
    may go on after a stop: Docker and its like kill ten seconds after they asked.
    """

    workers: int = 4
    turn: timedelta = timedelta(seconds=60)
    longer: Mapping[str, timedelta] = field(default_factory=dict)
    stop: timedelta = timedelta(seconds=8)


class Controller:
    """Workers over one queue. None of them sleeps for a key, and a broken key never stops the others.

    ``jitter`` gives the chance in a backoff, 0 to 1. ``meter`` is told of each turn.
    """

    def __init__(
        self,
        queue: WorkQueue,
        turn: Turn,
        *,
        limits: Limits | None = None,
        jitter: Callable[[], float] = random.random,
        meter: Meter = SILENT,
    ) -> None:
        self._queue = queue
        self._turn = turn
        self._limits = limits or Limits()
        self._jitter = jitter
        self._meter = meter
        self._failures: dict[str, int] = {}
        self._stalled: dict[str, str] = {}
        self._idle: set[asyncio.Task[None]] = set()
        self._stopping = False

    @property
    def stalled(self) -> Mapping[str, str]:
        """The keys that were halted, and why; each until a turn of it ends in another way."""
        return MappingProxyType(self._stalled)

    async def run(self) -> None:
        """Take keys until cancelled; then take no more, and let turns under way end for a while."""
        self._stopping = False
        workers = [
            asyncio.create_task(self._work(), name=f"worker-{number}")
            for number in range(self._limits.workers)
        ]
        try:
            ended, _ = await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
            for worker in ended:
                worker.result()
        finally:
            await self._stop(workers)

    async def step(self) -> None:
        """Take one key and obey its verdict."""
        await self._look(await self._queue.take())

    async def _work(self) -> None:
        worker = asyncio.current_task()
        assert worker is not None  # noqa: S101  this is the body of one
        while not self._stopping:
            self._idle.add(worker)
            ask = await self._queue.take()
            self._idle.discard(worker)
            await self._look(ask)

    async def _stop(self, workers: list[asyncio.Task[None]]) -> None:
        self._stopping = True
        for worker in self._idle:
            worker.cancel()
        try:
            _, late = await asyncio.wait(workers, timeout=self._limits.stop.total_seconds())
            if late:
                log.warning("turns_cut_short", turns=len(late))
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            self._queue.close()

    async def _look(self, ask: Ask) -> None:
        if ask.priority.news:
            self._failures.pop(ask.key, None)
        clock = self._queue.clock
        began = clock.now()
        try:
            verdict = await self._verdict(ask.key)
            took = clock.now() - began
            self._meter.turned(ask.key, verdict, waited=began - ask.since, took=took)
            self._obey(ask, verdict)
        finally:
            self._queue.done(ask.key)

    async def _verdict(self, key: str) -> Verdict:
        seconds = self._limits.longer.get(key, self._limits.turn).total_seconds()
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                return await self._turn(key)
        except asyncio.CancelledError as error:
            if _is_cancelled():
                raise
            # Somebody inside has let a cancelled task be awaited: its key is broken, not the worker.
            return _broken(key, RuntimeError(f"cancelled from within: {error}"))
        except ReconcilerError as error:
            return judge(error)
        except Exception as error:  # noqa: BLE001  a bug of one key; told with a trace
            if limit.expired():
                return Retry(f"took longer than {seconds:g} s")
            return _broken(key, error)

    def _obey(self, ask: Ask, verdict: Verdict) -> None:
        key = ask.key
        if not isinstance(verdict, Halt):
            self._stalled.pop(key, None)
        match verdict:
            case Done(again=again):
                self._failures.pop(key, None)
                self._look_again(key, Priority.RESYNC, again)
            case Retry(why=why, wait=wait):
                self._look_again(key, Priority.RETRY, self._backoff(key, why, wait))
            case Wait(why=why, again=again):
                log.debug("turn_waits", key=key, why=why, again_in=again.total_seconds())
                self._look_again(key, Priority.RETRY, again)
            case Halt(why=why, again=again):
                self._failures.pop(key, None)
                if ask.priority.news or self._stalled.get(key) != why:
                    log.warning("turn_halted", key=key, why=why)
                self._stalled[key] = why
                self._look_again(key, Priority.RESYNC, again)
            case _:
                assert_never(verdict)

    def _backoff(self, key: str, why: str, wait: timedelta | None) -> timedelta:
        failures = self._failures.get(key, 0) + 1
        self._failures[key] = failures
        pause = wait_before(failures, jitter=self._jitter())
        if wait is not None:
            pause = max(pause, wait)
        again_in = round(pause.total_seconds(), 1)
        log.warning("turn_failed", key=key, why=why, failures=failures, again_in=again_in)
        return pause

    def _look_again(self, key: str, priority: Priority, after: timedelta | None) -> None:
        if after is not None:
            self._queue.add(key, priority, after=after)


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def _broken(key: str, error: Exception) -> Verdict:
    log.error("turn_broken", key=key, exc_info=error)
    return judge(error)

"""APScheduler as a clock and nothing else: when a time comes, a key is told. No job lives in it."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from apscheduler.executors.asyncio import AsyncIOExecutor
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from reconciler.engine.schedules import Tick
from reconciler.spec.cron import named_weekdays

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)


class Timer:
    """Calls ``due`` with a tick whenever its time comes.

    The start of an interval is the same in every process: a fixed day plus a share of the jitter that
    the tick's name decides, so that thousands of connections do not come at once.
    """

    def __init__(self, due: Callable[[Tick], Awaitable[None]]) -> None:
        self._due = due
        self._ticks: dict[str, Tick] = {}
        self._scheduler = AsyncIOScheduler(
            executors={"default": AsyncIOExecutor()},
            job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 1},
            timezone=UTC,
        )

    def set(self, ticks: Sequence[Tick]) -> None:
        """Follow *ticks* from now on; those that have not changed keep their place."""
        wanted = {tick.key: tick for tick in ticks}
        for key in self._ticks.keys() - wanted.keys():
            self._scheduler.remove_job(key)
        for key, tick in wanted.items():
            if self._ticks.get(key) != tick:
                self._scheduler.add_job(
                    self._due, _trigger(tick), args=[tick], id=key, replace_existing=True
                )
        self._ticks = wanted

    def next_at(self, connection: str, entity: str) -> datetime | None:
        """Return when the next tick that syncs *entity* of *connection* comes."""
        times = [
            job.next_run_time
            for key, tick in self._ticks.items()
            if tick.connection == connection
            and entity in tick.entities
            and (job := self._scheduler.get_job(key))
        ]
        return min((time for time in times if time is not None), default=None)

    async def run(self) -> None:
        """Run until cancelled."""
        self._scheduler.start()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self._scheduler.shutdown(wait=False)


def _trigger(tick: Tick) -> BaseTrigger:
    spread = _spread(tick)
    if tick.cron is not None:
        # APScheduler counts weekdays from Monday, cron from Sunday: numbers become names first.
        text = named_weekdays(tick.cron)
        trigger = CronTrigger.from_crontab(text, timezone=ZoneInfo(tick.zone))
        trigger.jitter = int(tick.jitter.total_seconds()) or None
        return trigger
    every = tick.every or timedelta(minutes=15)
    return IntervalTrigger(
        seconds=int(every.total_seconds()), start_date=EPOCH + spread, timezone=UTC
    )


def _spread(tick: Tick) -> timedelta:
    share = int.from_bytes(hashlib.sha256(tick.key.encode()).digest()[:4]) / 2**32
    return tick.jitter * share

"""Jobs in this process: the six verbs without a database.

What is running dies with the process, and is found again from cursors and schedules at the next start.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import structlog

from reconciler.errors import ReconcilerError
from reconciler.ports import Clock, Job, JobHandler, JobStatus

log = structlog.get_logger()

ENDED: Final = frozenset({"succeeded", "failed", "cancelled"})
REMEMBERED: Final = 10_000
"""How many ended jobs can be asked for at most, the last ones."""


class InProcessJobs:
    """Runs jobs in tasks: one at a time in a lane, ``workers`` at a time in all."""

    def __init__(self, clock: Clock, *, workers: int = 4, remembered: int = REMEMBERED) -> None:
        self._clock = clock
        self._workers = workers
        self._remembered = remembered
        self._waiting: list[Job] = []
        self._status: dict[str, JobStatus] = {}
        self._ended: dict[str, datetime] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._busy: set[str] = set()
        self._changed = asyncio.Condition()

    async def enqueue(self, job: Job) -> JobStatus:
        """Ask for *job*; one with the same id that has not ended is the same job."""
        async with self._changed:
            known = self._status.get(job.id)
            if known is not None and known.status not in ENDED:
                return known
            self._status[job.id] = JobStatus(job.id, "queued")
            self._ended.pop(job.id, None)
            self._waiting.append(job)
            self._changed.notify_all()
            return self._status[job.id]

    async def cancel(self, job_id: str) -> None:
        """Stop a job; one that waits does not start."""
        async with self._changed:
            self._waiting = [job for job in self._waiting if job.id != job_id]
            task = self._tasks.get(job_id)
            if task is not None:
                task.cancel()
            elif job_id in self._status:
                self._settle(job_id, "cancelled")
            self._changed.notify_all()

    async def status(self, job_id: str) -> JobStatus | None:
        """Return how a job stands, or ``None`` if it is not known (any more)."""
        return self._status.get(job_id)

    async def recover(self) -> int:
        """Return 0: nothing outlives the process."""
        return 0

    async def retain(self, keep: timedelta) -> int:
        """Forget jobs that ended longer ago than *keep*."""
        oldest = self._clock.now() - keep
        gone = [job_id for job_id, ended in self._ended.items() if ended < oldest]
        for job_id in gone:
            self._forget(job_id)
        return len(gone)

    async def listen(self, handlers: Mapping[str, JobHandler]) -> None:
        """Run jobs until cancelled; jobs under way are then cancelled too, and waited for."""
        try:
            while True:
                async with self._changed:
                    await self._changed.wait_for(lambda: self._next() is not None)
                    job = self._next()
                    if job is not None:
                        self._start(job, handlers[job.name])
        finally:
            tasks = list(self._tasks.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def standing(self) -> Mapping[str, int]:
        """How many jobs are ``queued`` and ``running`` now."""
        return {"queued": len(self._waiting), "running": len(self._tasks)}

    async def idle(self) -> None:
        """Return when nothing waits and nothing runs."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._waiting and not self._tasks)

    def _next(self) -> Job | None:
        if len(self._tasks) >= self._workers:
            return None
        return next((job for job in self._waiting if job.lane not in self._busy), None)

    def _start(self, job: Job, handler: JobHandler) -> None:
        self._waiting.remove(job)
        self._busy.add(job.lane)
        self._status[job.id] = JobStatus(job.id, "running")
        self._tasks[job.id] = asyncio.create_task(self._run(job, handler), name=job.id)

    async def _run(self, job: Job, handler: JobHandler) -> None:
        ended, error = "succeeded", ""
        try:
            await handler(job)
        except asyncio.CancelledError:
            ended = "cancelled"
            raise
        except ReconcilerError as found:
            ended, error = "failed", found.message
            log.warning("job_failed", job=job.id, why=found.message, hint=found.hint)
        except Exception as found:
            ended, error = "failed", f"unexpected: {found!r}"
            log.exception("job_broken", job=job.id)
        finally:
            self._settle(job.id, ended, error)
            self._tasks.pop(job.id, None)
            self._busy.discard(job.lane)
            await self._tell()

    def _settle(self, job_id: str, status: str, error: str = "") -> None:
        self._status[job_id] = JobStatus(job_id, status, error)
        self._ended.pop(job_id, None)
        self._ended[job_id] = self._clock.now()
        while len(self._ended) > self._remembered:
            self._forget(next(iter(self._ended)))

    def _forget(self, job_id: str) -> None:
        del self._ended[job_id], self._status[job_id]

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

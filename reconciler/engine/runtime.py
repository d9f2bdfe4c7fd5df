"""All of it, running: one task group that starts everything and stops it in order."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

import structlog

from reconciler.engine.controller import Controller
from reconciler.engine.ids import new_id
from reconciler.engine.inforce import InForce, Situation
from reconciler.engine.queue import WorkQueue
from reconciler.engine.remap import Remap
from reconciler.engine.schedules import Tick, asked, overdue, ticks
from reconciler.engine.syncs import Syncs
from reconciler.engine.turns import REMAP, SCHEDULES, SPECS, SpecsTurn, remap_turn
from reconciler.model.sync import Cursor, RunStatus, SyncJob, SyncMode, SyncRun, Trigger
from reconciler.model.verdict import Done, Verdict
from reconciler.ports import Clock, Job, Jobs, SpecSource, Store, SyncRequest

log = structlog.get_logger()


class Ticker(Protocol):
    """A clock that calls back when a tick's time comes."""

    def set(self, ticks: Sequence[Tick]) -> None:
        """Follow *ticks* from now on."""
        ...

    def next_at(self, connection: str, entity: str) -> datetime | None:
        """Return when the next tick that syncs *entity* of *connection* comes."""
        ...

    async def run(self) -> None:
        """Run until cancelled."""
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """What a runtime is made of."""

    source: SpecSource
    specs: SpecsTurn
    store: Store
    in_force: InForce
    syncs: Syncs
    remap: Remap
    jobs: Jobs
    clock: Clock


class Runtime:
    """The long-running reconciler: watches, plans, applies, syncs on schedule and on request."""

    def __init__(self, parts: Parts, ticker: Callable[["Runtime"], Ticker]) -> None:
        self._parts = parts
        self._queue = WorkQueue()
        self._ticker = ticker(self)
        self._asked: dict[str, SyncJob] = {}

    async def run(self, *services: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run until cancelled, *services* (the web server) beside it."""
        controller = Controller(self._queue, self.turn, self._parts.clock)
        await self._parts.jobs.recover()
        await self._queue.add(SPECS)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch(), name="watch")
            group.create_task(controller.run(), name="controller")
            group.create_task(self._parts.jobs.listen({"sync": self._sync}), name="jobs")
            group.create_task(self._ticker.run(), name="timer")
            for service in services:
                group.create_task(service(), name="service")

    async def turn(self, key: str) -> Verdict:
        """Look at one key, and add the keys that follow from it."""
        if key == SPECS:
            verdict = await self._parts.specs()
            await self._queue.add(SCHEDULES)
            await self._queue.add(REMAP)
            return verdict
        if key == SCHEDULES:
            await self._follow_schedules()
            return Done()
        if key == REMAP:
            return await remap_turn(self._parts.remap)
        log.error("key_unknown", key=key)
        return Done()

    async def request(self, request: SyncRequest) -> str:
        """Ask for a sync in the background; return the job's id. The same key is the same job."""
        name = request.key or new_id("job", self._parts.clock.now())
        job = Job(
            id=name,
            name="sync",
            lane=request.connection,
            arguments={
                "connection": request.connection,
                "entities": list(request.entities),
                "mode": str(request.mode),
                "trigger": str(request.trigger),
            },
        )
        status = await self._parts.jobs.enqueue(job)
        if status.status == "queued":
            self._asked[name] = SyncJob(name, request.connection, request.mode, RunStatus.QUEUED)
        return name

    async def job(self, job_id: str) -> SyncJob | None:
        """Return how a sync that was asked for stands; ``None`` if it is not known (any more)."""
        known = self._asked.get(job_id)
        status = await self._parts.jobs.status(job_id)
        if known is None or status is None:
            return None
        return replace(known, status=RunStatus(status.status), error=status.error)

    async def next_run(self, connection: str, entity: str) -> datetime | None:
        """Return when an entity of a connection (its name) is synced next; ``None``: on demand only."""
        return self._ticker.next_at(connection, entity)

    async def due(self, tick: Tick) -> None:
        """Ask for what a schedule asks for, now that its time has come."""
        situation = await self._parts.in_force.look()
        full = await self._last_full(situation, tick.connection)
        request = asked(situation, tick, now=self._parts.clock.now(), runs=full)
        if request is not None:
            # Missed and doubled ticks are one job while the first has not ended.
            await self.request(replace(request, key=f"schedule:{tick.key}"))

    async def _watch(self) -> None:
        async for _ in self._parts.source.changes():
            await self._queue.add(SPECS)

    async def _follow_schedules(self) -> None:
        situation = await self._parts.in_force.look()
        wanted = ticks(situation)
        self._ticker.set(wanted)
        own: dict[str, dict[str, Cursor]] = {}
        for cursor in await self._parts.store.views.cursors():
            own.setdefault(situation.name_of(cursor.connection), {})[cursor.entity] = cursor
        now = self._parts.clock.now()
        for tick in wanted:
            if overdue(tick, own.get(tick.connection, {}), now=now):
                await self.due(tick)

    async def _sync(self, job: Job) -> None:
        def follow(run: SyncRun) -> None:
            self._follow(job.id, run)

        report = await self._parts.syncs.run(_request(job.arguments), follow)
        if report.error is not None:
            raise report.error

    def _follow(self, job_id: str, run: SyncRun) -> None:
        known = self._asked.get(job_id)
        if known is not None and run.id not in known.runs:
            self._asked[job_id] = replace(known, runs=(*known.runs, run.id))
        if run.status is RunStatus.RUNNING:
            return
        log.info(
            "sync_ended",
            entity=run.entity,
            run=run.id,
            status=str(run.status),
            mode=str(run.mode),
            read=run.read,
            created=run.created,
            updated=run.updated,
            deleted=run.deleted,
            error=run.error or None,
        )

    async def _last_full(self, situation: Situation, name: str) -> Mapping[str, SyncRun]:
        connection = situation.connection(name)
        runs = await self._parts.store.views.runs(situation.uid(connection), limit=500)
        last: dict[str, SyncRun] = {}
        for run in runs:
            if run.mode is SyncMode.FULL and run.status is RunStatus.SUCCEEDED:
                last.setdefault(run.entity, run)
        return last


def _request(arguments: Mapping[str, Any]) -> SyncRequest:
    return SyncRequest(
        connection=arguments["connection"],
        entities=tuple(arguments["entities"]),
        mode=SyncMode(arguments["mode"]),
        trigger=Trigger(arguments["trigger"]),
    )

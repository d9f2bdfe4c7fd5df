"""All of it, running: one task group that starts everything and stops it in order."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import structlog

from reconciler.engine import redo
from reconciler.engine.backoff import spread
from reconciler.engine.controller import Controller, Limits
from reconciler.engine.due import Due
from reconciler.engine.ids import new_id
from reconciler.engine.inforce import InForce, Situation
from reconciler.engine.queue import Priority, WorkQueue
from reconciler.engine.remap import Remap
from reconciler.engine.requests import Requests
from reconciler.engine.schedules import Tick, overdue, ticks
from reconciler.engine.syncs import Syncs
from reconciler.engine.turns import REDO, REMAP, SCHEDULES, SPECS, SpecsTurn, remap_turn
from reconciler.engine.watch import Watch
from reconciler.errors import NotFound, ReconcilerError
from reconciler.model.connection import ConnectionStatus
from reconciler.model.sync import Cursor, RunStatus, SyncJob, SyncMode, SyncRun, Trigger
from reconciler.model.verdict import Done, Halt, Verdict
from reconciler.ports import (
    SILENT,
    Clock,
    Job,
    Jobs,
    Look,
    LookEnd,
    Meter,
    Outcome,
    Reporter,
    SpecSource,
    Store,
    SyncRequest,
)

JOBS: Final = "jobs"
REPORT: Final = "report"
REMAP_OF: Final = f"{REMAP}:"
SPECS_EVERY: Final = timedelta(minutes=1)
"""How often the specs are looked at without a notice: a look at files that have not changed is cheap."""
EVERY: Final = timedelta(minutes=10)
A_MOMENT: Final = timedelta(milliseconds=1)
KEPT: Final = timedelta(days=1)
"""How long an ended sync can be asked for."""
PRUNE_AT: Final = 1000
LIMITS: Final = Limits(longer={SPECS: timedelta(minutes=10)})
"""A first apply of very many resources is one transaction: stopped, it would start anew, and for ever."""

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
    reporter: Reporter | None = None
    watch: Watch | None = None
    meter: Meter = SILENT


class Runtime:
    """The long-running reconciler: watches, plans, applies, syncs on schedule and on request.

    What it looks at are keys: ``specs``, ``schedules``, ``remap``, ``redo`` and ``jobs``, and ``remap:NAME`` of a
    connection. Each is looked at when something asks for it, and from time to time in any case.
    """

    def __init__(
        self,
        parts: Parts,
        ticker: Callable[["Runtime"], Ticker],
        *,
        limits: Limits | None = None,
    ) -> None:
        self._parts = parts
        self._queue = WorkQueue(parts.clock)
        self._controller = Controller(
            self._queue, self.turn, limits=limits or LIMITS, meter=parts.meter
        )
        self._ticker = ticker(self)
        self._requests = Requests()
        self._asked: dict[str, SyncJob] = {}
        self._prune_at = PRUNE_AT
        self._followed: int | None = None
        self._scheduled: Situation | None = None
        self._reported: Outcome | None = None
        self._due = Due(
            parts.store.views,
            parts.in_force,
            parts.clock,
            self.request,
            watched=parts.watch is not None,
        )

    async def run(self, *services: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run until cancelled, *services* (the web server) beside it."""
        await self._parts.jobs.recover()
        for key in (SPECS, JOBS):
            self._queue.add(key, Priority.SPEC)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch(), name="watch")
            group.create_task(self._controller.run(), name="controller")
            group.create_task(self._parts.jobs.listen({"sync": self._sync}), name="jobs")
            group.create_task(self._ticker.run(), name="timer")
            if self._parts.watch is not None:
                group.create_task(self._parts.watch.run(), name="health")
            for service in services:
                group.create_task(service(), name="service")

    @property
    def specs(self) -> SpecsTurn:
        """What looks at the specs."""
        return self._parts.specs

    @property
    def stalled(self) -> Mapping[str, str]:
        """The keys that wait for a person or a change, and why."""
        return self._controller.stalled

    @property
    def depths(self) -> Mapping[str, int]:
        """How many keys of each family (``remap:acme`` is of ``remap``) are due and wait for a worker."""
        found = Counter(key.partition(":")[0] for key in self._queue.ready())
        return {family: found[family] for family in (*_TURNS, *(found.keys() - _TURNS.keys()))}

    async def check_looked(self) -> None:
        """Return if the specs were looked at since the start, however they are."""
        if self._parts.specs.look is None:
            raise ReconcilerError("the first look at the specs has not ended yet")

    def look(self, key: str, token: str = "") -> None:
        """Look at *key* now, before anything else; *token* is told as handled when it was done.

        Raises:
            NotFound: if there is no such key.
        """
        if key not in _TURNS and not key.startswith(REMAP_OF):
            msg = f"no key {key!r} is looked at"
            raise NotFound(msg, hint=f"the keys are {', '.join(_TURNS)} and {REMAP_OF}CONNECTION")
        if token:
            self._requests.ask(key, token)
        self._queue.add(key, Priority.PERSON)

    async def look_at_specs(self) -> None:
        """Look at the specs now: somebody has changed something beside them."""
        self.look(SPECS)

    def handled(self, key: str, token: str | None = None) -> str | None:
        """Return the token of *key* that was handled last; of a *token*, it itself once it was handled."""
        if token is None:
            return self._requests.last(key)
        return token if self._requests.handled(key, token) else None

    async def turn(self, key: str) -> Verdict:
        """Look at one key, and add the keys that follow from it."""
        with self._requests.turn(key):
            if key.startswith(REMAP_OF):
                return await self._remap_one(key.removeprefix(REMAP_OF))
            return await _TURNS[key](self)

    async def _specs(self) -> Verdict:
        verdict = await self._look()
        generation = await self._parts.store.views.generation()
        if generation != self._followed:
            self._followed = generation
            for key in (SCHEDULES, REMAP, REDO):
                self._queue.add(key, Priority.DEPENDANT)
        if self._parts.reporter is not None and self._parts.specs.outcome != self._reported:
            self._queue.add(REPORT, Priority.DEPENDANT)
        if isinstance(verdict, (Done, Halt)):
            again = spread(SPECS, SPECS_EVERY)
            return replace(verdict, again=min(again, verdict.again or again))
        return verdict

    async def _look(self) -> Verdict:
        """Take one look at the specs, and count it."""
        clock = self._parts.clock
        began, end = clock.now(), Look(LookEnd.FAILED)
        try:
            verdict = await self._parts.specs()
            end = self._parts.specs.look or end
        finally:
            now = clock.now()
            self._parts.meter.looked(end, now, now - began)
        return verdict

    async def _schedules(self) -> Verdict:
        situation = await self._parts.in_force.look()
        await self._follow_schedules(situation)
        ends, again = situation.exceptions.next_end, spread(SCHEDULES, EVERY)
        if ends is not None:
            again = min(again, ends - self._parts.clock.now())
        return Done(again=max(again, A_MOMENT))

    async def _remap(self) -> Verdict:
        """Find out which connections have something to remap; each has a turn of its own."""
        for name in await self._parts.remap.stale():
            self._queue.add(f"{REMAP_OF}{name}", Priority.DEPENDANT)
        return Done(again=spread(REMAP, EVERY))

    async def _remap_one(self, name: str) -> Verdict:
        if await remap_turn(self._parts.remap, name):
            self._queue.add(f"{REMAP_OF}{name}", Priority.DEPENDANT)
        return Done()

    async def _redo(self) -> Verdict:
        """Ask for what is owed of work that was asked for once more, until nothing is."""
        situation, views = await self._parts.in_force.look(), self._parts.store.views
        if not redo.asked(situation):
            return Done()
        left = redo.owed(situation, redo.by_connection(await views.cursors()))
        states = await views.connection_states() if left.connections else {}
        for request in left.connections:
            state = states.get(situation.uid(situation.connection(request.connection)))
            if state is None or state.status is not ConnectionStatus.NEEDS_REAUTH:
                await self.request(request)
        for tick, entities in left.schedules:
            due = redo.of_schedule(await self._due.request(situation, tick), tick, entities)
            if due is not None:
                await self.request(due)
        return Done(again=spread(REDO, EVERY) if left else None)

    async def _report(self) -> Verdict:
        """Tell where the specs come from how the last look at them ended; what fails is tried again."""
        outcome, reporter = self._parts.specs.outcome, self._parts.reporter
        if outcome is not None and reporter is not None and outcome != self._reported:
            await reporter(outcome)
            self._reported = outcome
            log.info("commit_reported", commit=outcome.commit[:12], well=outcome.well)
        return Done()

    async def _jobs(self) -> Verdict:
        await self._parts.jobs.retain(KEPT)
        await self._prune()
        return Done(again=spread(JOBS, EVERY))

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
            self._asked.pop(name, None)
            self._asked[name] = SyncJob(name, request.connection, request.mode, RunStatus.QUEUED)
            if len(self._asked) >= self._prune_at:
                await self._prune()
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
        await self._due(tick)

    async def recovered(self, name: str, anew: bool) -> None:  # noqa: FBT001  as it is told
        """Ask for the syncs that a connection has missed: it is well again, *anew* with another login."""
        await self._due.recovered(name, anew)

    async def _watch(self) -> None:
        async for _ in self._parts.source.changes():
            self._queue.add(SPECS, Priority.SPEC)

    async def _prune(self) -> None:
        """Forget wishes whose jobs nobody remembers."""
        for name in list(self._asked):
            if await self._parts.jobs.status(name) is None:
                self._asked.pop(name, None)
        self._prune_at = max(PRUNE_AT, 2 * len(self._asked))

    async def _follow_schedules(self, situation: Situation) -> None:
        """Tell the clock what there is now; an override that has ended is as good as a change."""
        if situation is self._scheduled:
            return
        if self._scheduled is not None:
            self._queue.add(REMAP, Priority.DEPENDANT)
            self._queue.add(REDO, Priority.DEPENDANT)
        wanted = ticks(situation)
        self._ticker.set(wanted)
        self._due.follow(wanted)
        if self._parts.watch is not None:
            await self._parts.watch.follow(situation)
        own: dict[str, dict[str, Cursor]] = {}
        for cursor in await self._parts.store.views.cursors():
            own.setdefault(situation.name_of(cursor.connection), {})[cursor.entity] = cursor
        now = self._parts.clock.now()
        for tick in wanted:
            if overdue(tick, own.get(tick.connection, {}), now=now):
                await self.due(tick)
        self._scheduled = situation

    async def _sync(self, job: Job) -> None:
        def follow(run: SyncRun) -> None:
            self._follow(job.id, run)

        request = _request(job.arguments)
        before = await self._parts.store.views.generation()
        report = await self._parts.syncs.run(request, follow)
        if await self._parts.store.views.generation() != before:
            # What it has stored after the change, it has mapped as before.
            self._queue.add(f"{REMAP_OF}{request.connection}", Priority.DEPENDANT)
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


def _request(arguments: Mapping[str, Any]) -> SyncRequest:
    return SyncRequest(
        connection=arguments["connection"],
        entities=tuple(arguments["entities"]),
        mode=SyncMode(arguments["mode"]),
        trigger=Trigger(arguments["trigger"]),
    )


_TURNS: Final[Mapping[str, Callable[[Runtime], Awaitable[Verdict]]]] = {
    SPECS: Runtime._specs,  # noqa: SLF001  the table of its turns
    SCHEDULES: Runtime._schedules,  # noqa: SLF001
    REMAP: Runtime._remap,  # noqa: SLF001
    REDO: Runtime._redo,  # noqa: SLF001
    JOBS: Runtime._jobs,  # noqa: SLF001
    REPORT: Runtime._report,  # noqa: SLF001
}

"""The turns of the controller: specs brought into force, and what follows from that."""

import asyncio
from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from reconciler.engine.apply import apply
from reconciler.engine.conditions import (
    SOURCE,
    Moment,
    Said,
    differ,
    keep,
    of_plan,
    said_now,
    source_status,
)
from reconciler.engine.effect import with_data
from reconciler.engine.expiring import end_edits
from reconciler.engine.healing import MEMORY, Healing, healing
from reconciler.engine.ids import new_id
from reconciler.engine.inforce import InForce, Situation
from reconciler.engine.reading import Reading, SpecReader
from reconciler.engine.reconcile import SpecsRead, consider
from reconciler.engine.remap import Remap
from reconciler.errors import Invalid, SpecInvalid
from reconciler.model.change import Advisory, Plan, State
from reconciler.model.condition import Condition, Reason, Status, Truth
from reconciler.model.data_effect import DataEffect
from reconciler.model.event import Event, EventType
from reconciler.model.problem import Problem
from reconciler.model.verdict import Done, Verdict
from reconciler.plan.brake import braked
from reconciler.policy.freeze import WINDOW, only_waits, opens_at
from reconciler.ports import Clock, Look, LookEnd, Outcome, Snapshot, SpecSource, Store

log = structlog.get_logger()

SPECS: Final = "specs"
REMAP: Final = "remap"
REDO: Final = "redo"
SCHEDULES: Final = "schedules"
ACTOR: Final = "reconciler"
EFFECTS_WITHIN: Final = 5.0
"""Seconds that an apply waits for sentences about stored records; ``plan`` tells them however long it takes."""
WEIGHED_FOR: Final = timedelta(hours=1)
"""How long it is taken for known what a plan that is held does to stored records."""
PAGES: Final = 100
"""How many pages of an entity one turn remaps; the rest has its turn after others."""


class SpecsTurn:
    """Reads the specs and brings them into force; invalid ones leave the old state in force.

    Everything that is said of it - events, conditions - is said when it changes, not at each look.
    ``look`` is what the last look came to, if it came to something.
    """

    def __init__(
        self, source: SpecSource, reading: Reading, store: Store, in_force: InForce, clock: Clock
    ) -> None:
        self._source = source
        self._reading = reading
        self._store = store
        self._in_force = in_force
        self._clock = clock
        self._reader = SpecReader(reading)
        self._said: Said | None = None
        self._warned: frozenset[Advisory] = frozenset()
        self._source_said = ""
        self._revision = ""
        self._since = EARLIEST
        self._weighed: tuple[str, datetime, tuple[DataEffect, ...]] | None = None
        self.outcome: Outcome | None = None
        self.look: Look | None = None

    @property
    def snapshot(self) -> Snapshot | None:
        """The specs that were read well last; ``None``: none yet."""
        return self._reader.snapshot

    @property
    def environment(self) -> str | None:
        """The environment of the specs that is in force."""
        return self._reading.wish.environment

    @property
    def cache(self) -> MutableMapping[bytes, bytes] | None:
        """What is kept of the specs from one look to the next."""
        return self._reading.cache

    async def __call__(self) -> Verdict:
        """Take one look at the specs."""
        try:
            snapshot = await self._source.read()
        except Invalid as error:
            return await self._unreadable(error)
        try:
            read = await self._reader.read(snapshot)
        except SpecInvalid as error:
            await self._invalid(error.problems)
            self._conclude(snapshot, problems=error.problems)
            self.look = Look(LookEnd.INVALID)
            return Done()
        if snapshot.rewound and snapshot.revision != self._revision:
            log.warning("source_rewound", revision=snapshot.revision)
        if snapshot.waiting:
            stays = f"stays at {snapshot.revision}; {snapshot.waiting} waits"
            await self._tell_source(Reason.PINNED, stays)
        else:
            await self._tell_source(Reason.SOURCE_READ, "")
        if snapshot.revision != self._revision:
            self._revision, self._since = snapshot.revision, self._clock.now()
        return await self._bring(read, snapshot)

    async def _bring(self, read: SpecsRead, snapshot: Snapshot) -> Verdict:
        situation = await self._in_force.look()
        now = self._clock.now()
        cure = await self._cure(situation.state, now)
        wish = replace(self._reading.wish, heal=cure.now, now=now)
        plan = await asyncio.to_thread(
            consider, read.loaded, snapshot, situation.state, wish, read.ruling
        )
        plan = await self._brake(plan, situation, now)
        if plan.doable or plan.settled:
            effects = plan.data or await self._effects(plan, situation)
            generation = await apply(plan, self._store, self._clock, actor=ACTOR)
            log.info(
                "plan_applied",
                revision=plan.revision,
                generation=generation,
                changes=[f"{change.action} {change.key}" for change in plan.doable[:20]],
                effects=[effect.sentence() for effect in effects[:20]],
            )
            situation = await self._in_force.look()
        if await self._end_edits():
            situation = await self._in_force.look()
        await self._tell_objects(plan, situation.state, cure)
        self._conclude(snapshot, plan=plan)
        end = LookEnd.APPLIED if plan.doable or plan.settled else LookEnd.UNCHANGED
        self.look = Look(end, plan.doable, len(plan.changes) - len(plan.doable))
        return Done(again=_sooner(cure.again, opens_at(plan, now), now))

    async def _end_edits(self) -> bool:
        """End the edits of mappings that are over; return whether there were any."""
        ended = await end_edits(self._store, self._in_force, self._clock)
        for one in ended:
            key = str(one.override.key)
            log.info("mapping_edit_over", key=key, resolution=one.resolution.value)
        return bool(ended)

    async def _unreadable(self, error: Invalid) -> Verdict:
        if await self._tell_source(Reason.SOURCE_UNREADABLE, error.message):
            log.error("source_unreadable", why=error.message, hint=error.hint)
        self.look = Look(LookEnd.UNREADABLE)
        return Done()

    def _conclude(
        self, snapshot: Snapshot, *, plan: Plan | None = None, problems: Sequence[Problem] = ()
    ) -> None:
        """Keep how this look ended, for whoever tells the forge."""
        if snapshot.commit is None:
            return
        wrong = ""
        waits = plan is not None and only_waits(plan)
        if problems:
            wrong = f"{len(problems)} problems; the first: {problems[0].message}"
        elif plan is not None and plan.blocks:
            held = "wait" if waits else "held"
            wrong = f"{len(plan.held)} {held}: {plan.blocks[0].reason}"
        commit, said = snapshot.commit, wrong or "applied"
        self.outcome = Outcome(commit.sha, snapshot.revision, not wrong, said, waits)

    async def _cure(self, state: State, now: datetime) -> Healing:
        if not state.applied:
            return Healing()
        healed = await self._store.views.healings(now - MEMORY)
        return healing(state, healed, now, since=self._since)

    async def _tell_objects(self, plan: Plan, state: State, cure: Healing) -> None:
        """Say of each object that is held or has drifted that it is, and no more of the others."""
        before = self._said
        if before is None:
            before = await said_now(self._store.views)
        moment = Moment(self._clock.now(), state.generation)
        after = of_plan(plan, state, cure.flapping, moment)
        if differ(before, after):
            async with self._store.begin() as unit:
                new = await keep(unit.conditions, before, after)
                told = [*_held(plan, new, moment), *_recovered(before, after, plan, moment)]
                await unit.outbox.emit(told)
                await unit.commit()
            for block in plan.blocks:
                tell, event = (
                    (log.info, "plan_waits")
                    if block.code == WINDOW
                    else (log.error, "plan_blocked")
                )
                tell(event, key=str(block.key), why=block.reason, remedy=block.remedy)
        self._said = after
        self._warn(plan)

    def _warn(self, plan: Plan) -> None:
        """Log what the policy warns of, when it is news."""
        for one in plan.advisories:
            if one not in self._warned:
                log.warning("policy_warns", key=str(one.key), why=one.reason, remedy=one.remedy)
        self._warned = frozenset(plan.advisories)

    async def _brake(self, plan: Plan, situation: Situation, now: datetime) -> Plan:
        """Return *plan* with what it does to too many stored records held, if there is a limit to that.

        Of a plan that is held, the records are not looked at anew at each look.
        """
        cap = self._reading.wish.max_changed
        if cap is None or not plan.doable:
            return plan
        known = self._weighed
        if known is None or known[0] != plan.id or now - known[1] >= WEIGHED_FOR:
            views, sample = self._store.views, self._reading.wish.sample
            looked = await with_data(plan, situation, views, limit=sample, now=now)
            known = self._weighed = (plan.id, now, looked.data)
        return braked(replace(plan, data=known[2]), cap, situation.state.resources)

    async def _effects(self, plan: Plan, situation: Situation) -> Sequence[DataEffect]:
        """Return what the log says of stored records: nothing, where it would take long to find out."""
        try:
            async with asyncio.timeout(EFFECTS_WITHIN):
                made = replace(plan, changes=plan.doable)
                return (await with_data(made, situation, self._store.views)).data
        except TimeoutError:
            return ()

    async def _invalid(self, problems: Sequence[Problem]) -> None:
        first = problems[0]
        message = f"{len(problems)} problems; the first: {first.origin}: {first.message}"
        if not await self._tell_source(Reason.INVALID_SPEC, message):
            return
        for problem in problems:
            log.error(
                "spec_invalid",
                at=str(problem.origin),
                code=problem.code,
                why=problem.message,
                hint=problem.hint,
            )

    async def _tell_source(self, reason: Reason, message: str) -> bool:
        """Say how the source is, if that is news; return whether it is."""
        said = f"{reason}: {message}"
        if said == self._source_said:
            return False
        known = (await self._store.views.conditions(SOURCE)).get(SOURCE, ())
        self._source_said = said
        told = [(one.reason, one.message) for one in known]
        if (reason.value, message) in told or (not told and reason is Reason.SOURCE_READ):
            return False
        moment = Moment(self._clock.now(), await self._store.views.generation())
        status = source_status(reason, message, moment)
        event = _source_event(status, moment.at)
        async with self._store.begin() as unit:
            await unit.conditions.put(SOURCE, status)
            await unit.outbox.emit([event])
            await unit.commit()
        log.info("source_told", condition=str(event.type), why=message or None)
        return True


EARLIEST: Final = datetime.min.replace(tzinfo=UTC)


def _source_event(status: Status, at: datetime) -> Event:
    kind = EventType.SOURCE_RECOVERED
    data: dict[str, object] = {}
    if status.truth is Truth.FALSE:
        kind = EventType.SOURCE_INVALID
        data = {"reason": status.reason, "first": status.message}
    return Event(new_id("evt", at), kind, SOURCE, at, data)


def _held(plan: Plan, new: Sequence[tuple[str, Status]], moment: Moment) -> Iterator[Event]:
    """Yield the event that some of the plan is held, if that is news and a person has to decide."""
    if only_waits(plan) or not any(status.condition is Condition.SYNCED for _, status in new):
        return
    blocks = [
        {"address": str(one.key), "code": one.code, "reason": one.reason, "remedy": one.remedy}
        for one in plan.blocks
    ]
    data = {"revision": plan.revision, "blocks": blocks[:20], "held": len(plan.held)}
    yield Event(new_id("evt", moment.at), EventType.PLAN_FAILED, "Plan", moment.at, data)


def _recovered(before: Said, after: Said, plan: Plan, moment: Moment) -> Iterator[Event]:
    """Yield the event that nothing waits for a person any more, if something did."""
    if _stalls(before) and not _stalls(after):
        data = {"revision": plan.revision}
        yield Event(new_id("evt", moment.at), EventType.PLAN_RECOVERED, "Plan", moment.at, data)


def _stalls(said: Said) -> bool:
    return any(condition is Condition.STALLED for _, condition in said)


def _sooner(again: timedelta | None, opens: datetime | None, now: datetime) -> timedelta | None:
    """Return when to look again: when a window ends, unless that is too late for something else."""
    if opens is None:
        return again
    return opens - now if again is None else min(again, opens - now)


async def remap_turn(remap: Remap, name: str) -> bool:
    """Bring stored records of a connection to the mapping in force; return whether some may be left."""
    runs = await remap.connection(name, pages=PAGES)
    for run in runs:
        log.info(
            "records_remapped",
            connection=name,
            entity=run.entity,
            read=run.read,
            changed=run.updated,
            invalid=run.invalid,
        )
    return any(run.pages >= PAGES for run in runs)

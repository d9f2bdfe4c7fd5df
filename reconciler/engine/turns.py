"""The turns of the controller: specs brought into force, and what follows from that."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

import structlog

from reconciler.engine.apply import apply
from reconciler.engine.effect import DataEffect, data_effects
from reconciler.engine.ids import new_id
from reconciler.engine.inforce import InForce, Situation
from reconciler.engine.reading import Reading, SpecReader
from reconciler.engine.reconcile import consider
from reconciler.engine.remap import Remap
from reconciler.errors import Invalid, SpecInvalid
from reconciler.model.change import Plan
from reconciler.model.event import Event, EventType
from reconciler.model.problem import Problem
from reconciler.model.value import digest_of
from reconciler.model.verdict import Done, Halt, Verdict
from reconciler.ports import Clock, SpecSource, Store

log = structlog.get_logger()

SPECS: Final = "specs"
REMAP: Final = "remap"
SCHEDULES: Final = "schedules"
ACTOR: Final = "reconciler"
EFFECTS_WITHIN: Final = 5.0
"""Seconds that an apply waits for sentences about stored records; ``plan`` tells them however long it takes."""
PAGES: Final = 200
"""How many pages of an entity one turn remaps; the rest has its turn after others."""


class SpecsTurn:
    """Reads the specs and brings them into force; invalid ones leave the old state in force."""

    def __init__(
        self, source: SpecSource, reading: Reading, store: Store, in_force: InForce, clock: Clock
    ) -> None:
        self._source = source
        self._reading = reading
        self._store = store
        self._in_force = in_force
        self._clock = clock
        self._reader = SpecReader(reading)
        self._broken = ""
        self._told = ""

    async def __call__(self) -> Verdict:
        """Take one look at the specs."""
        try:
            snapshot = await self._source.read()
            loaded = await self._reader.read(snapshot)
        except SpecInvalid as error:
            await self._invalid(error.problems)
            return Done()
        except Invalid as error:
            if self._is_news(error.message):
                log.error("source_unreadable", why=error.message, hint=error.hint)  # noqa: TRY400  a person's slip
            return Done()
        await self._recovered()
        situation = await self._in_force.look()
        plan = await asyncio.to_thread(
            consider, loaded, snapshot, situation.state, self._reading.wish
        )
        if plan.blocks:
            if self._is_news(plan.id, *(block.reason for block in plan.blocks)):
                for block in plan.blocks:
                    log.error(
                        "plan_blocked", key=str(block.key), why=block.reason, remedy=block.remedy
                    )
            return Halt("the plan is blocked; see the log")
        if not plan.empty:
            effects = await self._effects(plan, situation)
            generation = await apply(plan, self._store, self._clock, actor=ACTOR)
            log.info(
                "plan_applied",
                revision=plan.revision,
                generation=generation,
                changes=[f"{change.action} {change.key}" for change in plan.changes[:20]],
                effects=[effect.sentence() for effect in effects[:20]],
            )
        self._is_news()
        return Done()

    def _is_news(self, *told: str) -> bool:
        """Return whether this is not what was told last: the same is said once, not at each look."""
        before, self._told = self._told, digest_of(told)
        return self._told != before

    async def _effects(self, plan: Plan, situation: Situation) -> list[DataEffect]:
        """Return what the log says of stored records: nothing, where it would take long to find out."""
        try:
            async with asyncio.timeout(EFFECTS_WITHIN):
                return await data_effects(plan, situation, self._store.views)
        except TimeoutError:
            return []

    async def _invalid(self, problems: Sequence[Problem]) -> None:
        mark = digest_of([[str(problem.origin), problem.message] for problem in problems])
        if mark == self._broken:
            return
        self._broken = mark
        for problem in problems:
            log.error(
                "spec_invalid",
                at=str(problem.origin),
                code=problem.code,
                why=problem.message,
                hint=problem.hint,
            )
        first = problems[0]
        await self._tell(
            EventType.SOURCE_INVALID,
            {"problems": len(problems), "first": f"{first.origin}: {first.message}"},
        )

    async def _recovered(self) -> None:
        if self._broken:
            self._broken = ""
            log.info("spec_recovered")
            await self._tell(EventType.SOURCE_RECOVERED, {})

    async def _tell(self, kind: EventType, data: Mapping[str, object]) -> None:
        now = self._clock.now()
        async with self._store.begin() as unit:
            event = Event(new_id("evt", now), kind, "Source", now, data)
            await unit.outbox.emit([event])
            await unit.commit()


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

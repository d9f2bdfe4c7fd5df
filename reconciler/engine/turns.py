"""The turns of the controller: specs brought into force, and what follows from that."""

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from reconciler.engine.apply import apply
from reconciler.engine.effect import data_effects
from reconciler.engine.ids import new_id
from reconciler.engine.inforce import InForce
from reconciler.engine.reconcile import Wish, consider, read_specs
from reconciler.engine.remap import Remap
from reconciler.errors import Invalid, SpecInvalid
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


@dataclass(frozen=True, slots=True)
class Reading:
    """How specs are read: the wish, the built-in connectors, and the cache of parsed files."""

    wish: Wish
    catalogue: Mapping[str, bytes]
    cache: MutableMapping[bytes, bytes] | None = None
    saved: Callable[[], None] = lambda: None


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
        self._broken = ""

    async def __call__(self) -> Verdict:
        """Take one look at the specs."""
        try:
            snapshot = await self._source.read()
            loaded = read_specs(
                snapshot,
                self._reading.wish,
                catalogue=self._reading.catalogue,
                cache=self._reading.cache,
            )
        except SpecInvalid as error:
            await self._invalid(error.problems)
            return Done()
        except Invalid as error:
            log.error("source_unreadable", why=error.message, hint=error.hint)  # noqa: TRY400  a person's slip
            return Done()
        self._reading.saved()
        await self._recovered()
        situation = await self._in_force.look()
        plan = consider(loaded, snapshot, situation.state, self._reading.wish)
        if plan.blocks:
            for block in plan.blocks:
                log.error("plan_blocked", key=str(block.key), why=block.reason, remedy=block.remedy)
            return Halt("the plan is blocked; see the log")
        if not plan.empty:
            effects = await data_effects(plan, situation, self._store.views)
            generation = await apply(plan, self._store, self._clock, actor=ACTOR)
            log.info(
                "plan_applied",
                revision=plan.revision,
                generation=generation,
                changes=[f"{change.action} {change.key}" for change in plan.changes[:20]],
                effects=[effect.sentence() for effect in effects[:20]],
            )
        return Done()

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


async def remap_turn(remap: Remap) -> Verdict:
    """Bring stored records to the mapping in force."""
    for run in await remap.all():
        log.info(
            "records_remapped",
            entity=run.entity,
            read=run.read,
            changed=run.updated,
            invalid=run.invalid,
        )
    return Done()

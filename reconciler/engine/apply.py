"""A plan, made true in one transaction: resources, generation, ledger, audit and events, or nothing."""

from collections.abc import Iterator
from datetime import datetime

from reconciler.engine.drifting import note_applied, note_settled, open_drifts
from reconciler.engine.ids import new_id
from reconciler.errors import PlanBlocked
from reconciler.model.audit import AuditEntry
from reconciler.model.change import Action, Change, Plan
from reconciler.model.event import Event, EventType
from reconciler.plan.drift import Sighting
from reconciler.policy.freeze import WINDOW
from reconciler.ports import Clock, Store, UnitOfWork


async def apply(plan: Plan, store: Store, clock: Clock, *, actor: str, ignored: str = "") -> int:
    """Apply what nothing blocks of *plan* and return the generation now in force.

    An empty plan changes nothing; one that settles drift only ends that in the ledger. *ignored* is why
    *actor* does it in spite of a deny window, for the audit log.

    Raises:
        PlanBlocked: if guards leave nothing to do.
        PlanStale: if the state has moved on since the plan was made.
    """
    if plan.blocks and not plan.applyable and not plan.settled:
        reasons = "; ".join(f"{block.key}: {block.reason}" for block in plan.blocks)
        raise PlanBlocked(reasons, hint=plan.blocks[0].remedy)
    if plan.empty and not plan.settled:
        return plan.base
    seen = Sighting(actor, clock.now())
    async with store.begin() as unit:
        known = await open_drifts(unit.ledger)
        generation = await unit.objects.advance_generation(
            plan.base, revision=plan.revision, at=seen.at
        )
        for change in plan.doable:
            await unit.objects.put(change, actor=actor, at=seen.at)
        for resource in plan.settled:
            await unit.objects.settle(resource, actor=actor, at=seen.at)
        ended = [
            *await note_applied(unit.ledger, known, plan.doable, seen),
            *await note_settled(unit.ledger, known, plan.settled, seen),
        ]
        await unit.outbox.emit([*_told(plan, generation, seen.at, actor), *ended])
        await _audit(unit, plan, generation, seen, ignored)
        await unit.commit()
    return generation


_EVENTS = {
    Action.CREATE: EventType.RESOURCE_CREATED,
    Action.DELETE: EventType.RESOURCE_DELETED,
    Action.FORGET: EventType.RESOURCE_DELETED,
}


def change_event(change: Change, now: datetime, actor: str, *, trace: str = "") -> Event:
    """Return the event that *actor* has made *change* true."""
    return Event(
        id=new_id("evt", now),
        type=_EVENTS.get(change.action, EventType.RESOURCE_UPDATED),
        subject=str(change.key),
        occurred_at=now,
        data={"action": change.action.word, "fields": _paths(change), "actor": actor},
        trace=trace,
    )


def _told(plan: Plan, generation: int, now: datetime, actor: str) -> Iterator[Event]:
    for change in plan.doable:
        yield change_event(change, now, actor, trace=plan.id)
    if plan.doable:
        yield Event(
            id=new_id("evt", now),
            type=EventType.PLAN_APPLIED,
            subject="Plan",
            occurred_at=now,
            data={
                "generation": generation,
                "revision": plan.revision,
                "changes": len(plan.doable),
                "held": len(plan.changes) - len(plan.doable),
                "actor": actor,
            },
            trace=plan.id,
        )


async def _audit(
    unit: UnitOfWork, plan: Plan, generation: int, seen: Sighting, ignored: str
) -> None:
    """Keep who has applied what: each object with the digests of before and after."""
    data: dict[str, object] = {
        "plan": plan.id,
        "revision": plan.revision,
        "generation": generation,
        "changes": [_deed(change) for change in plan.doable],
        "settled": [str(resource.key) for resource in plan.settled],
    }
    if ignored:
        windows = [one.reason for one in plan.advisories if one.code == WINDOW]
        data["windows_ignored"] = {"reason": ignored, "windows": windows}
    await unit.audit.record(AuditEntry(seen.at, seen.actor, "plan.applied", "Plan", data))


def _deed(change: Change) -> dict[str, str | None]:
    before, after = getattr(change, "before", None), getattr(change, "after", None)
    return {
        "address": str(change.key),
        "action": change.action.word,
        "before": before.digest if before else None,
        "after": after.digest if after else None,
    }


def _paths(change: Change) -> list[str]:
    fields = getattr(change, "fields", ())
    return [".".join(field.path) for field in fields]

"""A plan, made true in one transaction: resources, generation and events together, or nothing."""

from collections.abc import Iterator
from datetime import datetime

from reconciler.engine.ids import new_id
from reconciler.errors import PlanBlocked
from reconciler.model.change import Action, Change, Plan
from reconciler.model.event import Event, EventType
from reconciler.ports import Clock, Store


async def apply(plan: Plan, store: Store, clock: Clock, *, actor: str) -> int:
    """Apply *plan* and return the generation now in force; an empty plan changes nothing.

    Raises:
        PlanBlocked: if a guard asks for a person.
        PlanStale: if the state has moved on since the plan was made.
    """
    if plan.blocks:
        reasons = "; ".join(f"{block.key}: {block.reason}" for block in plan.blocks)
        raise PlanBlocked(reasons, hint=plan.blocks[0].remedy)
    if plan.empty:
        return plan.base
    now = clock.now()
    async with store.begin() as unit:
        generation = await unit.objects.advance_generation(
            plan.base, revision=plan.revision, at=now
        )
        for change in plan.changes:
            await unit.objects.put(change, actor=actor, at=now)
        await unit.outbox.emit(list(_told(plan, generation, now, actor)))
        await unit.commit()
    return generation


_EVENTS = {
    Action.CREATE: EventType.RESOURCE_CREATED,
    Action.DELETE: EventType.RESOURCE_DELETED,
    Action.FORGET: EventType.RESOURCE_DELETED,
}


def _told(plan: Plan, generation: int, now: datetime, actor: str) -> Iterator[Event]:
    for change in plan.changes:
        yield Event(
            id=new_id("evt", now),
            type=_EVENTS.get(change.action, EventType.RESOURCE_UPDATED),
            subject=str(change.key),
            occurred_at=now,
            data={"action": change.action.word, "fields": _paths(change), "actor": actor},
            trace=plan.id,
        )
    yield Event(
        id=new_id("evt", now),
        type=EventType.PLAN_APPLIED,
        subject="Plan",
        occurred_at=now,
        data={
            "generation": generation,
            "revision": plan.revision,
            "changes": len(plan.changes),
            "actor": actor,
        },
        trace=plan.id,
    )


def _paths(change: Change) -> list[str]:
    fields = getattr(change, "fields", ())
    return [".".join(field.path) for field in fields]

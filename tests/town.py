"""A store with routes in force, where things happen and are told."""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from reconciler.engine.apply import apply
from reconciler.engine.dispatch import Post
from reconciler.engine.inforce import InForce
from reconciler.model.event import Delivery, Event, EventType
from reconciler.model.resource import Kind, Resource, ResourceKey, make_resource
from reconciler.plan.planner import make_plan
from reconciler.ports import Store
from tests.fakes import RecordingSender, TurnedClock


def route(name: str = "ops", **spec: Any) -> Resource:
    """Return a route that sends webhooks, of all events unless *spec* says otherwise."""
    to = {"webhook": {"url": "https://hooks.example.com/in", "secret": {"env": "HOOK"}}}
    return make_resource(ResourceKey(Kind.ALERT_ROUTE, name), {"spec": {"to": to, **spec}})


def thing(kind: Kind, name: str, *, labels: dict[str, str] | None = None, **spec: Any) -> Resource:
    """Return any other resource."""
    return make_resource(
        ResourceKey(kind, name), {"metadata": {"labels": labels or {}}, "spec": spec}
    )


@dataclass
class Town:
    """All that a test of what is told turns and looks at."""

    store: Store
    clock: TurnedClock = field(default_factory=TurnedClock)

    def __post_init__(self) -> None:
        self._numbers = itertools.count(1)
        self.in_force = InForce(self.store.views, {})
        self.sender = RecordingSender(self.clock)
        self.post = Post(self.store, self.in_force, self.sender, self.clock)

    async def declare(self, *resources: Resource) -> None:
        """Bring *resources*, and nothing else, into force; nothing of that is to be told."""
        state = await self.store.views.state()
        plan = make_plan(resources, state, revision="test", prune=True)
        await apply(plan, self.store, self.clock, actor="test")
        async with self.store.begin() as unit:
            while await unit.outbox.take(limit=1000):
                pass
            await unit.commit()

    async def happen(
        self,
        subject: str = "Connection/acme",
        kind: EventType = EventType.SYNC_FAILED,
        *,
        age: timedelta = timedelta(0),
        more: Mapping[str, Any] | None = None,
        **data: Any,
    ) -> str:
        """Keep an event with *data*, and *more* of it; return its id."""
        name = f"evt-{next(self._numbers):06}"
        told = {**(more or {}), **data} or {"code": "SOURCE_FAULT"}
        event = Event(name, kind, subject, self.clock.now() - age, told)
        async with self.store.begin() as unit:
            await unit.outbox.emit([event])
            await unit.commit()
        return name

    async def happen_at_once(self, subjects: Iterable[str], kind: EventType, **data: Any) -> None:
        """Keep an event of one kind about each of *subjects*, in one transaction."""
        now = self.clock.now()
        events = [
            Event(f"evt-{next(self._numbers):06}", kind, subject, now, data) for subject in subjects
        ]
        async with self.store.begin() as unit:
            await unit.outbox.emit(events)
            await unit.commit()

    async def uid(self, name: str = "ops") -> str:
        """Return the identity of a route in force."""
        state = await self.store.views.state()
        return state.uids[ResourceKey(Kind.ALERT_ROUTE, name)]

    async def delivery(self, delivery_id: str) -> Delivery:
        """Return a delivery as it is kept."""
        found = await self.store.views.delivery(delivery_id)
        assert found is not None
        return found

"""A sender whose secrets are looked up before it is its turn."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from reconciler.model.event import Attempt, Delivery, Event
from reconciler.model.resource import Resource
from reconciler.ports import Sender


@dataclass(frozen=True, slots=True)
class Prepared:
    """``ports.Sender``: what programs and servers have to tell of a route's secrets is fetched first.

    *complete* puts into an event what is a secret while it is kept: the address of a connect link.
    """

    sender: Sender
    fetch: Callable[[Any], Awaitable[None]]
    complete: Callable[[Event], Awaitable[Event]]

    async def send(self, delivery: Delivery, event: Event, route: Resource) -> Attempt:
        """Send to where *route* says, and return what came of it."""
        await self.fetch(route.spec.get("to"))
        told = delivery.notification
        if told is not None:
            alerts = [replace(one, event=await self.complete(one.event)) for one in told.alerts]
            delivery = replace(delivery, notification=replace(told, alerts=tuple(alerts)))
        return await self.sender.send(delivery, await self.complete(event), route)

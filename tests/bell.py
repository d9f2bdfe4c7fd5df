"""Alerts as they are told: routing and alerting taken turn by turn, with the time between turned by hand."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from reconciler.engine.alerting import Alerting
from reconciler.engine.routing import Routing
from reconciler.model.alert import Alert
from reconciler.model.event import Delivery
from reconciler.model.notification import Notification
from reconciler.model.sought import DeliveryQuery
from tests.town import Town

FAR = timedelta(days=400)


@dataclass
class Bell:
    """A town whose alerts are told when their time comes, and never sent."""

    town: Town
    looks: int = field(default=0)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Start anew, as after a crash: nothing is known but what is kept."""
        town = self.town
        self._routing = Routing(town.store, town.in_force, town.clock)
        self._alerting = Alerting(town.store, town.in_force, town.clock)

    async def look(self) -> datetime | None:
        """Take in what has happened, and tell what is due; return when the next is."""
        self.looks += 1
        while await self._routing.turn():
            pass
        return await self._alerting.turn()

    async def wait(self, by: timedelta = timedelta(0)) -> None:
        """Let *by* pass, looking whenever something is due."""
        end = self.town.clock.now() + by
        while (at := await self.look()) is not None and at <= end:
            await self.town.clock.turn(max(at - self.town.clock.now(), timedelta(0)))
        await self.town.clock.turn(end - self.town.clock.now())
        await self.look()

    async def deliveries(self, name: str = "ops") -> list[Delivery]:
        """Return what a route is to be sent, the oldest first."""
        wanted = DeliveryQuery(route=await self.town.uid(name), limit=500)
        found = await self.town.store.views.deliveries(wanted)
        return sorted(found, key=lambda one: (one.made_at or one.due_at, one.event_id))

    async def told(self, name: str = "ops") -> list[Notification]:
        """Return what a route was told, the oldest first."""
        return [one.notification for one in await self.deliveries(name) if one.notification]

    async def said(self, name: str = "ops") -> list[tuple[str, str, int, int]]:
        """Return of each notification its kind, status, and how many fire and are resolved."""
        return [
            (one.kind.value, one.status.value, one.firing, one.resolved)
            for one in await self.told(name)
        ]

    async def alert(self) -> Alert:
        """Return the newest alert."""
        (found,) = await self.town.store.views.alerts(ended=True, limit=1)
        return found

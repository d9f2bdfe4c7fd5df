"""How the receivers of routes are: which rest, which are disabled, and how they are enabled again."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import structlog

from reconciler.engine.granting import By
from reconciler.engine.ids import new_id
from reconciler.engine.routing import Route
from reconciler.model.audit import AuditEntry
from reconciler.model.endpoint import FAILS_FOR, Endpoint
from reconciler.model.event import Attempt, Event, EventType
from reconciler.model.resource import Resource
from reconciler.ports import Store, UnitOfWork

log = structlog.get_logger()

DISABLED: Final = "the route was disabled: {why}"
_WHY: Final = {
    "gone": "its receiver answered 410 Gone",
    "failing": f"its receiver has not taken anything for {FAILS_FOR.days} days",
}


class Receivers:
    """What is known of receivers in this process, and kept for others."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, Endpoint] = {}

    async def look(self, routes: Mapping[str, Route], now: datetime) -> Mapping[str, Endpoint]:
        """Return how receivers are that are not well; a route that is another than it was is tried anew."""
        self._known = dict(await self._store.views.endpoints())
        for uid, endpoint in list(self._known.items()):
            route = routes.get(uid)
            if route is not None and endpoint.disabled and endpoint.basis != route.resource.digest:
                async with self._store.begin() as unit:
                    await enable(unit, uid, route.resource, By("reconciler", now), why="changed")
                    await unit.commit()
                del self._known[uid]
        return self._known

    def of(self, uid: str) -> Endpoint:
        """Return how the receiver of a route is, as far as it is known."""
        return self._known.get(uid) or Endpoint(uid)

    async def note(self, unit: UnitOfWork, route: Route, attempt: Attempt) -> Endpoint:
        """Keep what *attempt* says of the receiver of *route*; return how it is then.

        One that is disabled then has nothing on its way any more, and others are told.
        """
        before = self.of(route.uid)
        if before.disabled:
            return before
        after = before.after(attempt, route.resource.digest)
        if after != before:
            await unit.endpoints.put(after)
        if after.disabled:
            await self._disable(unit, route, after, attempt)
        return after

    def keep(self, endpoint: Endpoint) -> None:
        """Know how a receiver is, now that it is kept."""
        self._known[endpoint.route] = endpoint

    async def _disable(
        self, unit: UnitOfWork, route: Route, endpoint: Endpoint, attempt: Attempt
    ) -> None:
        now = endpoint.disabled_at or attempt.at
        reason = DISABLED.format(why=_WHY[endpoint.reason])
        dead = await unit.outbox.give_up(route.uid, reason=reason, at=now)
        since = endpoint.failing_since or now
        data = {
            "route": route.resource.key.name,
            "reason": endpoint.reason,
            "message": reason,
            "since": _told(since),
            "failures": endpoint.failures,
            "status": attempt.status,
            "dead": dead,
        }
        kind = EventType.ROUTE_DISABLED
        event = Event(new_id("evt", now), kind, str(route.resource.key), now, data)
        await unit.outbox.emit([event])
        log.error("route_disabled", route=route.resource.key.name, why=endpoint.reason, dead=dead)


async def enable(
    unit: UnitOfWork, uid: str, route: Resource, by: By, *, why: str = "asked"
) -> None:
    """Have the receiver of *route* tried again, as if it had never failed; others are told."""
    await unit.endpoints.put(Endpoint(uid))
    data = {"route": route.key.name, "reason": why, "actor": by.actor}
    event = Event(new_id("evt", by.at), EventType.ROUTE_ENABLED, str(route.key), by.at, data)
    await unit.outbox.emit([event])
    await unit.audit.record(
        AuditEntry(by.at, by.actor, "route.enabled", str(route.key), {"reason": why}, by.request_id)
    )


def _told(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")

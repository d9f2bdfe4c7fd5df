"""Sends what is due: claimed under a lease, tried on a schedule, settled in a transaction.

Who dies between sending and settling leaves a lease that lapses; another then sends again, under the
same id. A receiver that fails keeps one place, and after some failures in a row is left alone for a while
(its circuit is open): what is due waits and loses no attempt, and no other receiver waits for it.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from reconciler.engine.ids import new_id
from reconciler.engine.inforce import InForce
from reconciler.engine.receivers import Receivers
from reconciler.engine.routing import Route, routes_of
from reconciler.errors import ReconcilerError
from reconciler.model.event import Delivery, DeliveryStatus
from reconciler.ports import SILENT, Clock, Meter, Sender, Store

log = structlog.get_logger()

WAITS: Final = (
    timedelta(0),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""How long is waited before each attempt, after the one before it: ten attempts over 75.6 hours."""

JITTER: Final = 0.2
DELETED: Final = "the route was deleted"
OFF: Final = "the route is disabled"
LOST: Final = "the event is not kept any more"


def waits(chance: float) -> tuple[timedelta, ...]:
    """Return the schedule with every wait a fifth shorter (*chance* 0) to a fifth longer (1)."""
    return tuple(wait * (1 - JITTER + 2 * JITTER * chance) for wait in WAITS)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is under way at once, and for how long a claim holds.

    ``lease`` is longer than any attempt takes. ``per_route`` is for routes that say nothing else; one
    whose last attempt failed has one place.
    """

    at_once: int = 64
    per_route: int = 4
    lease: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Post:
    """What deliveries are made with."""

    store: Store
    in_force: InForce
    sender: Sender
    clock: Clock
    meter: Meter = SILENT


class Dispatch:
    """Deliveries under way in this process. *settled* is called whenever a place has become free."""

    def __init__(
        self,
        post: Post,
        settled: Callable[[], None],
        *,
        limits: Limits | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._post = post
        self._settled = settled
        self._limits = limits or Limits()
        self._chance = chance
        self._holder = new_id("dispatch", post.clock.now())
        self._tasks: set[asyncio.Task[None]] = set()
        self._busy: Counter[str] = Counter()
        self._receivers = Receivers(post.store)
        self._known: tuple[int, Mapping[str, Route]] = (-1, {})

    async def turn(self) -> datetime | None:
        """Start what is due and has a place; return when the next is due, if nothing else happens."""
        waiting = await self._post.store.views.waiting()
        if not waiting:
            return None
        # After what waits: a route that is not in force now is gone, not new.
        routes = await self._routes()
        now = self._post.clock.now()
        await self._receivers.look(routes, now)
        await self._give_up([uid for uid in waiting if uid not in routes], DELETED, now)
        await self._give_up([uid for uid in waiting if self._receivers.of(uid).disabled], OFF, now)
        served = {
            uid: max(at, self._receivers.of(uid).rests_until or at)
            for uid, at in waiting.items()
            if uid in routes and not routes[uid].suspended and not self._receivers.of(uid).disabled
        }
        due = [routes[uid] for uid, at in served.items() if at <= now]
        for delivery in await self._claim(due, now):
            self._start(delivery, routes[delivery.route])
        return min((at for at in served.values() if at > now), default=None)

    async def close(self) -> None:
        """Break off what is under way, and leave it to be claimed at once by whoever comes next."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            async with self._post.store.begin() as unit:
                await unit.outbox.release(self._holder)
                await unit.commit()
        except ReconcilerError as error:
            log.warning("leases_not_released", why=error.message)  # they lapse by themselves

    async def _routes(self) -> Mapping[str, Route]:
        situation = await self._post.in_force.look()
        if self._known[0] != situation.state.generation:
            self._known = (situation.state.generation, routes_of(situation))
        return self._known[1]

    async def _give_up(self, gone: Sequence[str], why: str, now: datetime) -> None:
        if not gone:
            return
        async with self._post.store.begin() as unit:
            count = [await unit.outbox.give_up(uid, reason=why, at=now) for uid in gone]
            await unit.commit()
        log.warning("deliveries_given_up", why=why, count=sum(count))

    async def _claim(self, due: Sequence[Route], now: datetime) -> Sequence[Delivery]:
        """Claim as much as there are places for: first for routes that answer, then for the others."""
        rooms = {route.uid: self._room(route) for route in sorted(due, key=self._patience)}
        free = self._limits.at_once - len(self._tasks)
        if free <= 0 or not any(rooms.values()):
            return ()
        claimed: list[Delivery] = []
        async with self._post.store.begin() as unit:
            for uid, room in rooms.items():
                limit = min(room, free - len(claimed))
                if limit > 0:
                    claimed += await unit.outbox.claim(
                        self._holder, now=now, lease=self._limits.lease, limit=limit, route=uid
                    )
            await unit.commit()
        return claimed

    def _room(self, route: Route) -> int:
        places = 1 if self._fails(route.uid) else route.concurrency or self._limits.per_route
        return max(places - self._busy[route.uid], 0)

    def _patience(self, route: Route) -> tuple[bool, int]:
        return self._fails(route.uid), self._busy[route.uid]

    def _fails(self, uid: str) -> bool:
        return self._receivers.of(uid).failures > 0

    def _start(self, delivery: Delivery, route: Route) -> None:
        self._busy[route.uid] += 1
        task = asyncio.create_task(self._deliver(delivery, route), name=delivery.id)
        self._tasks.add(task)
        task.add_done_callback(lambda ended: self._end(ended, route.uid))

    def _end(self, task: "asyncio.Task[None]", uid: str) -> None:
        self._tasks.discard(task)
        self._busy[uid] -= 1
        if not self._busy[uid]:
            del self._busy[uid]
        self._settled()

    async def _deliver(self, delivery: Delivery, route: Route) -> None:
        try:
            settled = await self._tried(delivery, route)
            async with self._post.store.begin() as unit:
                await unit.outbox.settle(settled)
                receiver = None
                if len(settled.attempts) > len(delivery.attempts):
                    receiver = await self._receivers.note(unit, route, settled.attempts[-1])
                await unit.commit()
            if receiver is not None:
                self._receivers.keep(receiver)
        except ReconcilerError as error:
            # Not settled, so it is sent again when the lease has lapsed.
            log.warning("delivery_not_settled", delivery=delivery.id, why=error.message)
        except Exception:
            log.exception("delivery_broken", delivery=delivery.id)
        else:
            _tell(settled, route)

    async def _tried(self, delivery: Delivery, route: Route) -> Delivery:
        told = delivery.notification
        event = told.newest if told else await self._post.store.views.event(delivery.event_id)
        if event is None:
            return delivery.ended(LOST, self._post.clock.now())
        attempt = await self._post.sender.send(delivery, event, route.resource)
        since = replace(event, occurred_at=told.at) if told else event
        self._post.meter.attempted(attempt, since)  # how late a message is, not what it is about
        return delivery.after(attempt, waits(self._chance()))


def _tell(settled: Delivery, route: Route) -> None:
    facts = {
        "delivery": settled.id,
        "route": route.resource.key.name,
        "attempt": len(settled.attempts),
        "status": settled.attempts[-1].status if settled.attempts else 0,
    }
    match settled.status:
        case DeliveryStatus.DELIVERED:
            log.info("delivery_made", **facts)
        case DeliveryStatus.PENDING:
            log.warning("delivery_failed", due_at=settled.due_at.isoformat(), **facts)
        case DeliveryStatus.DEAD:
            log.error("delivery_dead", why=settled.reason, **facts)

"""Tells alerts with manners: decides what is due, and keeps it with the deliveries that tell of it.

What is open, who was told, and when is in the store. A look changes nothing unless something is due; the
next one comes when something will be, or when the board has changed.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import structlog

from reconciler.engine.deciding import Decided, Flush, decide
from reconciler.engine.inforce import InForce
from reconciler.engine.muting import GRACE, NEVER, explains
from reconciler.engine.notices import (
    delivery_of_group,
    events_of,
    listed,
    newest_of,
    notification_of,
)
from reconciler.engine.receivers import Receivers
from reconciler.engine.routing import Route, routes_of
from reconciler.errors import Conflict
from reconciler.model.alert import Board
from reconciler.model.notification import Notification
from reconciler.ports import Clock, Store, UnitOfWork

log = structlog.get_logger()

ROUNDS: Final = 20
"""So often in a row it is decided what follows from what was just told."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a decision was made from; while it is the same, only time brings another."""

    mark: int
    generation: int
    routes: frozenset[str]


class Alerting:
    """Decides for all routes in force that have manners."""

    def __init__(self, store: Store, in_force: InForce, clock: Clock) -> None:
        self._store = store
        self._in_force = in_force
        self._clock = clock
        self._receivers = Receivers(store)
        self._seen: _Seen | None = None
        self._again = NEVER
        self._known: tuple[int, Mapping[str, Route]] = (-1, {})

    async def turn(self) -> datetime | None:
        """Tell what is due; return when the next is, if nothing changes."""
        now = self._clock.now()
        for _ in range(ROUNDS):
            routes, generation = await self._routes(now)
            mark = await self._store.views.board_mark()
            seen = _Seen(mark, generation, frozenset(routes))
            if seen == self._seen and now < self._again:
                return None if self._again == NEVER else self._again
            if not await self._decide(routes, now):
                self._seen = seen
        return now

    async def _routes(self, now: datetime) -> tuple[Mapping[str, Route], int]:
        """Return the routes that are told something now, and the generation they are of."""
        situation = await self._in_force.look()
        generation = situation.state.generation
        if self._known[0] != generation:
            self._known = (generation, routes_of(situation))
        routes = self._known[1]
        receivers = await self._receivers.look(routes, now)
        off = {uid for uid, one in receivers.items() if one.disabled}
        told = {uid: one for uid, one in routes.items() if not one.suspended and uid not in off}
        return told, generation

    async def _decide(self, routes: Mapping[str, Route], now: datetime) -> bool:
        """Decide once; return whether that changed something."""
        board = await self._store.views.board(now)
        decided, settled = judged(routes.values(), board, now)
        self._again = decided.again
        if not decided.flushes and not decided.tellings and not settled:
            return False
        made = [(flush, await self._notification(flush, now)) for flush in decided.flushes]
        try:
            async with self._store.begin() as unit:
                await _keep(unit, decided, made, now)
                await unit.alerts.settle(settled)
                await unit.commit()
        except Conflict:
            return True  # another was first: looked at anew
        for flush, told in made:
            log.info(
                "alerts_told",
                kind=told.kind.value,
                group=flush.group.key,
                firing=told.firing,
                resolved=told.resolved,
            )
        return True

    async def _notification(self, flush: Flush, now: datetime) -> Notification:
        names = [*events_of(listed(flush)), newest_of(flush)]
        return notification_of(flush, await self._store.views.events_of(names), now)


def judged(routes: Collection[Route], board: Board, now: datetime) -> tuple[Decided, list[str]]:
    """Return what all *routes* are to be told, and the alerts that nobody waits for any more."""
    targets = {route.resource.key.name: route.uid for route in routes}
    whole = Decided()
    for route in routes:
        if route.manners is None:
            continue
        own = decide(route, route.manners, board, targets, now)
        whole.flushes += own.flushes
        whole.tellings += own.tellings
        whole.outstanding |= own.outstanding
        whole.look(own.again)
    settled = []
    for alert in board.alerts.values():
        if alert.open or alert.id in whole.outstanding:
            continue
        if explains(alert, now) and alert.closed_at is not None:
            whole.look(alert.closed_at + GRACE)
        else:
            settled.append(alert.id)
    return whole, settled


async def _keep(
    unit: UnitOfWork,
    decided: Decided,
    made: Sequence[tuple[Flush, Notification]],
    now: datetime,
) -> None:
    kept: set[tuple[str, str]] = set()
    for flush, told in made:
        delivery = delivery_of_group(flush, told, now=now)
        await unit.outbox.enqueue([delivery])
        place = (flush.group.route, flush.group.key)
        if place not in kept:
            group = replace(flush.group, delivery=delivery.id)
            await unit.alerts.flush(group, before=group.number - 1)
            kept.add(place)
    await unit.alerts.tell(decided.tellings)

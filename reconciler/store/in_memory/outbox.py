"""Events and deliveries without a database."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice

from reconciler.errors import NotFound
from reconciler.model.event import ORDERED_TRIES, Delivery, DeliveryStatus, Event, Lease
from reconciler.model.sought import DeliveryQuery
from reconciler.store.in_memory.again import prune, retry, retry_all
from reconciler.store.in_memory.shelf import Draft, Shelf
from reconciler.store.settling import settled_with


class MemoryOutbox:
    """``ports.Outbox`` in one transaction. ``stirred``: it left something to do."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self.stirred = False

    async def emit(self, events: Sequence[Event]) -> None:
        """Keep *events* with this transaction; one whose id is known is the same event."""
        await self._draft.do(_emit, events)
        self.stirred |= bool(events)

    async def take(self, *, limit: int) -> Sequence[Event]:
        """Take the events that nobody has taken, the oldest first; taken when this is committed."""
        return await self._draft.do(_take, limit)

    async def enqueue(self, deliveries: Sequence[Delivery]) -> None:
        """Keep *deliveries* that are to be made; one whose id is known is the same delivery."""
        await self._draft.do(_enqueue, deliveries)
        self.stirred |= bool(deliveries)

    async def claim(
        self, holder: str, *, now: datetime, lease: timedelta, limit: int, route: str | None = None
    ) -> Sequence[Delivery]:
        """Take due deliveries under a lease that lapses, the longest due first."""
        return await self._draft.do(_claim, Lease(holder, now + lease), now, limit, route)

    async def settle(self, delivery: Delivery) -> None:
        """Keep how a delivery stands after an attempt."""
        await self._draft.do(_settle, delivery)
        self.stirred = True

    async def release(self, holder: str) -> None:
        """Let go of all deliveries that *holder* has claimed and not settled."""
        await self._draft.do(_release, holder)
        self.stirred = True

    async def give_up(self, route: str, *, reason: str, at: datetime) -> int:
        """End all pending deliveries of *route* as dead; return how many."""
        return await self._draft.do(_give_up, route, reason, at)

    async def retry(self, deliveries: Sequence[str], *, now: datetime) -> int:
        """Have ended deliveries made once more; return how many."""
        self.stirred = True
        return await self._draft.do(retry, list(deliveries), now)

    async def retry_all(self, wanted: DeliveryQuery, *, now: datetime) -> int:
        """Have all that are dead and fit *wanted* made once more; return how many."""
        self.stirred = True
        return await self._draft.do(retry_all, wanted, now)

    async def prune(self, before: datetime, *, limit: int) -> int:
        """Remove deliveries that ended before then, *limit* at most; return how many."""
        return await self._draft.do(prune, before, limit)


def waiting(shelf: Shelf) -> Mapping[str, datetime]:
    """Return when each route that has pending deliveries can be served next."""
    found: dict[str, datetime] = {}
    for delivery in _first_in_line(shelf):
        at = delivery.due_at if delivery.lease is None else delivery.lease.until
        found[delivery.route] = min(at, found.get(delivery.route, at))
    return found


def _emit(shelf: Shelf, told: Sequence[Event]) -> None:
    for event in told:
        if event.id not in shelf.events:
            shelf.events[event.id] = event
            shelf.unrouted[event.id] = None


def _take(shelf: Shelf, limit: int) -> Sequence[Event]:
    taken = tuple(islice(shelf.unrouted, limit))
    for event_id in taken:
        del shelf.unrouted[event_id]
    return tuple(shelf.events[event_id] for event_id in taken)


def _enqueue(shelf: Shelf, wanted: Sequence[Delivery]) -> None:
    for delivery in wanted:
        shelf.deliveries.setdefault(delivery.id, delivery)


def _claim(
    shelf: Shelf, lease: Lease, now: datetime, limit: int, route: str | None
) -> Sequence[Delivery]:
    due = sorted(
        (
            delivery
            for delivery in _first_in_line(shelf)
            if delivery.due_at <= now
            and (delivery.lease is None or delivery.lease.until <= now)
            and route in {None, delivery.route}
        ),
        key=lambda delivery: (delivery.due_at, delivery.id),
    )
    claimed = tuple(replace(delivery, lease=lease) for delivery in due[:limit])
    shelf.deliveries.update({delivery.id: delivery for delivery in claimed})
    return claimed


def _first_in_line(shelf: Shelf) -> Sequence[Delivery]:
    """Return the pending deliveries that wait for no other."""
    places = {event_id: place for place, event_id in enumerate(shelf.events)}
    lines: dict[tuple[str, str], list[Delivery]] = {}
    for delivery in shelf.deliveries.values():
        if delivery.status is DeliveryStatus.PENDING:
            lines.setdefault((delivery.route, delivery.subject), []).append(delivery)
    found: list[Delivery] = []
    for line in lines.values():
        line.sort(key=lambda one: (places.get(one.event_id, -1), one.id))
        failing = any(one.tries >= ORDERED_TRIES for one in line)
        found += line if failing else line[:1]
    return found


def _settle(shelf: Shelf, delivery: Delivery) -> None:
    stored = shelf.deliveries.get(delivery.id)
    if stored is None:
        raise NotFound(f"there is no delivery {delivery.id}")
    shelf.deliveries[delivery.id] = settled_with(stored, delivery)


def _release(shelf: Shelf, holder: str) -> None:
    for delivery in list(shelf.deliveries.values()):
        if delivery.lease is not None and delivery.lease.holder == holder:
            shelf.deliveries[delivery.id] = replace(delivery, lease=None)


def _give_up(shelf: Shelf, route: str, reason: str, at: datetime) -> int:
    ended = [
        delivery.ended(reason, at)
        for delivery in shelf.deliveries.values()
        if delivery.route == route and delivery.status is DeliveryStatus.PENDING
    ]
    shelf.deliveries.update({delivery.id: delivery for delivery in ended})
    return len(ended)

"""The outbox: events kept with what made them true, and deliveries claimed under a lease."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, or_, select

from reconciler.errors import NotFound
from reconciler.model.event import Attempt, Delivery, DeliveryStatus, Event, Lease
from reconciler.store import dialects
from reconciler.store.rows import (
    attempt_fields,
    delivery_fields,
    event_fields,
    to_attempt,
    to_delivery,
)
from reconciler.store.settling import settled_with
from reconciler.store.tables import attempts, deliveries, events
from reconciler.store.times import micros
from reconciler.store.transaction import Transaction


class SqlOutbox:
    """``ports.Outbox`` in one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def emit(self, events: Sequence[Event]) -> None:
        """Keep *events* with this transaction; one whose id is known is the same event."""
        await self._transaction.do(_emit, events)

    async def enqueue(self, deliveries: Sequence[Delivery]) -> None:
        """Keep *deliveries* that are to be made; one whose id is known is the same delivery."""
        await self._transaction.do(_enqueue, deliveries)

    async def claim(
        self, holder: str, *, now: datetime, lease: timedelta, limit: int
    ) -> Sequence[Delivery]:
        """Take due deliveries under a lease that lapses, the longest due first."""
        return await self._transaction.do(_claim, Lease(holder, now + lease), now, limit)

    async def settle(self, delivery: Delivery) -> None:
        """Keep how a delivery stands after an attempt.

        If the lease had lapsed and another has settled it since, the attempt is kept beside the other's,
        and how it stands stays as the other found it, unless this attempt has delivered it.
        """
        await self._transaction.do(_settle, delivery)


def _emit(database: Connection, told: Sequence[Event]) -> None:
    if told:
        statement = dialects.insert(database, events).on_conflict_do_nothing()
        database.execute(statement, [event_fields(event) for event in told])


def _enqueue(database: Connection, wanted: Sequence[Delivery]) -> None:
    if not wanted:
        return
    statement = dialects.insert(database, deliveries).on_conflict_do_nothing()
    database.execute(statement, [delivery_fields(delivery) for delivery in wanted])
    tried = [
        attempt_fields(delivery.id, number, attempt)
        for delivery in wanted
        for number, attempt in enumerate(delivery.attempts)
    ]
    if tried:
        database.execute(dialects.insert(database, attempts).on_conflict_do_nothing(), tried)


def _claim(database: Connection, lease: Lease, now: datetime, limit: int) -> Sequence[Delivery]:
    at = micros(now)
    due = database.execute(
        select(deliveries)
        .where(
            deliveries.c.status == DeliveryStatus.PENDING.value,
            deliveries.c.due_at <= at,
            or_(deliveries.c.lease_until.is_(None), deliveries.c.lease_until <= at),
        )
        .order_by(deliveries.c.due_at, deliveries.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)  # SQLite has no such clause, and one writer
    ).all()
    ids = [row.id for row in due]
    if not ids:
        return ()
    database.execute(
        deliveries.update()
        .where(deliveries.c.id.in_(ids))
        .values(lease_holder=lease.holder, lease_until=micros(lease.until))
    )
    tried = _tried(database, ids)
    return tuple(replace(to_delivery(row, tried[row.id]), lease=lease) for row in due)


def _settle(database: Connection, delivery: Delivery) -> None:
    row = database.execute(
        select(deliveries).where(deliveries.c.id == delivery.id).with_for_update()
    ).one_or_none()
    if row is None:
        raise NotFound(f"there is no delivery {delivery.id}")
    stored = to_delivery(row, _tried(database, [delivery.id])[delivery.id])
    number, settled = len(stored.attempts), settled_with(stored, delivery)
    added = [
        attempt_fields(delivery.id, number + index, attempt)
        for index, attempt in enumerate(settled.attempts[number:])
    ]
    if added:
        database.execute(attempts.insert(), added)
    database.execute(
        deliveries.update()
        .where(deliveries.c.id == delivery.id)
        .values({name: value for name, value in delivery_fields(settled).items() if name != "id"})
    )


def _tried(database: Connection, ids: Iterable[str]) -> dict[str, list[Attempt]]:
    found: dict[str, list[Attempt]] = defaultdict(list)
    for row in database.execute(
        select(attempts)
        .where(attempts.c.delivery_id.in_(list(ids)))
        .order_by(attempts.c.delivery_id, attempts.c.number)
    ):
        found[row.delivery_id].append(to_attempt(row))
    return found

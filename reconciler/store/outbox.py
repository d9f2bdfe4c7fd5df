"""Events and their deliveries: written with what made them true, claimed under leases that lapse."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, or_, select

from reconciler.model.event import Attempt, Delivery, DeliveryStatus, Event, Lease
from reconciler.store import dialects
from reconciler.store.rows import (
    attempt_fields,
    delivery_fields,
    event_fields,
    to_attempt,
    to_delivery,
)
from reconciler.store.tables import attempts, deliveries, events
from reconciler.store.times import micros
from reconciler.store.transaction import Transaction


class SqlOutbox:
    """``ports.Outbox`` in one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def emit(self, told: Sequence[Event]) -> None:
        """Keep events with this transaction."""
        await self._transaction.do(_emit, told)

    async def enqueue(self, made: Sequence[Delivery]) -> None:
        """Keep deliveries that are to be made."""
        await self._transaction.do(_enqueue, made)

    async def claim(
        self, holder: str, *, now: datetime, lease: timedelta, limit: int
    ) -> Sequence[Delivery]:
        """Take due deliveries under a lease that lapses."""
        return await self._transaction.do(_claim, Lease(holder, now + lease), micros(now), limit)

    async def settle(self, delivery: Delivery) -> None:
        """Keep how a delivery stands after an attempt."""
        await self._transaction.do(_settle, delivery)


def _emit(connection: Connection, told: Sequence[Event]) -> None:
    if told:
        connection.execute(events.insert(), [event_fields(event) for event in told])


def _enqueue(connection: Connection, made: Sequence[Delivery]) -> None:
    if made:
        connection.execute(deliveries.insert(), [delivery_fields(one) for one in made])


def _claim(connection: Connection, lease: Lease, now: int, limit: int) -> list[Delivery]:
    free = or_(deliveries.c.lease_until.is_(None), deliveries.c.lease_until <= now)
    due = (
        select(deliveries)
        .where(
            deliveries.c.status == DeliveryStatus.PENDING.value, deliveries.c.due_at <= now, free
        )
        .order_by(deliveries.c.due_at, deliveries.c.id)
        .limit(limit)
    )
    if dialects.is_postgres(connection):
        due = due.with_for_update(skip_locked=True)
    rows = connection.execute(due).all()
    ids = [row.id for row in rows]
    connection.execute(
        deliveries.update()
        .where(deliveries.c.id.in_(ids))
        .values(lease_holder=lease.holder, lease_until=micros(lease.until))
    )
    return [replace(to_delivery(row, _attempts(connection, row.id)), lease=lease) for row in rows]


def _attempts(connection: Connection, delivery: str) -> list[Attempt]:
    found = connection.execute(
        select(attempts).where(attempts.c.delivery_id == delivery).order_by(attempts.c.number)
    )
    return [to_attempt(row) for row in found]


def _settle(connection: Connection, delivery: Delivery) -> None:
    connection.execute(dialects.upsert(connection, deliveries, delivery_fields(delivery)))
    for number, attempt in enumerate(delivery.attempts):
        fields = attempt_fields(delivery.id, number, attempt)
        connection.execute(dialects.upsert(connection, attempts, fields))

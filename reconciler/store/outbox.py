"""The outbox: events kept with what made them true, and deliveries claimed under a lease.

Which events are still to be routed is kept as a row for each (``unrouted``), not as a position in the
log: on PostgreSQL a number is given out when a row is written and seen when it is committed, so that a
lower one can turn up behind a position that has passed it. A row that turns up late is taken late, no
writer waits for another, and a long transaction of somebody else in the same server holds up nothing.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, bindparam, func, or_, select, text

from reconciler.errors import NotFound
from reconciler.model.event import Delivery, DeliveryStatus, Event, Lease
from reconciler.model.sought import DeliveryQuery
from reconciler.store import dialects
from reconciler.store.again import prune, retry, retry_all
from reconciler.store.lines import first_in_line, pending, read_attempts
from reconciler.store.rows import (
    attempt_fields,
    delivery_fields,
    event_fields,
    to_delivery,
    to_event,
)
from reconciler.store.settling import settled_with
from reconciler.store.tables import attempts, deliveries, events, unrouted
from reconciler.store.times import micros
from reconciler.store.transaction import Transaction

_FIXED: Final = frozenset({"id", "notification"})
"""What a delivery is made with, and never changes."""

_TAKING: Final = 0x726563_726F757465  # "rec" "route": the advisory lock of who routes events


class SqlOutbox:
    """``ports.Outbox`` in one transaction. ``stirred``: it left something to do."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self.stirred = False

    async def emit(self, events: Sequence[Event]) -> None:
        """Keep *events* with this transaction; one whose id is known is the same event."""
        await self._transaction.do(_emit, events)
        self.stirred |= bool(events)

    async def take(self, *, limit: int) -> Sequence[Event]:
        """Take the events that nobody has taken, the oldest first; taken when this is committed."""
        return await self._transaction.do(_take, limit)

    async def enqueue(self, deliveries: Sequence[Delivery]) -> None:
        """Keep *deliveries* that are to be made; one whose id is known is the same delivery."""
        await self._transaction.do(_enqueue, deliveries)
        self.stirred |= bool(deliveries)

    async def claim(
        self, holder: str, *, now: datetime, lease: timedelta, limit: int, route: str | None = None
    ) -> Sequence[Delivery]:
        """Take due deliveries under a lease that lapses, the longest due first."""
        return await self._transaction.do(_claim, Lease(holder, now + lease), now, limit, route)

    async def settle(self, delivery: Delivery) -> None:
        """Keep how a delivery stands after an attempt.

        If the lease had lapsed and another has settled it since, the attempt is kept beside the other's,
        and how it stands stays as the other found it, unless this attempt has delivered it.
        """
        await self._transaction.do(_settle, delivery)
        self.stirred = True

    async def release(self, holder: str) -> None:
        """Let go of all deliveries that *holder* has claimed and not settled."""
        await self._transaction.do(_release, holder)
        self.stirred = True

    async def give_up(self, route: str, *, reason: str, at: datetime) -> int:
        """End all pending deliveries of *route* as dead; return how many."""
        return await self._transaction.do(_give_up, route, reason, at)

    async def retry(self, deliveries: Sequence[str], *, now: datetime) -> int:
        """Have ended deliveries made once more; return how many."""
        self.stirred = True
        return await self._transaction.do(retry, list(deliveries), now)

    async def retry_all(self, wanted: DeliveryQuery, *, now: datetime) -> int:
        """Have all that are dead and fit *wanted* made once more; return how many."""
        self.stirred = True
        return await self._transaction.do(retry_all, wanted, now)

    async def prune(self, before: datetime, *, limit: int) -> int:
        """Remove deliveries that ended before then, *limit* at most; return how many."""
        return await self._transaction.do(prune, before, limit)


def _emit(database: Connection, told: Sequence[Event]) -> None:
    if not told:
        return
    statement = dialects.insert(database, events).on_conflict_do_nothing()
    rows = [event_fields(event) for event in told]
    new = database.scalars(statement.returning(events.c.seq), rows).all()
    if new:
        database.execute(unrouted.insert(), [{"seq": seq} for seq in new])


def _take(database: Connection, limit: int) -> Sequence[Event]:
    if dialects.is_postgres(database):
        # One at a time, or two who take turns could turn round the order of one subject.
        database.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _TAKING})
    taken = database.execute(
        select(events)
        .join(unrouted, unrouted.c.seq == events.c.seq)
        .order_by(unrouted.c.seq)
        .limit(limit)
    ).all()
    if taken:
        seqs = [row.seq for row in taken]
        database.execute(unrouted.delete().where(unrouted.c.seq.in_(seqs)))
    return tuple(to_event(row) for row in taken)


def _enqueue(database: Connection, wanted: Sequence[Delivery]) -> None:
    if not wanted:
        return
    seq = select(events.c.seq).where(events.c.id == bindparam("event_id")).scalar_subquery()
    place = {"place": func.coalesce(seq, 0)}
    columns: dict[str, Any] = {name: bindparam(name) for name in delivery_fields(wanted[0])}
    statement = (
        dialects.insert(database, deliveries).values({**columns, **place}).on_conflict_do_nothing()
    )
    database.execute(statement, [delivery_fields(delivery) for delivery in wanted])
    tried = [
        attempt_fields(delivery.id, number, attempt)
        for delivery in wanted
        for number, attempt in enumerate(delivery.attempts)
    ]
    if tried:
        database.execute(dialects.insert(database, attempts).on_conflict_do_nothing(), tried)


def _claim(
    database: Connection, lease: Lease, now: datetime, limit: int, route: str | None
) -> Sequence[Delivery]:
    at = micros(now)
    due = database.execute(
        select(deliveries)
        .where(
            pending,
            deliveries.c.due_at <= at,
            or_(deliveries.c.lease_until.is_(None), deliveries.c.lease_until <= at),
            *([] if route is None else [deliveries.c.route == route]),
            first_in_line(),
        )
        .order_by(deliveries.c.due_at, deliveries.c.id)
        .limit(limit)
        # SQLite has no such clause, and one writer
        .with_for_update(skip_locked=True, of=deliveries)
    ).all()
    ids = [row.id for row in due]
    if not ids:
        return ()
    held = {"lease_holder": lease.holder, "lease_until": micros(lease.until)}
    database.execute(deliveries.update().where(deliveries.c.id.in_(ids)).values(held))
    tried = read_attempts(database, ids)
    return tuple(replace(to_delivery(row, tried[row.id]), lease=lease) for row in due)


def _settle(database: Connection, delivery: Delivery) -> None:
    row = database.execute(
        select(deliveries).where(deliveries.c.id == delivery.id).with_for_update()
    ).one_or_none()
    if row is None:
        raise NotFound(f"there is no delivery {delivery.id}")
    stored = to_delivery(row, read_attempts(database, [delivery.id])[delivery.id])
    number, settled = len(stored.attempts), settled_with(stored, delivery)
    added = [
        attempt_fields(delivery.id, number + index, attempt)
        for index, attempt in enumerate(settled.attempts[number:])
    ]
    if added:
        database.execute(attempts.insert(), added)
    _write(database, delivery.id, delivery_fields(settled))


def _write(database: Connection, delivery_id: str, fields: dict[str, Any]) -> None:
    changed = {name: value for name, value in fields.items() if name not in _FIXED}
    database.execute(deliveries.update().where(deliveries.c.id == delivery_id).values(changed))


def _release(database: Connection, holder: str) -> None:
    held = deliveries.c.lease_until.is_not(None) & (deliveries.c.lease_holder == holder)
    database.execute(deliveries.update().where(held).values(lease_holder=None, lease_until=None))


def _give_up(database: Connection, route: str, reason: str, at: datetime) -> int:
    dead = {
        "status": DeliveryStatus.DEAD.value,
        "ended_at": micros(at),
        "reason": reason,
        "lease_holder": None,
        "lease_until": None,
    }
    here = deliveries.c.route == route
    return database.execute(deliveries.update().where(here, pending).values(dead)).rowcount

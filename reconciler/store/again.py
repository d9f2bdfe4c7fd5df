"""Deliveries for operators: listed, made once more, and removed when they have ended long ago."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, func, select, tuple_, update

from reconciler.model.event import Delivery, DeliveryStatus
from reconciler.model.sought import DeliveryQuery
from reconciler.store.lines import read_attempts
from reconciler.store.rows import to_delivery
from reconciler.store.tables import attempts, deliveries
from reconciler.store.times import micros

_MANY = 500


def read_deliveries(database: Connection, wanted: DeliveryQuery) -> Sequence[Delivery]:
    """Return deliveries with their attempts, the newest first."""
    rows = database.execute(
        select(deliveries)
        .where(*_fits(wanted))
        .order_by(deliveries.c.made_at.desc(), deliveries.c.id.desc())
        .limit(wanted.limit)
    ).all()
    tried = read_attempts(database, [row.id for row in rows])
    return tuple(to_delivery(row, tried[row.id]) for row in rows)


def retry(database: Connection, ids: Sequence[str], now: datetime) -> int:
    """Have ended deliveries made once more; return how many."""
    ended = deliveries.c.status != DeliveryStatus.PENDING.value
    parts = (ids[start : start + _MANY] for start in range(0, len(ids), _MANY))
    return sum(_again(database, (ended, deliveries.c.id.in_(part)), now) for part in parts)


def retry_all(database: Connection, wanted: DeliveryQuery, now: datetime) -> int:
    """Have all that are dead and fit *wanted* made once more; return how many."""
    dead = deliveries.c.status == DeliveryStatus.DEAD.value
    return _again(database, (dead, *_fits(wanted)), now)


def _again(database: Connection, conditions: tuple[ColumnElement[bool], ...], now: datetime) -> int:
    tried = (
        select(func.count())
        .select_from(attempts)
        .where(attempts.c.delivery_id == deliveries.c.id)
        .scalar_subquery()
    )
    values = {
        "status": DeliveryStatus.PENDING.value,
        "due_at": micros(now),
        "reason": None,
        "earlier": tried,
        "tries": 0,
        "ended_at": None,
        "lease_holder": None,
        "lease_until": None,
    }
    return database.execute(update(deliveries).where(*conditions).values(values)).rowcount


def prune(database: Connection, before: datetime, limit: int) -> int:
    """Remove deliveries that ended before then, *limit* at most; return how many."""
    at, ended = micros(before), deliveries.c.ended_at
    old = select(deliveries.c.id).where(ended.is_not(None), ended < at).limit(limit)
    ids = list(database.scalars(old))
    for start in range(0, len(ids), _MANY):
        part = ids[start : start + _MANY]
        database.execute(delete(attempts).where(attempts.c.delivery_id.in_(part)))
        database.execute(delete(deliveries).where(deliveries.c.id.in_(part)))
    return len(ids)


def _fits(wanted: DeliveryQuery) -> Iterator[ColumnElement[bool]]:
    made = deliveries.c.made_at
    if wanted.route is not None:
        yield deliveries.c.route == wanted.route
    if wanted.status is not None:
        yield deliveries.c.status == wanted.status.value
    if wanted.since is not None:
        yield made >= micros(wanted.since)
    if wanted.until is not None:
        yield made < micros(wanted.until)
    if wanted.after is not None:
        at, name = wanted.after
        yield tuple_(made, deliveries.c.id) < tuple_(micros(at), name)

"""Which deliveries wait for no other, and when each route can be served: read along the indexes.

A line is what one route is to be told about one subject, in the order of the events.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Connection, and_, exists, func, literal_column, or_, select

from reconciler.model.event import ORDERED_TRIES, Attempt, Delivery, DeliveryStatus
from reconciler.store.rows import to_attempt, to_delivery
from reconciler.store.tables import attempts, deliveries
from reconciler.store.times import moment

_PENDING: Final[ColumnElement[str]] = literal_column(f"'{DeliveryStatus.PENDING.value}'")
"""Written out: an index over pending rows alone is used only if the statement itself says so."""

pending: Final[ColumnElement[bool]] = deliveries.c.status == _PENDING
"""Whether a delivery is still to be made."""


def first_in_line() -> ColumnElement[bool]:
    """Return the condition that a delivery waits for no earlier one about its subject."""
    other = deliveries.alias("other")
    same = and_(
        other.c.route == deliveries.c.route,
        other.c.subject == deliveries.c.subject,
        other.c.status == _PENDING,
    )
    earlier = or_(
        other.c.place < deliveries.c.place,
        and_(other.c.place == deliveries.c.place, other.c.id < deliveries.c.id),
    )
    behind = exists().where(same, earlier).correlate(deliveries)
    failing = exists().where(same, other.c.tries >= ORDERED_TRIES).correlate(deliveries)
    return or_(~behind, failing)


def read_waiting(database: Connection) -> Mapping[str, datetime]:
    """Return when each route that has pending deliveries can be served next."""
    found: dict[str, datetime] = {}
    for route in _routes(database):
        times = [time for time in _times(database, route) if time is not None]
        if times:
            found[route] = moment(min(times))
    return found


def _routes(database: Connection) -> Iterable[str]:
    """Yield the routes that have pending deliveries: one look at the index for each."""
    last = ""
    first = select(func.min(deliveries.c.route)).where(pending)
    while (route := database.scalar(first.where(deliveries.c.route > last))) is not None:
        yield route
        last = route


def _times(database: Connection, route: str) -> Iterable[int | None]:
    here = and_(deliveries.c.route == route, pending)
    yield database.scalar(
        select(deliveries.c.due_at)
        .where(here, deliveries.c.lease_until.is_(None), first_in_line())
        .order_by(deliveries.c.due_at)
        .limit(1)
    )
    yield database.scalar(
        select(func.min(deliveries.c.lease_until)).where(
            here, deliveries.c.lease_until.is_not(None)
        )
    )


def read_delivery(database: Connection, delivery_id: str) -> Delivery | None:
    """Return one delivery, with its attempts."""
    row = database.execute(select(deliveries).where(deliveries.c.id == delivery_id)).one_or_none()
    if row is None:
        return None
    return to_delivery(row, read_attempts(database, [delivery_id])[delivery_id])


def read_attempts(database: Connection, ids: Iterable[str]) -> dict[str, list[Attempt]]:
    """Return the attempts of deliveries, in their order."""
    found: dict[str, list[Attempt]] = defaultdict(list)
    for row in database.execute(
        select(attempts)
        .where(attempts.c.delivery_id.in_(list(ids)))
        .order_by(attempts.c.delivery_id, attempts.c.number)
    ):
        found[row.delivery_id].append(to_attempt(row))
    return found

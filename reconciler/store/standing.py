"""How it all stands, counted by few questions, as many for five connections as for five thousand."""

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection, func, select

from reconciler.model.connection import ConnectionStatus
from reconciler.model.drift import DriftKind
from reconciler.model.event import DeliveryStatus
from reconciler.model.standing import Standing
from reconciler.store.lines import pending
from reconciler.store.tables import connection_states, cursors, deliveries, events, unrouted
from reconciler.store.times import maybe_moment, moment
from reconciler.store.trust_tables import drifts

_STATUSES: Final = select(connection_states.c.connection, connection_states.c.status)
_SUCCESSES: Final = select(cursors.c.connection, cursors.c.entity, cursors.c.advanced_at).where(
    cursors.c.advanced_at.is_not(None)
)
_DRIFTS: Final = (
    select(drifts.c.kind, func.count())
    .where(drifts.c.resolved_at.is_(None))
    .group_by(drifts.c.kind)
)
_PENDING: Final = select(func.count(), func.min(func.nullif(deliveries.c.place, 0))).where(pending)
_DEAD: Final = select(func.count()).where(deliveries.c.status == DeliveryStatus.DEAD.value)
_UNROUTED: Final = select(func.min(unrouted.c.seq))


def read_standing(database: Connection) -> Standing:
    """Return how it all stands."""
    count, first = database.execute(_PENDING).one()
    places = [place for place in (first, database.scalar(_UNROUTED)) if place is not None]
    when = select(func.min(events.c.occurred_at)).where(events.c.seq.in_(places))
    return Standing(
        statuses={uid: ConnectionStatus(status) for uid, status in database.execute(_STATUSES)},
        successes={(uid, entity): moment(at) for uid, entity, at in database.execute(_SUCCESSES)},
        drifts=dict(_drifts(database)),
        pending=count,
        dead=database.scalar(_DEAD) or 0,
        oldest=maybe_moment(database.scalar(when)) if places else None,
    )


def _drifts(database: Connection) -> Iterator[tuple[DriftKind, int]]:
    for kind, number in database.execute(_DRIFTS):
        yield DriftKind(kind), number

"""How it all stands, without a database."""

from collections import Counter
from datetime import datetime

from reconciler.model.event import DeliveryStatus
from reconciler.model.standing import Standing
from reconciler.store.in_memory.objects import states_of
from reconciler.store.in_memory.shelf import Shelf


def standing_of(shelf: Shelf) -> Standing:
    """Return how it all stands."""
    stand = Counter(delivery.status for delivery in shelf.deliveries.values())
    return Standing(
        statuses={uid: state.status for uid, state in states_of(shelf).items()},
        successes={
            place: cursor.advanced_at
            for place, cursor in shelf.cursors.items()
            if cursor.advanced_at is not None
        },
        drifts=Counter(drift.kind for drift in shelf.drifts.values() if drift.resolved_at is None),
        pending=stand[DeliveryStatus.PENDING],
        dead=stand[DeliveryStatus.DEAD],
        oldest=_oldest(shelf),
    )


def _oldest(shelf: Shelf) -> datetime | None:
    """Return when the first event happened, in the order they were kept, that is still on its way."""
    waits = {
        delivery.event_id
        for delivery in shelf.deliveries.values()
        if delivery.status is DeliveryStatus.PENDING
    }
    pending = next((event.occurred_at for key, event in shelf.events.items() if key in waits), None)
    unrouted = next((shelf.events[key].occurred_at for key in shelf.unrouted), None)
    return min((at for at in (pending, unrouted) if at is not None), default=None)

"""Deliveries for operators without a database: listed, made once more, removed."""

from collections.abc import Sequence
from datetime import UTC, datetime

from reconciler.model.event import Delivery, DeliveryStatus
from reconciler.model.sought import DeliveryQuery
from reconciler.store.in_memory.shelf import Shelf

_EARLIEST = datetime.min.replace(tzinfo=UTC)


def deliveries_of(shelf: Shelf, wanted: DeliveryQuery) -> Sequence[Delivery]:
    """Return deliveries, the newest first."""
    found = [one for one in shelf.deliveries.values() if _fits(one, wanted)]
    found.sort(key=_place, reverse=True)
    return tuple(found[: wanted.limit])


def retry(shelf: Shelf, ids: Sequence[str], now: datetime) -> int:
    """Have ended deliveries made once more; return how many."""
    known = [shelf.deliveries[name] for name in dict.fromkeys(ids) if name in shelf.deliveries]
    ended = [one for one in known if one.status is not DeliveryStatus.PENDING]
    return _again(shelf, ended, now)


def retry_all(shelf: Shelf, wanted: DeliveryQuery, now: datetime) -> int:
    """Have all that are dead and fit *wanted* made once more; return how many."""
    dead = [
        one
        for one in shelf.deliveries.values()
        if one.status is DeliveryStatus.DEAD and _fits(one, wanted)
    ]
    return _again(shelf, dead, now)


def prune(shelf: Shelf, before: datetime, limit: int) -> int:
    """Remove deliveries that ended before then, *limit* at most; return how many."""
    old = [
        one.id
        for one in shelf.deliveries.values()
        if one.ended_at is not None and one.ended_at < before
    ][:limit]
    for name in old:
        del shelf.deliveries[name]
    return len(old)


def _again(shelf: Shelf, ended: Sequence[Delivery], now: datetime) -> int:
    shelf.deliveries.update({one.id: one.again(now) for one in ended})
    return len(ended)


def _fits(one: Delivery, wanted: DeliveryQuery) -> bool:
    made = one.made_at
    return (
        wanted.route in {None, one.route}
        and wanted.status in {None, one.status}
        and (wanted.since is None or (made is not None and made >= wanted.since))
        and (wanted.until is None or (made is not None and made < wanted.until))
        and (wanted.after is None or _place(one) < wanted.after)
    )


def _place(one: Delivery) -> tuple[datetime, str]:
    return (one.made_at or _EARLIEST, one.id)

"""Alerts, who was told of them, and how receivers are, without a database."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from reconciler.errors import Conflict
from reconciler.model.alert import Alert, Board, Group, Silence, Telling
from reconciler.model.endpoint import Endpoint
from reconciler.model.event import DeliveryStatus
from reconciler.store.in_memory.shelf import Draft, Shelf


class MemoryAlerts:
    """``ports.Alerts`` in one transaction. ``stirred``: it left something to do."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self.stirred = False

    async def about(self, subjects: Sequence[str]) -> Sequence[Alert]:
        """Return the alerts about *subjects* that are not settled."""
        return await self._draft.do(_about, frozenset(subjects))

    async def put(self, alerts: Sequence[Alert], *, news: bool = True) -> None:
        """Keep *alerts*, new or known."""
        if alerts:
            await self._draft.do(_put, alerts, news=news)
            self.stirred |= news

    async def find(self, alert_id: str) -> Alert | None:
        """Return one alert."""
        return await self._draft.do(lambda shelf: shelf.alerts.get(alert_id))

    async def settle(self, ids: Sequence[str]) -> None:
        """Say that nobody is to be told anything more of these."""
        if ids:
            await self._draft.do(_settle, ids)

    async def tell(self, tellings: Sequence[Telling]) -> None:
        """Keep what routes know."""
        if tellings:
            await self._draft.do(_tell, tellings)

    async def flush(self, group: Group, *, before: int) -> None:
        """Keep *group* as it is after a notification."""
        await self._draft.do(_flush, group, before)

    async def silence(self, silence: Silence) -> None:
        """Keep a silence, new or known."""
        await self._draft.do(_silence, silence)
        self.stirred = True

    async def prune(self, before: datetime, *, limit: int) -> int:
        """Remove what nobody needs any more; return how many alerts."""
        return await self._draft.do(_prune, before, limit)


class MemoryEndpoints:
    """``ports.Endpoints`` in one transaction."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft

    async def put(self, endpoint: Endpoint) -> None:
        """Keep how a receiver is, or that it is well."""
        await self._draft.do(_put_endpoint, endpoint)


def _about(shelf: Shelf, subjects: frozenset[str]) -> Sequence[Alert]:
    return [one for one in shelf.alerts.values() if not one.settled and one.subject in subjects]


def _put(shelf: Shelf, alerts: Sequence[Alert], *, news: bool) -> None:
    shelf.alerts.update({one.id: one for one in alerts})
    shelf.mark += news


def _settle(shelf: Shelf, ids: Sequence[str]) -> None:
    shelf.alerts.update(
        {name: replace(shelf.alerts[name], settled=True) for name in ids if name in shelf.alerts}
    )
    shelf.mark += 1


def _tell(shelf: Shelf, tellings: Sequence[Telling]) -> None:
    shelf.tellings.update({(one.route, one.alert): one for one in tellings})
    shelf.mark += 1


def _flush(shelf: Shelf, group: Group, before: int) -> None:
    known = shelf.groups.get((group.route, group.key))
    if (known.number if known else 0) != before:
        msg = f"the group {group.key!r} was told of by another"
        raise Conflict(msg, hint="look again")
    shelf.groups[group.route, group.key] = group
    shelf.mark += 1


def _silence(shelf: Shelf, silence: Silence) -> None:
    shelf.silences[silence.id] = silence
    shelf.mark += 1


def _prune(shelf: Shelf, before: datetime, limit: int) -> int:
    old = sorted(
        (
            one
            for one in shelf.alerts.values()
            if one.settled
            and one.changed_at < before
            and (one.closed_at is None or one.closed_at < before)
        ),
        key=lambda one: (one.changed_at, one.id),
    )[:limit]
    for alert in old:
        del shelf.alerts[alert.id]
    gone = {one.id for one in old}
    shelf.tellings = {key: one for key, one in shelf.tellings.items() if key[1] not in gone}
    shelf.silences = {name: one for name, one in shelf.silences.items() if one.ends_at >= before}
    used = {(one.route, one.group) for one in shelf.tellings.values()}
    shelf.groups = {
        key: one
        for key, one in shelf.groups.items()
        if key in used or one.flushed_at is None or one.flushed_at >= before
    }
    return len(old)


def _put_endpoint(shelf: Shelf, endpoint: Endpoint) -> None:
    shelf.endpoints.pop(endpoint.route, None)
    if endpoint != Endpoint(endpoint.route):
        shelf.endpoints[endpoint.route] = endpoint


def board_of(shelf: Shelf, now: datetime) -> Board:
    """Return all that is still to be told of something."""
    kept = {name: one for name, one in shelf.alerts.items() if not one.settled}
    last = [one.delivery for one in shelf.groups.values()]
    busy = [name for name in last if name in shelf.deliveries]
    return Board(
        alerts=kept,
        tellings={key: one for key, one in shelf.tellings.items() if key[1] in kept},
        groups=dict(shelf.groups),
        silences=tuple(one for one in shelf.silences.values() if one.ends_at > now),
        busy=frozenset(
            name for name in busy if shelf.deliveries[name].status is DeliveryStatus.PENDING
        ),
        mark=shelf.mark,
    )


def alerts_of(
    shelf: Shelf, after: tuple[datetime, str] | None, limit: int, *, ended: bool
) -> Sequence[Alert]:
    """Return alerts, the newest first."""
    found = [
        one
        for one in shelf.alerts.values()
        if (ended or one.open) and (after is None or (one.opened_at, one.id) < after)
    ]
    found.sort(key=lambda one: (one.opened_at, one.id), reverse=True)
    return tuple(found[:limit])


def silences_of(shelf: Shelf) -> Sequence[Silence]:
    """Return all silences, the one that ends last first."""
    found = sorted(shelf.silences.values(), key=lambda one: one.id)
    return tuple(sorted(found, key=lambda one: one.ends_at, reverse=True))


def endpoints_of(shelf: Shelf) -> Mapping[str, Endpoint]:
    """Return how receivers are that are not well."""
    return dict(shelf.endpoints)

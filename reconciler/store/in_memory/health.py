"""How connections are, without a database."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from reconciler.errors import NotFound
from reconciler.model.connection import Checks, ConnectionState, StatusChange
from reconciler.store.in_memory.objects import states_of, uid_of
from reconciler.store.in_memory.shelf import Draft, Shelf


class MemoryHealth:
    """``ports.Health`` in one transaction."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft

    async def state(self, connection: str) -> ConnectionState | None:
        """Return how a connection (its uid) is."""
        return await self._draft.do(lambda shelf: states_of(shelf).get(connection))

    async def put(self, state: ConnectionState) -> None:
        """Keep how a connection is."""
        await self._draft.do(_put, state)

    async def note(self, change: StatusChange) -> None:
        """Add to the history of a connection."""
        await self._draft.do(lambda shelf: shelf.changes.append(change))

    async def count(self, checks: Sequence[Checks]) -> None:
        """Add *checks* to what was counted in their hours."""
        await self._draft.do(_count, checks)

    async def forget(self, before: datetime) -> int:
        """Remove the counts of hours that began before that time; return how many there were."""
        return await self._draft.do(_forget, before)


def changes_of(shelf: Shelf, connection: str | None, limit: int) -> Sequence[StatusChange]:
    """Return what connections were, or one of them, the newest change first."""
    found = [one for one in shelf.changes if connection in {None, one.connection}]
    return tuple(found[::-1][:limit])


def checks_of(shelf: Shelf, since: datetime, connection: str | None) -> Sequence[Checks]:
    """Return the counts of hours that began at or after *since*, by connection and hour."""
    return tuple(
        one
        for (whose, hour), one in sorted(shelf.checks.items())
        if hour >= since and connection in {None, whose}
    )


def _put(shelf: Shelf, state: ConnectionState) -> None:
    uid = uid_of(shelf, state.key)
    if uid is None:
        raise NotFound(f"{state.key} is not in force, so its state cannot be kept")
    shelf.states[uid] = state


def _count(shelf: Shelf, checks: Sequence[Checks]) -> None:
    for one in checks:
        place = (one.connection, one.hour)
        known = shelf.checks.get(place)
        shelf.checks[place] = (
            one
            if known is None
            else replace(
                one,
                asked=known.asked + one.asked,
                failed=known.failed + one.failed,
                last_at=max(known.last_at, one.last_at),
            )
        )


def _forget(shelf: Shelf, before: datetime) -> int:
    old = [place for place in shelf.checks if place[1] < before]
    for place in old:
        del shelf.checks[place]
    return len(old)

"""Keepers of tokens that no customer gave: in memory, for a program's own; and none at all."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from reconciler.errors import Unauthorized
from reconciler.ports import Clock, Obtained

MOST: Final = 10_000
Good = Callable[[Mapping[str, str], datetime], bool]
Obtain = Callable[[Mapping[str, str]], Awaitable[Obtained]]


@dataclass(slots=True, repr=False)
class _Drawer:
    values: dict[str, str] = field(default_factory=dict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class MemorySafe:
    """A ``Safe`` of this process, gone with it. The least lately used of many is forgotten."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._drawers: OrderedDict[str, _Drawer] = OrderedDict()

    async def open(self, connection: str) -> Mapping[str, str]:
        """Return what is kept there."""
        return dict(self._drawer(connection).values)

    async def renew(self, connection: str, good: Good, obtain: Obtain) -> Mapping[str, str]:
        """Return values that are *good*, obtained by one caller at a time."""
        drawer = self._drawer(connection)
        async with drawer.lock:
            if not good(drawer.values, self._clock.now()):
                obtained = await obtain(dict(drawer.values))
                drawer.values = {key: value for key, value in obtained.fields.items() if value}
            return dict(drawer.values)

    def _drawer(self, place: str) -> _Drawer:
        drawer = self._drawers.setdefault(place, _Drawer())
        self._drawers.move_to_end(place)
        while len(self._drawers) > MOST:
            self._drawers.popitem(last=False)
        return drawer


@dataclass(frozen=True, slots=True, repr=False)
class NoSafe:
    """No place to keep what is obtained: nothing is, for a rotated refresh token would be lost."""

    values: Mapping[str, str]

    async def open(self, connection: str) -> Mapping[str, str]:
        """Return what was given."""
        del connection
        return self.values

    async def renew(self, connection: str, good: Good, obtain: Obtain) -> Mapping[str, str]:
        """Refuse.

        Raises:
            Unauthorized: always.
        """
        del connection, good, obtain
        raise Unauthorized(
            "the access token is no longer good, and is not renewed while it is only tried",
            hint="apply the connection, or let the customer connect again",
        )

"""A queue of keys: a key waits once, one worker holds it, and asked for while held it runs once more."""

import asyncio
from collections import OrderedDict


class WorkQueue:
    """Keys, not events: what to look at, never what happened."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, None] = OrderedDict()
        self._held: set[str] = set()
        self._again: set[str] = set()
        self._ready = asyncio.Condition()

    async def add(self, key: str) -> None:
        """Ask for *key*; asked for ten times, it waits once."""
        async with self._ready:
            if key in self._held:
                self._again.add(key)
            else:
                self._waiting[key] = None
                self._ready.notify()

    async def take(self) -> str:
        """Return the key that has waited longest; it is held until ``done``."""
        async with self._ready:
            await self._ready.wait_for(lambda: self._waiting)
            key, _ = self._waiting.popitem(last=False)
            self._held.add(key)
            return key

    async def done(self, key: str) -> None:
        """Let go of *key*; it waits again if it was asked for while held."""
        async with self._ready:
            self._held.discard(key)
            if key in self._again:
                self._again.discard(key)
                self._waiting[key] = None
                self._ready.notify()

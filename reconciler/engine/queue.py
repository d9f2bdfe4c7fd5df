"""A queue of keys: a key waits once, one worker holds it, and asked for while held it runs once more."""

import asyncio
import heapq
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Final

from reconciler.ports import Clock

AT_ONCE: Final = timedelta(0)


class Priority(IntEnum):
    """Why a key is to be looked at; the higher goes first."""

    PERSON = 30
    SPEC = 20
    DEPENDANT = 10
    RETRY = 5
    RESYNC = 0

    @property
    def news(self) -> bool:
        """Whether somebody asks; else it is only our own second look."""
        return self > Priority.RETRY


@dataclass(frozen=True, slots=True)
class Ask:
    """A key that is to be looked at: how urgently, and not before ``due`` (``None``: at once).

    ``since`` is from when on it waits for a worker alone: when it was asked for, or was to be due.
    """

    key: str
    priority: Priority
    due: datetime | None
    place: int
    since: datetime

    def joined(self, later: "Ask") -> "Ask":
        """Return the two as one: the higher priority, the earlier time, the first place."""
        dues = [due for due in (self.due, later.due) if due is not None]
        return Ask(
            self.key,
            max(self.priority, later.priority),
            min(dues) if len(dues) == 2 else None,
            self.place,
            min(self.since, later.since),
        )


@dataclass(slots=True)
class _Alarm:
    """What is set to ring at the earliest time that something is due."""

    at: datetime | None = None
    task: asyncio.Task[None] | None = field(default=None, repr=False)

    def off(self) -> None:
        if self.task is not None:
            self.task.cancel()
        self.at = self.task = None


class WorkQueue:
    """Keys, not events: what to look at, never what happened.

    A key that is asked for at once goes before a wait that was set for it. While nothing is due, nothing
    runs: there is one alarm, set to the earliest wait.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock: Final = clock
        self._waiting: dict[str, Ask] = {}
        self._held: dict[str, Ask | None] = {}
        self._ready: asyncio.PriorityQueue[tuple[int, int, Ask]] = asyncio.PriorityQueue()
        self._later: list[tuple[datetime, int, Ask]] = []
        self._places = itertools.count()
        self._alarm = _Alarm()

    def __len__(self) -> int:
        """Return how many keys wait, those that are not due yet too."""
        return len(self._waiting)

    def add(self, key: str, priority: Priority, *, after: timedelta = AT_ONCE) -> None:
        """Ask for *key*, not before *after*; asked for ten times, it waits once.

        Of several asks the highest priority and the earliest time hold.
        """
        now = self.clock.now()
        due = None if after <= AT_ONCE else now + after
        ask = Ask(key, priority, due, next(self._places), due or now)
        if key in self._held:
            known = self._held[key]
            self._held[key] = ask if known is None else known.joined(ask)
            return
        known = self._waiting.get(key)
        self._wait(ask if known is None else known.joined(ask))

    async def take(self) -> Ask:
        """Return the most urgent key that is due, of those the one asked for first; held until ``done``."""
        while True:
            _, _, ask = await self._ready.get()
            # What was put in before it became more urgent is in there twice.
            if self._waiting.get(ask.key) is ask:
                del self._waiting[ask.key]
                self._held[ask.key] = None
                return ask

    def done(self, key: str) -> None:
        """Let go of *key*; it waits again if it was asked for while held."""
        again = self._held.pop(key)
        if again is not None:
            self._wait(again)

    def ready(self) -> Iterator[str]:
        """Yield the keys that are due and wait for a worker."""
        return (key for key, ask in self._waiting.items() if ask.due is None)

    def close(self) -> None:
        """Leave the waits: nothing rings any more."""
        self._alarm.off()

    def _wait(self, ask: Ask) -> None:
        if self._waiting.get(ask.key) == ask:
            return
        self._waiting[ask.key] = ask
        if ask.due is None:
            self._ready.put_nowait((-ask.priority, ask.place, ask))
        else:
            heapq.heappush(self._later, (ask.due, next(self._places), ask))
        self._set_alarm()

    def _set_alarm(self) -> None:
        while self._later and not self._waits(self._later[0][2]):
            heapq.heappop(self._later)
        if len(self._later) > 2 * len(self._waiting) + 64:
            self._later = [entry for entry in self._later if self._waits(entry[2])]
            heapq.heapify(self._later)
        earliest = self._later[0][0] if self._later else None
        if earliest == self._alarm.at:
            return
        self._alarm.off()
        if earliest is not None:
            self._alarm.at = earliest
            self._alarm.task = asyncio.create_task(self._ring(earliest), name="queue")

    def _waits(self, ask: Ask) -> bool:
        return self._waiting.get(ask.key) is ask

    async def _ring(self, at: datetime) -> None:
        left = at - self.clock.now()
        if left > AT_ONCE:
            await self.clock.sleep(left)
        # A clock that was set back meanwhile does not make what was waited for wait again.
        now = max(at, self.clock.now())
        self._alarm.at = self._alarm.task = None
        while self._later and self._later[0][0] <= now:
            _, _, ask = heapq.heappop(self._later)
            if self._waits(ask):
                due = Ask(ask.key, ask.priority, None, next(self._places), ask.since)
                self._waiting[ask.key] = due
                self._ready.put_nowait((-due.priority, due.place, due))
        self._set_alarm()

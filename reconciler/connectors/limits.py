"""Being a good guest: how often and how many at once a host is asked, and when to try again.

A ``Limiter`` belongs to a host and is shared by all connections of the process to it: at most so many
requests in any interval, so many at once (fewer after it asked us to slow down, one more after twenty
good answers), none while it wants us to pause. ``Retries`` tries one request up to five times, with
waits drawn from a doubling range, within a budget of retries a connection. All time is the clock's.
"""

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

from reconciler.errors import RateLimited, ReconcilerError, ServerFault, Unreachable
from reconciler.ports import Clock

T = TypeVar("T")

ATTEMPTS: Final = 5
MOST_LAPSES: Final = 10
FIRST_WAIT: Final = timedelta(seconds=1)
LONGEST_BACKOFF: Final = timedelta(seconds=60)
"""A wait that is asked for and is longer is not sat out here: the run ends, and comes back then."""

GOOD_ANSWERS: Final = 20
TENTHS: Final = 10
"""Retries are counted in tenths: each request earns one."""

TENTHS_A_SECOND: Final = 30
MOST_TENTHS: Final = 100


@dataclass(frozen=True, slots=True)
class Rate:
    """How much a host bears: *requests* in any *per*, *concurrency* at once."""

    requests: int | None = None
    per: timedelta = timedelta(seconds=1)
    concurrency: int = 4


class Limiter:
    """Lets requests to one host through, in the order in which they came."""

    def __init__(self, clock: Clock, host: str, rate: Rate) -> None:
        self._clock = clock
        self._host = host
        self._rate = rate
        self._granted: deque[datetime] = deque(maxlen=rate.requests or 1)
        self._paused_until: datetime | None = None
        self._at_once = float(rate.concurrency)
        self._good = 0
        self._under_way = 0
        self._freed = asyncio.Condition()

    @property
    def concurrency(self) -> int:
        """How many requests may be under way now."""
        return max(1, int(self._at_once))

    def set_rate(self, rate: Rate) -> None:
        """Take another rate, as an edited manifest asks."""
        if rate != self._rate:
            self._rate = rate
            self._granted = deque(self._granted, maxlen=rate.requests or 1)
            self._at_once = float(rate.concurrency)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn, and hold it.

        Raises:
            RateLimited: if the host wants a pause that is too long to sit out.
        """
        async with self._freed:
            await self._freed.wait_for(lambda: self._under_way < self.concurrency)
            self._under_way += 1
        try:
            await self._wait_for_time()
            yield
        finally:
            async with self._freed:
                self._under_way -= 1
                self._freed.notify_all()

    def went_well(self) -> None:
        """Know of a good answer; twenty of them allow one more request at once."""
        self._good += 1
        if self._good >= GOOD_ANSWERS:
            self._good = 0
            self._at_once = min(self._at_once + 1, self._rate.concurrency)

    def slow_down(self, wait: timedelta | None = None) -> None:
        """Halve what is asked at once; ask nothing for *wait*."""
        self._good = 0
        self._at_once = max(1.0, self._at_once / 2)
        if wait is not None:
            until = self._clock.now() + wait
            self._paused_until = max(self._paused_until or until, until)

    async def _wait_for_time(self) -> None:
        now = self._clock.now()
        moment = now
        if self._paused_until is not None and self._paused_until > now:
            moment = self._paused_until
            if moment - now > LONGEST_BACKOFF:
                raise RateLimited(f"{self._host} asked us to pause", wait=moment - now)
        if self._rate.requests is not None:
            if len(self._granted) == self._granted.maxlen:
                moment = max(moment, self._granted[0] + self._rate.per)
            self._granted.append(moment)
        if moment > now:
            await self._clock.sleep(moment - now)


class Limiters:
    """The limiters of a process, one a host."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_host: dict[str, Limiter] = {}

    def of(self, host: str, rate: Rate) -> Limiter:
        """Return the limiter of *host*, held to *rate* from now on."""
        limiter = self._by_host.get(host)
        if limiter is None:
            limiter = self._by_host[host] = Limiter(self._clock, host, rate)
        limiter.set_rate(rate)
        return limiter


class Budget:
    """How many retries a connection may spend: a tenth of its requests, and three a second."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._left: float = MOST_TENTHS
        self._counted_at = clock.now()

    def earn(self) -> None:
        """Count a request."""
        self._left = min(self._left + 1, MOST_TENTHS)

    def spend(self) -> bool:
        """Take one retry, when its wait begins; false if there is none left."""
        now = self._clock.now()
        passed = max((now - self._counted_at).total_seconds(), 0.0)
        self._left = min(self._left + passed * TENTHS_A_SECOND, MOST_TENTHS)
        self._counted_at = now
        if self._left < TENTHS:
            return False
        self._left -= TENTHS
        return True


class Lapsed(Exception):
    """Raised by an attempt in its turn: what it was to send went stale while it waited."""


class Retries:
    """Tries what may be tried again: no answer, half an answer, a fault, or asked to slow down."""

    def __init__(
        self, clock: Clock, limiter: Limiter, chance: Callable[[], float] = random.random
    ) -> None:
        self._clock = clock
        self._limiter = limiter
        self._chance = chance
        self._budget = Budget(clock)

    async def run(
        self,
        attempt: Callable[[], Awaitable[T]],
        prepare: Callable[[], Awaitable[None]] | None = None,
    ) -> T:
        """Return what *attempt* returns, at the latest of five tries.

        *prepare* runs before each try, outside its turn, and again if the attempt raises ``Lapsed``.

        Raises:
            RateLimited: if what is sent goes stale faster than the host lets us ask.
        """
        self._budget.earn()
        tries = lapses = 0
        while True:
            if prepare is not None:
                await prepare()
            try:
                return await self._try(attempt)
            except Lapsed:
                lapses += 1
                if lapses == MOST_LAPSES:
                    raise RateLimited("our login lapses faster than the host lets us ask") from None
                continue
            except (RateLimited, ServerFault, Unreachable) as error:
                tries += 1
                wait = self._wait(error, tries)
                if tries == ATTEMPTS or wait > LONGEST_BACKOFF or not self._budget.spend():
                    raise
            await self._clock.sleep(wait)

    async def _try(self, attempt: Callable[[], Awaitable[T]]) -> T:
        async with self._limiter.turn():
            try:
                result = await attempt()
            except RateLimited as error:
                self._limiter.slow_down(error.wait)
                raise
            except (ServerFault, Unreachable):
                self._limiter.slow_down()
                raise
        self._limiter.went_well()
        return result

    def _wait(self, error: ReconcilerError, tries: int) -> timedelta:
        asked = error.wait if isinstance(error, RateLimited) else None
        if asked is not None:
            return asked
        return min(FIRST_WAIT * 2.0 ** (tries - 1), LONGEST_BACKOFF) * self._chance()

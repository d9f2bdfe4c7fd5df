"""One renewal of a connection's credentials: the turn, what is obtained in it, and how it is kept."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from reconciler.errors import (
    Forbidden,
    LeaseLost,
    Locked,
    RateLimited,
    Revoked,
    StoreUnavailable,
    Unauthorized,
    Unreachable,
)
from reconciler.ports import Clock, Obtained, Store

if TYPE_CHECKING:
    from reconciler.secrets.safe import StoredSafe

INTENT: Final = "oauth.intent"
"""The field that is there while a renewal is under way, or after one was interrupted."""
LEASE: Final = timedelta(seconds=15)
"""How long a turn lasts, and how long others wait for it."""
LONGEST: Final = timedelta(seconds=12)
"""How long a system may take to answer: so that the turn is not over before the answer is kept."""
SHORTEST_LOOK: Final = timedelta(milliseconds=50)
LONGEST_LOOK: Final = timedelta(milliseconds=500)
TRIES: Final = 3
"""How often it is tried to keep what was obtained."""

_ANSWERED: Final = (Unauthorized, Forbidden, RateLimited)
"""The system has answered, and has given nothing: nothing can be lost."""


@dataclass(frozen=True, slots=True, repr=False)
class _Turn:
    """The right to renew. ``interrupted`` is when an earlier renewal began that nobody has ended."""

    epoch: int
    values: Mapping[str, str]
    interrupted: datetime | None = None
    over: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class Renewal:
    """Renews what one connection has."""

    safe: "StoredSafe"
    store: Store
    clock: Clock
    holder: str
    connection: str

    async def run(
        self,
        good: Callable[[Mapping[str, str], datetime], bool],
        obtain: Callable[[Mapping[str, str]], Awaitable[Obtained]],
    ) -> Mapping[str, str]:
        """Return values that are *good*, or what was obtained."""
        turn = await self._turn(good)
        if turn.over:
            return turn.values
        try:
            obtained = await self._in_time(obtain(turn.values))
        except _ANSWERED as error:
            await self._let_go(end=turn.interrupted is None)
            values = await self.safe.open(self.connection)
            if values != turn.values and good(values, self.clock.now()):
                return values  # the customer has connected anew in the meantime
            if isinstance(error, Revoked) and turn.interrupted is not None:
                raise _interrupted(error, turn.interrupted) from error
            raise
        except BaseException:
            await self._let_go(end=False)
            raise
        try:
            await self._keep(turn, obtained)
        except LeaseLost:
            values = await self.safe.open(self.connection)
            if good(values, self.clock.now()):
                return values
            raise self._locked("another process has taken over the renewal") from None
        return await self.safe.open(self.connection)

    async def _turn(self, good: Callable[[Mapping[str, str], datetime], bool]) -> _Turn:
        """Return the right to renew, or values that another has obtained while it was waited for."""
        until = self.clock.now() + LEASE
        look = SHORTEST_LOOK
        while True:
            turn = await self._take(good)
            if turn is not None:
                return turn
            if self.clock.now() >= until:
                seconds = LEASE.total_seconds()
                raise self._locked(f"another process has been renewing for more than {seconds:g} s")
            await self.clock.sleep(look)
            look = min(look * 2, LONGEST_LOOK)
            values = await self.safe.open(self.connection)
            if good(values, self.clock.now()):
                return _Turn(0, values, over=True)

    async def _take(self, good: Callable[[Mapping[str, str], datetime], bool]) -> _Turn | None:
        """Take the lease and say what is intended; ``None`` if another has it."""
        now = self.clock.now()
        async with self.store.begin() as unit:
            epoch = await unit.leases.acquire(self._name, self.holder, now=now, lease=LEASE)
            if epoch is None:
                return None
            sealed = await unit.credentials.of(self.connection)
            values = self.safe.opened(self.connection, sealed)
            if good(values, now):  # read again: another may have renewed until now
                return _Turn(epoch, values, over=True)
            await unit.credentials.put(self.connection, [self.safe.intend(self.connection, now)])
            await unit.commit()
        before = sealed.get(INTENT)
        return _Turn(epoch, values, None if before is None else before.updated_at)

    async def _in_time(self, work: Awaitable[Obtained]) -> Obtained:
        """Return what *work* returns, unless the system takes too long."""
        answer = asyncio.ensure_future(work)
        alarm = asyncio.ensure_future(self.clock.sleep(LONGEST))
        try:
            await asyncio.wait({answer, alarm}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            answer.cancel()
            alarm.cancel()
            await asyncio.wait({answer, alarm})
        if not answer.cancelled():
            return answer.result()
        seconds = LONGEST.total_seconds()
        raise Unreachable(f"the system gave no new token within {seconds:g} s")

    async def _keep(self, turn: _Turn, obtained: Obtained) -> None:
        """Keep what was obtained; a database that is busy is asked again, for it may be given but once."""
        for left in reversed(range(TRIES)):
            try:
                await self._keep_once(turn, obtained)
            except (StoreUnavailable, Locked) as error:
                if not left or isinstance(error, LeaseLost):
                    raise
                await self.clock.sleep(LONGEST_LOOK)
            else:
                return

    async def _keep_once(self, turn: _Turn, obtained: Obtained) -> None:
        now = self.clock.now()
        async with self.store.begin() as unit:
            await unit.leases.check(self._name, self.holder, epoch=turn.epoch, now=now)
            if not await unit.credentials.drop(self.connection, [INTENT]):
                raise LeaseLost("credentials were given anew in the meantime")
            await self.safe.keep(
                unit,
                self.connection,
                obtained.fields,
                by="reconciler",
                at=now,
                expires_at=obtained.expires_at,
            )
            await unit.leases.release(self._name, self.holder)
            await unit.commit()

    async def _let_go(self, *, end: bool) -> None:
        """Let the next one try; with *end*, nothing is left to wonder about."""
        async with self.store.begin() as unit:
            if end:
                await unit.credentials.drop(self.connection, [INTENT])
            await unit.leases.release(self._name, self.holder)
            await unit.commit()

    @property
    def _name(self) -> str:
        return f"refresh:{self.connection}"

    def _locked(self, why: str) -> Locked:
        said = f"the login of connection {self.connection} is not renewed: {why}"
        return Locked(said, hint="nothing is wrong with the credentials; it is tried again")


def _interrupted(error: Revoked, began: datetime) -> Revoked:
    return Revoked(
        f"{error.message}; a renewal that began at {began:%Y-%m-%d %H:%M:%S}Z was interrupted, and may be the "
        "cause: the system had given a new token, and the answer was lost",
        hint=error.hint or "connect again: reconciler connect NAME",
    )

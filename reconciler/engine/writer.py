"""One writer: a lease that is renewed in time, and a store in which nothing is written without it.

A lease alone does not keep two from acting: one may be frozen, and wake up late. So each transaction
looks at the lease in the database before it ends: under another holder or epoch nothing is written.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final

import structlog

from reconciler.errors import LeaseLost, Locked, StoreUnavailable
from reconciler.model.audit import Hold
from reconciler.ports import Clock, Store, UnitOfWork, Views

NAME: Final = "reconciler"
"""The lease of whoever applies specs."""
LEASE: Final = timedelta(seconds=15)
RENEW: Final = timedelta(seconds=3)
LOOK: Final = timedelta(seconds=1)

log = structlog.get_logger()


class Writer:
    """Holds the lease for *holder*, a name that no other process has."""

    def __init__(self, store: Store, clock: Clock, holder: str) -> None:
        self._store = store
        self._clock = clock
        self._holder = holder
        self._epoch = 0
        self._renewed: datetime | None = None

    @property
    def store(self) -> "FencedStore":
        """The store in which nothing is written once the lease is lost."""
        return FencedStore(self._store, self)

    @property
    def epoch(self) -> int:
        """How often the lease has changed hands; 0 before it was taken."""
        return self._epoch

    @property
    def held(self) -> bool:
        """Whether the lease was taken or renewed, and has not lapsed since."""
        return self._renewed is not None and self._clock.now() - self._renewed < LEASE

    async def check_held(self) -> None:
        """Return if the lease is held, or raise ``LeaseLost``."""
        if not self.held:
            raise LeaseLost("the lease of the one writer is not held", hint=_AGAIN)

    async def take(self, wait: timedelta | None = None) -> None:
        """Take the lease; with *wait*, once its holder lets go of it within that time.

        Raises:
            Locked: if another holds it, with who and since when.
        """
        until = self._clock.now() + (wait or timedelta(0))
        while not await self._taken():
            if self._clock.now() >= until:
                raise await self._locked(waited=wait)
            await self._clock.sleep(LOOK)

    async def keep(self) -> None:
        """Renew the lease until cancelled.

        Raises:
            LeaseLost: if another has it, or it could not be renewed before it ended.
        """
        renewed = self._clock.now()
        while True:
            await self._clock.sleep(RENEW)
            try:
                if not await self._taken():
                    raise LeaseLost("another process has taken over", hint=_AGAIN)
                renewed = self._clock.now()
            except StoreUnavailable as error:
                log.warning("lease_not_renewed", why=error.message)
                if self._clock.now() - renewed >= LEASE - RENEW:
                    msg = "the lease could not be renewed: the database does not answer"
                    raise LeaseLost(msg, hint=_AGAIN) from error

    async def release(self) -> None:
        """Let go, so that the next one need not wait."""
        async with self._store.begin() as unit:
            await unit.leases.release(NAME, self._holder)
            await unit.commit()
        self._renewed = None

    async def check(self, unit: UnitOfWork) -> None:
        """Return if *unit* may write, or raise ``LeaseLost``."""
        now = self._clock.now()
        await unit.leases.check(NAME, self._holder, epoch=self._epoch, now=now)

    async def _taken(self) -> bool:
        async with self._store.begin() as unit:
            now = self._clock.now()
            epoch = await unit.leases.acquire(NAME, self._holder, now=now, lease=LEASE)
            await unit.commit()
        if epoch is None or (self._epoch and epoch != self._epoch):
            return False
        self._epoch, self._renewed = epoch, now
        return True

    async def _locked(self, waited: timedelta | None) -> Locked:
        found = [one for one in await self._store.views.holds() if one.name == NAME]
        told = told_hold(found[0], self._clock) if found else "somebody else"
        after = f" (waited {waited.total_seconds():.0f} s)" if waited else ""
        return Locked(
            f"another process reconciles here: {told}{after}",
            hint="leave it to that one, or wait for its end: --wait 60s",
        )


_AGAIN: Final = "start again; it waits for the other to end, or takes over after it has"


def told_hold(hold: Hold, clock: Clock) -> str:
    """Return who holds a lease, for how long already and until when, in words."""
    now = clock.now()
    since = f", since {hold.acquired_at:%H:%M:%S}Z" if hold.acquired_at else ""
    age = f" ({_age(now - hold.acquired_at)})" if hold.acquired_at else ""
    ends = f"lease ends {hold.expires_at:%H:%M:%S}Z unless it is renewed"
    return f"{hold.holder}{since}{age}; {ends}"


def _age(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


class FencedStore:
    """``ports.Store`` for the holder of a lease."""

    def __init__(self, store: Store, writer: Writer) -> None:
        self._store = store
        self._writer = writer

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[UnitOfWork]:
        """Open a transaction; raise ``LeaseLost`` if the lease is not held any more."""
        async with self._store.begin() as unit:
            await self._writer.check(unit)
            yield unit

    @property
    def views(self) -> Views:
        """The read side."""
        return self._store.views

    def listen(self, heard: Callable[[], None]) -> None:
        """Call *heard* after each transaction of this process that left something in the outbox."""
        self._store.listen(heard)

    async def close(self) -> None:
        """Let go of files and connections."""
        await self._store.close()

"""Values and helpers of this room's tests."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

from reconciler.ports import Obtained, Store
from reconciler.secrets.keyring import KeyRing
from reconciler.secrets.safe import StoredSafe
from tests.fakes import TurnedClock

OLD = {"2025": b"o" * 32}
BOTH = {"2026": b"n" * 32, **OLD}
TOKEN = "oauth.access_token"
GRANT = "oauth.refresh_token"
STALE = {TOKEN: "stale", GRANT: "grant-0"}


def ring(keys: Mapping[str, bytes] | None = None) -> KeyRing:
    """Return a ring of *keys*, or of one."""
    return KeyRing(lambda: OLD if keys is None else keys)


def safe(store: Store, clock: TurnedClock, holder: str = "one") -> StoredSafe:
    """Return a safe of the process *holder*."""
    return StoredSafe(store, ring(), clock, holder)


async def keep(
    store: Store, one: StoredSafe, values: Mapping[str, str | None], at: datetime, of: str = "c1"
) -> None:
    """Keep *values* in a transaction of its own."""
    async with store.begin() as unit:
        await one.keep(unit, of, values, by="customer", at=at)
        await unit.commit()


def fresh(values: Mapping[str, str], _now: datetime) -> bool:
    """Whether the access token is not the stale one."""
    return values.get(TOKEN, "stale") != "stale"


class Issuer:
    """A system that gives a new pair for the current grant, once, when it is let."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.begun = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()
        self.fail: list[Exception] = []

    async def obtain(self, values: Mapping[str, str]) -> Obtained:
        self.asked.append(values[GRANT])
        self.begun.set()
        await self.open.wait()
        if self.fail:
            raise self.fail.pop(0)
        number = len(self.asked)
        return Obtained({TOKEN: f"token-{number}", GRANT: f"grant-{number}"})


async def until(done: object, clock: TurnedClock, step: timedelta, most: int = 400) -> None:
    """Turn the clock by *step* until the future *done* is done, *most* times at most."""
    for _ in range(most):
        if isinstance(done, asyncio.Future) and done.done():
            return
        await clock.turn(step)
        await asyncio.sleep(0.002)
    msg = "it is not done"
    raise AssertionError(msg)

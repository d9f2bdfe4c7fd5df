"""One process reconciles at a time; one that was frozen meanwhile can write nothing when it wakes."""

import asyncio
from datetime import timedelta

import pytest

from reconciler.engine.writer import LEASE, RENEW, Writer
from reconciler.errors import LeaseLost, Locked
from reconciler.store.memory import MemoryStore
from tests.fakes import TurnedClock

SECOND = timedelta(seconds=1)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


async def write(writer: Writer) -> None:
    async with writer.store.begin() as unit:
        await unit.commit()


async def test_a_second_one_is_refused_with_the_holders_name_and_age(
    store: MemoryStore, clock: TurnedClock
) -> None:
    await Writer(store, clock, "run on host-a, pid 7").take()
    await clock.turn(5 * SECOND)
    with pytest.raises(Locked, match=r"run on host-a, pid 7, since 12:00:00Z \(5 s\)"):
        await Writer(store, clock, "run on host-b, pid 9").take()


async def test_a_second_one_may_wait_for_the_first_to_let_go(
    store: MemoryStore, clock: TurnedClock
) -> None:
    first, second = Writer(store, clock, "one"), Writer(store, clock, "two")
    await first.take()
    waiting = asyncio.ensure_future(second.take(60 * SECOND))
    await clock.turn(SECOND)
    assert not waiting.done()
    await first.release()
    await clock.turn(SECOND)
    await waiting
    await write(second)


async def test_waiting_ends_and_says_how_long_it_was(
    store: MemoryStore, clock: TurnedClock
) -> None:
    first = Writer(store, clock, "one")
    await first.take()
    keeping = asyncio.ensure_future(first.keep())
    waiting = asyncio.ensure_future(Writer(store, clock, "two").take(30 * SECOND))
    for _ in range(31):
        await clock.turn(SECOND)
    with pytest.raises(Locked, match="waited 30 s"):
        await waiting
    keeping.cancel()


async def test_a_lease_that_is_kept_does_not_lapse(store: MemoryStore, clock: TurnedClock) -> None:
    first = Writer(store, clock, "one")
    await first.take()
    keeping = asyncio.ensure_future(first.keep())
    for _ in range(20):
        await clock.turn(RENEW)
    await write(first)
    assert not keeping.done()
    keeping.cancel()


async def test_one_that_was_frozen_writes_nothing_after_another_took_over(
    store: MemoryStore, clock: TurnedClock
) -> None:
    frozen, other = Writer(store, clock, "one"), Writer(store, clock, "two")
    await frozen.take()
    keeping = asyncio.ensure_future(frozen.keep())
    await asyncio.sleep(0)
    clock._now += LEASE  # frozen: time passes and nothing of it runs
    await other.take()
    with pytest.raises(LeaseLost, match="two has it now"):
        await write(frozen)
    await clock.turn(RENEW)
    with pytest.raises(LeaseLost, match="another process has taken over"):
        await keeping
    await write(other)


async def test_one_whose_lease_has_lapsed_writes_nothing_though_nobody_took_over(
    store: MemoryStore, clock: TurnedClock
) -> None:
    frozen = Writer(store, clock, "one")
    await frozen.take()
    await clock.turn(LEASE)
    with pytest.raises(LeaseLost, match="lapsed"):
        await write(frozen)

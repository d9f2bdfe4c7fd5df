"""The clock knows when each entity is synced next, and follows the schedules that it is given."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.engine.schedules import Tick
from reconciler.sources.timer import Timer

OFTEN = Tick(
    "often", "acme", timedelta(minutes=15), None, "UTC", timedelta(0), ("purchase-orders",)
)
DAILY = Tick("daily", "acme", None, "0 6 * * 0", "Europe/Amsterdam", timedelta(0), ("vendors",))


async def nothing(_: Tick) -> None:
    """Be called."""


@pytest.fixture
async def timer() -> AsyncIterator[Timer]:
    """A clock that runs."""
    made = Timer(nothing)
    running = asyncio.ensure_future(made.run())
    await asyncio.sleep(0)
    yield made
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_the_next_time_of_an_entity_is_that_of_the_ticks_that_sync_it(timer: Timer) -> None:
    timer.set([OFTEN, DAILY])
    orders, vendors = timer.next_at("acme", "purchase-orders"), timer.next_at("acme", "vendors")
    assert orders is not None
    assert (orders.minute % 15, orders.second) == (0, 0)
    assert vendors is not None
    assert (vendors.strftime("%A %H:%M"), vendors.tzname()) in {
        ("Sunday 06:00", "CET"),
        ("Sunday 06:00", "CEST"),
    }
    assert timer.next_at("acme", "assets") is None
    assert timer.next_at("other", "vendors") is None
    timer.set([OFTEN])
    assert timer.next_at("acme", "vendors") is None


@pytest.mark.parametrize("minutes", [1, 15, 60])
async def test_intervals_count_from_the_same_day_in_every_process(
    timer: Timer, minutes: int
) -> None:
    every = timedelta(minutes=minutes)
    timer.set([Tick("t", "acme", every, None, "UTC", timedelta(0), ("vendors",))])
    found = timer.next_at("acme", "vendors")
    assert found is not None
    assert (found - datetime(2020, 1, 1, tzinfo=UTC)) % every == timedelta(0)

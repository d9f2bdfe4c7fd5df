"""A plant whose clock is turned by hand, and a client that has its key."""

import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from reconciler.sandbox import Sandbox
from reconciler.sandbox.plant import Plant

TRUSTED = ssl.create_default_context()
"""Made once: every client would make its own."""


class TurnedClock:
    """A clock that stands still until it is turned."""

    def __init__(self) -> None:
        self.at = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def turn(self, **passed: float) -> None:
        self.at += timedelta(**passed)


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture(scope="session")
def pristine() -> Plant:
    return Plant(now=TurnedClock().at)


@pytest.fixture
async def sandbox(clock: TurnedClock, pristine: Plant) -> AsyncIterator[Sandbox]:
    async with Sandbox(now=clock, scale=0) as running:
        running.settle(pristine.twin())
        yield running


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"X-Plant-Key": sandbox.credentials.api_key}
    async with httpx.AsyncClient(base_url=sandbox.url, headers=headers, verify=TRUSTED) as opened:
        yield opened

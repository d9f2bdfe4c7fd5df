"""A plant whose clock is turned by hand, and a client that has its key."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from reconciler.sandbox import Sandbox


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


@pytest.fixture
async def sandbox(clock: TurnedClock) -> AsyncIterator[Sandbox]:
    async with Sandbox(now=clock) as running:
        yield running


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"X-Plant-Key": sandbox.credentials.api_key}
    async with httpx.AsyncClient(base_url=sandbox.url, headers=headers) as opened:
        yield opened

"""A store in memory and on SQLite, and a clock that is turned."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog

from reconciler.ports import Store
from reconciler.store.memory import MemoryStore
from reconciler.store.open import open_store
from tests.fakes import TurnedClock


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """Yield an empty store of each kind."""
    opened: Store
    match request.param:
        case "memory":
            opened = MemoryStore()
        case "sqlite":
            opened = open_store(tmp_path / "state")
        case _:
            opened = open_store(str(request.getfixturevalue("postgres_url")))
    yield opened
    await opened.close()


@pytest.fixture(autouse=True)
def plain_logs() -> Iterator[None]:
    """Log as a program does that has said nothing of it, whatever another test has said."""
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()


@pytest.fixture
def clock() -> TurnedClock:
    """Return a clock that is turned by hand."""
    return TurnedClock()

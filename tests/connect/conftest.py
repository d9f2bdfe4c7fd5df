"""A counter at which customers connect."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from reconciler.store.memory import MemoryStore
from reconciler.store.open import open_store
from tests.connect.making import Counter, make_counter


@pytest.fixture
async def counter() -> Counter:
    """A connection that waits for its customer, in a store that is memory."""
    return await make_counter(MemoryStore())


@pytest.fixture(params=["memory", "sqlite"])
async def kept_counter(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Counter]:
    """The same, once in memory and once on SQLite."""
    store = MemoryStore() if request.param == "memory" else open_store(tmp_path / "state")
    yield await make_counter(store)
    await store.close()

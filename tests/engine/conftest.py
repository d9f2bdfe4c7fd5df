"""A store with routes in force: once in memory, once on SQLite."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from reconciler.ports import Store
from reconciler.store.memory import MemoryStore
from reconciler.store.open import open_store
from tests.town import Town


@pytest.fixture(params=["memory", "sqlite"])
async def town(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Town]:
    store: Store = MemoryStore()
    if request.param == "sqlite":
        store = open_store(tmp_path / "state")
    yield Town(store)
    await store.close()

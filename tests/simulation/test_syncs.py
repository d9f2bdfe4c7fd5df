"""Whatever the source does and whenever the process dies: one more sync, and the store equals the source.

More seeds, and others: ``SIMULATION_SEEDS=10000 SIMULATION_FROM=1000``. A seed replays its walk.
"""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from reconciler.model.sync import SyncMode
from reconciler.ports import Store
from reconciler.store.memory import MemoryStore
from reconciler.store.open import open_store
from tests.simulation.walk import Walk

SEEDS: Final = int(os.environ.get("SIMULATION_SEEDS", "400"))
FROM: Final = int(os.environ.get("SIMULATION_FROM", "0"))
LOTS: Final = 20
"""Seeds are walked in so many tests."""
MODES: Final = (SyncMode.FULL, SyncMode.INCREMENTAL)

pytestmark = pytest.mark.slow


async def walked(seed: int, store: Store) -> list[str]:
    """Return what is wrong after the walk of *seed*, which ends with full syncs or incremental ones."""
    walk = Walk(seed, store)
    wrong = await walk(MODES[seed % 2])
    return [f"seed {seed}, {walk.world}: {one}" for one in wrong]


@pytest.mark.parametrize("lot", range(LOTS))
async def test_the_store_equals_the_source_at_the_end_of_every_walk(lot: int) -> None:
    wrong = [
        one
        for seed in range(FROM + lot, FROM + SEEDS, LOTS)
        for one in await walked(seed, MemoryStore())
    ]
    assert wrong == []


@pytest.fixture
async def databases(tmp_path: Path) -> AsyncIterator[list[Store]]:
    opened: list[Store] = [
        open_store(tmp_path / f"state-{number}") for number in range(SEEDS // 20)
    ]
    yield opened
    for store in opened:
        await store.close()


async def test_the_same_holds_for_a_store_that_is_a_database(databases: list[Store]) -> None:
    wrong = [one for seed, store in enumerate(databases, FROM) for one in await walked(seed, store)]
    assert wrong == []

"""A process that is killed leaves all of a transaction or nothing, and others write beside it."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.model.record import RecordQuery
from reconciler.store.open import open_store
from tests.store.making import ORDERS

PAGE = 2000

SYNCING = """
import asyncio, os, signal, sys
from tests.store.making import batch, row, NOON, ORDERS
from reconciler.model.sync import Cursor
from reconciler.store.open import open_store

async def main(where, size, fatal):
    store, before, version = open_store(where), None, 0
    while True:
        version += 1
        rows = [row(str(number), f"raw {version}", f"mapped {version}") for number in range(size)]
        async with store.begin() as unit:
            await unit.records.save(batch(*rows))
            moved = Cursor("c1", ORDERS, "b1", position=str(version))
            await unit.runs.move(moved, before=before)
            if version == fatal:
                os.kill(os.getpid(), signal.SIGKILL)
            await unit.commit()
        before = moved
        print(version, flush=True)

asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
"""


async def kept(where: str) -> tuple[set[bytes], int, str | None]:
    """Return which versions of raw there are, how many records, and where the cursor stands."""
    store = open_store(where)
    found = await store.views.records(RecordQuery(ORDERS, limit=PAGE * 2))
    cursors = await store.views.cursors()
    await store.close()
    return {one.raw for one in found}, len(found), cursors[0].position if cursors else None


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_killed_before_the_commit_nothing_of_the_page_is_kept(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    where = str(tmp_path) if kind == "sqlite" else request.getfixturevalue("postgres_url")
    for fatal in (1, 3):
        command = [sys.executable, "-c", SYNCING, where, "50", str(fatal)]
        process = subprocess.run(command, capture_output=True, check=False)
        assert process.returncode == -9
        if fatal == 1:
            assert asyncio.run(kept(where)) == (set(), 0, None)
        else:
            assert asyncio.run(kept(where)) == ({b"raw 2"}, 50, "2")


@pytest.mark.parametrize("told", [1, 2, 3])
def test_killed_at_any_moment_a_page_is_whole_with_its_cursor(tmp_path: Path, told: int) -> None:
    command = [sys.executable, "-c", SYNCING, str(tmp_path), str(PAGE), "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for _ in range(told):
            last = int(process.stdout.readline())
        process.kill()  # in the middle of the next page
    versions, count, position = asyncio.run(kept(str(tmp_path)))
    assert count == PAGE
    assert position is not None
    assert versions == {f"raw {position}".encode()}
    assert int(position) >= last


COUNTING = """
import asyncio, sys
from tests.store.making import NOON
from reconciler.errors import PlanStale
from reconciler.store.open import open_store

async def main(where, times):
    store, done = open_store(where), 0
    while done < times:
        try:
            async with store.begin() as unit:
                base = (await unit.objects.state()).generation
                await unit.objects.advance_generation(base, revision="r", at=NOON)
                await unit.commit()
            done += 1
        except PlanStale:  # on PostgreSQL the other process may be between; on SQLite it never is
            assert "://" in where
    await store.close()

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_of_two_processes_that_write_at_once_none_loses_what_the_other_wrote(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    where = str(tmp_path) if kind == "sqlite" else request.getfixturevalue("postgres_url")
    command = [sys.executable, "-c", COUNTING, where, "25"]
    processes = [subprocess.Popen(command) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]

    async def generation() -> int:
        store = open_store(where)
        state = await store.views.state()
        await store.close()
        return state.generation

    assert asyncio.run(generation()) == 50

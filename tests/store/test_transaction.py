"""Cancellation, and writers beside each other: what only a real database can get wrong."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from reconciler.errors import Locked, Recovery
from reconciler.model.record import RecordQuery
from reconciler.store.open import open_store
from reconciler.store.sql import SqlStore
from reconciler.store.threads import Threads
from tests.store.making import NOON, ORDERS, TICK, batch, deliveries, event, row, save

ENDLESS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) FROM n",
    "postgresql": "SELECT pg_sleep(3600)",
}


@pytest.fixture(params=["sqlite", "postgres"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    sqlite = request.param == "sqlite"
    return str(tmp_path) if sqlite else str(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def store(place: str) -> AsyncIterator[SqlStore]:
    opened = open_store(place)
    yield opened
    await opened.close()


def endless(begun: Callable[[], object]) -> Callable[[Connection], object]:
    def work(database: Connection) -> object:
        begun()
        return database.execute(text(ENDLESS[database.dialect.name])).all()

    return work


async def test_a_cancelled_statement_is_broken_off_and_its_transaction_taken_back(
    store: SqlStore,
) -> None:
    loop, begun = asyncio.get_running_loop(), asyncio.Event()

    async def busy() -> None:
        async with store.begin() as unit:
            await unit.outbox.emit([event(1)])
            work = endless(lambda: loop.call_soon_threadsafe(begun.set))
            while True:  # until the statement itself is what is interrupted
                await unit._transaction.do(work)

    task = asyncio.create_task(busy())
    await begun.wait()
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=0.05)
    assert task.cancelled()
    await save(store, batch(row("1")))
    assert await store.views.events() == ()
    assert dict(await store.views.counts()) == {("c1", ORDERS): 1}


@pytest.mark.parametrize("turns", range(0, 12, 2))
async def test_cancelled_at_any_moment_a_save_is_whole_or_nothing(
    store: SqlStore, turns: int
) -> None:
    page = batch(*(row(str(number)) for number in range(3000)))
    task = asyncio.create_task(save(store, page))
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    counts = dict(await store.views.counts())
    assert counts in ({}, {("c1", ORDERS): 3000})
    found = await store.views.records(RecordQuery(ORDERS, limit=9999))
    assert len(found) == counts.get(("c1", ORDERS), 0)
    assert (await save(store, page)).created == 3000 - len(found)


async def test_those_who_wait_for_their_turn_can_be_cancelled(store: SqlStore) -> None:
    async with store.begin() as first:
        await first.outbox.emit([event(1)])
        waiting = [asyncio.create_task(save(store, batch(row(str(n))))) for n in range(9)]
        await asyncio.sleep(0)
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
        await first.commit()
    assert len(await store.views.events()) == 1


async def test_deliveries_are_claimed_once_by_stores_that_claim_at_once(place: str) -> None:
    stores = [open_store(place) for _ in range(3)]
    async with stores[0].begin() as unit:
        await unit.outbox.enqueue(deliveries(range(60)))
        await unit.commit()

    async def claiming(store: SqlStore, holder: str) -> list[str]:
        claimed: list[str] = []
        while True:
            async with store.begin() as unit:
                some = await unit.outbox.claim(holder, now=NOON, lease=TICK * 10**9, limit=7)
                await unit.commit()
            if not some:
                return claimed
            claimed.extend(one.id for one in some)

    each = await asyncio.gather(*(claiming(one, str(n)) for n, one in enumerate(stores)))
    everything = [name for names in each for name in names]
    assert sorted(everything) == sorted(set(everything))
    assert len(everything) == 60
    for one in stores:
        await one.close()


async def test_pages_of_one_entity_that_are_saved_at_once_have_times_of_their_own(
    place: str,
) -> None:
    stores = [open_store(place) for _ in range(3)]

    async def saving(store: SqlStore, owner: str) -> None:
        for number in range(8):
            await save(store, batch(row(str(number), of=owner), of=owner))

    await asyncio.gather(*(saving(one, f"c{n}") for n, one in enumerate(stores)))
    found = await stores[0].views.records(RecordQuery(ORDERS, limit=99))
    assert [one.updated_at for one in found] == [NOON + TICK * n for n in range(24)]
    for one in stores:
        await one.close()


async def test_the_same_page_saved_by_two_at_once_is_created_once(place: str) -> None:
    stores = [open_store(place) for _ in range(2)]
    page = batch(*(row(str(number)) for number in range(300)))
    saved = await asyncio.gather(*(save(one, page) for one in stores))
    assert sorted(one.created for one in saved) == [0, 300]
    assert sorted(one.unchanged for one in saved) == [0, 300]
    for one in stores:
        await one.close()


async def test_a_reader_sees_one_moment_while_another_writes(store: SqlStore) -> None:
    await save(store, batch(row("1")))
    async with store.begin() as unit:
        await unit.records.save(batch(row("2")))
        assert dict(await store.views.counts()) == {("c1", ORDERS): 1}
        await unit.commit()
    assert dict(await store.views.counts()) == {("c1", ORDERS): 2}


async def test_views_cannot_write(store: SqlStore) -> None:
    def write(database: Connection) -> None:
        database.execute(text("DELETE FROM records"))

    with pytest.raises(Exception, match=r"(?i)does not do its work|cannot hold"):
        await store.views._read(write)


async def test_a_deadlock_is_an_error_that_is_tried_again(postgres_url: str) -> None:
    store = open_store(postgres_url)
    met = asyncio.Barrier(2)

    async def crossing(first: str, second: str) -> None:
        async with store.begin() as unit:
            await unit.records.save(batch(row(first), entity=first))
            await met.wait()
            await unit.records.save(batch(row(second), entity=second))
            await unit.commit()

    ends = await asyncio.gather(crossing("a", "b"), crossing("b", "a"), return_exceptions=True)
    (lost,) = [end for end in ends if end is not None]
    assert isinstance(lost, Locked)
    assert lost.recovery is Recovery.WAITING
    await store.close()


async def test_work_on_threads_that_failed_raises_what_it_raised() -> None:
    threads = Threads("test", 1)
    with pytest.raises(ZeroDivisionError):
        await threads.run(lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        await threads.finish(lambda: None, lambda: 1 // 0)
    await threads.close()

"""The SQL store does what the plain one does, whatever is done to both, in whatever order."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Connection, select

from reconciler.model.identity import record_id
from reconciler.model.record import Batch, RecordQuery, Row, StoredRecord
from reconciler.ports import Store, UnitOfWork
from reconciler.store.columns import METADATA
from reconciler.store.memory import MemoryStore
from reconciler.store.open import open_store
from reconciler.store.sql import SqlStore
from reconciler.store.tables import meta, records, tallies
from tests.store.making import NOON, row

CONNECTIONS = ("c1", "c2")
PREFIXES = {"purchase-orders": "po", "vendors": "ve"}
Place = tuple[str, str]
Content = list[tuple[str, str, str | None]]
KEYS = ("", "1", "2", "10", "ä", "a|b")

places = st.tuples(st.sampled_from(CONNECTIONS), st.sampled_from(sorted(PREFIXES)))
bases = st.sampled_from(("b1", "b2", "b3"))
times = st.integers(0, 3).map(lambda seconds: NOON + timedelta(seconds=seconds))
contents = st.lists(
    st.tuples(
        st.sampled_from(KEYS),
        st.sampled_from(("raw", "other raw")),
        st.sampled_from(("mapped", "otherwise", None)),
    ),
    max_size=8,
)


def made(place: tuple[str, str], content: list[tuple[str, str, str | None]]) -> list[Row]:
    owner, entity = place
    return [
        row(key, raw, mapped)._replace(
            id=record_id(PREFIXES[entity], owner, key), error=None if mapped else "no value"
        )
        for key, raw, mapped in content
    ]


class Both(RuleBasedStateMachine):
    """Does everything to a store of each kind, and compares what each says and shows."""

    def __init__(self, store: SqlStore) -> None:
        super().__init__()
        self.store, self.model = store, MemoryStore()
        self.runner = asyncio.Runner()
        with store._engines[0].begin() as database:
            for table in METADATA.tables.values():
                if table is not meta:
                    database.execute(table.delete())

    def teardown(self) -> None:
        self.runner.close()

    def both(self, work: Callable[[UnitOfWork], Awaitable[object]], *, commit: bool = True) -> None:
        async def one(store: Store) -> object:
            async with store.begin() as unit:
                answer = await work(unit)
                if commit:
                    await unit.commit()
            return answer

        assert self.runner.run(one(self.store)) == self.runner.run(one(self.model))

    def same(self, look: Callable[[Store], Awaitable[object]]) -> None:
        async def one(store: Store) -> object:
            return await look(store)

        assert self.runner.run(one(self.store)) == self.runner.run(one(self.model))

    @rule(place=places, content=contents, basis=bases, at=times, commit=st.booleans())
    def save(self, place: Place, content: Content, basis: str, at: datetime, commit: bool) -> None:  # noqa: FBT001  hypothesis calls it
        page = Batch(*place, basis, f"run {at}", made(place, content), at)
        self.both(lambda unit: unit.records.save(page), commit=commit)

    @rule(place=places, content=contents, basis=bases, at=times)
    def remap(self, place: Place, content: Content, basis: str, at: datetime) -> None:
        page = Batch(*place, basis, f"remap {at}", made(place, content), at)
        self.both(lambda unit: unit.records.remap(page))

    @rule(place=places, keys=st.lists(st.sampled_from(KEYS), max_size=4), at=times)
    def bury(self, place: Place, keys: list[str], at: datetime) -> None:
        self.both(lambda unit: unit.records.bury(*place, keys, at=at))

    @rule(place=places, whole=st.booleans())
    def erase(self, place: Place, whole: bool) -> None:  # noqa: FBT001  likewise
        self.both(lambda unit: unit.records.erase(place[0], None if whole else place[1]))

    @rule(pages=st.lists(st.tuples(places, contents, bases), min_size=2, max_size=3), at=times)
    def save_several_pages_at_once(
        self, pages: list[tuple[Place, Content, str]], at: datetime
    ) -> None:
        async def work(unit: UnitOfWork) -> object:
            return [
                await unit.records.save(Batch(*place, basis, "run", made(place, content), at))
                for place, content, basis in pages
            ]

        self.both(work)

    @precondition(lambda self: self.model._shelf.records)
    @rule(
        entity=st.sampled_from(sorted(PREFIXES)),
        connections=st.sampled_from((None, (), ("c1",), ("c1", "c2"))),
        deleted=st.booleans(),
        limit=st.integers(1, 5),
        since=st.none() | times,
        born=st.none() | times,
    )
    def read_by_pages(
        self,
        entity: str,
        connections: tuple[str, ...] | None,
        deleted: bool,  # noqa: FBT001
        limit: int,
        since: datetime | None,
        born: datetime | None,
    ) -> None:
        async def look(store: Store) -> object:
            read: list[StoredRecord] = []
            after: tuple[datetime, str] | None = None
            while page := await store.views.records(
                RecordQuery(entity, connections, since, born, deleted, after, limit)
            ):
                read.extend(page)
                after = (page[-1].updated_at, page[-1].id)
            return read

        self.same(look)

    @rule(place=places, basis=bases, limit=st.integers(1, 4))
    def read_stale(self, place: Place, basis: str, limit: int) -> None:
        async def look(store: Store) -> object:
            read: list[Row] = []
            after = ""
            while page := await store.views.stale(*place, basis=basis, after=after, limit=limit):
                read.extend(page)
                after = page[-1].id
            return read

        self.same(look)

    @invariant()
    def show_the_same(self) -> None:
        async def look(store: Store) -> object:
            views = store.views
            return (
                [await views.records(RecordQuery(e, deleted=True, limit=99)) for e in PREFIXES],
                [await views.source_ids(c, e) for c in CONNECTIONS for e in PREFIXES],
                dict(await views.counts()),
            )

        self.same(look)

    @invariant()
    def tallies_are_what_counting_finds(self) -> None:
        with self.store._engines[1].connect() as database:
            assert tallied(database) == counted(database)


def tallied(database: Connection) -> dict[tuple[str, str, str], tuple[int, int]]:
    return {
        (found.connection, found.entity, found.basis): (found.alive, found.dead)
        for found in database.execute(select(tallies))
    }


def counted(database: Connection) -> dict[tuple[str, str, str], tuple[int, int]]:
    alive: Counter[tuple[str, str, str]] = Counter()
    dead: Counter[tuple[str, str, str]] = Counter()
    for found in database.execute(select(records)):
        where = alive if found.deleted_at is None else dead
        where[found.connection, found.entity, found.basis] += 1
    return {key: (alive[key], dead[key]) for key in alive | dead}


def compare(where: str, examples: int) -> None:
    store = open_store(where)

    class Opened(Both):
        def __init__(self) -> None:
            super().__init__(store)

    run_state_machine_as_test(
        Opened,
        settings=settings(
            max_examples=examples,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    asyncio.run(store.close())


def test_sqlite_does_what_the_plain_store_does() -> None:
    with tempfile.TemporaryDirectory() as folder:
        compare(str(Path(folder) / "state"), 40)


def test_postgresql_does_what_the_plain_store_does(postgres_url: str) -> None:
    compare(postgres_url, 10)

"""The whole loop, over a folder of specs that a test writes and a plant that is a script."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from reconciler.connectors.catalogue import catalogue_files
from reconciler.engine.controller import Limits
from reconciler.engine.health import Health
from reconciler.engine.inforce import InForce, Situation
from reconciler.engine.looks import Looks
from reconciler.engine.reading import Reading
from reconciler.engine.remap import Remap
from reconciler.engine.requests import Requests
from reconciler.engine.runtime import Parts, Runtime
from reconciler.engine.schedules import Tick
from reconciler.engine.syncs import Syncs
from reconciler.engine.systems import Systems
from reconciler.engine.turns import SpecsTurn
from reconciler.engine.watch import Watch
from reconciler.engine.wish import Wish
from reconciler.errors import Invalid, NotFound, StoreUnavailable
from reconciler.jobs.inprocess import InProcessJobs
from reconciler.model.record import Batch, Row
from reconciler.model.sync import SyncMode
from reconciler.model.value import canonical
from reconciler.ports import SILENT, Meter, Snapshot, SyncRequest
from reconciler.spec.load import load
from reconciler.store.memory import MemoryStore
from tests.fakes import ScriptedConnector, ScriptedConnectors, TurnedClock, iso

HEAD = "apiVersion: reconciler/v1\nkind: "
CONNECTION = (
    HEAD
    + """Connection
metadata: {{name: {name}}}
spec:
  connector: sandbox
  config: {{base_url: "http://127.0.0.1:8055"}}
  auth: {{method: api_key, key: {{env: SANDBOX_API_KEY}}}}
  entities: [purchase-orders]
"""
)
MAPPING = (
    HEAD
    + """Mapping
metadata: {{name: {name}-orders}}
spec:
  connection: {name}
  entity: purchase-orders
  fields: {{status: {{value: {status}}}}}
"""
)
SCHEDULE = (
    HEAD
    + """SyncSchedule
metadata: {{name: {name}-often}}
spec: {{connection: {name}, every: {every}}}
"""
)
ORDER = {"id": "1", "number": "PO-1"}


@dataclass
class Specs:
    """A source whose files a test writes, and which counts how often it is read."""

    files: dict[str, bytes] = field(default_factory=dict)
    reads: int = 0
    broken: Exception | None = None
    noticed: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self) -> Snapshot:
        self.reads += 1
        if self.broken is not None:
            raise self.broken
        return Snapshot(f"r{hash(tuple(self.files.values()))}", dict(self.files))

    async def changes(self) -> AsyncIterator[None]:
        while True:
            await self.noticed.wait()
            self.noticed.clear()
            yield

    def write(self, name: str, text: str) -> None:
        self.files[name] = text.encode()
        self.noticed.set()


@dataclass
class Ticks:
    """A ticker that only remembers what it was told to follow."""

    runtime: Runtime
    told: list[list[str]] = field(default_factory=list)

    def set(self, ticks: Sequence[Tick]) -> None:
        self.told.append([tick.key for tick in ticks])

    def next_at(self, connection: str, entity: str) -> datetime | None:
        return None

    async def run(self) -> None:
        await asyncio.get_running_loop().create_future()


class House:
    """A runtime, and what it works on."""

    def __init__(self, meter: Meter = SILENT, *, watched: bool = False) -> None:
        self.watched, self.meter = watched, meter
        self.clock = TurnedClock()
        self.specs, self.store = Specs(), MemoryStore()
        self.system = ScriptedConnector(self.clock, {"purchase-orders": {}})
        self.asked: list[str] = []
        self.restarted()

    def restarted(self) -> "House":
        """Make a new process over the store and the system that there are."""
        catalogue = load({}, catalogue=catalogue_files()).catalogue
        self.in_force = InForce(self.store.views, catalogue)
        self.jobs = InProcessJobs(self.clock, remembered=50)
        systems = Systems(ScriptedConnectors(self.system))
        self.health = Health(self.store, self.in_force, self.clock)
        looks = Looks(self.health, systems, self.in_force, self.clock)
        self.watch = Watch(self.health, looks, self.store.views, self.clock)
        syncs = Syncs(self.store, self.in_force, systems, self.health, self.clock)
        reading = Reading(Wish(), catalogue_files())
        self.turn = SpecsTurn(self.specs, reading, self.store, self.in_force, self.clock)
        remap = Remap(self.store, self.in_force, self.clock)
        parts = Parts(
            self.specs,
            self.turn,
            self.store,
            self.in_force,
            syncs,
            remap,
            self.jobs,
            self.clock,
            watch=self.watch if self.watched else None,
        )
        parts = replace(parts, meter=self.meter)
        self.ticks: list[Ticks] = []
        self.runtime = Runtime(parts, self.ticker, limits=Limits(workers=2))
        self.health.when_recovered(self.runtime.recovered)
        return self

    def ticker(self, runtime: Runtime) -> Ticks:
        self.ticks.append(Ticks(runtime))
        return self.ticks[0]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.ensure_future(self.runtime.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def seen(self, key: str) -> None:
        """Return when *key* was looked at once more, by a person's wish."""
        token = f"test-{self.clock.now()}-{len(self.asked)}"
        self.asked.append(token)
        self.runtime.look(key, token)
        await until(lambda: self.runtime.handled(key, token) == token)

    async def store_order(self, name: str) -> str:
        """Put a record of connection *name* into the store, under no basis that is in force."""
        situation = await self.in_force.look()
        uid = situation.uid(situation.connection(name))
        raw = canonical(ORDER)
        row = Row("1", f"{uid}-1", raw, b"d", b"{}", None)
        async with self.store.begin() as unit:
            await unit.records.save(
                Batch(uid, "purchase-orders", "old", "run", [row], self.clock.now())
            )
            await unit.commit()
        return uid


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110  what is waited for sets no event
            await asyncio.sleep(0.001)


@pytest.fixture
def house() -> House:
    return House()


def count_bases(house: House) -> list[str | None]:
    """Return a list that grows with each question under which bases records lie."""
    asked: list[str | None] = []
    views = house.store.views
    bases = views.bases

    async def counted(connection: str | None = None) -> object:
        asked.append(connection)
        return await bases(connection)

    views.bases = counted  # type: ignore[method-assign, assignment]
    return asked


async def situation(house: House, generation: int) -> Situation:
    async with asyncio.timeout(20):
        while (now := await house.in_force.look()).state.generation < generation:  # noqa: ASYNC110  likewise
            await asyncio.sleep(0.001)
        return now


async def test_a_notice_brings_a_change_into_force(house: House) -> None:
    house.specs.write("a.yaml", CONNECTION.format(name="a"))
    async with house.running():
        assert len((await situation(house, 1)).state.resources) == 1
        house.specs.write("b.yaml", CONNECTION.format(name="b"))
        assert len((await situation(house, 2)).state.resources) == 2


async def test_a_change_without_a_notice_is_found_within_66_seconds(house: House) -> None:
    house.specs.write("a.yaml", CONNECTION.format(name="a"))
    async with house.running():
        await situation(house, 1)
        await house.seen("specs")
        house.specs.files["b.yaml"] = CONNECTION.format(name="b").encode()
        await house.clock.turn(timedelta(seconds=66))
        assert len((await situation(house, 2)).state.resources) == 2


async def test_while_nothing_is_due_nothing_is_read(house: House) -> None:
    house.specs.write("a.yaml", CONNECTION.format(name="a"))
    async with house.running():
        await situation(house, 1)
        await house.seen("specs")
        reads = house.specs.reads
        await house.clock.turn(timedelta(seconds=50))
        assert house.specs.reads == reads


async def test_what_follows_from_specs_is_looked_at_only_if_they_changed_something(
    house: House,
) -> None:
    house.specs.write("a.yaml", CONNECTION.format(name="a"))
    async with house.running():
        await situation(house, 1)
        await until(lambda: len(house.ticks[0].told) == 1)
        await house.seen("remap")
        asked = count_bases(house)
        for _ in range(3):
            await house.seen("specs")
        await house.seen("schedules")
        assert (house.ticks[0].told, asked) == ([[]], [])
        house.specs.write("s.yaml", SCHEDULE.format(name="a", every="1h"))
        await until(lambda: len(house.ticks[0].told) == 2)
        assert house.ticks[0].told[1] == ["a-often/a"]


async def test_broken_specs_leave_the_last_good_state_and_the_fix_is_taken(house: House) -> None:
    house.specs.write("a.yaml", CONNECTION.format(name="a"))
    async with house.running():
        await situation(house, 1)
        house.specs.write("b.yaml", "kind: [half-writ")
        await house.seen("specs")
        house.specs.broken = Invalid("no such file or folder")
        await house.seen("specs")
        assert (await situation(house, 1)).state.generation == 1
        house.specs.broken = None
        house.specs.write("b.yaml", CONNECTION.format(name="b"))
        assert len((await situation(house, 2)).state.resources) == 2


async def test_a_store_that_does_not_answer_is_tried_again_and_a_new_ask_does_not_wait(
    house: House,
) -> None:
    house.specs.broken = StoreUnavailable("the disk is full")
    async with house.running():
        await until(lambda: house.specs.reads == 1)
        await house.clock.turn(timedelta(seconds=1))
        await until(lambda: house.specs.reads == 2)
        house.specs.broken = None
        house.specs.write("a.yaml", CONNECTION.format(name="a"))
        await situation(house, 1)


async def test_a_token_is_handled_by_a_turn_that_began_after_it() -> None:
    requests = Requests(kept=3)
    requests.ask("specs", "one")
    with requests.turn("specs"):
        requests.ask("specs", "two")
        assert requests.last("specs") is None
    assert (requests.last("specs"), requests.handled("specs", "two")) == ("one", False)
    with pytest.raises(ZeroDivisionError), requests.turn("specs"):
        raise ZeroDivisionError
    assert requests.last("specs") == "two"
    assert requests.handled("specs", "one")
    assert not requests.handled("remap", "one")


async def test_a_turn_that_was_stopped_has_handled_nothing() -> None:
    requests = Requests()
    requests.ask("specs", "one")
    with pytest.raises(asyncio.CancelledError), requests.turn("specs"):
        raise asyncio.CancelledError
    assert requests.last("specs") is None
    with requests.turn("specs"):
        pass
    assert requests.last("specs") == "one"


async def test_a_key_that_is_none_is_refused(house: House) -> None:
    with pytest.raises(NotFound) as found:
        house.runtime.look("spec", "t")
    assert "specs" in found.value.hint


async def test_each_connection_is_remapped_by_itself_and_a_broken_one_stops_no_other(
    house: House,
) -> None:
    for name in "ab":
        house.specs.write(f"{name}.yaml", CONNECTION.format(name=name))
    async with house.running():
        await situation(house, 1)
        uids = {name: await house.store_order(name) for name in "ab"}
        views = house.store.views
        stale = views.stale

        async def broken(connection: str, entity: str, **rest: object) -> object:
            if connection == uids["a"]:
                raise StoreUnavailable("a page is damaged")
            return await stale(connection, entity, **rest)  # type: ignore[arg-type]

        views.stale = broken  # type: ignore[method-assign, assignment]
        await house.seen("remap")
        await house.seen("remap:b")
        found = await views.bases()
        assert found[uids["a"], "purchase-orders"] == {"old"}
        assert "old" not in found[uids["b"], "purchase-orders"]
        views.stale = stale  # type: ignore[method-assign]
        await house.clock.turn(timedelta(seconds=1))
        await house.seen("remap:a")
        assert "old" not in (await views.bases())[uids["a"], "purchase-orders"]


async def test_what_is_stale_is_found_by_one_question(house: House) -> None:
    for name in "abc":
        house.specs.write(f"{name}.yaml", CONNECTION.format(name=name))
    async with house.running():
        await situation(house, 1)
        await house.store_order("b")
        asked = count_bases(house)
        remap = Remap(house.store, house.in_force, house.clock)
        assert await remap.stale() == ["b"]
        assert asked == [None]
        (run,) = await remap.connection("b", pages=1)
        assert (run.mode, run.read) == (SyncMode.REMAP, 1)
        assert await remap.stale() == []


async def test_syncs_that_were_asked_for_are_forgotten_when_their_jobs_are(house: House) -> None:
    house.specs.write("a.yaml", CONNECTION.format(name="a"))
    async with house.running():
        await situation(house, 1)
        names = [await house.runtime.request(SyncRequest("a")) for _ in range(120)]
        await house.jobs.idle()
        await house.seen("jobs")
        assert await house.runtime.job(names[0]) is None
        assert await house.runtime.job(names[-1]) is not None
        assert len(house.runtime._asked) <= 50
        await house.clock.turn(timedelta(days=2))
        await house.seen("jobs")
        assert house.runtime._asked == {}


async def test_a_sync_that_ended_under_another_mapping_is_mapped_again(house: House) -> None:
    stamp = iso(house.clock.now() - timedelta(days=1))
    house.system.records["purchase-orders"]["1"] = {**ORDER, "changed_at": stamp}
    house.specs.write("a.yaml", CONNECTION.format(name="a"))
    async with house.running():
        await situation(house, 1)
        reading, go_on = asyncio.Event(), asyncio.Event()
        read = house.system.read

        async def held(entity: str, **rest: object) -> object:
            reading.set()
            await go_on.wait()
            return await read(entity, **rest)  # type: ignore[arg-type]

        house.system.read = held  # type: ignore[method-assign, assignment]
        await house.runtime.request(SyncRequest("a"))
        await reading.wait()
        house.specs.write("m.yaml", MAPPING.format(name="a", status="closed"))
        now = await situation(house, 2)
        await house.seen("remap")
        go_on.set()
        await house.jobs.idle()
        connection = now.connection("a")
        basis = now.mapping_basis(connection, "purchase-orders")
        place = (now.uid(connection), "purchase-orders")
        async with asyncio.timeout(20):
            while (await house.store.views.bases())[place] != {basis}:  # noqa: ASYNC110  likewise
                await asyncio.sleep(0.001)

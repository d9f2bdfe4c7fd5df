"""Work asked for once more is done once for each text, whatever dies in between."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from reconciler.engine.apply import apply
from reconciler.engine.effect import data_effects, with_costs
from reconciler.engine.inforce import InForce, Situation
from reconciler.engine.redo import Owed, by_connection, owed
from reconciler.engine.remap import Remap
from reconciler.engine.sync import LEASE
from reconciler.errors import Unreachable
from reconciler.model.change import Replace, State
from reconciler.model.connection import ConnectionState, ConnectionStatus
from reconciler.model.redo import REDO, Redo
from reconciler.model.resource import Kind, Resource, ResourceKey, with_body
from reconciler.model.sync import Cursor, RunStatus, SyncMode, Trigger
from reconciler.plan.planner import make_plan
from reconciler.ports import SyncRequest, UnitOfWork
from reconciler.store.memory import MemoryStore
from tests.engine import test_runtime
from tests.engine.test_convergence import Died, MortalStore
from tests.engine.test_runtime import House
from tests.engine.test_schedules import schedule
from tests.fakes import NOON, ScriptedConnector, TurnedClock, iso
from tests.plant import CONNECTOR, Plant, connection, mapping, syncs_of

BOTH = ("purchase-orders", "vendors")
ACME = connection(entities=list(BOTH))
ORDERS = mapping(fields={"number": {"from": "no"}})
OFTEN = schedule(every="1h", entities=["vendors"])


def asking(resource: Resource, value: str | None) -> Resource:
    annotations = {} if value is None else {REDO: value}
    metadata = {**resource.body["metadata"], "annotations": annotations}
    return with_body(resource, {**resource.body, "metadata": metadata})


@dataclass
class DyingStore(MortalStore):
    """A store whose process stays dead once it has died."""

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[UnitOfWork]:
        if self.dies_at is not None and self.dies_at < 0:
            raise Died
        async with super().begin() as unit:
            yield unit


@dataclass
class World:
    """What git says, a process that looks and works until it dies, and what outlives it."""

    says: tuple[Resource, ...] = (ACME, ORDERS, OFTEN)
    clock: TurnedClock = field(default_factory=TurnedClock)
    store: DyingStore = field(default_factory=lambda: DyingStore(MemoryStore()))

    def __post_init__(self) -> None:
        self.system = ScriptedConnector(self.clock, {name: {} for name in BOTH})
        for number in range(3):
            stamp = iso(NOON - timedelta(days=number + 1))
            order = {"no": f"PO-{number}", "state": "open", "total": "1.00", "changed_at": stamp}
            self.system.records["purchase-orders"][str(number)] = order
            self.system.records["vendors"][str(number)] = {"name": "x", "changed_at": stamp}

    async def process(self) -> None:
        """Start anew, with nothing but the store, and work until nothing is left to do."""
        in_force = InForce(self.store.views, {"plant": CONNECTOR})
        syncs = syncs_of(self.store, in_force, self.system, self.clock)
        plan = make_plan(self.says, await self.store.views.state(), revision="test")
        await apply(plan, self.store, self.clock, actor="test")
        for _ in range(3):
            situation = await in_force.look()
            left = await self.owed(situation)
            wishes = [*left.connections, *(SyncRequest(t.connection, e) for t, e in left.schedules)]
            for wish in wishes:
                report = await syncs.run(wish)
                assert report.error is None
        await Remap(self.store, in_force, self.clock).all()
        assert not await self.owed(await in_force.look())

    async def owed(self, situation: Situation) -> Owed:
        return owed(situation, by_connection(await self.store.views.cursors()))

    async def synced(self) -> None:
        """Bring all into force and read all of it, as ever."""
        await self.process()
        in_force = InForce(self.store.views, {"plant": CONNECTOR})
        syncs = syncs_of(self.store, in_force, self.system, self.clock)
        await syncs.run(SyncRequest("acme"))
        await self.clock.turn(timedelta(hours=1))

    async def survives(self) -> bool:
        """Work; if the process dies, wait for its leases to end, and start another one."""
        try:
            await self.process()
        except Died:
            self.store.dies_at = None
            await self.clock.turn(LEASE + timedelta(seconds=1))
            await self.process()
            return False
        finally:
            self.store.dies_at = None
        return True

    async def done(self) -> Counter[tuple[str, str]]:
        """Return how many runs of each mode have ended well, by entity."""
        runs = await self.store.views.runs(limit=500)
        ended = [one for one in runs if one.status is RunStatus.SUCCEEDED]
        return Counter((one.entity, one.mode.value) for one in ended)

    def say(self, value: str | None) -> None:
        self.says = tuple(asking(one, value) for one in self.says)


FULL_EACH = {("purchase-orders", "full"): 1, ("vendors", "full"): 1}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_wherever_the_process_dies_the_work_is_done_once(*, after: bool) -> None:
    for commit in range(60):
        world = World()
        await world.synced()
        before = await world.done()
        world.say("one")
        world.store.dies_at, world.store.after = commit, after
        lived = await world.survives()
        did = await world.done() - before
        assert {place: did[place] for place in FULL_EACH} == FULL_EACH, commit
        assert did["vendors", "remap"] == 0
        reads = len(world.system.reads)
        for value in ("one", None, "one"):
            world.say(value)
            await world.process()
            await world.process()
        assert len(world.system.reads) == reads, commit
        assert await world.done() - before == did
        if lived:
            break
    assert lived
    assert commit > 10


async def test_another_text_asks_again_and_so_does_the_first_after_it() -> None:
    world = World()
    await world.synced()
    before = await world.done()
    for number, value in enumerate(("one", "two", "one"), 1):
        world.say(value)
        await world.process()
        did = await world.done() - before
        assert [did[place] for place in FULL_EACH] == [number, number]
        await world.clock.turn(timedelta(hours=1))


async def test_a_mapping_is_mapped_once_more_with_no_call_to_the_source() -> None:
    world = World()
    await world.synced()
    reads = len(world.system.reads)
    world.says = (ACME, asking(ORDERS, "one"), OFTEN)
    before = await world.done()
    await world.process()
    await world.process()
    assert await world.done() - before == {("purchase-orders", "remap"): 1}
    world.says = (ACME, ORDERS, OFTEN)
    await world.process()
    assert await world.done() - before == {("purchase-orders", "remap"): 1}
    assert len(world.system.reads) == reads


async def test_a_schedule_runs_once_for_its_entities_and_reads_only_what_is_new() -> None:
    world = World()
    await world.synced()
    before = await world.done()
    world.says = (ACME, ORDERS, asking(OFTEN, "one"))
    await world.process()
    await world.clock.turn(timedelta(hours=1))
    await world.process()
    assert await world.done() - before == {("vendors", "incremental"): 1}


async def test_a_read_that_fails_is_owed_until_it_succeeds() -> None:
    world = World((asking(ACME, "zero"),))
    await world.synced()
    world.say("one")
    world.system.fail[len(world.system.reads)] = Unreachable("no route")
    with pytest.raises(AssertionError):
        await world.process()
    await world.clock.turn(timedelta(minutes=10))
    before = await world.done()
    await world.process()
    did = await world.done() - before
    assert [did[place] for place in FULL_EACH] == [1, 1]


async def test_settings_that_change_after_it_do_not_ask_for_it_again() -> None:
    world = World((ACME,))
    await world.synced()
    world.say("one")
    await world.process()
    reads = len(world.system.reads)
    world.says = (asking(connection(entities=list(BOTH), history="30d"), "one"),)
    await world.process()
    assert len(world.system.reads) == reads
    world.system.fail[reads] = Unreachable("no route")
    in_force = InForce(world.store.views, {"plant": CONNECTOR})
    syncs = syncs_of(world.store, in_force, world.system, world.clock)
    failed = await syncs.run(SyncRequest("acme"))
    assert failed.error is not None
    assert failed.runs[0].mode is SyncMode.FULL
    assert not await world.owed(await in_force.look())


# ── what is owed ─────────────────────────────────────────────────────────────────────────────────

LATER = NOON + timedelta(hours=1)
OWED = SyncRequest("acme", BOTH, SyncMode.INCREMENTAL, Trigger.SPEC, "redo:acme")


def asked_at(*resources: Resource) -> Situation:
    held = {one.key: one for one in resources}
    names = {key: key.name for key in held}
    redo = {key: Redo("one", LATER) for key in held}
    return Situation(State(1, held, "", names, redo=redo), {"plant": CONNECTOR})


def cursors(**basis: str) -> dict[str, dict[str, Cursor]]:
    ages = {name.replace("_", "-"): one for name, one in basis.items()}
    found = [Cursor("acme", name, one, advanced_at=NOON) for name, one in ages.items()]
    return {"acme": {cursor.entity: cursor for cursor in found}}


def test_a_connection_is_owed_what_was_not_read_for_this_ask() -> None:
    now = asked_at(ACME)
    assert owed(now, {}).connections == (OWED,)
    basis = now.read_basis(ACME, "vendors")
    assert owed(now, cursors(purchase_orders="old", vendors=basis)).connections == (
        replace(OWED, entities=("purchase-orders",)),
    )
    assert not owed(now, cursors(purchase_orders=basis, vendors=basis))


def test_what_is_suspended_or_of_an_unknown_connector_is_owed_nothing_for_now() -> None:
    assert not owed(asked_at(connection(suspend=True), OFTEN), {})
    assert not owed(asked_at(connection(connector="nobody", entities=[])), {})
    rests = schedule(suspend=True, entities=["vendors"])
    assert not owed(asked_at(rests), cursors(vendors="b"))


def test_what_nobody_asked_for_is_owed_nothing() -> None:
    held = {one.key: one for one in (ACME, OFTEN)}
    names = {key: key.name for key in held}
    for redo in ({}, {key: Redo("one") for key in held}):
        state = State(1, held, "", names, redo=redo)
        assert not owed(Situation(state, {"plant": CONNECTOR}), cursors(vendors="b"))


# ── plans ────────────────────────────────────────────────────────────────────────────────────────


async def test_a_plan_of_a_replaced_mapping_says_how_many_records_are_mapped_again(
    plant: Plant,
) -> None:
    await plant.declare(connection(), mapping())
    plant.order("a")
    await plant.syncs.run(SyncRequest("acme"))
    situation = await plant.in_force.look()
    key = mapping().key
    plan = make_plan([connection(), mapping()], situation.state, anew={key})
    costed = await with_costs(plan, situation, plant.store.views)
    (change,) = costed.changes
    assert isinstance(change, Replace)
    assert change.costs == ("1 stored record is mapped again",)
    (effect,) = await data_effects(plan, situation, plant.store.views)
    assert effect.sentence().startswith("acme: 0 of 1 purchase-orders change")
    await apply(plan, plant.store, plant.clock, actor="test")
    remap = Remap(plant.store, plant.in_force, plant.clock)
    (run,) = await remap.all()
    assert (run.read, run.updated) == (1, 0)
    assert await remap.all() == []


async def test_a_replaced_connection_gets_its_records_back_under_their_ids(plant: Plant) -> None:
    plant.order("a")
    await plant.syncs.run(SyncRequest("acme"))
    uid = (await plant.store.views.state()).uids[connection().key]
    before = await plant.store.views.counts()
    state = await plant.store.views.state()
    plan = make_plan([connection()], state, anew={connection().key})
    await apply(plan, plant.store, plant.clock, actor="test")
    assert dict(await plant.store.views.counts()) == {}
    report = await plant.syncs.run(SyncRequest("acme"))
    assert report.runs[0].mode is SyncMode.FULL
    assert await plant.store.views.counts() == before == {(uid, "purchase-orders"): 1}


# ── the loop ─────────────────────────────────────────────────────────────────────────────────────

ANNOTATED = "metadata: {{name: a, annotations: {{reconciler/redo: '{value}'}}}}"
PLAIN = test_runtime.CONNECTION.format(name="a")


def written(value: str) -> str:
    return PLAIN.replace("metadata: {name: a}", ANNOTATED.format(value=value))


async def ended(house: House) -> list[tuple[SyncMode, Trigger]]:
    await house.seen("redo")
    async with asyncio.timeout(20):
        await house.jobs.idle()
    runs = reversed(await house.store.views.runs())
    return [(one.mode, one.trigger) for one in runs if one.status is RunStatus.SUCCEEDED]


FIRST = (SyncMode.FULL, Trigger.PERSON)
AGAIN = (SyncMode.FULL, Trigger.SPEC)


async def test_the_loop_reads_a_connection_once_for_each_text_and_not_after_a_restart() -> None:
    house = House()
    stamp = iso(house.clock.now() - timedelta(days=1))
    house.system.records["purchase-orders"]["1"] = {**test_runtime.ORDER, "changed_at": stamp}
    house.specs.write("a.yaml", PLAIN)
    async with house.running():
        await test_runtime.situation(house, 1)
        await house.runtime.request(SyncRequest("a"))
        assert await ended(house) == [FIRST]
        await house.clock.turn(timedelta(seconds=1))
        house.specs.write("a.yaml", written("monday"))
        await test_runtime.situation(house, 2)
        assert await ended(house) == [FIRST, AGAIN]
        await house.seen("specs")
        assert await ended(house) == [FIRST, AGAIN]
    async with house.restarted().running():
        await house.seen("specs")
        assert await ended(house) == [FIRST, AGAIN]
        await house.clock.turn(timedelta(seconds=1))
        house.specs.write("a.yaml", PLAIN)
        await test_runtime.situation(house, 3)
        assert await ended(house) == [FIRST, AGAIN]
        await house.clock.turn(timedelta(seconds=1))
        house.specs.write("a.yaml", written("tuesday"))
        await test_runtime.situation(house, 4)
        assert await ended(house) == [FIRST, AGAIN, AGAIN]


async def test_a_connection_whose_credentials_are_refused_is_left_alone_until_they_are_good() -> (
    None
):
    house = House()
    house.specs.write("a.yaml", PLAIN)
    key = ResourceKey(Kind.CONNECTION, "a")
    async with house.running():
        await test_runtime.situation(house, 1)
        for status, runs in (
            (ConnectionStatus.NEEDS_REAUTH, []),
            (ConnectionStatus.ONLINE, [AGAIN]),
        ):
            async with house.store.begin() as unit:
                state = ConnectionState(key, "", status, house.clock.now())
                await unit.health.put(state)
                await unit.commit()
            house.specs.write("a.yaml", written("monday"))
            await test_runtime.situation(house, 2)
            assert await ended(house) == runs

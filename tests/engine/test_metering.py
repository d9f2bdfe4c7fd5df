"""What the engine tells whoever counts: once a look, a turn, a run, an attempt."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.engine.controller import Controller
from reconciler.engine.dispatch import Dispatch
from reconciler.engine.queue import Priority, WorkQueue
from reconciler.engine.remap import Remap
from reconciler.engine.routing import Routing
from reconciler.engine.syncs import Syncs
from reconciler.engine.writer import LEASE, Writer
from reconciler.errors import (
    Invalid,
    LeaseLost,
    ReconcilerError,
    StoreUnavailable,
    Unreachable,
)
from reconciler.model.change import Action
from reconciler.model.sync import RunStatus, SyncMode, SyncRun
from reconciler.model.verdict import Done, Halt, Verdict
from reconciler.ports import LookEnd, SyncRequest
from reconciler.store.memory import MemoryStore
from tests.engine.test_runtime import CONNECTION, House, situation
from tests.fakes import RecordingMeter, TurnedClock, until
from tests.plant import Plant, connection, mapping, syncs_of
from tests.town import Town, route

SECOND = timedelta(seconds=1)
ANOTHER = """apiVersion: reconciler/v1
kind: Connection
metadata: {name: a}
spec:
  connector: tryton
  config: {base_url: "http://127.0.0.1:8000", database: acme}
  auth: {method: password, username: {env: ERP_USER}, password: {env: ERP_PASSWORD}}
  entities: [purchase-orders]
  protect: true
"""


# ── turns ────────────────────────────────────────────────────────────────────────────────────────


class Desk:
    """A controller whose turns take two seconds, and end as told."""

    def __init__(self) -> None:
        self.clock, self.meter = TurnedClock(), RecordingMeter()
        self.queue = WorkQueue(self.clock)
        self.told: Verdict = Done()
        self.controller = Controller(self.queue, self.turn, meter=self.meter)

    async def turn(self, _: str) -> Verdict:
        await self.clock.turn(2 * SECOND)
        return self.told


async def test_a_turn_is_told_with_how_long_its_key_waited_and_it_took() -> None:
    desk = Desk()
    desk.queue.add("remap:acme", Priority.SPEC)
    await desk.clock.turn(3 * SECOND)
    desk.told = Halt("no")
    await desk.controller.step()
    assert desk.meter.turns == [("remap:acme", Halt("no"), 3 * SECOND, 2 * SECOND)]


async def test_a_key_for_later_waits_from_when_it_is_due() -> None:
    desk = Desk()
    desk.queue.add("specs", Priority.RESYNC, after=60 * SECOND)
    await asyncio.sleep(0)  # the alarm is set
    await desk.clock.turn(64 * SECOND)
    await desk.controller.step()
    assert [turn[2] for turn in desk.meter.turns] == [4 * SECOND]


async def test_of_two_asks_the_wait_is_that_of_the_first_that_was_due() -> None:
    desk = Desk()
    desk.queue.add("specs", Priority.RESYNC, after=60 * SECOND)
    await desk.clock.turn(10 * SECOND)
    desk.queue.add("specs", Priority.SPEC)
    await desk.clock.turn(5 * SECOND)
    desk.queue.add("specs", Priority.PERSON)
    await desk.controller.step()
    assert [turn[2] for turn in desk.meter.turns] == [5 * SECOND]


async def test_keys_that_are_due_and_not_held_are_ready() -> None:
    queue = WorkQueue(TurnedClock())
    queue.add("specs", Priority.SPEC)
    queue.add("remap:acme", Priority.SPEC)
    queue.add("jobs", Priority.RESYNC, after=SECOND)
    await queue.take()
    assert list(queue.ready()) == ["remap:acme"]
    queue.close()


# ── looks at the specs ───────────────────────────────────────────────────────────────────────────


async def test_each_look_is_told_with_its_end_and_what_it_made() -> None:
    meter = RecordingMeter()
    house = House(meter)
    house.specs.write("a.yaml", CONNECTION.format(name="a"))
    async with house.running():
        await situation(house, 1)
        await house.seen("specs")
        house.specs.files["b.yaml"] = b"kind: Nonsense\n"
        await house.seen("specs")
        house.specs.broken = Invalid("gone")
        await house.seen("specs")
        house.specs.broken = StoreUnavailable("the disk is full")
        await house.seen("specs")
    told = [look.end for look, _, _ in meter.looks]
    assert told[0] is LookEnd.APPLIED
    assert LookEnd.UNCHANGED in told
    assert told[-3:] == [LookEnd.INVALID, LookEnd.UNREADABLE, LookEnd.FAILED]
    (made,) = meter.looks[0][0].made
    assert (made.action, made.key.name) == (Action.CREATE, "a")
    assert [look.made for look, _, _ in meter.looks[1:]] == [()] * (len(told) - 1)
    assert {at for _, at, _ in meter.looks} == {house.clock.now()}


async def test_a_change_that_a_guard_holds_is_told_as_held() -> None:
    meter = RecordingMeter()
    house = House(meter)
    house.specs.write("a.yaml", CONNECTION.format(name="a") + "  protect: true\n")
    async with house.running():
        await situation(house, 1)
        house.specs.files["a.yaml"] = ANOTHER.encode()
        await house.seen("specs")
    last = meter.looks[-1][0]
    assert (last.end, last.made, last.held) == (LookEnd.UNCHANGED, (), 1)


async def test_it_is_not_ready_before_the_first_look_has_come_to_something() -> None:
    house = House()
    with pytest.raises(ReconcilerError, match="first look"):
        await house.runtime.check_looked()
    house.specs.broken = StoreUnavailable("the disk is full")
    async with house.running():
        await house.seen("specs")
        with pytest.raises(ReconcilerError, match="first look"):
            await house.runtime.check_looked()
        house.specs.broken = Invalid("the server is gone")
        await house.seen("specs")
        await house.runtime.check_looked()


async def test_the_depth_of_the_queue_is_told_by_family_and_nothing_is_zero() -> None:
    house = House()
    assert house.runtime.depths == dict.fromkeys(
        ("specs", "schedules", "remap", "redo", "jobs", "report"), 0
    )
    for key in ("remap:a", "remap:b", "remap", "jobs"):
        house.runtime.look(key)
    depths = house.runtime.depths
    assert (depths["remap"], depths["jobs"], depths["specs"]) == (3, 1, 0)


# ── runs ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def meter() -> RecordingMeter:
    return RecordingMeter()


@pytest.fixture
def syncs(plant: Plant, meter: RecordingMeter) -> Syncs:
    return syncs_of(plant.store, plant.in_force, plant.system, plant.clock, meter)


async def test_each_run_is_told_once_at_its_end_whatever_it_read(
    plant: Plant, syncs: Syncs, meter: RecordingMeter
) -> None:
    await plant.declare(connection(entities=["purchase-orders", "vendors"]))
    for key in "abcde":  # three pages
        plant.order(key)
    await syncs.run(SyncRequest("acme"))
    told = [(run.entity, run.status, run.read, name) for run, name in meter.runs]
    assert told == [
        ("purchase-orders", RunStatus.SUCCEEDED, 5, "plant"),
        ("vendors", RunStatus.SUCCEEDED, 0, "plant"),
    ]


async def test_a_run_that_fails_is_told_and_progress_still_follows(
    plant: Plant, syncs: Syncs, meter: RecordingMeter
) -> None:
    plant.system.fail[0] = Unreachable("no answer")
    followed: list[SyncRun] = []
    await syncs.run(SyncRequest("acme"), followed.append)
    assert [run.status for run, _ in meter.runs] == [RunStatus.FAILED]
    assert followed[-1] == meter.runs[0][0]


async def test_a_remap_is_told_as_a_run_and_one_with_nothing_to_do_is_none(
    plant: Plant, syncs: Syncs, meter: RecordingMeter
) -> None:
    plant.order("a")
    await syncs.run(SyncRequest("acme"))
    meter.runs.clear()
    remap = Remap(plant.store, plant.in_force, plant.clock, meter)
    await remap.all()
    assert meter.runs == []
    await plant.declare(connection(), mapping(fields={"status": {"value": "sent"}}))
    await remap.all()
    ((run, name),) = meter.runs
    assert (run.mode, run.read, name) == (SyncMode.REMAP, 1, "plant")


# ── deliveries, and the lease ────────────────────────────────────────────────────────────────────


async def test_each_attempt_is_told_with_its_event(town: Town, meter: RecordingMeter) -> None:
    await town.declare(route())
    name = await town.happen()
    town.sender.answers["ops"] = [500]
    dispatch = Dispatch(replace(town.post, meter=meter), lambda: None, chance=lambda: 0.5)
    await Routing(town.store, town.in_force, town.clock).turn()
    for status in (500, 204):
        await dispatch.turn()
        await until(lambda: not dispatch._tasks)
        assert [one.status for one, _ in meter.attempts][-1] == status
        await town.clock.turn(5 * SECOND)
    assert [event.id for _, event in meter.attempts] == [name, name]


async def test_the_lease_is_held_from_when_it_is_taken_until_it_lapses_or_is_let_go() -> None:
    clock = TurnedClock()
    writer = Writer(MemoryStore(), clock, "one")
    assert (writer.held, writer.epoch) == (False, 0)
    await writer.take()
    assert (writer.held, writer.epoch) == (True, 1)
    await writer.check_held()
    await clock.turn(LEASE)
    assert not writer.held
    with pytest.raises(LeaseLost, match="not held"):
        await writer.check_held()
    await writer.take()
    assert writer.held
    await writer.release()
    assert not writer.held

"""What people suffer from while other reconcilers run, and what this one does about each of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, chdir
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from reconciler.cli.main import app
from reconciler.connectors.catalogue import catalogue_files
from reconciler.engine.apply import apply
from reconciler.engine.controller import Controller, Limits
from reconciler.engine.edits import Edits
from reconciler.engine.inforce import InForce
from reconciler.engine.queue import Priority, WorkQueue
from reconciler.engine.reading import Reading
from reconciler.engine.reconcile import Wish
from reconciler.engine.routing import Routing
from reconciler.engine.turns import SPECS, SpecsTurn
from reconciler.engine.writer import LEASE, Writer, told_hold
from reconciler.errors import LeaseLost, Locked, StoreUnavailable
from reconciler.model.change import Rename, Replace
from reconciler.model.condition import Condition
from reconciler.model.event import Delivery, DeliveryStatus, EventType
from reconciler.model.resource import Kind, ResourceKey
from reconciler.model.sync import Cursor
from reconciler.model.verdict import Done, Retry, Verdict
from reconciler.ports import SpecSource, Store, UnitOfWork, Views
from reconciler.sources.git import GitSource, GitWish
from reconciler.spec.load import load
from reconciler.store.memory import MemoryStore
from reconciler.store.open import open_store
from tests.engine.test_edits import CONNECTION, ORDERS, PLANT, Desk, Specs
from tests.fakes import TurnedClock, until
from tests.sources.git_servers import Origin

MINUTE = timedelta(minutes=1)
TOLD = (EventType.SOURCE_INVALID, EventType.SOURCE_RECOVERED, EventType.PLAN_FAILED)
DRIFT = (EventType.DRIFT_DETECTED, EventType.DRIFT_RESOLVED)
TRYTON = """\
apiVersion: reconciler/v1
kind: Connection
metadata: {name: plant-b, previousName: plant-a}
spec:
  connector: tryton
  config: {base_url: "http://127.0.0.1:8000", database: x}
  auth: {method: password, username: {env: A}, password: {env: B}}
"""
ROUTE = """\
apiVersion: reconciler/v1
kind: AlertRoute
metadata: {name: ops}
spec:
  match: {events: ["drift.*", "source.*", plan.failed]}
  to: {webhook: {url: "https://hooks.example.com/in", secret: {env: HOOK}}}
"""


def turn_over(source: SpecSource, store: Store, clock: TurnedClock) -> SpecsTurn:
    """Return a look at the specs, as a process makes it that has just started."""
    in_force = InForce(store.views, load({}, catalogue=catalogue_files()).catalogue)
    return SpecsTurn(source, Reading(Wish(), catalogue_files()), store, in_force, clock)


def desk_of(store: Store) -> Desk:
    clock, specs = TurnedClock(), Specs()
    in_force = InForce(store.views, load({}, catalogue=catalogue_files()).catalogue)

    async def look() -> None:
        """Leave it to the test when the reconciler looks."""

    edits = Edits(store, in_force, clock, catalogue=catalogue_files(), changed=look)
    specs.write()
    return Desk(specs, store, clock, in_force, turn_over(specs, store, clock), edits)


@pytest.fixture
async def desk() -> Desk:
    """A reconciler, and somebody who edits beside it."""
    made = desk_of(MemoryStore())
    await made.turn()
    return made


def rename(desk: Desk) -> None:
    """Call the connection and its mapping otherwise in git."""
    files = desk.specs.files
    files["a.yaml"] = CONNECTION.replace(
        "{name: plant-a}", "{name: plant-b, previousName: plant-a}"
    )
    files["b.yaml"] = files["b.yaml"].replace("connection: plant-a", "connection: plant-b")
    desk.specs.revision += 1


# 6. A new name makes a new object; the state of its sync is lost, and everything is read again.
async def test_a_rename_keeps_identity_and_cursor_and_says_that_nothing_is_lost(
    desk: Desk,
) -> None:
    uid = (await desk.store.views.state()).uids[PLANT]
    cursor = Cursor(uid, "purchase-orders", "b", position="2026-11-24")
    async with desk.store.begin() as unit:
        await unit.runs.move(cursor, before=None)
        await unit.commit()
    rename(desk)
    changes = {type(one): one for one in (await desk.plan()).changes}
    assert Rename in changes
    assert Replace not in changes
    await desk.turn()
    state = await desk.store.views.state()
    assert state.uids[ResourceKey(Kind.CONNECTION, "plant-b")] == uid
    assert PLANT not in state.uids
    assert list(await desk.store.views.cursors(uid)) == [cursor]


# 6. What a re-creation costs is found out afterwards.
async def test_a_replacement_says_before_what_it_costs(desk: Desk) -> None:
    desk.specs.files["a.yaml"] = TRYTON.replace(
        "{name: plant-b, previousName: plant-a}", "{name: plant-a}"
    )
    (change,) = [one for one in (await desk.plan()).changes if one.key == PLANT]
    assert isinstance(change, Replace)
    assert change.because == (("spec", "connector"),)
    assert "cursors of all its entities are lost" in change.costs[0]
    assert "full read of the last 90d" in change.costs[0]


@dataclass
class Unwilling:
    """A store that does not take what one revision says."""

    store: MemoryStore
    specs: Specs
    bad: int = 0
    refused: int = 0

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[UnitOfWork]:
        if self.specs.revision == self.bad:
            self.refused += 1
            raise StoreUnavailable("it cannot be written")
        async with self.store.begin() as unit:
            yield unit

    @property
    def views(self) -> Views:
        return self.store.views

    def listen(self, heard: Callable[[], None]) -> None:
        self.store.listen(heard)

    async def close(self) -> None:
        await self.store.close()


# 7. A retry applies the broken old commit again and again while its fix waits.
async def test_a_broken_old_commit_is_not_retried_when_the_fix_has_come() -> None:
    clock, specs = TurnedClock(), Specs()
    queue = WorkQueue(clock)
    specs.write()
    store = Unwilling(MemoryStore(), specs)
    look = turn_over(specs, store, clock)

    async def turn(key: str) -> Verdict:
        assert key == SPECS
        return await look()

    controller = Controller(queue, turn, jitter=lambda: 1.0)
    queue.add(SPECS, Priority.SPEC)
    await controller.step()
    specs.write(status="sent")
    store.bad = specs.revision
    queue.add(SPECS, Priority.SPEC)
    await controller.step()
    for wait in (1, 2, 4, 8, 16, 32):  # it is tried again, ever more slowly
        await clock.turn(timedelta(seconds=wait))
        await controller.step()
    assert store.refused == 7
    specs.write(status="closed")
    queue.add(SPECS, Priority.SPEC)
    async with asyncio.timeout(10):
        await controller.step()  # at once: no time has passed
    mapping = (await store.views.state()).resources[ORDERS]
    assert mapping.spec["fields"]["status"]["values"]["OPEN"] == "closed"
    await clock.turn(60 * MINUTE)
    assert len(queue) == 0  # nothing of the old commit waits any more
    said = {one.revision for one in await store.views.history()}
    assert f"r{store.bad}" not in said
    queue.close()


# 8. There is no order between things, or each waits for a poll of its own.
async def test_what_needs_another_comes_into_force_in_the_same_look(desk: Desk) -> None:
    text = desk.specs.files["b.yaml"]
    desk.specs.files = {
        "0.yaml": text.replace("plant-a", "plant-z").replace("{name: orders}", "{name: a-orders}"),
        "9.yaml": CONNECTION.replace("plant-a", "plant-z"),
        **desk.specs.files,
    }
    assert [str(one.key) for one in (await desk.plan()).changes] == [
        "Connection/plant-z",
        "Mapping/a-orders",
    ]
    assert await desk.turn() == Done()
    assert (await desk.plan()).empty


# 8. Whoever waits for another spams the alerts, and looks again only after half a minute.
async def test_waiting_for_another_is_a_condition_and_no_alert_and_ends_with_it(
    desk: Desk,
) -> None:
    rename(desk)
    desk.specs.files["a.yaml"] = TRYTON  # a new name and another system at once: held
    for _ in range(3):
        await desk.turn()
    assert await desk.conditions() == {Condition.SYNCED: "DependencyNotReady"}
    (told,) = await desk.events(EventType.PLAN_FAILED)
    assert [one["address"] for one in told.data["blocks"] if one["code"] != "HELD_BACK"] == [
        "Connection/plant-b"
    ]
    rename(desk)
    await desk.turn()
    assert await desk.conditions() == {}
    mapping = (await desk.store.views.state()).resources[ORDERS]
    assert mapping.spec["connection"] == "plant-b"


# 9. Failing objects fill the workers, and healthy ones wait for minutes.
async def test_failing_objects_delay_no_healthy_one_and_no_worker_sleeps() -> None:
    clock, seen = TurnedClock(), []
    queue = WorkQueue(clock)

    async def turn(key: str) -> Verdict:
        seen.append(key)
        return Retry("it does not answer") if key.startswith("bad") else Done()

    controller = Controller(queue, turn, limits=Limits(workers=2), jitter=lambda: 1.0)
    running = asyncio.ensure_future(controller.run())
    good = [f"good-{number}" for number in range(50)]
    for key in (*(f"bad-{number}" for number in range(200)), *good):
        queue.add(key, Priority.SPEC)
    await until(lambda: set(good) <= set(seen))  # and not a second has passed
    assert len(seen) == 250
    running.cancel()
    await asyncio.wait({running})


# 9. What a person asks for stands behind ten thousand routine looks.
async def test_a_person_goes_before_a_commit_a_commit_before_a_retry_and_routine_is_last() -> None:
    queue = WorkQueue(TurnedClock())
    for number in range(100):
        queue.add(f"routine-{number}", Priority.RESYNC)
    queue.add("retry", Priority.RETRY)
    queue.add("commit", Priority.SPEC)
    queue.add("person", Priority.PERSON)
    taken = [(await queue.take()).key for _ in range(4)]
    assert taken == ["person", "commit", "retry", "routine-0"]


# 12. The lock of a job that was killed stays for ever.
async def test_the_lease_of_a_killed_job_ends_by_itself_and_a_late_writer_changes_nothing(
    desk: Desk,
) -> None:
    killed = Writer(desk.store, desk.clock, "apply on host-a, pid 7")
    await killed.take()
    with pytest.raises(Locked, match="apply on host-a, pid 7, since 12:00:00Z"):
        await Writer(desk.store, desk.clock, "apply on host-b, pid 9").take()
    (hold,) = await desk.store.views.holds()
    await desk.clock.turn(5 * timedelta(seconds=1))
    assert "apply on host-a, pid 7, since 12:00:00Z (5 s)" in told_hold(hold, desk.clock)
    next_one = Writer(desk.store, desk.clock, "apply on host-b, pid 9")
    waiting = asyncio.ensure_future(next_one.take(wait=MINUTE))
    for _ in range(int(LEASE.total_seconds())):
        await desk.clock.turn(timedelta(seconds=1))
    assert waiting.done()
    waiting.result()
    desk.specs.write(status="sent")
    with pytest.raises(LeaseLost):
        await apply(await desk.plan(), killed.store, desk.clock, actor="late")
    assert await desk.status() == "approved"
    await apply(await desk.plan(), next_one.store, desk.clock, actor="next")
    assert await desk.status() == "sent"


# 13. Alerts come twice, in floods, or never say that it is over.
@pytest.mark.parametrize("restarted", [False, True])
async def test_each_transition_is_told_once_and_so_is_its_end(desk: Desk, restarted: bool) -> None:  # noqa: FBT001  a table's column
    async def look() -> None:
        for _ in range(3):
            if restarted:
                desk.turn = turn_over(desk.specs, desk.store, desk.clock)
            await desk.turn()
            await desk.clock.turn(MINUTE)

    good = dict(desk.specs.files)
    desk.specs.files["c.yaml"] = "kind: [broken\n"
    await look()
    desk.specs.files = dict(good)
    await look()
    await desk.edit("sent")
    await look()
    desk.specs.write(status="closed")
    await look()
    desk.specs.write(status="approved")
    await look()
    await desk.edit("approved")
    await look()
    assert [one.type for one in await desk.events(*TOLD, *DRIFT)] == [
        EventType.SOURCE_INVALID,
        EventType.SOURCE_RECOVERED,
        EventType.DRIFT_DETECTED,
        EventType.PLAN_FAILED,
        EventType.DRIFT_RESOLVED,
    ]
    assert await desk.conditions() == {}


# 13. Two replicas tell the same thing twice; a message is about nothing.
async def test_an_event_is_one_delivery_however_many_look_and_nothing_is_told_of_nothing(
    desk: Desk,
) -> None:
    desk.specs.files["r.yaml"] = ROUTE
    await desk.turn()
    await desk.edit("sent")
    await desk.edit("sent")
    await desk.edit("approved")
    routings = [Routing(desk.store, desk.in_force, desk.clock) for _ in range(2)]
    for routing in (*routings, *routings):
        while await routing.turn():
            pass
    claimed: list[Delivery] = []
    for _ in range(4):
        async with desk.store.begin() as unit:
            found = await unit.outbox.claim("sender", now=desk.clock.now(), lease=MINUTE, limit=100)
            for one in found:
                await unit.outbox.settle(replace(one, status=DeliveryStatus.DELIVERED))
            claimed += found
            await unit.commit()
    events = [await desk.store.views.event(one.event_id) for one in claimed]
    assert [one.type for one in events if one] == [
        EventType.DRIFT_DETECTED,
        EventType.DRIFT_RESOLVED,
    ]


# 14. Who rolls back is overruled by the automation, and the bad commit comes straight back.
@pytest.mark.slow
async def test_a_rollback_stays_until_a_person_ends_it_and_says_what_waits(
    tmp_path: Path, program: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    program("git")
    monkeypatch.delenv("RECONCILER_ENV", raising=False)
    monkeypatch.setenv("RECONCILER_STATE_DIR", str(tmp_path / "state"))
    origin, store, clock = Origin(tmp_path).made(), open_store(tmp_path / "state"), TurnedClock()

    async def pinned() -> str | None:
        pin = await store.views.pin("")
        return pin.revision if pin is not None else None

    source = GitSource(GitWish(origin.url), tmp_path / "mirror", clock, pinned, chance=lambda: 0.5)
    desk = desk_of(store)
    desk.turn = turn_over(source, store, clock)

    def push(status: str) -> str:
        desk.specs.write(status=status)
        files = {f"specs/{name}": text for name, text in desk.specs.files.items()}
        return origin.push({"specs/deep/b.yaml": None, **files})[:12]

    async def types(*words: str) -> str:
        with chdir(tmp_path):
            told = await asyncio.to_thread(CliRunner().invoke, app, words)
        assert told.exit_code == 0, told.output
        return told.stdout

    push("approved")
    await desk.turn()
    push("closed")
    await desk.turn()
    assert await desk.status() == "closed"
    assert "Pinned at" in await types("rollback", "--reason", "orders were closed")
    for _ in range(2):
        await desk.turn()
        assert await desk.status() == "approved"
    newest = push("sent")
    await desk.turn()
    assert await desk.status() == "approved"
    (said,) = (await store.views.conditions("Source"))["Source"]
    assert (said.reason, newest in said.message) == ("Pinned", True)
    await types("pin", "--off")
    await desk.turn()
    assert await desk.status() == "sent"
    await store.close()

"""Edits outside of git are in force at once, are told as drift, and end as people decide."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.connectors.catalogue import catalogue_files
from reconciler.engine.apply import apply
from reconciler.engine.edits import Edits
from reconciler.engine.inforce import InForce
from reconciler.engine.reading import Reading
from reconciler.engine.reconcile import consider
from reconciler.engine.turns import SpecsTurn
from reconciler.engine.wish import Wish
from reconciler.errors import Conflict, Invalid, NotFound, SpecInvalid
from reconciler.model.audit import broken_link
from reconciler.model.change import Plan, State
from reconciler.model.condition import Condition
from reconciler.model.drift import Resolution
from reconciler.model.event import Event, EventType
from reconciler.model.resource import Kind, Owner, Resource, ResourceKey
from reconciler.model.verdict import Done
from reconciler.ports import EditDone, EditWish, Snapshot, Store
from reconciler.spec.load import load
from reconciler.spec.written import document_of
from reconciler.store.memory import MemoryStore
from reconciler.store.open import open_store
from tests.fakes import TurnedClock

CONNECTION = """\
apiVersion: reconciler/v1
kind: Connection
metadata: {name: plant-a}
spec:
  connector: sandbox
  config: {base_url: "http://127.0.0.1:8055"}
  auth: {method: api_key, key: {env: SANDBOX_API_KEY}}
"""
MAPPING = """\
apiVersion: reconciler/v1
kind: Mapping
metadata: {name: orders}
spec:
  connection: plant-a
  entity: purchase-orders
  drift: POLICY
  fields:
    status: {from: status, values: {OPEN: approved}, unknown: other}
"""
ORDERS = ResourceKey(Kind.MAPPING, "orders")
PLANT = ResourceKey(Kind.CONNECTION, "plant-a")


@dataclass
class Specs:
    """A source whose files a test writes."""

    files: dict[str, str] = field(default_factory=dict)
    revision: int = 1

    async def read(self) -> Snapshot:
        files = {name: text.encode() for name, text in self.files.items()}
        return Snapshot(f"r{self.revision}", files)

    def changes(self) -> AsyncIterator[None]:
        raise AssertionError

    def write(self, policy: str = "report", status: str = "approved") -> None:
        """Say what git says."""
        mapping = MAPPING.replace("POLICY", policy).replace("OPEN: approved", f"OPEN: {status}")
        self.files = {"a.yaml": CONNECTION, "b.yaml": mapping}
        self.revision += 1


@dataclass
class Desk:
    """A reconciler, and somebody who edits beside it."""

    specs: Specs
    store: Store
    clock: TurnedClock
    in_force: InForce
    turn: SpecsTurn
    edits: Edits

    async def edit(self, status: str, *, actor: str = "ui:jo", **more: Any) -> EditDone:
        """Map open orders to another status."""
        state = await self.store.views.state()
        document = document_of(state.resources[ORDERS])
        spec = document["spec"] | {
            "fields": {"status": {"from": "status", "values": {"OPEN": status}, "unknown": "other"}}
        }
        return await self.edits.put(EditWish({**document, "spec": spec}, actor, **more))

    async def status(self) -> str:
        """Return what open orders are mapped to, as it is in force."""
        resource = await self.store.views.resource(ORDERS)
        assert resource is not None
        word: str = resource.spec["fields"]["status"]["values"]["OPEN"]
        return word

    async def events(self, *types: EventType) -> list[Event]:
        events = [one for one in await self.store.views.events(limit=500) if one.type in types]
        return list(reversed(events))

    async def plan(self, **options: Any) -> Plan:
        snapshot = await self.specs.read()
        loaded = load(snapshot.files, catalogue=catalogue_files())
        state = await self.store.views.state()
        return consider(loaded, snapshot, state, replace(Wish(), **options))

    async def conditions(self) -> Mapping[Condition, str]:
        uid = (await self.store.views.state()).uids[ORDERS]
        found = (await self.store.views.conditions(uid)).get(uid, ())
        return {one.condition: one.reason for one in found}


@pytest.fixture(params=["memory", "sqlite"])
async def desk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Desk]:
    store: Store = MemoryStore() if request.param == "memory" else open_store(tmp_path / "state")
    clock, specs = TurnedClock(), Specs()
    in_force = InForce(store.views, load({}, catalogue=catalogue_files()).catalogue)
    turn = SpecsTurn(specs, Reading(Wish(), catalogue_files()), store, in_force, clock)

    async def look() -> None:
        """Leave it to the test when the reconciler looks."""

    edits = Edits(store, in_force, clock, catalogue=catalogue_files(), changed=look)
    specs.write()
    await turn()
    yield Desk(specs, store, clock, in_force, turn, edits)
    await store.close()


async def test_an_edit_is_in_force_at_once_and_told_with_who_what_and_when(desk: Desk) -> None:
    done = await desk.edit("sent")
    assert (done.created, done.changed, done.drifted) == (False, True, True)
    assert await desk.status() == "sent"
    (event,) = await desk.events(EventType.DRIFT_DETECTED)
    assert event.subject == "Mapping/orders"
    assert event.data["actor"] == "ui:jo"
    assert event.data["fields"] == [
        {
            "path": "spec.fields.status.values.OPEN",
            "applied": "approved",
            "observed": "sent",
            "actor": "ui:jo",
            "at": "2026-11-24T12:00:00.000Z",
        }
    ]


async def test_by_default_nothing_is_done_about_drift_but_telling(desk: Desk) -> None:
    await desk.edit("sent")
    for _ in range(3):
        assert await desk.turn() == Done()
    assert await desk.status() == "sent"
    assert await desk.conditions() == {Condition.DRIFTED: "ChangedOutsideGit"}
    plan = await desk.plan()
    assert (plan.empty, plan.drifted) == (True, True)
    assert len(await desk.events(EventType.DRIFT_DETECTED)) == 1


async def test_the_same_again_is_no_edit(desk: Desk) -> None:
    await desk.edit("sent")
    done = await desk.edit("sent")
    assert (done.changed, done.drifted) == (False, True)
    assert len(await desk.events(EventType.DRIFT_DETECTED)) == 1


async def test_an_edit_back_ends_the_drift(desk: Desk) -> None:
    await desk.edit("sent")
    await desk.edit("approved", actor="ui:mo")
    await desk.turn()
    (event,) = await desk.events(EventType.DRIFT_RESOLVED)
    assert (event.data["resolution"], event.data["actor"]) == ("reverted", "ui:mo")
    assert await desk.conditions() == {}
    assert not (await desk.plan()).drifts


async def test_git_that_comes_to_say_the_same_ends_the_drift_and_changes_nothing(
    desk: Desk,
) -> None:
    await desk.edit("sent")
    desk.specs.write(status="sent")
    assert (await desk.plan()).empty
    await desk.turn()
    (event,) = await desk.events(EventType.DRIFT_RESOLVED)
    assert event.data["resolution"] == "adopted"
    plan = await desk.plan()
    assert (plan.drifts, plan.settled) == ((), ())
    assert (await desk.store.views.state()).applied == {}


async def test_a_change_in_git_of_the_same_field_is_held_as_a_conflict_until_a_person_decides(
    desk: Desk,
) -> None:
    await desk.edit("sent")
    desk.specs.write(status="closed")
    await desk.turn()
    await desk.turn()
    assert await desk.status() == "sent"
    assert (await desk.conditions())[Condition.STALLED] == "Conflict"
    (told,) = await desk.events(EventType.PLAN_FAILED)
    assert told.data["blocks"][0]["code"] == "CONFLICT"
    plan = await desk.plan(heal={ORDERS})
    await apply(plan, desk.store, desk.clock, actor="cli:ada")
    await desk.turn()
    assert await desk.status() == "closed"
    (event,) = await desk.events(EventType.DRIFT_RESOLVED)
    assert event.data["resolution"] == "overwritten"
    assert await desk.conditions() == {}


async def test_a_healing_object_is_put_back_and_the_ledger_says_so(desk: Desk) -> None:
    desk.specs.write(policy="heal")
    await desk.turn()
    await desk.edit("sent")
    await desk.turn()
    assert await desk.status() == "approved"
    (drift,) = await desk.store.views.drifts(ended=True)
    assert drift.resolution is Resolution.HEALED
    assert (await desk.plan()).empty


async def test_healing_waits_longer_each_time_and_stops_when_it_flaps(desk: Desk) -> None:
    desk.specs.write(policy="heal")
    await desk.turn()
    waits = []
    for _ in range(5):
        await desk.edit("sent")
        verdict = await desk.turn()
        assert isinstance(verdict, Done)
        if verdict.again is not None:
            waits.append(verdict.again.total_seconds())
            await desk.clock.turn(verdict.again)
            await desk.turn()
        assert await desk.status() == "approved"
    assert waits == [2, 6, 18, 54]
    await desk.edit("sent")
    assert await desk.turn() == Done()
    assert await desk.status() == "sent"
    assert await desk.conditions() == {Condition.DRIFTED: "Flapping"}


async def test_a_new_commit_ends_the_waiting(desk: Desk) -> None:
    desk.specs.write(policy="heal")
    await desk.turn()
    for _ in range(2):
        await desk.edit("sent")
        await desk.turn()
    assert await desk.status() == "sent"
    await desk.clock.turn(timedelta(seconds=1))
    desk.specs.write(policy="heal", status="closed")
    await desk.turn()
    await desk.turn()
    assert await desk.status() == "closed"


async def test_an_edit_that_is_no_valid_spec_is_refused_and_changes_nothing(desk: Desk) -> None:
    with pytest.raises(SpecInvalid) as caught:
        await desk.edit("sentt")
    assert "sentt" in caught.value.problems[0].message
    assert await desk.status() == "approved"


async def test_a_writer_who_has_not_seen_the_latest_is_refused(desk: Desk) -> None:
    seen = await desk.store.views.resource(ORDERS)
    assert seen is not None
    await desk.edit("sent", actor="ui:mo")
    with pytest.raises(Conflict, match="somebody else"):
        await desk.edit("closed", expected=seen.digest)
    assert await desk.status() == "sent"


async def test_an_object_made_through_the_api_is_its_own_and_git_may_not_just_take_it(
    desk: Desk,
) -> None:
    document = document_of((await desk.store.views.state()).resources[ORDERS])
    spec = {"connection": "plant-a", "entity": "vendors", "fields": {"name": {"from": "name"}}}
    wish = EditWish({**document, "metadata": {"name": "vendors"}, "spec": spec}, "api:key-7")
    done = await desk.edits.put(wish)
    assert (done.created, done.drifted, done.resource.owner) == (True, False, Owner.API)
    await desk.turn()
    assert await desk.store.views.resource(done.resource.key) is not None
    await desk.edits.remove(done.resource.key, actor="api:key-7")
    assert await desk.store.views.resource(done.resource.key) is None
    with pytest.raises(NotFound):
        await desk.edits.remove(done.resource.key, actor="api:key-7")


async def test_what_git_declares_cannot_be_removed_here(desk: Desk) -> None:
    with pytest.raises(Invalid, match="would come back"):
        await desk.edits.remove(ORDERS, actor="ui:jo")


async def test_a_connection_cannot_become_another_system_here(desk: Desk) -> None:
    document = document_of((await desk.store.views.state()).resources[PLANT])
    config = {"base_url": "http://127.0.0.1:8000", "database": "x"}
    auth = {"method": "password", "username": {"env": "A"}, "password": {"env": "B"}}
    spec = {"connector": "tryton", "config": config, "auth": auth}
    with pytest.raises((Invalid, SpecInvalid)):
        await desk.edits.put(EditWish({**document, "spec": spec}, "ui:jo"))


async def test_history_and_the_audit_log_tell_who_has_done_what(desk: Desk) -> None:
    await desk.edit("sent", request_id="req-9")
    past = await desk.store.views.history(ORDERS)
    assert [(one.change, one.actor) for one in past] == [
        ("edit", "ui:jo"),
        ("create", "reconciler"),
    ]
    entries = await desk.store.views.audit()
    assert [(one.actor, one.deed, one.request_id) for one in entries] == [
        ("reconciler", "plan.applied", ""),
        ("ui:jo", "object.edited", "req-9"),
    ]
    assert broken_link(entries) is None


async def test_renaming_in_git_keeps_the_drift(desk: Desk) -> None:
    await desk.edit("sent")
    desk.specs.files["b.yaml"] = desk.specs.files["b.yaml"].replace(
        "{name: orders}", "{name: orders-2, previousName: orders}"
    )
    await desk.turn()
    (drift,) = await desk.store.views.drifts()
    assert str(drift.key) == "Mapping/orders-2"
    renamed = await desk.store.views.resource(ResourceKey(Kind.MAPPING, "orders-2"))
    assert renamed is not None
    assert renamed.spec["fields"]["status"]["values"]["OPEN"] == "sent"


async def test_what_an_edit_is_permitted_by_is_asked_again_when_the_state_moves_on(
    desk: Desk,
) -> None:
    """Somebody changes the object between the answer and the edit: the answer was about what was."""
    seen: list[int] = []

    async def permit(state: State, before: Resource | None, after: Resource | None) -> None:
        seen.append(state.generation)
        assert before == state.resources[ORDERS]
        assert after is not None
        if len(seen) == 1:
            await desk.edit("closed", actor="ui:ada")

    await desk.edit("sent", permit=permit)
    assert len(seen) == 2
    assert seen[1] > seen[0]
    assert await desk.status() == "sent"


async def test_an_edit_that_is_not_permitted_leaves_nothing(desk: Desk) -> None:
    async def permit(state: State, before: Resource | None, after: Resource | None) -> None:
        raise Conflict("not yours")

    state = await desk.store.views.state()
    with pytest.raises(Conflict, match="not yours"):
        await desk.edit("sent", permit=permit)
    with pytest.raises(Conflict, match="not yours"):
        await desk.edit("sent", permit=permit, expected="0")
    with pytest.raises(Conflict, match="not yours"):
        await desk.edits.remove(ORDERS, actor="ui:jo", permit=permit)
    assert await desk.store.views.state() == state


TESTED = """\
  tests:
    - {name: open is approved, source: {status: OPEN}, expect: {status: approved}}
"""


async def test_specs_with_a_failing_test_leave_the_old_state_in_force(desk: Desk) -> None:
    desk.specs.write()
    await desk.turn()
    desk.specs.write(status="sent")
    desk.specs.files["b.yaml"] += TESTED
    await desk.turn()
    assert await desk.status() == "approved"
    (event,) = await desk.events(EventType.SOURCE_INVALID)
    assert "the test 'open is approved' fails" in str(event.data["first"])
    desk.specs.write()
    desk.specs.files["b.yaml"] += TESTED
    await desk.turn()
    resource = await desk.store.views.resource(ORDERS)
    assert resource is not None
    assert len(resource.spec["tests"]) == 1


async def test_an_edit_that_breaks_a_test_is_refused(desk: Desk) -> None:
    desk.specs.write()
    desk.specs.files["b.yaml"] += TESTED
    await desk.turn()
    with pytest.raises(SpecInvalid) as caught:
        await desk.edit("sent")
    assert [problem.code for problem in caught.value.problems] == ["R130"]
    assert await desk.status() == "approved"


async def test_the_tests_of_an_edit_are_run_over_the_mappings_that_select_its_connection(
    desk: Desk,
) -> None:
    desk.specs.write()
    everywhere = MAPPING.replace("orders}", "everywhere}").replace("POLICY", "report")
    everywhere = everywhere.replace("connection: plant-a", "selector: {matchLabels: {plant: a}}")
    desk.specs.files["c.yaml"] = (
        everywhere.partition("  fields:")[0] + "  fields: {code: {from: x}}\n"
    )
    desk.specs.files["a.yaml"] = CONNECTION.replace("plant-a}", "plant-a, labels: {plant: a}}")
    await desk.turn()
    document = document_of((await desk.store.views.state()).resources[ORDERS])
    tests = [{"name": "layers", "source": {"x": "X"}, "expect": {"code": "X"}}]
    await desk.edits.put(
        EditWish({**document, "spec": document["spec"] | {"tests": tests}}, "ui:jo")
    )
    tests[0]["expect"] = {"code": "Y"}
    with pytest.raises(SpecInvalid):
        await desk.edits.put(
            EditWish({**document, "spec": document["spec"] | {"tests": tests}}, "ui:jo")
        )

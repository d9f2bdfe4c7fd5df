"""Specs are brought into force; broken ones leave the old state in force, and are told once."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from reconciler.connectors.catalogue import catalogue_files
from reconciler.engine.apply import apply
from reconciler.engine.inforce import InForce
from reconciler.engine.reading import Reading
from reconciler.engine.turns import SpecsTurn
from reconciler.engine.wish import Wish
from reconciler.errors import Invalid, PlanBlocked, PlanStale
from reconciler.model.resource import Kind, ResourceKey
from reconciler.model.verdict import Done
from reconciler.plan.planner import make_plan
from reconciler.ports import Snapshot
from reconciler.spec.load import load
from reconciler.store.memory import MemoryStore
from tests.fakes import TurnedClock
from tests.plant import Plant, connection, mapping

GOOD = b"""\
apiVersion: reconciler/v1
kind: Connection
metadata: {name: plant-a}
spec:
  connector: sandbox
  config: {base_url: "http://127.0.0.1:8055"}
  auth: {method: api_key, key: {env: SANDBOX_API_KEY}}
"""
KEY = ResourceKey(Kind.CONNECTION, "plant-a")


@dataclass
class Specs:
    """A source whose files a test writes."""

    files: dict[str, bytes] = field(default_factory=lambda: {"a.yaml": GOOD})

    async def read(self) -> Snapshot:
        if not self.files:
            msg = "specs: no *.yaml"
            raise Invalid(msg)
        return Snapshot(f"r{len(self.files)}", dict(self.files))

    def changes(self) -> AsyncIterator[None]:
        raise AssertionError


@dataclass
class House:
    """A turn over specs, and what it works on."""

    specs: Specs
    store: MemoryStore
    turn: SpecsTurn

    async def events(self) -> list[str]:
        return [str(event.type) for event in reversed(await self.store.views.events())]


@pytest.fixture
def house() -> House:
    specs, store = Specs(), MemoryStore()
    in_force = InForce(store.views, load({}, catalogue=catalogue_files()).catalogue)
    reading = Reading(Wish(), catalogue_files())
    return House(specs, store, SpecsTurn(specs, reading, store, in_force, TurnedClock()))


async def test_declared_things_come_into_force_and_a_second_look_changes_nothing(
    house: House,
) -> None:
    assert await house.turn() == Done()
    assert await house.turn() == Done()
    state = await house.store.views.state()
    assert (state.generation, list(state.resources)) == (1, [KEY])
    assert await house.events() == ["resource.created", "plan.applied"]


async def test_broken_specs_leave_the_old_state_in_force_and_are_told_once(house: House) -> None:
    await house.turn()
    house.specs.files["b.yaml"] = b"kind: [broken\n"
    for _ in range(3):
        assert await house.turn() == Done()
    assert (await house.store.views.state()).generation == 1
    assert (await house.events())[2:] == ["source.invalid"]
    del house.specs.files["b.yaml"]
    await house.turn()
    assert (await house.events())[2:] == ["source.invalid", "source.recovered"]


async def test_an_empty_source_removes_nothing(house: House) -> None:
    await house.turn()
    house.specs.files.clear()
    assert await house.turn() == Done()
    assert list((await house.store.views.state()).resources) == [KEY]


async def test_what_is_no_longer_declared_is_kept(house: House) -> None:
    house.specs.files["b.yaml"] = GOOD.replace(b"plant-a", b"plant-b")
    await house.turn()
    del house.specs.files["b.yaml"]
    await house.turn()
    assert len((await house.store.views.state()).resources) == 2


async def test_a_plan_applies_once(plant: Plant) -> None:
    state = await plant.store.views.state()
    plan = make_plan([connection(drift="heal")], state, revision="r")
    assert await apply(plan, plant.store, plant.clock, actor="a") == 2
    with pytest.raises(PlanStale):
        await apply(plan, plant.store, plant.clock, actor="b")
    assert (await plant.store.views.state()).generation == 2


async def test_there_and_back_again_is_three_plans_and_no_event_twice(plant: Plant) -> None:
    for drift in ("heal", "report", "heal"):
        await plant.declare(connection(drift=drift))
    events = await plant.store.views.events(limit=100)
    assert len({event.id for event in events}) == len(events) == 8
    assert len({event.trace for event in events}) == 4


async def test_a_blocked_plan_is_not_applied(plant: Plant) -> None:
    await plant.declare(connection(protect=True), mapping())
    state = await plant.store.views.state()
    plan = make_plan([mapping()], state, revision="r", prune=True)
    with pytest.raises(PlanBlocked, match="acme"):
        await apply(plan, plant.store, plant.clock, actor="a")
    assert (await plant.store.views.state()).generation == state.generation


async def test_a_renamed_connection_keeps_its_uid(plant: Plant) -> None:
    (uid,) = (await plant.store.views.state()).uids.values()
    old = connection()
    new = type(old)(
        ResourceKey(Kind.CONNECTION, "acme-erp"), old.canonical, old.digest, previous_name="acme"
    )
    await plant.declare(new)
    assert dict((await plant.store.views.state()).uids) == {new.key: uid}

"""What the engine really tells is as the schema of each event says: all of them, in three stories."""

import json
from datetime import timedelta

from jsonschema import Draft202012Validator, FormatChecker

from reconciler.connectors.catalogue import catalogue_files
from reconciler.datamodel.events import event_entries, event_schema
from reconciler.engine.apply import apply
from reconciler.engine.edits import Edits
from reconciler.engine.granting import By
from reconciler.engine.inforce import InForce
from reconciler.engine.reading import Reading
from reconciler.engine.receivers import enable
from reconciler.engine.turns import SpecsTurn
from reconciler.engine.wish import Wish
from reconciler.errors import ServerFault, Unauthorized, Unreachable
from reconciler.model.event import Event, EventType
from reconciler.model.resource import Kind, ResourceKey
from reconciler.model.sync import SyncMode
from reconciler.ports import Store, SyncRequest
from reconciler.spec.load import load
from reconciler.store.memory import MemoryStore
from reconciler.webhooks.payload import body_of
from tests.engine.office import Desk as Office
from tests.engine.test_edits import ORDERS, Desk, Specs
from tests.fakes import TurnedClock
from tests.plant import Plant, connection, make_plant
from tests.town import Town, route

FULL = SyncMode.FULL


async def events(store: Store) -> list[Event]:
    return list(await store.views.events(limit=10_000))


async def make_desk() -> Desk:
    store, clock, specs = MemoryStore(), TurnedClock(), Specs()
    in_force = InForce(store.views, load({}, catalogue=catalogue_files()).catalogue)
    turn = SpecsTurn(specs, Reading(Wish(), catalogue_files()), store, in_force, clock)

    async def look() -> None:
        """Leave it to the test when the reconciler looks."""

    edits = Edits(store, in_force, clock, catalogue=catalogue_files(), changed=look)
    specs.write()
    await turn()
    return Desk(specs, store, clock, in_force, turn, edits)


async def a_plant_that_fails() -> list[Event]:
    """Sync, lose most records, and lose the system and its credentials for a while."""
    plant: Plant = await make_plant(MemoryStore())
    for number in range(30):
        plant.order(str(number))
    await plant.syncs.run(SyncRequest("acme", mode=FULL))
    for number in range(20):
        del plant.system.records["purchase-orders"][str(number)]
    await plant.syncs.run(SyncRequest("acme", mode=FULL))
    situation = await plant.in_force.look()
    ends = plant.clock.now() + timedelta(days=5)
    await plant.health.expires(situation, situation.connection("acme"), ends)
    for error in (ServerFault("500"), Unreachable("away"), Unauthorized("refused")):
        for _ in range(3):
            plant.system.fail[len(plant.system.reads)] = error
            await plant.looks.look("acme")
            await plant.clock.turn(timedelta(hours=2))
        plant.system.fail[len(plant.system.reads)] = error
        await plant.syncs.run(SyncRequest("acme"))
        await plant.looks.look("acme")
    await plant.declare(connection(health={"every": "9m", "strikes": 2}))
    return await events(plant.store)


async def a_desk_that_drifts() -> list[Event]:
    """Edit beside git, in conflict with git, and break the specs."""
    desk = await make_desk()
    await desk.edit("sent")
    await desk.edit("approved")
    await desk.edit("sent")
    desk.specs.write(status="closed")
    await desk.turn()
    plan = await desk.plan(heal={ORDERS})
    await apply(plan, desk.store, desk.clock, actor="cli:ada")
    await desk.turn()
    files = desk.specs.files
    desk.specs.files = {"a.yaml": "kind: Nonsense\n"}
    await desk.turn()
    desk.specs.files = {"a.yaml": files["a.yaml"]}
    await desk.turn()
    await apply(await desk.plan(prune=True), desk.store, desk.clock, actor="cli:ada")
    return await events(desk.store)


async def a_receiver_that_is_gone() -> list[Event]:
    """Have a receiver say that it wants no more, and try it again."""
    town = Town(MemoryStore())
    await town.declare(route())
    town.sender.answers["ops"] = [410]
    own = await town.happen()
    await Office(town).work()
    resource = (await town.store.views.state()).resources[ResourceKey(Kind.ALERT_ROUTE, "ops")]
    async with town.store.begin() as unit:
        await enable(unit, await town.uid(), resource, By("cli:ada", town.clock.now()))
        await unit.commit()
    return [one for one in await events(town.store) if one.id != own]


async def test_every_event_is_told_and_is_as_its_schema_says() -> None:
    told = [
        *await a_plant_that_fails(),
        *await a_desk_that_drifts(),
        *await a_receiver_that_is_gone(),
    ]
    entries = event_entries()
    for event in told:
        validator = Draft202012Validator(
            event_schema(entries[event.type]), format_checker=FormatChecker()
        )
        wrong = [error.message for error in validator.iter_errors(json.loads(body_of(event)))]
        assert not wrong, (event.type, event.data)
        assert event.data.keys() <= entries[event.type].data.keys(), event.type
    assert {event.type for event in told} == set(EventType)


async def test_what_was_held_is_told_as_over_once() -> None:
    found = [event.type for event in await a_desk_that_drifts()]
    assert found.count(EventType.PLAN_FAILED) == found.count(EventType.PLAN_RECOVERED) == 1

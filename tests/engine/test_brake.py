"""The brake in the loop: a mapping change that does too much is held, told, and looked at sparingly."""

from dataclasses import dataclass
from datetime import timedelta

import pytest

from reconciler.connectors.catalogue import catalogue_files
from reconciler.engine.inforce import InForce
from reconciler.engine.reading import Reading
from reconciler.engine.turns import WEIGHED_FOR, SpecsTurn
from reconciler.engine.wish import Wish
from reconciler.model.condition import Condition, Reason
from reconciler.model.event import EventType
from reconciler.model.identity import record_id
from reconciler.model.record import Batch, Row
from reconciler.model.value import canonical, digest_of
from reconciler.plan.brake import Cap
from reconciler.spec.load import load
from reconciler.store.memory import MemoryStore
from tests.engine.test_edits import ORDERS, Specs
from tests.fakes import TurnedClock

ENTITY = "purchase-orders"


@dataclass
class Loop:
    """A reconciler with a brake, and ten orders of which four are open."""

    specs: Specs
    store: MemoryStore
    clock: TurnedClock
    in_force: InForce
    turn: SpecsTurn

    async def status(self) -> str:
        resource = await self.store.views.resource(ORDERS)
        assert resource is not None
        word: str = resource.spec["fields"]["status"]["values"]["OPEN"]
        return word

    async def keep(self, *states: str) -> None:
        situation = await self.in_force.look()
        plant = situation.connection("plant-a")
        uid, mapper = situation.uid(plant), situation.mapper(plant, ENTITY)
        raws = [canonical({"status": state}) for state in states]
        rows = [
            Row(f"{at}", record_id("po", uid, f"{at}"), raw, _digest(raw), *made)
            for at, (raw, made) in enumerate(zip(raws, mapper(uid, raws), strict=True))
        ]
        async with self.store.begin() as unit:
            now = self.clock.now()
            await unit.records.save(Batch(uid, ENTITY, mapper.basis, "run", rows, now))
            await unit.commit()

    async def reasons(self) -> set[tuple[Condition, str]]:
        found = await self.store.views.conditions()
        return {(one.condition, one.reason) for many in found.values() for one in many}


def _digest(raw: bytes) -> bytes:
    return bytes.fromhex(digest_of(raw.decode())[:32])


async def loop_with(cap: Cap | None) -> Loop:
    store, clock, specs = MemoryStore(), TurnedClock(), Specs()
    in_force = InForce(store.views, load({}, catalogue=catalogue_files()).catalogue)
    reading = Reading(Wish(max_changed=cap), catalogue_files())
    made = Loop(specs, store, clock, in_force, SpecsTurn(specs, reading, store, in_force, clock))
    specs.write()
    await made.turn()
    await made.keep(*["OPEN"] * 4, *["?"] * 6)
    specs.write(status="sent")
    return made


@pytest.mark.parametrize("cap", [None, Cap(share=40), Cap(records=4)])
async def test_what_is_within_the_cap_is_applied(cap: Cap | None) -> None:
    loop = await loop_with(cap)
    await loop.turn()
    assert await loop.status() == "sent"


@pytest.mark.parametrize("cap", [Cap(share=39), Cap(records=3)])
async def test_what_is_over_it_is_held_and_told_once(cap: Cap) -> None:
    loop = await loop_with(cap)
    for _ in range(3):
        await loop.turn()
    assert await loop.status() == "approved"
    assert (Condition.SYNCED, Reason.BLOCKED.value) in await loop.reasons()
    (event,) = [one for one in await loop.store.views.events() if one.type is EventType.PLAN_FAILED]
    (block,) = event.data["blocks"]
    assert (block["code"], block["address"]) == ("TOO_MANY_CHANGED", "Mapping/orders")


async def test_the_rest_of_the_plan_is_applied() -> None:
    loop = await loop_with(Cap(share=10))
    loop.specs.files["a.yaml"] += "  history: 30d\n"
    loop.specs.revision += 1
    await loop.turn()
    assert await loop.status() == "approved"
    situation = await loop.in_force.look()
    assert situation.connection("plant-a").spec["history"] == "30d"


async def test_an_annotation_in_git_lets_it_go() -> None:
    loop = await loop_with(Cap(share=10))
    await loop.turn()
    name = 'name: orders, annotations: {reconciler/max-changed: "40%"}'
    loop.specs.files["b.yaml"] = loop.specs.files["b.yaml"].replace("name: orders", name)
    loop.specs.revision += 1
    await loop.turn()
    assert await loop.status() == "sent"


async def test_a_held_plan_is_weighed_anew_only_after_a_while() -> None:
    loop = await loop_with(Cap(share=39))
    await loop.turn()
    await loop.keep(*["?"] * 10)  # the records have changed: now none is open
    await loop.turn()
    assert await loop.status() == "approved"
    await loop.clock.turn(WEIGHED_FOR + timedelta(seconds=1))
    await loop.turn()
    assert await loop.status() == "sent"


async def test_a_revert_in_git_takes_a_mapping_back_with_the_next_look() -> None:
    loop = await loop_with(None)
    await loop.turn()
    assert await loop.status() == "sent"
    loop.specs.write(status="approved")  # as `git revert` writes it
    await loop.turn()
    assert await loop.status() == "approved"
    situation = await loop.in_force.look()
    plant = situation.connection("plant-a")
    bases = await loop.store.views.bases()
    assert bases[situation.uid(plant), ENTITY] == {situation.mapper(plant, ENTITY).basis}

"""A new mapping shows in the very next answer; stored columns follow, and no source is called."""

from datetime import timedelta

import msgspec

from reconciler.engine.effect import data_effects, with_costs
from reconciler.engine.reader import RecordReader
from reconciler.engine.remap import Remap
from reconciler.model.change import Replace
from reconciler.model.record import RecordQuery
from reconciler.model.sync import SyncMode
from reconciler.plan.planner import make_plan
from reconciler.ports import SyncRequest
from tests.plant import Plant, connection, mapping

CLOSED = mapping(fields={"status": {"from": "state", "values": {"open": "sent", "done": "closed"}}})
RUSH = mapping(customFields={"plant_state": {"from": "state", "type": "string"}})


async def synced(plant: Plant) -> int:
    plant.order("a")
    plant.order("b", state="done")
    await plant.syncs.run(SyncRequest("acme"))
    return len(plant.system.reads)


async def answer(plant: Plant) -> dict[str, dict[str, object]]:
    reader = RecordReader(plant.store.views, plant.in_force)
    page, _ = await reader.page(RecordQuery("purchase-orders"))
    return {r.source_id: msgspec.json.decode(r.mapped or b"null") for r in page}


async def test_the_next_answer_is_mapped_the_new_way_with_no_call_to_the_source(
    plant: Plant,
) -> None:
    calls = await synced(plant)
    assert (await answer(plant))["a"]["status"] == "approved"
    await plant.declare(connection(), CLOSED)
    assert (await answer(plant))["a"]["status"] == "sent"
    assert (await answer(plant))["b"]["status"] == "closed"
    assert len(plant.system.reads) == calls


async def test_a_new_custom_field_is_in_the_next_answer(plant: Plant) -> None:
    await synced(plant)
    await plant.declare(connection(), RUSH)
    assert (await answer(plant))["a"]["custom_fields"] == {"plant_state": "open"}


async def test_stored_records_follow_and_only_those_that_differ_move(plant: Plant) -> None:
    await synced(plant)
    before = {
        r.source_id: r for r in await plant.store.views.records(RecordQuery("purchase-orders"))
    }
    await plant.declare(connection(), CLOSED)
    await plant.clock.turn(timedelta(minutes=1))
    (run,) = await Remap(plant.store, plant.in_force, plant.clock).all()
    assert (run.mode, run.read, run.updated, run.unchanged) == (SyncMode.REMAP, 2, 1, 1)
    after = {
        r.source_id: r for r in await plant.store.views.records(RecordQuery("purchase-orders"))
    }
    assert after["a"].updated_at > before["a"].updated_at
    assert after["b"].updated_at == before["b"].updated_at
    assert await Remap(plant.store, plant.in_force, plant.clock).all() == []


async def test_there_and_back_again_gives_the_first_answer(plant: Plant) -> None:
    await synced(plant)
    first = await answer(plant)
    await plant.declare(connection(), CLOSED)
    assert await answer(plant) != first
    await plant.declare(connection())
    assert await answer(plant) == first


async def test_a_plan_says_what_it_does_to_stored_records(plant: Plant) -> None:
    await synced(plant)
    situation = await plant.in_force.look()
    plan = make_plan([connection(), CLOSED], situation.state, revision="test")
    (effect,) = await data_effects(plan, situation, plant.store.views)
    assert (effect.connection, effect.looked_at, effect.stored) == ("acme", 2, 2)
    assert "1 of 2" in effect.sentence()
    assert effect.causes == (CLOSED.key,)


async def test_a_plan_that_touches_no_mapping_has_no_effect_on_records(plant: Plant) -> None:
    await synced(plant)
    situation = await plant.in_force.look()
    plan = make_plan([connection(drift="heal")], situation.state, revision="test")
    assert await data_effects(plan, situation, plant.store.views) == []


async def test_a_replacement_says_how_many_records_it_reads_again(plant: Plant) -> None:
    await synced(plant)
    state = await plant.store.views.state()
    plan = make_plan([connection(connector="other")], state, revision="r")
    costed = await with_costs(plan, await plant.in_force.look(), plant.store.views)
    (change,) = costed.changes
    assert isinstance(change, Replace)
    assert "2 stored records are read again" in change.costs

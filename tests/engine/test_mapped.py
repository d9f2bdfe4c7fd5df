"""How records are mapped, over what is stored: which object said it, and what nobody maps."""

from datetime import timedelta
from typing import Any

import pytest

from reconciler.engine.inforce import InForce
from reconciler.engine.mapped import MappingReader, MappingSeen
from reconciler.errors import NotFound
from reconciler.model.resource import Kind, ResourceKey, make_resource
from reconciler.model.sync import SyncMode, Trigger
from reconciler.ports import SyncRequest
from tests.fakes import NOON
from tests.plant import CONNECTOR, Plant, connection, mapping

ORDERS = "purchase-orders"


async def synced(plant: Plant, count: int = 3, **fields: Any) -> None:
    """Store *count* orders of the plant."""
    for number in range(count):
        plant.order(f"{number:03}", **fields)
    request = SyncRequest("acme", (ORDERS,), SyncMode.FULL, Trigger.PERSON)
    await plant.syncs.run(request)


async def look(plant: Plant, *, limit: int = 10_000, entity: str = ORDERS) -> MappingSeen:
    in_force = InForce(plant.store.views, {"plant": CONNECTOR}, plant.clock)
    return await MappingReader(plant.store.views, in_force, limit=limit).look("acme", entity)


def winners(seen: MappingSeen) -> dict[str, tuple[str, str]]:
    told: dict[str, tuple[str, str]] = {}
    for field in seen.coverage.fields:
        winner = seen.winner(field)
        if winner is not None:
            told[field.name] = (winner.layer, str(winner.key))
    return told


async def test_each_field_names_the_layer_and_the_object_that_won(plant: Plant) -> None:
    everywhere = mapping("all", connection=None, selector={"matchLabels": {"plant": "a"}},
                         fields={"total_gross": {"from": "total"}, "title": {"from": "no"}})  # fmt: skip
    here = mapping(
        fields={"title": {"from": "id"}, "code": {"from": "id"}},
        customFields={"x": {"from": "u_x"}},
    )
    patch = {"fields": {"code": {"from": "no"}}}
    spec = {"target": {"kind": "Mapping", "name": "acme-orders"}, "reason": "night", "patch": patch}
    until = (NOON + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    pinned = make_resource(ResourceKey(Kind.OVERRIDE, "pin"), {"spec": {**spec, "until": until}})
    acme = connection()
    body = {**acme.body, "metadata": {"labels": {"plant": "a"}, "annotations": {}}}
    await plant.declare(make_resource(acme.key, body), everywhere, here, pinned)
    await synced(plant)
    assert winners(await look(plant)) == {
        "number": ("default", "Connector/plant"),
        "status": ("default", "Connector/plant"),
        "status_raw": ("default", "Connector/plant"),
        "total_gross": ("selector", "Mapping/all"),
        "title": ("connection", "Mapping/acme-orders"),
        "code": ("override", "Override/pin"),
        "custom_fields.x": ("connection", "Mapping/acme-orders"),
    }
    await plant.clock.turn(timedelta(hours=2))
    assert winners(await look(plant))["code"] == ("connection", "Mapping/acme-orders")


async def test_the_revision_is_that_of_the_objects_last_change(plant: Plant) -> None:
    await plant.declare(connection(), mapping(fields={"title": {"from": "no"}}))
    await synced(plant, 1)
    seen = await look(plant)
    (title,) = (field for field in seen.coverage.fields if field.name == "title")
    winner = seen.winner(title)
    assert winner is not None
    assert (winner.revision, title.before, title.after) == ("test", '"PO-000"', '"PO-000"')


async def test_a_customers_own_field_is_found_in_what_is_stored(plant: Plant) -> None:
    await synced(plant, u_cost="4711", lines=[{"sku": "a", "u_tax": 1}])
    seen = await look(plant)
    told = {node.path: (node.tally.filled, node.tally.of) for node in seen.coverage.unmapped}
    assert told["u_cost"] == (3, 3)
    assert told["lines[].u_tax"] == (3, 3)
    assert "no" not in told
    assert (seen.stored, seen.coverage.looked_at, seen.sampled) == (3, 3, False)


async def test_of_many_records_some_are_looked_at_spread_over_all(plant: Plant) -> None:
    await synced(plant, 30)
    seen = await look(plant, limit=10)
    assert (seen.stored, seen.coverage.looked_at, seen.sampled) == (30, 10, True)
    (ids,) = (node for node in seen.coverage.unmapped if node.path == "id")
    assert {value for value, _ in ids.tally.distinct()} == {f'"{n:03}"' for n in range(0, 30, 3)}


async def test_more_than_a_page_is_read_to_its_end(plant: Plant) -> None:
    await synced(plant, 1_100)
    seen = await look(plant)
    assert seen.coverage.looked_at == 1_100


async def test_without_records_the_rules_are_told_all_the_same(plant: Plant) -> None:
    seen = await look(plant)
    assert seen.coverage.looked_at == 0
    assert winners(seen)["number"] == ("default", "Connector/plant")


@pytest.mark.parametrize("entity", ["nonsense", "work-orders"])
async def test_an_entity_that_the_system_has_not_is_not_found(plant: Plant, entity: str) -> None:
    with pytest.raises(NotFound, match="acme has no") as caught:
        await look(plant, entity=entity)
    assert "purchase-orders" in caught.value.hint

"""A customer adds a column to the system: it is seen, proposed, applied, and in the next answer, untouched source."""

import json
from dataclasses import replace

import httpx
import pytest

from reconciler.sandbox import Sandbox
from tests.journeys.conftest import Person, everything
from tests.journeys.test_main_job import ORDERS, everything_is_synced

pytestmark = pytest.mark.slow

MORE = "specs/mappings/more.yaml"


async def new_column(sandbox: Sandbox, name: str, value: str) -> int:
    """Give every order of the plant another field; return how many there are."""
    now = int(sandbox.now().timestamp() * 1000)
    orders = [entry.body["order_no"] for entry in sandbox.plant.current("orders")]
    for order in orders:
        sandbox.plant.change("orders", order, now, **{name: value})
    return len(orders)


async def test_a_custom_field_goes_from_the_source_to_the_answer_without_another_read(
    person: Person, sandbox: Sandbox
) -> None:
    token = (await person.gets("token", "create", "--admin")).split()[0]
    async with person.runs("specs") as api:
        asks = replace(
            person,
            environ={**person.environ, "RECONCILER_SERVER": api, "RECONCILER_TOKEN": token},
        )
        await everything_is_synced(person)
        count = await new_column(sandbox, "u_dockGate", "G7")
        await asks.gets("reconcile", "Connection/plant-a")
        calls = sandbox.stats["calls"]

        shown = json.loads(
            await person.gets("mapping", "show", "plant-a", ORDERS, "--unmapped", "-o", "json")
        )
        (gate,) = (one for one in shown["unmapped"] if one["path"] == "u_dockGate")
        assert (gate["filled"], gate["of"], gate["sample"]) == (count, count, '"G7"')
        async with httpx.AsyncClient(
            trust_env=False, headers={"Authorization": f"Bearer {token}"}
        ) as client:
            answer = await client.get(f"{api}/connections/plant-a/mappings/{ORDERS}")
            assert answer.json()["unmapped"] == shown["unmapped"]

        await person.gets("mapping", "suggest", "plant-a", ORDERS, "--write", MORE)
        await asks.gets("reconcile")
        orders = await everything(f"{api}/{ORDERS}", token, limit=500)
        assert {order["custom_fields"].get("u_dock_gate") for order in orders} == {"G7"}
        assert sandbox.stats["calls"] == calls


async def cost_centers(person: Person) -> dict[str, str]:
    """Return the cost centers of some orders that have one, by id."""
    told = await person.gets("records", "plant-a", ORDERS, "--limit", "50", "-o", "json")
    found = {row["id"]: row["custom_fields"]["cost_center"] for row in json.loads(told)}
    return {one: center for one, center in found.items() if center is not None}


async def test_a_record_from_the_store_guards_the_mapping_from_then_on(person: Person) -> None:
    await person.gets("apply", "--auto-approve")
    await person.gets("sync", "plant-a", ORDERS)
    before = await cost_centers(person)
    file = "specs/mappings/plant-a-purchase-orders.yaml"
    await person.gets("mapping", "test", "--record", min(before), "--mask", "--write", file)
    assert "6 tests, 0 failed." in await person.gets("mapping", "test")
    text = (person.folder / file).read_text()
    (person.folder / file).write_text(
        text.replace("{from: u_cost_centre,", "{from: u_cost_center,")
    )
    told = await person.types("apply", "--auto-approve")
    assert told.code == 1
    assert "the test 'a record of plant-a' fails: custom_fields.cost_center" in told.err
    assert (await person.types("mapping", "test")).code == 1
    assert await cost_centers(person) == before

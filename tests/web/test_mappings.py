"""How fields are mapped, through the API: for the connections of the token, and the objects it may see."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from reconciler.engine.inforce import InForce
from reconciler.engine.mapped import MappingReader
from reconciler.engine.reader import RecordReader
from reconciler.model.access import Scope
from reconciler.model.resource import Kind, ResourceKey, make_resource
from reconciler.ports import SyncRequest
from reconciler.store.memory import MemoryStore
from reconciler.web.app import Services, make_app
from tests.plant import CONNECTOR, Plant, connection, make_plant, mapping
from tests.web.conftest import AskedSyncs
from tests.web.making import issue

PATH = "/api/v1/connections/acme/mappings/purchase-orders"
READ = frozenset({Scope.READ_RECORDS})


@dataclass
class Desk:
    plant: Plant
    store: MemoryStore
    client: httpx.AsyncClient
    made: int = 0

    async def get(
        self, path: str, *, of: str | None = None, scopes: frozenset[Scope] = READ, **more: Any
    ) -> httpx.Response:
        self.made += 1
        token = await issue(self.store, self.made, scopes, of, **more)
        return await self.client.get(path, headers={"Authorization": f"Bearer {token}"})


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """Acme's orders, mapped by a mapping of its own and by one for all of plant a."""
    store = MemoryStore()
    plant = await make_plant(store)
    acme = connection()
    labels = {"metadata": {"labels": {"customer": "acme", "plant": "a"}, "annotations": {}}}
    await plant.declare(
        make_resource(acme.key, {**acme.body, **labels}),
        make_resource(ResourceKey(Kind.CONNECTION, "beta"), acme.body),
        mapping(customFields={"gate": {"from": "u_gate"}}),
        mapping("all-of-a", connection=None, selector={"matchLabels": {"plant": "a"}}, fields={"title": {"from": "no"}}),
    )  # fmt: skip
    for number in range(3):
        plant.order(str(number), u_gate="7", u_cost="4711")
    await plant.syncs.run(SyncRequest("acme"))
    in_force = InForce(store.views, {"plant": CONNECTOR}, plant.clock)
    services = Services(
        reader=RecordReader(store.views, in_force),
        syncs=AskedSyncs(),
        store=store,
        clock=plant.clock,
        in_force=in_force,
        mappings=MappingReader(store.views, in_force),
    )
    transport = httpx.ASGITransport(make_app(services))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield Desk(plant, store, client)


def by_field(answer: httpx.Response) -> dict[str, dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    return {one["field"]: one for one in answer.json()["fields"]}


async def test_each_field_is_answered_with_its_rule_layer_and_samples(desk: Desk) -> None:
    fields = by_field(await desk.get(PATH))
    gate = fields["custom_fields.gate"]
    assert gate["rule"] == {"from": "u_gate"}
    assert (gate["layer"], gate["object"], gate["revision"]) == (
        "connection",
        "Mapping/acme-orders",
        "test",
    )
    assert (gate["fill_rate"], gate["before"], gate["after"]) == (1.0, '"7"', '"7"')
    assert gate["values"] == [{"value": '"7"', "count": 3}]
    assert fields["exchange_rate"]["rule"] is None


async def test_what_nobody_maps_is_answered_and_a_mapping_is_proposed_for_it(desk: Desk) -> None:
    unmapped = (await desk.get(PATH)).json()["unmapped"]
    (cost,) = (one for one in unmapped if one["path"] == "u_cost")
    assert (cost["types"], cost["filled"], cost["of"], cost["sample"]) == (
        {"string": 3},
        3,
        3,
        '"4711"',
    )
    proposed = (await desk.get(f"{PATH}/suggestions")).json()
    assert "u_cost: {from: u_cost, type: string}" in proposed["yaml"]
    assert "u_cost" in [one["field"] for one in proposed["fields"]]


async def test_both_answers_fit_the_document(desk: Desk) -> None:
    document = (await desk.client.get("/api/v1/openapi.json")).json()
    for path in (PATH, f"{PATH}/suggestions"):
        template = path.replace("acme", "{name}").replace("purchase-orders", "{entity}")
        media = document["paths"][template]["get"]["responses"]["200"]["content"][
            "application/json"
        ]
        schema = {**media["schema"], "components": document["components"]}
        Draft202012Validator(schema).validate((await desk.get(path)).json())


async def test_samples_are_data_so_the_scope_is_that_of_records(desk: Desk) -> None:
    for path in (PATH, f"{PATH}/suggestions"):
        refused = await desk.get(path, scopes=frozenset({Scope.READ_STATUS}))
        assert (refused.status_code, refused.json()["code"]) == (403, "PERMISSION_DENIED")


async def test_a_token_of_another_connection_finds_nothing(desk: Desk) -> None:
    for path in (PATH, f"{PATH}/suggestions"):
        foreign = await desk.get(path, of="beta")
        missing = await desk.get(path.replace("acme", "nobody"), of="beta")
        assert foreign.status_code == missing.status_code == 404
        assert foreign.json()["detail"].replace("acme", "nobody") == missing.json()["detail"]


async def test_a_tenant_sees_its_own_objects_and_no_name_of_shared_ones(desk: Desk) -> None:
    answer = await desk.get(PATH, of="acme")
    fields = by_field(answer)
    assert fields["custom_fields.gate"]["object"] == "Mapping/acme-orders"
    assert (fields["title"]["layer"], fields["title"]["object"]) == ("selector", None)
    assert "all-of-a" not in answer.text
    everywhere = by_field(await desk.get(PATH))
    assert everywhere["title"]["object"] == "Mapping/all-of-a"


@pytest.mark.parametrize("entity", ["nonsense", "invoices"])
async def test_an_entity_that_is_not_there_is_not_found(desk: Desk, entity: str) -> None:
    answer = await desk.get(PATH.replace("purchase-orders", entity))
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")

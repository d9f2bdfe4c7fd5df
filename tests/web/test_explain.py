"""Where the fields of one record come from, through the API."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from reconciler.engine.explaining import Explaining
from reconciler.engine.reader import RecordReader
from reconciler.model.access import Scope
from reconciler.model.identity import record_id
from reconciler.ports import SyncRequest
from reconciler.web.app import make_app
from reconciler.web.needs import Services
from tests.plant import connection, mapping
from tests.web.conftest import Api, Site, client_of
from tests.web.making import keep_orders, order_id

AUTH = {"method": "api_key", "key": {"env": "ACME_KEY"}}


@pytest.fixture
async def told(api: Api) -> tuple[Services, str, str]:
    """An API that explains, the path of a record, and a token that reads records."""
    rules = {
        "status": {"from": "state", "values": {"open": "sent"}},
        "lines": {"from": "rows", "each": {"line_no": {"from": "n"}}},
    }
    own = {"cost_center": {"from": "u_cc", "type": "string"}}
    await api.plant.declare(connection(auth=AUTH), mapping(fields=rules, customFields=own))
    api.plant.order("1", rows=[{"n": "1"}], u_cc=4711)
    await api.plant.syncs.run(SyncRequest("acme"))
    services = Services(
        reader=RecordReader(api.plant.store.views, api.plant.in_force),
        syncs=api.syncs,
        store=api.plant.store,
        clock=api.plant.clock,
        in_force=api.plant.in_force,
        explaining=Explaining(api.plant.store.views, api.plant.in_force),
    )
    token = await api.token(Scope.READ_RECORDS)
    return services, f"/api/v1/purchase-orders/{record_id('po', api.uid, '1')}", token


async def get(told: tuple[Services, str, str], query: str) -> dict[str, Any]:
    services, path, token = told
    async with client_of(make_app(services), token) as client:
        answer = await client.get(f"{path}?{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_record_is_explained_field_by_field(told: tuple[Services, str, str]) -> None:
    record = await get(told, "explain=true")
    explained = record["_explain"]
    assert explained["as_stored"] is True
    assert explained["mapping_rev"] == record["_meta"]["mapping_rev"]
    assert explained["run"]["id"] == record["_meta"]["sync_run_id"]
    status = explained["fields"]["status"]
    assert status["steps"][-1] == {"step": "values", "by": {"open": "sent"}, "value": "sent"}
    assert status["rule"]["source"] == "Mapping/acme-orders"
    assert status["rule"]["changed_by"] == "test"
    assert [one["source"] for one in status["overrides"]] == ["Connector/plant"]
    for name, one in explained["fields"].items():
        own = name.removeprefix("custom_fields.")
        held = record if own == name else record["custom_fields"]
        assert one["value"] == held[own], name


async def test_only_the_fields_that_are_asked_for_are_explained(
    told: tuple[Services, str, str],
) -> None:
    record = await get(told, "explain=true&fields=status,custom_fields,created_at")
    assert set(record) == {"id", "status", "custom_fields", "created_at", "_explain"}
    assert set(record["_explain"]["fields"]) == {"status", "custom_fields.cost_center"}


async def test_without_asking_nothing_is_explained(told: tuple[Services, str, str]) -> None:
    assert "_explain" not in await get(told, "explain=false")
    assert "_explain" not in await get(told, "")


async def test_an_explanation_fits_the_document(told: tuple[Services, str, str]) -> None:
    async with client_of(make_app(told[0])) as anybody:
        document = (await anybody.get("/api/v1/openapi.json")).json()
    schema = {"$ref": "#/components/schemas/PurchaseOrder", "components": document["components"]}
    record = await get(told, "explain=true&include=raw")
    assert not list(Draft202012Validator(schema).iter_errors(record))


async def test_nothing_of_the_connections_secrets_is_in_an_explanation(
    told: tuple[Services, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_KEY", "hidden-canary-4711")
    text = str(await get(told, "explain=true&include=raw"))
    assert "ACME_KEY" not in text
    assert "canary" not in text


async def test_a_server_that_cannot_explain_says_so(site: Site) -> None:
    await keep_orders(site.store, "1")
    answer = await site.get(f"/api/v1/purchase-orders/{order_id('1')}?explain=true")
    assert answer.status_code == 400
    assert "query.explain" in answer.json()["detail"]


async def test_a_token_of_another_connection_is_explained_nothing(
    told: tuple[Services, str, str], api: Api
) -> None:
    services, path, _ = told
    token = await api.token(Scope.READ_RECORDS, connection="another")
    async with client_of(make_app(services), token) as client:
        assert (await client.get(f"{path}?explain=true")).status_code in {401, 404}

"""The OpenAPI document: valid, stable, and true to the routes."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from reconciler.datamodel.reader import STANDARD, entities
from reconciler.model.access import Scope
from reconciler.model.sync import RunStatus
from reconciler.web.route import Access, Route
from tests.web.conftest import Site, client_of
from tests.web.making import keep_orders, keep_run, keep_unmapped, order_id

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture
async def document(site: Site) -> dict[str, Any]:
    """The document, as a client without a token gets it."""
    async with client_of(site.app) as anybody:
        answer = await anybody.get("/api/v1/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        operation["operationId"]: operation
        for item in document["paths"].values()
        for method, operation in item.items()
        if method in METHODS
    }


def routes_of(site: Site) -> tuple[Route, ...]:
    routes: tuple[Route, ...] = site.app.state.routes
    return routes


def test_the_document_is_valid_openapi_31(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(document).validate()


def test_every_entity_has_two_operations_with_stable_names(document: dict[str, Any]) -> None:
    found = set(operations(document))
    for entity in entities().values():
        assert f"list_{entity.name.replace('-', '_')}" in found
        assert f"get_{entity.singular.replace('-', '_')}" in found
    assert {"get_me", "list_connections", "get_sync_status", "create_sync", "get_sync"} <= found


def test_examples_fit_their_schemas(document: dict[str, Any]) -> None:
    looked_at = 0
    for name, operation in operations(document).items():
        for answer in operation["responses"].values():
            for media in answer.get("content", {}).values():
                if "example" in media:
                    looked_at += 1
                    schema = {**media["schema"], "components": document["components"]}
                    errors = list(Draft202012Validator(schema).iter_errors(media["example"]))
                    assert not errors, f"{name}: {errors[0].message}"
    assert looked_at == 2 * len(entities())
    for response in document["components"]["responses"].values():
        (media,) = response["content"].values()
        schema = {**media["schema"], "components": document["components"]}
        for example in media["examples"].values():
            Draft202012Validator(schema).validate(example["value"])


async def test_answers_fit_their_schemas(site: Site, document: dict[str, Any]) -> None:
    await keep_orders(site.store, "1", status="approved")
    await keep_unmapped(site.store, "2", "no")
    await keep_run(site.store, 1, RunStatus.SUCCEEDED)
    started = await site.post("/api/v1/connections/acme/syncs", {})
    limits = {"selector": {"customer": "acme"}, "networks": ["10.0.0.0/8"], "role": "viewer"}
    made = await site.post("/api/v1/tokens", {"name": "desk", **limits})
    media = operations(document)["create_token"]["responses"]["201"]["content"]["application/json"]
    Draft202012Validator({**media["schema"], "components": document["components"]}).validate(
        made.json()
    )
    for path, name in {
        "/api/v1/purchase-orders?include=raw": "list_purchase_orders",
        f"/api/v1/purchase-orders/{order_id('1')}": "get_purchase_order",
        "/api/v1/raw/acme/purchase-orders": "list_raw_records",
        "/api/v1/raw/acme/purchase-orders/1": "get_raw_record",
        "/api/v1/connections": "list_connections",
        "/api/v1/connections/acme": "get_connection",
        "/api/v1/connections/acme/sync-status": "get_sync_status",
        started.headers["location"]: "get_sync",
        "/api/v1/runs/run_1": "get_run",
        "/api/v1/me": "get_me",
        "/api/v1/tokens": "list_tokens",
        made.headers["location"]: "get_token",
        "/api/v1/versions": "list_versions",
    }.items():
        answer = await site.get(path)
        assert answer.status_code == 200, path
        media = operations(document)[name]["responses"]["200"]["content"]["application/json"]
        schema = {**media["schema"], "components": document["components"]}
        errors = list(Draft202012Validator(schema).iter_errors(answer.json()))
        assert not errors, f"{path}: {errors[0].message} at {errors[0].json_path}"


def test_what_is_documented_of_queries_is_what_is_read(
    site: Site, document: dict[str, Any]
) -> None:
    found = operations(document)
    for route in routes_of(site):
        if route.shown:
            parameters = found[route.operation_id]["parameters"]
            documented = {p["name"] for p in parameters if p.get("in") == "query"}
            assert documented == set(route.query.model_fields if route.query else ()), route.path


def test_only_what_takes_an_idempotency_key_is_documented_to(document: dict[str, Any]) -> None:
    key = {"$ref": "#/components/parameters/Idempotency-Key"}
    found = operations(document).items()
    assert [name for name, one in found if key in one["parameters"]] == ["create_sync"]


def test_every_operation_says_who_may_call_it_and_how_it_fails(
    site: Site, document: dict[str, Any]
) -> None:
    found = operations(document)
    for route in routes_of(site):
        if not route.shown:
            continue
        operation = found[route.operation_id]
        assert {"400", "405", "500"} <= set(operation["responses"]), route.path
        assert "422" not in operation["responses"] or route.method in {"POST", "PUT", "PATCH"}
        if route.access is Access.PUBLIC:
            assert operation["security"] == []
        else:
            assert operation["security"] == [{"bearer": []}]
            assert {"401", "403", "429"} <= set(operation["responses"])
        if isinstance(route.access, Scope):
            assert operation["x-scope"] == route.access.value


def test_no_field_of_an_entity_has_the_name_of_a_standard_one() -> None:
    standard = {*STANDARD, "raw"}
    for entity in entities().values():
        assert not standard & set(entity.fields), entity.name


async def test_the_document_has_an_etag(site: Site) -> None:
    tag = (await site.get("/api/v1/openapi.json")).headers["etag"]
    assert (await site.get("/api/v1/openapi.json", If_None_Match=tag)).status_code == 304

"""Opening connectors: settings, defaults, what is missing, and the built-in catalogue."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import jmespath
import pytest
import yaml

from reconciler.connectors.catalogue import catalogue_files
from reconciler.connectors.registry import HttpConnectors
from reconciler.connectors.streams import compile_streams
from reconciler.errors import Invalid, SecretMissing
from reconciler.model.resource import Kind
from reconciler.spec.kinds.connector import ConnectorDocument
from tests.connectors.conftest import Open, TurnedClock, manifest, resource

KEY = {"key": {"type": "api_key", "fields": {"key": {"secret": True, "required": True}}}}


def handler(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={"url": str(request.url), "data": []})


async def test_settings_reach_the_request_with_their_defaults(opened: Open) -> None:
    seen: list[str] = []

    def record(request: httpx.Request) -> httpx.Response:
        seen.append(f"{request.url} {request.headers.get('x-tenant')}")
        return httpx.Response(200, json={})

    spec = manifest(
        endpoint="{{ config.base_url }}/{{ config.database }}",
        config={"base_url": {"type": "url"}, "database": {"default": "main"}, "tenant": {}},
        headers={"X-Tenant": "{{ config.tenant }}"},
    )
    await opened(record, spec, config={"base_url": "https://erp.example/", "tenant": "t1"}).probe()
    assert seen == ["https://erp.example/main/me t1"]


@pytest.mark.parametrize(
    "base_url",
    [
        "erp.example",
        "ftp://erp.example",
        "",
        "https://",
        "https://user:pw@erp.example",
        "http://h:port",
    ],
)
def test_an_address_that_is_none_is_told(opened: Open, base_url: str) -> None:
    with pytest.raises(Invalid, match="Connection/acme: the address of the system") as caught:
        opened(handler, config={"base_url": base_url})
    assert "user:pw" not in str(caught.value)


def test_what_is_required_and_missing_is_told(opened: Open) -> None:
    with pytest.raises(Invalid, match=r"Connection/acme: auth\.key is missing"):
        opened(handler, manifest(auth=KEY))


def test_a_reference_that_leads_nowhere_is_told(opened: Open) -> None:
    with pytest.raises(SecretMissing, match=r"Connection/acme: auth\.key: .* NOT_THERE is not set"):
        opened(handler, manifest(auth=KEY), auth={"key": {"env": "NOT_THERE"}})


def test_an_unknown_method_is_told_with_those_there_are(opened: Open) -> None:
    with pytest.raises(Invalid) as caught:
        opened(handler, manifest(auth=KEY), auth={"method": "oauth"})
    assert caught.value.hint == "the connector knows: key"
    two = {**KEY, "none": {"type": "none"}}
    with pytest.raises(Invalid, match=r"auth\.method is missing"):
        opened(handler, manifest(auth=two))


async def test_a_secret_file_is_read_anew_at_each_opening(opened: Open, tmp_path: Path) -> None:
    seen: list[str] = []

    def record(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["x-api-key"])
        return httpx.Response(200, json={})

    file = tmp_path / "key"
    for value in ("first-key", "second-key"):
        file.write_text(f"{value}\n")
        await opened(record, manifest(auth=KEY), auth={"key": {"file": str(file)}}).probe()
    assert seen == ["first-key", "second-key"]


@pytest.mark.parametrize(
    "change",
    [
        {"records": "data["},
        {"primaryKey": "a ||"},
        {"request": {"path": "/{{ a | nosuch }}"}},
        {"cursor": {"value": "]"}},
    ],
)
def test_a_manifest_that_cannot_be_compiled_names_its_stream(
    opened: Open, change: dict[str, Any]
) -> None:
    spec = manifest(streams={"purchase-orders": {"request": {"path": "/x"}, **change}})
    with pytest.raises(Invalid, match="'purchase-orders' cannot be read"):
        opened(handler, spec)


def test_a_manifest_that_is_none_is_told_with_its_place(clock: TurnedClock) -> None:
    broken = resource(Kind.CONNECTOR, "small", manifest(protocol="smoke"))
    connection = resource(Kind.CONNECTION, "acme", {"connector": "small", "config": {}})
    with pytest.raises(Invalid, match=r"Connector/small cannot be read: spec\.protocol"):
        HttpConnectors(clock, {}).open(connection, broken)


async def test_connections_to_one_host_wait_for_each_other(clock: TurnedClock) -> None:
    spec = manifest(rateLimit={"requests": 1, "per": "10s"})
    connectors = HttpConnectors(clock, {}, transport=lambda: httpx.MockTransport(handler))
    small = resource(Kind.CONNECTOR, "small", spec)
    for name in ("acme", "other"):
        body = {"connector": "small", "config": {"base_url": f"https://erp.example/{name}"}}
        connector = connectors.open(resource(Kind.CONNECTION, name, body), small)
        await connector.probe()
        await connector.close()
    assert clock.slept == [10.0]


async def test_without_a_fake_transport_a_real_one_is_made(clock: TurnedClock) -> None:
    connection = {"connector": "small", "config": {"base_url": "https://erp.example"}}
    connector = HttpConnectors(clock, {}).open(
        resource(Kind.CONNECTION, "acme", connection), resource(Kind.CONNECTOR, "small", manifest())
    )
    assert connector.start("purchase-orders", datetime(2026, 1, 1, tzinfo=UTC)) is None
    await connector.close()


@pytest.mark.parametrize("name", sorted(catalogue_files()))
def test_every_built_in_manifest_can_be_compiled(name: str) -> None:
    document = ConnectorDocument.model_validate(
        yaml.safe_load(catalogue_files()[name]), strict=False
    )
    assert document.metadata.name == name.removesuffix(".yaml")
    assert compile_streams(document.spec).keys() == document.spec.streams.keys()
    for stream in document.spec.streams.values():
        for rule in {**stream.fields, **stream.custom_fields}.values():
            for inner in [rule, *(rule.get("each") or {}).values()]:
                expression = inner.get("from_")
                if expression is not None:
                    jmespath.compile(expression)


def test_the_catalogue_holds_tryton() -> None:
    assert "tryton.yaml" in catalogue_files()


async def test_what_the_customer_gave_is_used_where_the_spec_refers_to_it(
    clock: TurnedClock,
) -> None:
    sent: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.headers["authorization"])
        return httpx.Response(200, json=[])

    connection = {
        "connector": "small",
        "config": {"base_url": "https://erp.example"},
        "auth": {"token": {"connect": True}},
    }
    connector = HttpConnectors(clock, {}, transport=lambda: httpx.MockTransport(answer)).open(
        resource(Kind.CONNECTION, "acme", connection),
        resource(
            Kind.CONNECTOR,
            "small",
            manifest(auth={"token": {"type": "bearer", "fields": {"token": {"secret": True}}}}),
        ),
        given={"auth.token": "what-they-typed"},
    )
    await connector.probe()
    await connector.close()
    assert sent == ["Bearer what-they-typed"]

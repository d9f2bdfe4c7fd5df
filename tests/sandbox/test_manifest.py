"""The plant's manifest: sound by its model, by its expressions, and by the unified model."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jmespath
import pytest
import yaml

from reconciler.connectors import catalogue
from reconciler.datamodel.entity import Entity, Field, FieldType
from reconciler.datamodel.reader import entities
from reconciler.sandbox.data import STATUSES
from reconciler.sandbox.paths import LISTINGS
from reconciler.spec.kinds.connector import ConnectorDocument, Stream
from reconciler.spec.kinds.rules import FieldRule

TEXT = (Path(catalogue.__path__[0]) / "sandbox.yaml").read_text("utf-8")
MANIFEST = ConnectorDocument.model_validate(yaml.safe_load(TEXT))
STREAMS = MANIFEST.spec.streams


def expressions(value: Any) -> Iterator[str]:
    """Yield every JMESPath expression of a part of the manifest, as it was written."""
    keys = {"from", "records", "primaryKey", "flag", "parent", "more", "next"}
    for key, item in value.items() if isinstance(value, dict) else ():
        if key in keys and isinstance(item, str) and "{{" not in item:
            yield item
        elif key == "cursor" and isinstance(item, dict):
            yield item["value"]
        yield from expressions(item)


def rules(
    given: dict[str, FieldRule], fields: Any, at: str
) -> Iterator[tuple[str, FieldRule, Field | None]]:
    """Yield each rule with the place where it stands and the field that it makes."""
    for name, rule in given.items():
        field = fields.get(name)
        yield f"{at}.{name}", rule, field
        each = rule.get("each")
        if each is not None and field is not None:
            yield from rules(each, field.items, f"{at}.{name}")


def test_every_entity_of_the_unified_model_has_a_stream() -> None:
    assert set(STREAMS) == set(entities())


def test_every_stream_reads_a_path_that_the_plant_lists() -> None:
    paths = {listing.path for listing in LISTINGS}
    assert {stream.request.path for stream in STREAMS.values()} <= paths


def test_each_kind_of_paging_is_shown_once_at_least() -> None:
    kinds = {stream.paging.type for stream in STREAMS.values()}
    assert kinds == {"none", "next_link", "cursor", "offset", "page", "keyset"}


@pytest.mark.parametrize("entity", sorted(STREAMS))
def test_every_expression_is_jmespath(entity: str) -> None:
    written = yaml.safe_load(TEXT)["spec"]["streams"][entity]
    found = list(expressions(written))
    assert found
    for expression in found:
        jmespath.compile(expression)


@pytest.mark.parametrize("entity", sorted(STREAMS))
def test_every_mapped_field_is_one_of_the_unified_model(entity: str) -> None:
    model: Entity = entities()[entity]
    for place, _, field in rules(dict(STREAMS[entity].fields), model.fields, entity):
        assert field is not None, place


@pytest.mark.parametrize("entity", sorted(STREAMS))
def test_a_value_map_leads_to_values_that_the_unified_model_has(entity: str) -> None:
    model: Entity = entities()[entity]
    for place, rule, field in rules(dict(STREAMS[entity].fields), model.fields, entity):
        if field is not None and field.type is FieldType.ENUM:
            made = {
                *(rule.get("values") or {}).values(),
                rule.get("default"),
                rule.get("value"),
            } - {None}
            assert made <= set(field.enum), place


@pytest.mark.parametrize(
    ("entity", "collection", "field"),
    [
        ("purchase-orders", "orders", "state"),
        ("work-orders", "workorders", "sysStatus"),
        ("service-requests", "requests", "state"),
        ("assets", "assets", "state"),
        ("invoices", "invoices", "state"),
    ],
)
def test_every_status_of_the_plant_has_a_meaning(entity: str, collection: str, field: str) -> None:
    rule = STREAMS[entity].fields["status"]
    assert rule.get("from_") == field
    assert set(rule.get("values") or {}) == set(STATUSES[collection])


def test_the_status_list_says_what_the_value_maps_say() -> None:
    said = STREAMS["statuses"].fields["normalised"].get("values") or {}
    names = STREAMS["statuses"].fields["entity"].get("values") or {}
    for collection, entity in names.items():
        for code, meaning in (STREAMS[str(entity)].fields["status"].get("values") or {}).items():
            assert said[f"{collection} {code}"] == meaning


def test_a_secret_is_marked_as_one_in_every_way_to_log_in() -> None:
    for auth in MANIFEST.spec.auth.values():
        for name, field in auth.fields.items():
            assert field.secret == (name != "username")


def test_a_stream_with_a_cursor_says_how_it_asks_for_changes() -> None:
    def sound(stream: Stream) -> bool:
        return bool(stream.since) == (stream.cursor is not None)

    assert all(sound(stream) for stream in STREAMS.values())


@pytest.mark.parametrize("entity", [e for e, s in STREAMS.items() if s.paging.more is not None])
async def test_more_is_true_while_there_is_more_and_not_at_the_end(
    entity: str, client: httpx.AsyncClient
) -> None:
    stream = STREAMS[entity]
    listing = next(one for one in LISTINGS if one.path == stream.request.path)
    more, records = jmespath.compile(str(stream.paging.more)), jmespath.compile(stream.records)
    first = (await client.get(listing.path, params={listing.size: 1})).json()
    assert more.search(first) is True
    whole = (await client.get(listing.path, params={listing.size: 1000})).json()
    if more.search(whole):  # one that cannot know: then the page behind the last one is empty
        behind = {listing.size: 1000, listing.at: len(records.search(whole))}
        whole = (await client.get(listing.path, params=behind)).json()
        assert records.search(whole) == []
    assert not more.search(whole)


async def test_the_labor_of_a_page_of_work_orders_is_found_by_their_keys(
    client: httpx.AsyncClient,
) -> None:
    stream = STREAMS["work-orders"]
    labor = stream.include["labor"]
    work = (await client.get(stream.request.path, params={"top": 100})).json()["value"]
    ids = [jmespath.search(labor.key, one) for one in work]
    answer = await client.post(labor.request.path, json={"work_orders": ids})
    found = jmespath.search(labor.records, answer.json())
    assert found
    assert {jmespath.search(labor.parent, one) for one in found} <= set(ids)

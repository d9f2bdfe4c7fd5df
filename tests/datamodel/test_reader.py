"""The shipped model is sound, and an unsound one is refused with its place."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
import yaml

from reconciler.datamodel.entity import Field, FieldType
from reconciler.datamodel.reader import (
    FOLDER,
    STANDARD,
    check_prefixes,
    entities,
    entity,
    names,
    read_entity,
    read_fields,
)
from reconciler.datamodel.value_maps import FOLDER as VALUE_MAPS
from reconciler.errors import NotFound
from reconciler.model.identity import record_id

FIRST_WAVE = {
    "assets",
    "documents",
    "invoices",
    "locations",
    "materials",
    "meter-readings",
    "meters",
    "purchase-orders",
    "receivings",
    "service-requests",
    "sites",
    "statuses",
    "stock-levels",
    "storerooms",
    "users",
    "vendors",
    "work-orders",
}


def flat(fields: Mapping[str, Field], at: str = "") -> Iterator[tuple[str, Field]]:
    for name, field in fields.items():
        yield f"{at}.{name}", field
        yield from flat(field.items, f"{at}.{name}")


EVERY_FIELD = [item for one in entities().values() for item in flat(one.fields, one.name)]


def test_the_first_wave_is_there_in_the_order_of_its_files() -> None:
    assert set(entities()) == FIRST_WAVE
    assert tuple(entities()) == names() == tuple(sorted(FIRST_WAVE))


def test_names_and_prefixes_follow_their_pattern_and_prefixes_are_unique() -> None:
    prefixes = [one.prefix for one in entities().values()]
    assert len(set(prefixes)) == len(prefixes)
    assert all(re.fullmatch("[a-z]{2}", prefix) for prefix in prefixes)
    assert all(re.fullmatch("[a-z]+(-[a-z]+)*", name) for name in entities())
    assert all(re.fullmatch("_?[a-z]+(_[a-z]+)*", path.split(".")[-1]) for path, _ in EVERY_FIELD)


def test_every_field_says_what_it_is_in_one_sentence() -> None:
    for path, field in EVERY_FIELD:
        assert field.doc.endswith("."), path
        assert "\n" not in field.doc, path


def test_every_reference_leads_to_an_entity_and_nothing_else_refers() -> None:
    for path, field in EVERY_FIELD:
        refers = FieldType.REFERENCE in (field.type, field.of)
        assert (field.reference in entities()) is refers, path


def test_beside_every_enum_stands_its_raw_text() -> None:
    everything = dict(EVERY_FIELD)
    enums = [path for path, field in EVERY_FIELD if field.type is FieldType.ENUM]
    assert "purchase-orders.lines.type" in enums
    for path in enums:
        assert everything[f"{path}_raw"].type is FieldType.STRING
        assert len(set(everything[path].enum)) == len(everything[path].enum)
    assert everything["purchase-orders.status_raw"].doc.endswith("is `other`.")
    assert everything["materials.status_raw"].doc.endswith("is null.")


def test_examples_of_enums_are_among_their_values() -> None:
    for path, field in EVERY_FIELD:
        if field.type is FieldType.ENUM:
            assert field.example in field.enum, path


def test_common_fields_stand_first_in_every_entity() -> None:
    common = ("number", "display", "source_created_at", "source_updated_at")
    assert all(tuple(one.fields)[:4] == common for one in entities().values())


def test_standard_fields_are_those_that_columns_hold() -> None:
    assert tuple(STANDARD) == (
        "id",
        "connection_id",
        "source_id",
        "created_at",
        "updated_at",
        "deleted_at",
        "custom_fields",
        "_meta",
    )
    assert tuple(STANDARD["_meta"].items) == ("mapping_rev", "synced_at", "sync_run_id")


def test_the_status_of_a_purchase_order_has_the_values_of_the_model() -> None:
    status = entity("purchase-orders").fields["status"]
    assert status.enum[:4] == ("draft", "pending_approval", "approved", "sent")
    assert status.enum[-1] == "other"


def test_shared_objects_are_the_same_everywhere_and_may_be_added_to() -> None:
    order, receiving = entity("purchase-orders").fields, entity("receivings").fields
    assert order["ship_to"].items == order["bill_to"].items
    added = set(receiving["lines"].items) - set(order["lines"].items)
    assert added == {"po_line_id", "lot"}


def test_the_example_of_an_id_is_as_long_as_real_ones() -> None:
    assert len(STANDARD["id"].example) == len(record_id("po", "uid", "1"))


def test_an_entity_that_is_not_in_the_model_is_told_with_those_that_are() -> None:
    with pytest.raises(NotFound, match="no entity 'orders'") as caught:
        entity("orders")
    assert "purchase-orders" in caught.value.hint


def test_two_entities_may_not_share_a_prefix() -> None:
    sites = entity("sites")
    with pytest.raises(ValueError, match="places: the id prefix 'st' is taken by sites"):
        check_prefixes([sites, replace(sites, name="places")])


def test_no_shipped_file_is_left_unread() -> None:
    files = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.yaml")}
    maps = {path.relative_to(FOLDER).as_posix() for path in VALUE_MAPS.glob("*.yaml")}
    assert files == {
        "types.yaml",
        "events.yaml",
        *maps,
        *(f"entities/{name}.yaml" for name in names()),
    }


GOOD: Mapping[str, Any] = {
    "name": "sites",
    "singular": "site",
    "prefix": "st",
    "title": "Site",
    "doc": "A place.",
    "fields": {"name": {"type": "string", "doc": "Its name."}},
}


def test_a_sound_tree_is_an_entity() -> None:
    assert read_entity(GOOD, "sites.yaml", expected="sites").fields["name"].doc == "Its name."


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": 1}, "sites.yaml: unknown key 'colour'"),
        ({"name": "places"}, "sites.yaml: the name 'places' is not the file's"),
        (
            {"fields": {"number": {"type": "string", "doc": "D."}}},
            "sites.yaml: number: every entity has it already",
        ),
        (
            {"fields": {"id": {"type": "string", "doc": "D."}}},
            "sites.yaml: id: every entity has it already",
        ),
    ],
)
def test_an_unsound_entity_is_refused_with_its_file(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        read_entity({**GOOD, **change}, "sites.yaml", expected="sites")


def test_an_entity_that_lacks_something_is_refused() -> None:
    tree = {key: value for key, value in GOOD.items() if key != "prefix"}
    with pytest.raises(ValueError, match=r"sites.yaml: prefix missing"):
        read_entity(tree, "sites.yaml", expected="sites")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{type: text, doc: D.}", "no type 'text'; types are string"),
        ("{doc: D.}", "no type None"),
        ("{type: string}", "doc missing"),
        ("{type: string, doc: D., values: [a]}", "unknown key 'values'"),
        ("{type: enum, doc: D.}", "an enum names its 'values'"),
        ("{type: reference, doc: D.}", "says where it leads 'to'"),
        ("{type: reference, to: ghosts, doc: D.}", "no entity 'ghosts' to refer to"),
        ("{type: list, of: string, to: sites, doc: D.}", "says where it leads 'to'"),
        ("{type: list, doc: D.}", "a list is either 'of' scalars or of objects"),
        ("{type: list, of: string, use: address, doc: D.}", "a list is either 'of' scalars"),
        ("{type: list, of: list, doc: D.}", "'of' names a scalar"),
        ("{type: object, use: ghost, doc: D.}", "no shared type 'ghost'"),
        (
            "{type: object, use: address, items: {city: {type: string, doc: D.}}, doc: D.}",
            "city: the shared type has it already",
        ),
    ],
)
def test_an_unsound_field_is_refused_with_its_place(entry: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        read_fields({"colour": yaml.safe_load(entry)}, "x.yaml")
    assert str(caught.value).startswith("x.yaml: colour: ")


def test_a_field_that_takes_the_name_of_an_enums_raw_text_is_refused() -> None:
    tree = {
        "state": {"type": "enum", "values": ["a"], "doc": "D."},
        "state_raw": {"type": "string", "doc": "D."},
    }
    with pytest.raises(ValueError, match=r"x.yaml: state_raw: given twice"):
        read_fields(tree, "x.yaml")


def test_a_field_that_is_no_mapping_is_refused() -> None:
    with pytest.raises(TypeError, match=r"x.yaml: colour: a mapping is due"):
        read_fields({"colour": "string"}, "x.yaml")

"""The schema of a record is a sound JSON Schema, and takes what API answers carry."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from reconciler.datamodel.entity import Field, FieldType
from reconciler.datamodel.reader import STANDARD, entities, entity
from reconciler.datamodel.schema import record_schema
from reconciler.model.identity import record_id

ALL = list(entities())


def example(field: Field) -> Any:
    """Return the example of *field*, or of what it is made of."""
    if field.type is FieldType.REFERENCE:
        return record_id("xx", "uid", "1")
    if field.items:
        inner = {name: example(item) for name, item in field.items.items()}
        return [inner] if field.type is FieldType.LIST else inner
    return field.example


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(record_schema(entity(name)), format_checker=FormatChecker())


def record(name: str) -> dict[str, Any]:
    one = entity(name)
    fields = {**STANDARD, **one.fields}
    made = {field.name: example(field) for field in fields.values()}
    return {**made, "id": record_id(one.prefix, "uid", "1")}


@pytest.mark.parametrize("name", ALL)
def test_every_schema_is_sound_and_pure_json(name: str) -> None:
    schema = record_schema(entity(name))
    Draft202012Validator.check_schema(schema)
    assert json.loads(json.dumps(schema)) == schema


@pytest.mark.parametrize("name", ALL)
def test_the_examples_of_an_entity_make_a_record_that_its_schema_takes(name: str) -> None:
    validator(name).validate(record(name))


@pytest.mark.parametrize("name", ALL)
def test_every_field_of_the_model_may_be_null(name: str) -> None:
    nothing = dict.fromkeys(entity(name).fields)
    validator(name).validate({**record(name), **nothing})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("total_gross", 12.5),
        ("total_gross", "12,50"),
        ("status", "quotation"),
        ("order_date", "02.03.2026"),
        ("lines", [{"quantity": 1}]),
        ("lines", {}),
        ("id", "1042"),
        ("source_id", None),
        ("vendor_name", 7),
    ],
)
def test_what_an_answer_never_carries_is_refused(field: str, value: Any) -> None:
    broken = {**record("purchase-orders"), field: value}
    assert [error.path[0] for error in validator("purchase-orders").iter_errors(broken)] == [field]


def test_a_description_names_the_unit_and_the_entity_that_is_referred_to() -> None:
    properties = record_schema(entity("work-orders"))["properties"]
    assert properties["estimated_minutes"]["description"].endswith("In minutes.")
    assert properties["asset_id"]["description"].endswith("The id of assets.")
    assert properties["documents"]["description"].endswith("Ids of documents.")


def test_a_free_object_takes_any_field() -> None:
    assert (
        record_schema(entity("sites"))["properties"]["properties"]["additionalProperties"] is True
    )


def test_schemas_are_made_anew_so_that_a_caller_may_change_one() -> None:
    record_schema(entity("sites"))["properties"].clear()
    assert record_schema(entity("sites"))["properties"]

"""A small unified model, built by hand."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from reconciler.datamodel.entity import Entity, Field, FieldType


def field(name: str, kind: str, **more: Any) -> Field:
    items = more.pop("items", ())
    return Field(name, FieldType(kind), "A field.", items=by_name(items), **more)


def by_name(fields: Iterable[Field]) -> Mapping[str, Field]:
    return {one.name: one for one in fields}


def make_entity(name: str, prefix: str, fields: Iterable[Field]) -> Entity:
    return Entity(name, name.removesuffix("s"), prefix, name, "Things.", by_name(fields))


VENDORS = make_entity("vendors", "vn", [field("name", "string")])
ORDERS = make_entity(
    "orders",
    "po",
    [
        field("number", "string"),
        field("status", "enum", enum=("draft", "sent", "closed", "other")),
        field("status_raw", "string"),
        field("level", "enum", enum=("low", "high")),
        field("count", "integer"),
        field("minutes", "integer", unit="minutes"),
        field("hours", "decimal", unit="hours"),
        field("pieces", "integer", unit="pieces"),
        field("total", "decimal"),
        field("is_rush", "boolean"),
        field("order_date", "date"),
        field("due_at", "datetime"),
        field("vendor_id", "reference", reference="vendors"),
        field("vendor_ids", "list", of=FieldType.REFERENCE, reference="vendors"),
        field("tags", "list", of=FieldType.STRING),
        field("anything", "list"),
        field("extra", "object"),
        field(
            "ship_to",
            "object",
            items=[
                field("city", "string"),
                field("kind", "enum", enum=("billing", "other")),
                field("kind_raw", "string"),
            ],
        ),
        field(
            "lines",
            "list",
            items=[
                field("line_no", "integer"),
                field("quantity", "decimal"),
                field("kind", "enum", enum=("item", "other")),
                field("material_id", "reference", reference="vendors"),
                field("parts", "list", items=[field("code", "string"), field("amount", "decimal")]),
            ],
        ),
    ],
)
MODEL = {"orders": ORDERS, "vendors": VENDORS}


@pytest.fixture
def orders() -> Entity:
    return ORDERS


@pytest.fixture
def model() -> Mapping[str, Entity]:
    return MODEL

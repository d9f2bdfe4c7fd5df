"""The JSON Schema of unified records as API answers carry them (2020-12, as OpenAPI 3.1 uses it)."""

from collections.abc import Mapping
from typing import Any, Final

from reconciler.datamodel.entity import Entity, Field, FieldType
from reconciler.datamodel.reader import STANDARD

DECIMAL: Final = r"^-?\d+(\.\d+)?$"
"""Decimals are strings: no reader may lose a digit of money."""

ALWAYS: Final = ("id", "connection_id", "source_id", "created_at", "updated_at")
"""Never null, and there unless ``fields`` leaves them out."""

_SCALARS: Final[Mapping[FieldType, Mapping[str, Any]]] = {
    FieldType.STRING: {"type": "string"},
    FieldType.INTEGER: {"type": "integer"},
    FieldType.DECIMAL: {"type": "string", "pattern": DECIMAL},
    FieldType.BOOLEAN: {"type": "boolean"},
    FieldType.DATE: {"type": "string", "format": "date"},
    FieldType.DATETIME: {"type": "string", "format": "date-time"},
    FieldType.REFERENCE: {"type": "string"},
}


def record_schema(entity: Entity) -> dict[str, Any]:
    """Return the JSON Schema of one record of *entity* in an API answer."""
    standard = {
        name: _property(field, nullable=name not in ALWAYS) for name, field in STANDARD.items()
    }
    standard["id"]["pattern"] = f"^{entity.prefix}_[0-9a-f]{{26}}$"
    standard["id"]["examples"] = [f"{entity.prefix}_5e0c1f7a9b3d24680ace13579b"]
    own = {name: _property(field, nullable=True) for name, field in entity.fields.items()}
    return {
        "type": "object",
        "title": entity.title,
        "description": entity.doc,
        "properties": {**standard, **own},
        "required": ["id"],
    }


def _property(field: Field, *, nullable: bool) -> dict[str, Any]:
    schema = _type(field)
    if nullable:
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
    schema["description"] = _description(field)
    if field.example is not None:
        schema["examples"] = [field.example]
    return schema


def _type(field: Field) -> dict[str, Any]:
    match field.type:
        case FieldType.ENUM:
            return {"type": "string", "enum": list(field.enum)}
        case FieldType.OBJECT:
            return _object(field.items)
        case FieldType.LIST:
            items = dict(_SCALARS[field.of]) if field.of is not None else _object(field.items)
            return {"type": "array", "items": items}
        case _:
            return dict(_SCALARS[field.type])


def _object(items: Mapping[str, Field]) -> dict[str, Any]:
    if not items:
        return {"type": "object", "additionalProperties": True}
    properties = {name: _property(field, nullable=True) for name, field in items.items()}
    return {"type": "object", "properties": properties}


def _description(field: Field) -> str:
    parts = [field.doc]
    if field.unit is not None:
        parts.append(f"In {field.unit}.")
    if field.reference is not None:
        whose = "Ids" if field.type is FieldType.LIST else "The id"
        parts.append(f"{whose} of {field.reference}.")
    return " ".join(parts)

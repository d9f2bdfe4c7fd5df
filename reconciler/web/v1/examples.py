"""Examples for the OpenAPI document, made of the examples of the unified model's fields."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from reconciler.datamodel.entity import Entity, Field, FieldType
from reconciler.datamodel.reader import STANDARD, entities
from reconciler.datamodel.schema import record_schema
from reconciler.web.problems import TABLE, ApiProblem, Code, document


def example_record(entity: Entity) -> dict[str, Any]:
    """Return one record of *entity* as the API may answer with it."""
    return {
        **_values(STANDARD),
        **_values(entity.fields),
        "id": _identity(entity.name),
    }


def example_problem(code: Code) -> dict[str, Any]:
    """Return a problem of *code*."""
    problem = ApiProblem(code, TABLE[code].title.lower())
    return document(problem, instance="/api/v1/purchase-orders", request_id="9f2c4e1ab0d37755")


def _values(fields: Mapping[str, Field]) -> dict[str, Any]:
    return {name: _value(field) for name, field in fields.items()}


def _value(field: Field) -> Any:
    if field.reference is not None:
        identity = _identity(field.reference)
        return [identity] if field.type is FieldType.LIST else identity
    if field.example is not None or not field.items:
        return field.example
    inner = _values(field.items)
    return [inner] if field.type is FieldType.LIST else inner


@cache
def _identity(name: str) -> str:
    example: str = record_schema(entities()[name])["properties"]["id"]["examples"][0]
    return example

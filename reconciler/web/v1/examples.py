"""Examples for the OpenAPI document, made of the examples of the unified model's fields."""

from collections.abc import Mapping
from typing import Any, Final

from reconciler.datamodel.entity import Entity, Field, FieldType
from reconciler.datamodel.reader import STANDARD, entities
from reconciler.web.problems import TABLE, ApiProblem, Code, document

_KEY: Final = "4mp5t2y7fqkdz3c6xw2v7hbn5r"


def example_record(entity: Entity) -> dict[str, Any]:
    """Return one record of *entity* as the API may answer with it."""
    return {
        **_values(STANDARD),
        **_values(entity.fields),
        "id": f"{entity.prefix}_{_KEY}",
    }


def example_problem(code: Code) -> dict[str, Any]:
    """Return a problem of *code*."""
    problem = ApiProblem(code, TABLE[code].title.lower())
    return document(problem, instance="/api/v1/purchase-orders", request_id="9f2c4e1ab0d37755")


def _values(fields: Mapping[str, Field]) -> dict[str, Any]:
    return {name: _value(field) for name, field in fields.items()}


def _value(field: Field) -> Any:
    if field.reference is not None:
        identity = f"{entities()[field.reference].prefix}_{_KEY}"
        return [identity] if field.type is FieldType.LIST else identity
    if field.example is not None or not field.items:
        return field.example
    inner = _values(field.items)
    return [inner] if field.type is FieldType.LIST else inner

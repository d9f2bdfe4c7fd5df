"""Documents against the unified model: entities and fields that they name must be in it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reconciler.datamodel.entity import Entity, Field, FieldType
from reconciler.datamodel.value_maps import value_maps
from reconciler.spec.expressions import expression_fault, expression_findings
from reconciler.spec.finding import Finding, Way, meant

Entities = Mapping[str, Entity]


def entity_findings(name: str, path: Way, entities: Entities) -> Iterator[Finding]:
    """Yield a finding if the unified model has no entity *name*."""
    if name not in entities:
        yield Finding("R104", path, f"unknown entity '{name}'", meant(name, entities))


def rule_findings(
    rules: Mapping[str, Any], fields: Mapping[str, Field] | None, path: Way
) -> Iterator[Finding]:
    """Yield what is wrong with field rules: unknown fields, and expressions that cannot be read.

    *fields* are those of the entity; ``None``: any name will do.
    """
    for name, rule in rules.items():
        field = None if fields is None else fields.get(name)
        if fields is not None and field is None:
            hint = meant(name, fields)
            hint = hint if hint.startswith("did") else "put it under customFields, or correct it"
            yield Finding("R104", (*path, name), f"unknown field '{name}'", hint, on_key=True)
        if "from" in rule and expression_fault(rule["from"]) is not None:
            yield from expression_findings(rule["from"], (*path, name, "from"))
        if "valuesFrom" in rule:
            yield from _map_findings(rule["valuesFrom"], field, (*path, name, "valuesFrom"))
        if "each" in rule:
            items = field.items if field is not None and field.items else None
            yield from rule_findings(rule["each"], items, (*path, name, "each"))
        if field is not None and field.type is FieldType.ENUM:
            yield from _value_findings(rule, field, (*path, name))


def _value_findings(rule: Mapping[str, Any], field: Field, path: Way) -> Iterator[Finding]:
    """Yield values of an enum that the unified model does not know."""
    given: list[tuple[Any, Way]] = [
        (value, ("values", key)) for key, value in rule.get("values", {}).items()
    ]
    given += [(rule[key], (key,)) for key in ("value", "default") if key in rule]
    for value, way in given:
        if value is not None and value not in field.enum:
            said = (
                f"'{field.name}' has no value '{value}'"
                if isinstance(value, str)
                else "not a value"
            )
            yield Finding("R105", (*path, *way), said, meant(str(value), field.enum))


def _map_findings(name: str, field: Field | None, path: Way) -> Iterator[Finding]:
    """Yield that there is no such value map, or that it makes what *field* cannot hold."""
    named = value_maps().get(name)
    if named is None:
        yield Finding("R201", path, f"there is no value map '{name}'", meant(name, value_maps()))
    elif field is not None and field.enum and not set(named.values.values()) <= set(field.enum):
        fit = [one.name for one in value_maps().values() if one.field == field.name]
        said = f"'{name}' is for {named.entity}.{named.field}, and '{field.name}' has other values"
        yield Finding("R105", path, said, meant(name, fit))


def mapping_findings(spec: Mapping[str, Any], entities: Entities) -> Iterator[Finding]:
    """Yield what is wrong with a mapping."""
    yield from entity_findings(spec["entity"], ("spec", "entity"), entities)
    entity = entities.get(spec["entity"])
    fields = None if entity is None else entity.fields
    yield from rule_findings(spec.get("fields", {}), fields, ("spec", "fields"))
    yield from rule_findings(spec.get("customFields", {}), None, ("spec", "customFields"))
    if fields is not None and spec.get("tests"):
        yield from _test_findings(spec, fields)


def _test_findings(spec: Mapping[str, Any], fields: Mapping[str, Field]) -> Iterator[Finding]:
    known = {*fields, "custom_fields", *(f"{name}_raw" for name in fields)}
    for at, test in enumerate(spec.get("tests", ())):
        for name in test["expect"].keys() - known:
            path: Way = ("spec", "tests", at, "expect", name)
            yield Finding("R104", path, f"unknown field '{name}'", meant(name, known), on_key=True)


def expectation_findings(spec: Mapping[str, Any], entities: Entities) -> Iterator[Finding]:
    """Yield what is wrong with an expectation's entities and fields."""
    given, expect = spec["given"], spec["expect"]
    other = expect.get("entity", given["entity"])
    yield from entity_findings(given["entity"], ("spec", "given", "entity"), entities)
    if "entity" in expect:
        yield from entity_findings(other, ("spec", "expect", "entity"), entities)
    here, there = _fields(entities, given["entity"]), _fields(entities, other)
    yield from _fields_findings(given.get("where", {}), here, ("spec", "given", "where"))
    yield from _fields_findings(expect.get("where", {}), there, ("spec", "expect", "where"))
    for key in ("match", "compare"):
        pairs = expect.get(key, {})
        yield from _fields_findings(pairs, there, ("spec", "expect", key))
        for name, target in pairs.items():
            path: Way = ("spec", "expect", key, name)
            way = path if isinstance(target, str) else (*path, "to")
            yield from _field_findings(
                target if isinstance(target, str) else target["to"], here, way
            )


def _fields(entities: Entities, name: str) -> Mapping[str, Field] | None:
    entity = entities.get(name)
    return None if entity is None else entity.fields


def _fields_findings(
    names: Iterable[str], fields: Mapping[str, Field] | None, path: Way
) -> Iterator[Finding]:
    for name in names:
        for finding in _field_findings(name, fields, (*path, name)):
            yield finding._replace(on_key=True)


_STANDARD = frozenset(
    {"custom_fields", "id", "source_id", "created_at", "updated_at", "deleted_at"}
)


def _field_findings(name: str, fields: Mapping[str, Field] | None, path: Way) -> Iterator[Finding]:
    first, _, rest = name.partition(".")
    if fields is None or first in _STANDARD:
        return
    field = fields.get(first)
    if field is None:
        yield Finding("R104", path, f"unknown field '{name}'", meant(first, fields))
    elif rest and rest not in field.items:
        yield Finding("R104", path, f"unknown field '{name}'", meant(rest, field.items))

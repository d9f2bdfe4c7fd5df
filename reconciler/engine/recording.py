"""A stored record as a test of a mapping: the source as it is, and what the mapping makes of it."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec

from reconciler.datamodel.reader import entities
from reconciler.editing.masking import masked, without_secrets
from reconciler.engine.inforce import Situation, chooses
from reconciler.errors import Invalid
from reconciler.mapping.check import CONNECTION
from reconciler.mapping.compile import compile_rules
from reconciler.mapping.layers import Rules
from reconciler.model.change import State
from reconciler.model.record import StoredRecord
from reconciler.model.resource import Kind, Resource, ResourceKey

Catalogue: TypeAlias = Mapping[str, Resource]


def declared(resources: Mapping[ResourceKey, Resource], catalogue: Catalogue) -> Situation:
    """Return the situation that *resources* alone make: as they are written, without the exceptions of overrides."""
    kept = {key: one for key, one in resources.items() if key.kind is not Kind.OVERRIDE}
    return Situation(State(resources=kept), catalogue)


def mappings_of(situation: Situation, connection: Resource, entity: str) -> list[Resource]:
    """Return the mappings of *entity* of *connection*, those of its own first."""
    found = [
        resource
        for key, resource in sorted(situation.resources.items())
        if key.kind is Kind.MAPPING
        and resource.spec["entity"] == entity
        and chooses(resource.spec, connection)
    ]
    return sorted(found, key=lambda one: not one.spec.get("connection"))


def recorded(
    situation: Situation,
    record: StoredRecord,
    connection: Resource,
    mapping: Resource | None,
    *,
    mask: bool = False,
) -> dict[str, Any]:
    """Return *record* as a test of *mapping*, which expects of it the fields that *mapping* makes.

    Without a mapping it expects all fields that are filled. With *mask* personal data is replaced. What
    looks like a secret is, in any case.

    Raises:
        Invalid: if the record cannot be mapped.
    """
    rules = situation.rules_for_tests(connection, record.entity, mapping)
    source: Mapping[str, Any] = msgspec.json.decode(record.raw)
    source = masked(source, _words(rules)) if mask else without_secrets(source)
    model = entities()
    mapper = compile_rules(rules, model[record.entity], model)
    ((text, error),) = mapper(CONNECTION, [msgspec.json.encode(source)])
    if text is None:
        raise Invalid(f"the record {record.id} cannot be mapped: {error}")
    name = f"a record of {connection.key.name}" if mask else f"the record {record.source_id}"
    return {"name": name, "source": source, "expect": _expected(mapper.decoded(text), mapping)}


def _expected(made: Mapping[str, Any], mapping: Resource | None) -> dict[str, Any]:
    if mapping is None:
        expect = {k: v for k, v in made.items() if v not in (None, [], {}) and k != "custom_fields"}
        return {**expect, **({"custom_fields": c} if (c := made["custom_fields"]) else {})}
    spec = mapping.spec
    expect = {}
    for name in spec.get("fields", {}):
        expect[name] = made[name]
        if made.get(f"{name}_raw") is not None:
            expect[f"{name}_raw"] = made[f"{name}_raw"]
    custom = {name: made["custom_fields"][name] for name in spec.get("customFields", {})}
    return {**expect, **({"custom_fields": custom} if custom else {})}


def _words(rules: Rules) -> frozenset[str]:
    """Return the source's words that value maps know: they say what something is, and of nobody who."""
    found: set[str] = set()
    for rule in (*rules.fields.values(), *rules.custom_fields.values()):
        _collect(rule.body, found)
    return frozenset(found)


def _collect(body: Any, found: set[str]) -> None:
    values, each = body.get("values"), body.get("each")
    if isinstance(values, Mapping):
        found.update(values)
    if isinstance(each, Mapping):
        for below in each.values():
            _collect(below, found)

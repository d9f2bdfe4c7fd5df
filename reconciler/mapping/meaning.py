"""Which fields of the API mean something else under other rules: what a filter or a reader has to know."""

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.datamodel.entity import Entity, Field, FieldType
from reconciler.mapping.layers import Rule, Rules
from reconciler.model.data_effect import Meaning, Turn
from reconciler.model.value import canonical

OTHER = "other"


def meanings(before: Rules, after: Rules, entity: Entity) -> tuple[Meaning, ...]:
    """Return the fields of *entity* that *after* makes in another way than *before*, in their order."""
    return (
        *_unified(before.fields, after.fields, entity),
        *_custom(before.custom_fields, after.custom_fields),
    )


def closed_fields(entity: Entity) -> frozenset[str]:
    """Return the fields of *entity* whose values are a closed set."""
    closed = {FieldType.ENUM, FieldType.BOOLEAN}
    return frozenset(name for name, one in entity.fields.items() if one.type in closed)


def _unified(
    before: Mapping[str, Rule], after: Mapping[str, Rule], entity: Entity
) -> Iterator[Meaning]:
    for name, field in entity.fields.items():
        old, new = _body(before, name), _body(after, name)
        if _same(old, new):
            continue
        if _is_empty(old) or _is_empty(new):
            turn = Turn.FILLED if _is_empty(old) else Turn.EMPTIED
            yield Meaning(name, turn, *_moved(_values(old, field), _values(new, field)))
            continue
        gone, come = _moved(_values(old, field), _values(new, field))
        yield Meaning(name, Turn.VALUES if gone or come else Turn.RULE, gone, come)


def _custom(before: Mapping[str, Rule], after: Mapping[str, Rule]) -> Iterator[Meaning]:
    for name in sorted({*before, *after}):
        old, new = _body(before, name), _body(after, name)
        if _same(old, new):
            continue
        field = f"custom_fields.{name}"
        if old is None or new is None:
            yield Meaning(field, Turn.ADDED if old is None else Turn.REMOVED)
        elif old.get("type") != new.get("type"):
            gone, come = (str(one.get("type", "any")) for one in (old, new))
            yield Meaning(field, Turn.TYPE, (gone,), (come,))
        else:
            yield Meaning(field, Turn.RULE)


def _body(rules: Mapping[str, Rule], name: str) -> Mapping[str, Any] | None:
    rule = rules.get(name)
    return None if rule is None else rule.body


def _same(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> bool:
    return canonical(old) == canonical(new)


def _is_empty(body: Mapping[str, Any] | None) -> bool:
    """Return whether the rule makes null of every record, as none does."""
    if body is None:
        return True
    made = "from" in body or "template" in body or body.get("value") is not None
    return not made and body.get("default") is None


def _values(body: Mapping[str, Any] | None, field: Field) -> frozenset[str] | None:
    """Return which values of an enum a rule can make; ``None``: it is no enum, or it could be any."""
    if field.type is not FieldType.ENUM:
        return None
    if _is_empty(body) or body is None:
        return frozenset()
    found = set()
    if "values" in body:
        found |= {str(value) for value in body["values"].values() if value is not None}
        if body.get("unknown", OTHER) == OTHER:
            found |= {OTHER}.intersection(field.enum)
        elif body.get("unknown") == "keep":
            return frozenset(field.enum)
    elif body.get("value") is not None:
        found.add(str(body["value"]))
    else:
        return frozenset(field.enum)
    if body.get("default") is not None:
        found.add(str(body["default"]))
    return frozenset(found)


def _moved(
    old: frozenset[str] | None, new: frozenset[str] | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if old is None or new is None:
        return (), ()
    return tuple(sorted(old - new)), tuple(sorted(new - old))

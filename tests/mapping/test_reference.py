"""The compiled mapper against a plain interpreter of the same rules: one record, one field at a time."""

from collections.abc import Mapping
from typing import Any

import jmespath
import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.datamodel.entity import Entity, Field, FieldType
from reconciler.datamodel.reader import entity as shipped
from reconciler.mapping.compile import compile_rules
from reconciler.mapping.convert import (
    from_comma,
    to_boolean,
    to_decimal,
    to_integer,
    to_list,
    to_object,
    to_text,
)
from reconciler.mapping.layers import Layer, effective
from reconciler.mapping.misfit import Misfit
from reconciler.mapping.times import dates, datetimes
from reconciler.model.identity import record_id

UID = "uid"
VENDORS = shipped("vendors")


def _field(name: str, kind: str, **more: Any) -> Field:
    return Field(name, FieldType(kind), "A field.", **more)


LINE = {
    "no": _field("no", "integer"),
    "kind": _field("kind", "enum", enum=("a", "other")),
    "text": _field("text", "string"),
}
FIELDS = {
    one.name: one
    for one in (
        _field("text", "string"),
        _field("state", "enum", enum=("a", "b", "other")),
        _field("level", "enum", enum=("a", "b")),
        _field("count", "integer"),
        _field("total", "decimal"),
        _field("flag", "boolean"),
        _field("day", "date"),
        _field("moment", "datetime"),
        _field("vendor", "reference", reference="vendors"),
        _field("vendors", "list", of=FieldType.REFERENCE, reference="vendors"),
        _field("tags", "list", of=FieldType.STRING),
        _field("free", "object"),
        _field("place", "object", items=LINE),
        _field("lines", "list", items=LINE),
    )
}
THINGS = Entity("things", "thing", "th", "Things", "Things.", FIELDS)
MODEL = {"things": THINGS, "vendors": VENDORS}
SIMPLE: dict[FieldType, Any] = {
    FieldType.STRING: to_text,
    FieldType.INTEGER: to_integer,
    FieldType.DECIMAL: to_decimal,
    FieldType.BOOLEAN: to_boolean,
    FieldType.DATE: dates(),
    FieldType.DATETIME: datetimes(),
    FieldType.OBJECT: to_object,
}

# ── the interpreter ──────────────────────────────────────────────────────────────────────────────────


def interpret(fields: Mapping[str, Field], rules: Mapping[str, Any], source: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, field in fields.items():
        raw = None
        rule = rules.get(name, {"value": None})
        value = jmespath.search(rule["from"], source) if "from" in rule else rule["value"]
        if field.enum or "values" in rule:
            value, raw = looked_up(field, rule, value)
        found[name] = default(field, rule, value, converted(field, rule, value))
        if field.enum:
            found[f"{name}_raw"] = raw
    return found


def default(field: Field, rule: Mapping[str, Any], value: Any, made: Any) -> Any:
    if made is not None or "default" not in rule:
        return made
    if value is None or field.type is not FieldType.REFERENCE:
        return converted(field, {}, rule["default"])
    return None


def looked_up(field: Field, rule: Mapping[str, Any], value: Any) -> tuple[Any, str | None]:
    if value is None:
        return None, None
    key = value if isinstance(value, str) else to_text(value)
    table = rule.get("values", {one: one for one in field.enum})
    if key in table:
        return table[key], None
    unknown = rule.get("unknown", "other" if field.enum else "keep")
    if not field.enum and unknown == "keep":
        return value, None
    return (None, None) if key == "" else unlisted(field, unknown, key)


def unlisted(field: Field, unknown: str, key: str) -> tuple[Any, str | None]:
    if unknown == "keep" and key in field.enum:
        return key, None
    if unknown == "error":
        raise Misfit(key, "named")
    if unknown != "null" and "other" in (field.enum or ("other",)):
        return "other", key
    return None, key


def converted(field: Field, rule: Mapping[str, Any], value: Any) -> Any:
    if value is None or field.type is FieldType.ENUM:
        return value
    if field.type is FieldType.REFERENCE:
        return reference(value)
    if field.items:
        each = rule.get("each", {name: {"from": name} for name in field.items})
        if field.type is FieldType.OBJECT:
            return interpret(field.items, each, to_object(value))
        return [interpret(field.items, each, item) for item in to_list(value)]
    if field.type is FieldType.LIST:
        one = reference if field.of is FieldType.REFERENCE else SIMPLE[field.of or FieldType.STRING]
        return [None if item is None else one(item) for item in to_list(value)]
    convert = SIMPLE[field.type]
    return (from_comma(convert) if rule.get("format") == "decimal-comma" else convert)(value)


def reference(value: Any) -> str | None:
    parts = value if isinstance(value, list) and value else [value]
    if any(isinstance(one, bool) or not isinstance(one, str | int | float) for one in parts):
        raise Misfit(value, "a key")
    key = "|".join(to_text(one) for one in parts)
    return record_id("vn", UID, key) if key else None


# ── rules and records ────────────────────────────────────────────────────────────────────────────────

KEYS = ("p", "q", "r", "no", "kind", "text")
PATHS = st.sampled_from(
    ["p", "q", "r", "p.q", "q.r", "p.q.r", "r[0]", "r[-1].p", "p[*].q", "q[].p", "p || q", "p && q.r",
     "r[?p].q", "p == q", "!p", "[p, q]", "{no: p, kind: q}", "@", "to_string(p)", "not_null(p, q.r)",
     "p | q", "r[0].q.p", "p.*", "r[*]", "*.p | [0]"]
)  # fmt: skip
TEXTS = st.sampled_from(
    ["", "a", "b", "other", "x", "1", "1.50", "1,5", "true", "2026-03-04", "2026-03-04T10:00:00Z", "größe", "1e3"]
)  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 3), st.sampled_from([2**53 + 1, 2**70, 0.5, 1.0, 1e25]), TEXTS
)  # fmt: skip
RECORDS = st.dictionaries(
    st.sampled_from(KEYS),
    st.recursive(
        SCALARS,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
        ),
        max_leaves=12,
    ),
    max_size=6,
)
VALUES = st.dictionaries(TEXTS, st.sampled_from(["a", "b", None]), max_size=3)
DEFAULTS: Mapping[FieldType, Any] = {
    FieldType.STRING: "d",
    FieldType.ENUM: "b",
    FieldType.INTEGER: 7,
    FieldType.DECIMAL: "7.0",
    FieldType.BOOLEAN: True,
    FieldType.REFERENCE: "d",
    FieldType.LIST: [],
}


@st.composite
def rule_for(draw: st.DrawFn, field: Field, *, nested: bool = False) -> dict[str, Any]:
    rule: dict[str, Any] = {"from": draw(PATHS)}
    if field.type in {FieldType.STRING, FieldType.ENUM} and draw(st.booleans()):
        values = draw(VALUES)
        if field.name == "kind":
            values = dict.fromkeys(values, "a")
        rule["values"] = values
        if draw(st.booleans()):
            allowed = (
                ["keep", "null", "error", "other"] if field.enum else ["keep", "null", "error"]
            )
            rule["unknown"] = draw(st.sampled_from(allowed))
    if field.type in DEFAULTS and field.name != "kind" and draw(st.booleans()):
        rule["default"] = DEFAULTS[field.type]
    if field.type is FieldType.DECIMAL and draw(st.booleans()):
        rule["format"] = "decimal-comma"
    if field.type is FieldType.LIST and field.items and not nested:
        rule["each"] = draw(rules_for(field.items, nested=True))
    return rule


@st.composite
def rules_for(
    draw: st.DrawFn, fields: Mapping[str, Field], *, nested: bool = False
) -> dict[str, Any]:
    names = draw(st.lists(st.sampled_from(sorted(fields)), unique=True, max_size=5))
    found = {name: draw(rule_for(fields[name], nested=nested)) for name in names}
    if (
        fields.get("place") is not None
        and "place" in found
        and found["place"]["from"].startswith("{")
    ):
        found["place"]["from"] = "{no: p, kind: q}"
    return found


@settings(max_examples=300, deadline=None)
@given(rules=rules_for(FIELDS), records=st.lists(RECORDS, min_size=1, max_size=4))
def test_the_mapper_does_what_a_plain_interpreter_of_the_rules_does(
    rules: dict[str, Any], records: list[dict[str, Any]]
) -> None:
    layer = Layer("default", "Connector/x", rules, {})
    mapper = compile_rules(effective("things", [layer]), THINGS, MODEL)
    page = mapper(UID, [msgspec.json.encode(record) for record in records])
    assert len(page) == len(records)
    for record, (text, error) in zip(records, page, strict=True):
        try:
            expected = interpret(FIELDS, rules, record)
        except (ValueError, TypeError):
            assert text is None
            assert error
            continue
        assert error is None
        assert text is not None
        assert msgspec.json.decode(text) == expected | {"custom_fields": {}}
        assert text == msgspec.json.encode(expected | {"custom_fields": {}})

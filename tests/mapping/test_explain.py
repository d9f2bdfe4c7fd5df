"""Explaining a record gives what the compiled mapper gives, and says how."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.mapping.compile import compile_rules
from reconciler.mapping.explain import explain
from reconciler.mapping.explained import (
    Does,
    Explained,
    first_error,
    origins,
    record_of,
)
from reconciler.mapping.layers import Layer, LayerName, effective
from reconciler.mapping.problems import MappingInvalid
from reconciler.model.identity import record_id
from tests.mapping.conftest import MODEL as SMALL
from tests.mapping.conftest import ORDERS
from tests.mapping.test_reference import FIELDS, KEYS, MODEL, PATHS, RECORDS, THINGS, rules_for

UID = "uid"


def layer(
    fields: Mapping[str, Any],
    custom: Mapping[str, Any] | None = None,
    *,
    name: LayerName = "default",
    source: str = "Connector/x",
    inherit: bool = True,
) -> Layer:
    return Layer(name, source, fields, custom or {}, inherit=inherit)


def explained(
    source: Any, fields: Mapping[str, Any], custom: Mapping[str, Any] | None = None
) -> dict[str, Explained]:
    raw = source if isinstance(source, bytes) else msgspec.json.encode(source)
    rules = effective("orders", [layer(fields, custom)])
    return {one.place: one for one in explain(rules, ORDERS, SMALL, UID, raw)}


def told(one: Explained) -> list[tuple[str, Any, Any]]:
    return [(step.does.value, step.by, step.after) for step in one.steps]


# ── the same as the mapper ───────────────────────────────────────────────────────────────────────────

TEMPLATES = st.sampled_from(
    ["{{ source.p }}", "{{ source.q | default('none') }}-x", "{{ source.p.q }}", "plain", "{{ source.r | upper }}"]
)  # fmt: skip
PLAIN = st.sampled_from(["a", 1, True, 0.5, "", None, [1], {"p": 1}])


@st.composite
def custom_rule(draw: st.DrawFn, *, depth: int = 0) -> dict[str, Any]:
    kinds = ["from", "template", "value", *(["each"] if depth < 2 else [])]
    match draw(st.sampled_from(kinds)):
        case "from":
            rule: dict[str, Any] = {"from": draw(PATHS)}
        case "template":
            rule = {"template": draw(TEMPLATES)}
        case "each":
            each = st.dictionaries(st.sampled_from(KEYS), custom_rule(depth=depth + 1), max_size=3)
            return {"from": draw(PATHS), "each": draw(each)}
        case _:
            rule = {"value": draw(PLAIN)}
    if draw(st.booleans()):
        rule["values"] = draw(st.dictionaries(st.sampled_from(["a", "1", "x"]), PLAIN, max_size=2))
        rule["unknown"] = draw(st.sampled_from(["keep", "null", "error", "other"]))
    if draw(st.booleans()):
        rule["type"] = draw(st.sampled_from(["string", "integer", "decimal", "boolean", "list"]))
    if draw(st.booleans()):
        rule["default"] = draw(PLAIN)
    return rule


@st.composite
def unified_rules(draw: st.DrawFn) -> dict[str, Any]:
    rules = draw(rules_for(FIELDS))
    if draw(st.booleans()):
        rules["text"] = {"template": draw(TEMPLATES), "default": "d"}
    if draw(st.booleans()):
        rules["vendor"] = {"value": draw(st.sampled_from(["v", 7, None])), "default": "w"}
    if draw(st.booleans()):
        rules["state_raw"] = {"from": draw(PATHS)}
    if draw(st.booleans()):
        rules["count"] = {"value": draw(st.sampled_from([1, None])), "default": 3}
    return rules


@settings(max_examples=400, deadline=None)
@given(
    fields=unified_rules(),
    custom=st.dictionaries(st.sampled_from([*KEYS, "p_raw"]), custom_rule(), max_size=4),
    records=st.lists(RECORDS, min_size=1, max_size=4),
)
def test_an_explanation_ends_with_what_the_mapper_gives_for_every_field(
    fields: dict[str, Any], custom: dict[str, Any], records: list[dict[str, Any]]
) -> None:
    rules = effective("things", [layer(fields, custom)])
    raws = [msgspec.json.encode(record) for record in records]
    try:
        mapper = compile_rules(rules, THINGS, MODEL)
    except MappingInvalid:
        with pytest.raises(MappingInvalid):
            explain(rules, THINGS, MODEL, UID, raws[0])
        return
    for raw, (mapped, error) in zip(raws, mapper(UID, raws), strict=True):
        found = explain(rules, THINGS, MODEL, UID, raw)
        assert without_objects(first_error(found)) == without_objects(error or "")
        if mapped is not None:
            assert msgspec.json.encode(record_of(found)) == mapped
            assert_each_ends_with_its_value(found)


def without_objects(error: str) -> str:
    """Return *error* without the glimpse of an object: the mapper has decoded only what rules read of it."""
    return re.sub(r"\{.*(?= is not )", "{}", error)


def assert_each_ends_with_its_value(found: Sequence[Explained]) -> None:
    for one in found:
        steps = [step.after for step in one.steps]
        if one.items and one.steps[-1].does is not Does.EACH and one.value is not None:
            continue  # an object: its fields say what it is
        assert (steps or [None])[-1] == one.value
        for item in one.items:
            assert_each_ends_with_its_value(item)


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"[]", b"nothing", b'{"n": ', b'{"n": "\xff"}', b'{"other": "\xff", "n": "1"}',
        b'{"deep": {"a": "\xff"}, "n": "1"}', b'{"n": "1", "n": "2"}',
        b'{"other": ' + b"9" * 5000 + b', "n": "1"}', b'{"n": ' + b"9" * 5000 + b"}",
        b'{"other": ' + b"[" * 5000 + b"]" * 5000 + b', "n": "1"}',
    ],
    ids=[
        "empty", "a list", "a word", "cut", "no text", "no text beside", "no text within", "twice", "long beside",
        "long", "deep beside",
    ],
)  # fmt: skip
def test_what_the_mapper_cannot_read_is_told_in_its_words_and_what_it_can_is_read(
    raw: bytes,
) -> None:
    rules = effective("orders", [layer({"number": {"from": "n"}})])
    ((mapped, error),) = compile_rules(rules, ORDERS, SMALL)(UID, [raw])
    found = explain(rules, ORDERS, SMALL, UID, raw)
    if mapped is None:
        assert first_error(found) == error
    else:
        assert msgspec.json.encode(record_of(found)) == mapped


# ── each step ────────────────────────────────────────────────────────────────────────────────────────


def test_a_path_is_told_with_what_it_found() -> None:
    one = explained({"a": {"b": "PO-1"}}, {"number": {"from": "a.b"}})["number"]
    assert told(one) == [("from", "a.b", "PO-1")]
    assert one.value == "PO-1"


def test_a_template_is_told_with_its_text() -> None:
    text = "{{ source.a }}-{{ source.b }}"
    one = explained({"a": "x", "b": 2}, {"number": {"template": text}})["number"]
    assert told(one) == [("template", text, "x-2")]


def test_a_constant_is_told_and_so_is_the_default_that_stands_in_for_null() -> None:
    found = explained({}, {"number": {"value": "K"}, "count": {"value": None, "default": 7}})
    assert told(found["number"]) == [("value", "K", "K")]
    assert told(found["count"]) == [("value", None, None), ("default", 7, 7)]


def test_a_value_map_tells_the_entry_that_was_hit() -> None:
    rule = {"from": "s", "values": {"Q": "draft", "7": "sent"}}
    assert told(explained({"s": "Q"}, {"status": rule})["status"]) == [
        ("from", "s", "Q"),
        ("values", {"Q": "draft"}, "draft"),
    ]
    assert told(explained({"s": 7}, {"status": rule})["status"])[-1] == (
        "values", {"7": "sent"}, "sent",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("unknown", "after", "raw"),
    [("other", "other", "odd"), ("null", None, "odd"), ("keep", "other", "odd")],
)
def test_a_value_that_a_map_does_not_name_tells_what_becomes_of_it_and_where_its_text_is(
    unknown: str, after: str | None, raw: str
) -> None:
    rule = {"from": "s", "values": {"Q": "draft"}, "unknown": unknown}
    found = explained({"s": "odd"}, {"status": rule})
    does, _, value = told(found["status"])[-1]
    assert (does, value) == ("unknown", after)
    assert told(found["status_raw"]) == [("raw", "status", raw)]


def test_a_value_that_a_map_keeps_is_told_as_kept() -> None:
    rule = {"from": "s", "values": {"a": "A"}, "unknown": "keep"}
    assert told(explained({"s": "b"}, {"number": rule})["number"])[-1] == ("unknown", "keep", "b")


def test_a_value_that_a_map_refuses_ends_with_the_error_after_the_steps_that_were_taken() -> None:
    rule = {"from": "s", "values": {"Q": "draft"}, "unknown": "error"}
    one = explained({"s": "odd"}, {"status": rule})["status"]
    assert told(one) == [("from", "s", "odd")]
    assert one.error == "status: \"odd\" is not a value that 'values' names, and 'unknown' is error"
    assert one.value is None


@pytest.mark.parametrize(
    ("field", "rule", "source", "by", "after"),
    [
        ("count", {"from": "v"}, "7", None, 7),
        ("total", {"from": "v", "format": "decimal-comma"}, "1.234,50", {"format": "decimal-comma"}, "1234.50"),
        ("minutes", {"from": "v", "unit": "hours"}, 1.5, {"unit": "hours"}, 90),
        ("order_date", {"from": "v", "format": "%d.%m.%Y"}, "04.03.2026", {"format": "%d.%m.%Y"}, "2026-03-04"),
        (
            "due_at",
            {"from": "v", "format": "%Y-%m-%d %H:%M", "timeZone": "Europe/Amsterdam"},
            "2026-07-01 12:00",
            {"format": "%Y-%m-%d %H:%M", "timeZone": "Europe/Amsterdam"},
            "2026-07-01T10:00:00Z",
        ),
        ("is_rush", {"from": "v", "type": "boolean"}, "yes", {"type": "boolean"}, True),
    ],
    ids=["integer", "decimal comma", "unit", "date", "zone", "boolean"],
)  # fmt: skip
def test_a_conversion_tells_how_the_source_writes_it(
    field: str, rule: Any, source: Any, by: Any, after: Any
) -> None:
    one = explained({"v": source}, {field: rule})[field]
    assert told(one) == [("from", "v", source), ("type", by, after)]


def test_a_value_that_is_as_the_model_writes_it_has_no_conversion_to_tell() -> None:
    assert told(explained({"v": "12.50"}, {"total": {"from": "v"}})["total"]) == [
        ("from", "v", "12.50")
    ]


def test_a_reference_tells_the_key_and_the_id() -> None:
    one = explained({"v": "V1"}, {"vendor_id": {"from": "v"}})["vendor_id"]
    wanted = record_id("vn", UID, "V1")
    assert told(one) == [("from", "v", "V1"), ("reference", "vn", wanted)]


def test_a_default_of_a_reference_comes_before_its_id() -> None:
    one = explained({}, {"vendor_id": {"from": "v", "default": "V9"}})["vendor_id"]
    assert [step.does for step in one.steps] == [Does.FROM, Does.DEFAULT, Does.REFERENCE]
    assert one.value == record_id("vn", UID, "V9")


def test_each_item_of_a_list_is_explained_field_by_field() -> None:
    rule = {"from": "rows", "each": {"line_no": {"from": "no"}, "quantity": {"from": "qty"}}}
    one = explained({"rows": [{"no": "1", "qty": 2}, {"no": 2}]}, {"lines": rule})["lines"]
    assert [step.does for step in one.steps] == [Does.FROM, Does.EACH]
    first = {field.place: field for field in one.items[0]}
    assert told(first["lines[0].line_no"]) == [("from", "no", "1"), ("type", None, 1)]
    assert first["lines[0].quantity"].value == "2"
    assert [item["line_no"] for item in one.value] == [1, 2]


def test_an_error_in_an_item_names_the_item_and_the_others_are_explained_all_the_same() -> None:
    rule = {"from": "rows", "each": {"line_no": {"from": "no"}}}
    one = explained({"rows": [{"no": "x"}, {"no": 2}]}, {"lines": rule})["lines"]
    assert one.error == 'lines[0].line_no: "x" is not a whole number'
    assert one.value is None
    assert [item[0].value for item in one.items] == [None, 2]


def test_the_fields_of_an_object_are_explained_under_its_name() -> None:
    found = explained({"t": "Utrecht"}, {"ship_to": {"from": "{city: t, kind: 'billing'}"}})
    (fields,) = found["ship_to"].items
    assert {one.place: one.value for one in fields} == {
        "ship_to.city": "Utrecht",
        "ship_to.kind": "billing",
        "ship_to.kind_raw": None,
    }


def test_a_field_that_no_rule_makes_has_no_steps() -> None:
    one = explained({"a": 1}, {})["number"]
    assert (one.steps, one.value, one.error) == ((), None, "")


def test_a_custom_field_is_placed_where_answers_have_it() -> None:
    found = explained({"u": "4711"}, {}, {"cost_center": {"from": "u", "type": "integer"}})
    assert told(found["custom_fields.cost_center"]) == [
        ("from", "u", "4711"),
        ("type", {"type": "integer"}, 4711),
    ]


def test_one_field_that_fails_leaves_the_others_explained() -> None:
    found = explained({"n": "x", "c": "3"}, {"total": {"from": "n"}, "count": {"from": "c"}})
    assert found["total"].error.startswith('total: "x" is not a decimal')
    assert found["count"].value == 3


# ── each layer ───────────────────────────────────────────────────────────────────────────────────────

DEFAULT = layer({"number": {"from": "a"}, "count": {"from": "n"}})
SELECTOR = layer({"number": {"from": "b"}}, name="selector", source="Mapping/all")
CONNECTION = layer({"number": {"from": "c"}}, name="connection", source="Mapping/mine")
OVERRIDE = layer({"number": {"from": "d"}}, name="override", source="Override/now")


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_the_last_layer_that_has_a_rule_wins_and_the_others_are_told_the_nearest_first(
    count: int,
) -> None:
    layers = [DEFAULT, SELECTOR, CONNECTION, OVERRIDE][:count]
    found = origins(layers, "number")
    assert found.winner is not None
    assert found.winner.source == layers[-1].source
    assert found.winner.layer == layers[-1].name
    assert [one.rule.source for one in found.passed] == [
        one.source for one in reversed(layers[:-1])
    ]
    assert not any(one.cut for one in found.passed)
    assert effective("orders", layers).fields["number"] == found.winner


def test_a_field_that_one_layer_has_alone_overrides_nothing() -> None:
    found = origins([DEFAULT, SELECTOR], "count")
    assert found.winner is not None
    assert (found.winner.source, found.passed) == ("Connector/x", ())


def test_rules_below_a_layer_that_does_not_inherit_are_told_as_left_out() -> None:
    alone = layer({"count": {"from": "m"}}, name="connection", source="Mapping/z", inherit=False)
    found = origins([DEFAULT, SELECTOR, alone], "number")
    assert found.winner is None
    assert [(one.rule.source, one.cut) for one in found.passed] == [
        ("Mapping/all", True),
        ("Connector/x", True),
    ]


def test_custom_fields_have_layers_of_their_own() -> None:
    mine = layer({}, {"number": {"from": "u"}}, name="connection", source="Mapping/mine")
    found = origins([DEFAULT, mine], "number", custom=True)
    assert found.winner is not None
    assert (found.winner.source, found.passed) == ("Mapping/mine", ())

"""Rules become a mapper, or all their problems; a mapper does what the rules say."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from reconciler.datamodel.entity import Entity
from reconciler.datamodel.reader import entities
from reconciler.errors import Invalid
from reconciler.mapping.compile import Mapper, MappingInvalid, compile_rules
from reconciler.mapping.layers import Layer, effective
from reconciler.model.identity import record_id

Model = Mapping[str, Entity]


def make(model: Model, fields: Any, custom: Any = None, entity: str = "orders") -> Mapper:
    rules = effective(entity, [Layer("default", "Connector/x", fields, custom or {})])
    return compile_rules(rules, model[entity], model)


def problems(model: Model, fields: Any, custom: Any = None) -> dict[str, str]:
    with pytest.raises(MappingInvalid) as caught:
        make(model, fields, custom)
    assert all(one.source == "Connector/x" for one in caught.value.problems)
    return {".".join(one.path): one.message for one in caught.value.problems}


def mapped(mapper: Mapper, source: Any) -> dict[str, Any]:
    return mapper.one("uid", msgspec.json.encode(source))


def error_of(mapper: Mapper, source: Any) -> str:
    ((text, error),) = mapper("uid", [msgspec.json.encode(source)])
    assert text is None
    assert error is not None
    return error


# ── the shape of the output ──────────────────────────────────────────────────────────────────────────


def test_every_field_is_there_in_the_order_of_the_entity(model: Model, orders: Entity) -> None:
    found = mapped(make(model, {}), {})
    names = list(orders.fields)
    names.insert(names.index("level") + 1, "level_raw")
    assert list(found) == [*names, "custom_fields"]
    assert {key for key, value in found.items() if value is not None} == {"custom_fields"}
    assert found["custom_fields"] == {}


def test_a_record_with_nothing_in_it_maps_to_nulls(model: Model, orders: Entity) -> None:
    rules = {name: {"from": f"deep.{name}"} for name in orders.fields}
    everywhere = make(model, rules, {"more": {"from": "a[0].b"}})
    empty = mapped(make(model, {}, {"more": {"value": None}}), {})
    sources: list[Any] = [
        {},
        {"deep": None},
        {"deep": {}},
        {"deep": 7},
        {"deep": []},
        {"a": [{}, 1]},
    ]
    for source in sources:
        assert mapped(everywhere, source) == empty


def test_objects_of_lists_have_all_their_fields_too(model: Model) -> None:
    rules = {"lines": {"from": "l", "each": {"line_no": {"from": "n"}}}}
    found = mapped(make(model, rules), {"l": [{"n": 1}, None, "x"]})
    line = {
        "line_no": None,
        "quantity": None,
        "kind": None,
        "kind_raw": None,
        "material_id": None,
        "parts": None,
    }
    assert found["lines"] == [line | {"line_no": 1}, line, line]
    assert list(found["lines"][0]) == list(line)


def test_custom_fields_stand_in_the_order_of_their_names(model: Model) -> None:
    one = make(model, {}, {"b": {"from": "x"}, "a": {"from": "x"}})
    other = make(model, {}, {"a": {"from": "x"}, "b": {"from": "x"}})
    raw = b'{"x":1}'
    assert one("uid", [raw]) == other("uid", [raw])
    assert one.basis == other.basis
    assert list(one.one("uid", raw)["custom_fields"]) == ["a", "b"]


def test_the_shipped_model_compiles_with_every_field_mapped_by_its_name() -> None:
    for name, entity in entities().items():
        rules = {field: {"from": field} for field in entity.fields}
        mapper = make(entities(), rules, entity=name)
        assert list(mapped(mapper, {})) == [*entity.fields, "custom_fields"]


# ── one rule at a time ───────────────────────────────────────────────────────────────────────────────

RULES: list[tuple[str, Any, Any, Any]] = [
    ("number", {"from": "id"}, {"id": 17}, "17"),
    ("number", {"from": "id"}, {"id": "größe \u2603 \U0001f600"}, "größe \u2603 \U0001f600"),
    ("number", {"from": '"größe"'}, {"größe": "x"}, "x"),
    ("number", {"from": "class"}, {"class": "x"}, "x"),
    ("number", {"from": '"__class__"."0"'}, {"__class__": {"0": "x"}}, "x"),
    ("number", {"from": "a || b"}, {"b": "x"}, "x"),
    ("number", {"from": "a", "default": "none"}, {}, "none"),
    ("number", {"from": "a", "default": 7}, {}, "7"),
    ("number", {"value": "fixed"}, {}, "fixed"),
    ("number", {"value": 7}, {}, "7"),
    ("number", {"value": None, "default": "d"}, {}, "d"),
    ("number", {"template": "{{ source.a }}-{{ source.b }}"}, {"a": 1, "b": "x"}, "1-x"),
    ("number", {"template": "{{ source.a }}"}, {"a": 1}, "1"),
    ("number", {"from": "a", "values": {"1": "one", "true": "yes", "1.5": "half"}}, {"a": 1}, "one"),
    ("number", {"from": "a", "values": {"true": "yes"}}, {"a": True}, "yes"),
    ("number", {"from": "a", "values": {"1": "one"}}, {"a": 2}, "2"),
    ("number", {"from": "a", "values": {"": "empty"}}, {"a": ""}, "empty"),
    ("number", {"from": "a", "values": {"x": "y"}}, {"a": ""}, ""),
    ("number", {"from": "a", "values": {"x": None}, "default": "d"}, {"a": "x"}, "d"),
    ("number", {"from": "a", "values": {"x": "y"}, "unknown": "null"}, {"a": "q"}, None),
    ("number", {"from": "a", "values": {"x": "y"}, "unknown": "other"}, {"a": "q"}, "other"),
    ("status", {"from": "s"}, {"s": "sent"}, "sent"),
    ("status", {"from": "s"}, {"s": "??"}, "other"),
    ("status", {"from": "s"}, {"s": ""}, None),
    ("status", {"from": "s", "values": {"": "draft"}}, {"s": ""}, "draft"),
    ("status", {"from": "s", "values": {"A": "draft"}}, {"s": "A"}, "draft"),
    ("status", {"from": "s", "values": {"A": "draft"}}, {"s": "sent"}, "other"),
    ("status", {"from": "s", "values": {"A": "draft"}, "unknown": "keep"}, {"s": "sent"}, "sent"),
    ("status", {"from": "s", "values": {"A": "draft"}, "unknown": "keep"}, {"s": "B"}, "other"),
    ("status", {"from": "s", "values": {"A": "draft"}, "unknown": "null"}, {"s": "B"}, None),
    ("status", {"from": "s", "values": {"A": "draft"}, "unknown": "null", "default": "sent"}, {"s": "B"}, "sent"),
    ("status", {"from": "s", "values": {"7": "draft"}}, {"s": 7}, "draft"),
    ("status", {"value": "draft"}, {}, "draft"),
    ("level", {"from": "s"}, {"s": "low"}, "low"),
    ("level", {"from": "s"}, {"s": "middle"}, None),
    ("count", {"from": "n"}, {"n": "12"}, 12),
    ("count", {"from": "n"}, {"n": 2**60 + 1}, 2**60 + 1),
    ("count", {"from": "n"}, {"n": 2**80}, 2**80),
    ("count", {"from": "n", "values": {"few": 3}}, {"n": "few"}, 3),
    ("minutes", {"from": "n", "unit": "seconds"}, {"n": 90}, 2),
    ("minutes", {"from": "n", "unit": "hours"}, {"n": "1.5"}, 90),
    ("minutes", {"from": "n", "unit": "hours", "format": "decimal-comma"}, {"n": "1,5"}, 90),
    ("minutes", {"from": "n", "unit": "minutes"}, {"n": 5}, 5),
    ("hours", {"from": "n", "unit": "minutes"}, {"n": 90}, "1.5"),
    ("hours", {"from": "n", "unit": "minutes", "type": "integer"}, {"n": 90}, "2"),
    ("total", {"from": "t"}, {"t": "12.50"}, "12.50"),
    ("total", {"from": "t"}, {"t": 12.5}, "12.5"),
    ("total", {"from": "t", "format": "decimal-comma"}, {"t": "1.234,50"}, "1234.50"),
    ("total", {"from": "t", "format": "decimal-comma", "default": "0.50"}, {}, "0.50"),
    ("minutes", {"from": "n", "unit": "hours", "default": 5}, {}, 5),
    ("order_date", {"from": "d", "format": "%d.%m.%Y", "default": "2026-03-04"}, {}, "2026-03-04"),
    ("total", {"from": "t", "type": "integer"}, {"t": "12.0"}, "12"),
    ("total", {"from": "t", "type": "integer"}, {"t": " "}, None),
    ("total", {"from": "t", "default": "0"}, {"t": " "}, "0"),
    ("is_rush", {"from": "r"}, {"r": "yes"}, True),
    ("is_rush", {"template": "{{ source.c is search('RUSH') }}"}, {"c": "a RUSH job"}, True),
    ("is_rush", {"from": "length(l) > `1`"}, {"l": [1, 2]}, True),
    ("order_date", {"from": "d", "format": "%m/%d/%Y"}, {"d": "03/04/2026"}, "2026-03-04"),
    ("order_date", {"from": "d", "timeZone": "Asia/Tokyo"}, {"d": "2026-03-04T20:00:00Z"}, "2026-03-05"),
    ("due_at", {"from": "d", "timeZone": "Europe/Amsterdam"}, {"d": "2026-07-01 12:00"}, "2026-07-01T10:00:00Z"),
    ("due_at", {"from": "d", "format": "epoch-ms"}, {"d": 1772627415000}, "2026-03-04T12:30:15Z"),
    ("vendor_id", {"from": "v"}, {"v": 17}, record_id("vn", "uid", "17")),
    ("vendor_id", {"from": "v"}, {"v": "a"}, record_id("vn", "uid", "a")),
    ("vendor_id", {"from": "[v, w]"}, {"v": "a", "w": 2}, record_id("vn", "uid", "a|2")),
    ("vendor_id", {"from": "v"}, {"v": ""}, None),
    ("vendor_id", {"from": "v", "type": "integer"}, {"v": "0017"}, record_id("vn", "uid", "17")),
    ("vendor_id", {"from": "v", "default": "d"}, {}, record_id("vn", "uid", "d")),
    ("vendor_id", {"value": "d"}, {}, record_id("vn", "uid", "d")),
    ("vendor_id", {"value": None, "default": 3}, {}, record_id("vn", "uid", "3")),
    ("vendor_id", {"from": "v", "values": {"a": "b"}}, {"v": "a"}, record_id("vn", "uid", "b")),
    ("vendor_ids", {"from": "v[*].id"}, {"v": [{"id": 1}, {"id": "b"}]}, [record_id("vn", "uid", "1"), record_id("vn", "uid", "b")]),
    ("tags", {"from": "t"}, {"t": [1, "x", None]}, ["1", "x", None]),
    ("tags", {"from": "t", "default": []}, {}, []),
    ("tags", {"value": ["a"]}, {}, ["a"]),
    ("anything", {"from": "t", "type": "list"}, {"t": [1, {"a": []}]}, [1, {"a": []}]),
    ("extra", {"from": "t"}, {"t": {"a": 1}}, {"a": 1}),
    ("ship_to", {"from": "a"}, {"a": {"city": 5, "kind": "??", "more": 1}}, {"city": "5", "kind": "other", "kind_raw": "??"}),
    ("ship_to", {"from": "{city: town, kind: k}"}, {"town": "A", "k": "billing"}, {"city": "A", "kind": "billing", "kind_raw": None}),
    ("ship_to", {"value": {"city": "A"}}, {}, {"city": "A", "kind": None, "kind_raw": None}),
    ("lines", {"from": "l", "default": []}, {}, []),
]  # fmt: skip


@pytest.mark.parametrize(("name", "rule", "source", "value"), RULES)
def test_a_rule_makes_its_field(
    model: Model, name: str, rule: Any, source: Any, value: Any
) -> None:
    found = mapped(make(model, {name: rule}), source)[name]
    assert found == value
    assert type(found) is type(value)


CUSTOM: list[tuple[Any, Any, Any]] = [
    ({"from": "a"}, {"a": {"b": [1, 2.5, None, "x"]}}, {"b": [1, 2.5, None, "x"]}),
    ({"from": "a", "type": "string"}, {"a": 5}, "5"),
    ({"from": "a", "type": "decimal", "format": "decimal-comma"}, {"a": "1,5"}, "1.5"),
    ({"from": "a", "type": "integer"}, {"a": "5"}, 5),
    ({"from": "a", "type": "datetime"}, {"a": "2026-03-04"}, "2026-03-04T00:00:00Z"),
    ({"from": "a", "type": "object"}, {"a": {}}, {}),
    ({"from": "a", "values": {"x": [1]}}, {"a": "x"}, [1]),
    ({"from": "a", "each": {"q": {"from": "b"}, "p": {"value": 1}}}, {"a": [{"b": 2}]}, [{"p": 1, "q": 2}]),
    ({"from": "a", "each": {"p": {"from": "b", "each": {"z": {"from": "@"}}}}}, {"a": [{"b": [3]}]}, [{"p": [{"z": 3}]}]),
    ({"from": "a", "each": {"p": {"template": "{{ source.k }}/{{ item.b }}"}}}, {"k": "o", "a": [{"b": 2}]}, [{"p": "o/2"}]),
    ({"value": {"a": [1]}}, {}, {"a": [1]}),
    ({"from": "@"}, {"a": 1}, {"a": 1}),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "source", "value"), CUSTOM)
def test_a_rule_makes_its_custom_field(model: Model, rule: Any, source: Any, value: Any) -> None:
    assert mapped(make(model, {}, {"own": rule}), source)["custom_fields"] == {"own": value}


@pytest.mark.parametrize(
    ("rule", "text", "raw"),
    [
        ({"from": "s"}, "sent", None),
        ({"from": "s"}, "??", "??"),
        ({"from": "s", "values": {"A": "sent"}}, "draft", "draft"),
        ({"from": "s", "values": {"A": "sent"}, "unknown": "null"}, "B", "B"),
        ({"from": "s"}, 7, "7"),
        ({"from": "s"}, None, None),
        ({"from": "s"}, "", None),
    ],
)
def test_the_text_of_a_value_outside_the_enum_is_kept_beside_it(
    model: Model, rule: Any, text: Any, raw: Any
) -> None:
    assert mapped(make(model, {"status": rule}), {"s": text})["status_raw"] == raw


def test_the_text_is_kept_beside_any_field_that_asks_for_other(model: Model) -> None:
    rule = {"from": "s", "values": {"A": "a"}, "unknown": "other"}
    found = mapped(make(model, {"number": rule}, {"own": rule}), {"s": "B"})
    assert (found["number"], found["number_raw"]) == ("other", "B")
    assert found["custom_fields"] == {"own": "other", "own_raw": "B"}


def test_a_rule_for_the_raw_field_wins(model: Model) -> None:
    rules = {"status": {"from": "s"}, "status_raw": {"from": "s_text"}}
    assert mapped(make(model, rules), {"s": "??", "s_text": "What?"})["status_raw"] == "What?"


def test_one_part_of_the_source_may_be_read_whole_and_in_parts(model: Model) -> None:
    mapper = make(
        model,
        {"number": {"from": "a.b.c"}, "tags": {"from": "a.l[*].x"}, "count": {"from": "a.l[0].y"}},
        {"whole": {"from": "a.b"}, "first": {"from": "l[0]"}, "code": {"from": "l[1].code"}},
    )
    source = {
        "a": {"b": {"c": "1", "d": 2}, "l": [{"x": "p", "y": 4}]},
        "l": [{"q": 1}, {"code": "z"}],
    }
    found = mapped(mapper, source)
    assert (found["number"], found["tags"], found["count"]) == ("1", ["p"], 4)
    assert found["custom_fields"] == {"whole": {"c": "1", "d": 2}, "first": {"q": 1}, "code": "z"}


def test_parts_that_nothing_reads_do_not_stand_in_the_way(model: Model) -> None:
    raw = b'{"unread": {"a": 1e999, "x": [1, {}]}, "id": 1, "id": 2}'
    assert make(model, {"number": {"from": "id"}}).one("uid", raw)["number"] == "2"


# ── failures ─────────────────────────────────────────────────────────────────────────────────────────

FAILURES: list[tuple[Any, Any, Any, str]] = [
    ({"count": {"from": "n"}}, {}, {"n": "x"}, 'count: "x" is not a whole number'),
    ({"number": {"from": "n"}}, {}, {"n": [1]}, "number: [1] is not a text"),
    ({"status": {"from": "n"}}, {}, {"n": [1]}, "status: [1] is not a text"),
    ({"tags": {"from": "n"}}, {}, {"n": "x"}, 'tags: "x" is not a list'),
    ({"vendor_id": {"from": "n"}}, {}, {"n": True}, "vendor_id: true is not a key: a text or a number"),
    ({"lines": {"from": "n", "each": {}}}, {}, {"n": {}}, "lines: {} is not a list"),
    ({"ship_to": {"from": "n"}}, {}, {"n": []}, "ship_to: [] is not an object"),
    ({"ship_to": {"from": "n"}}, {}, {"n": {"city": {}}}, "ship_to.city: {} is not a text"),
    ({"lines": {"from": "n", "each": {"quantity": {"from": "q"}}}}, {}, {"n": [{"q": 1}, {"q": []}]},
     'lines[1].quantity: [] is not a decimal such as "12.50" (for "1.234,50" write format: decimal-comma)'),
    ({"lines": {"from": "n", "each": {"parts": {"from": "p", "each": {"code": {"from": "c"}}}}}}, {},
     {"n": [{}, {"p": [{}, {}, {"c": {}}]}]}, "lines[1].parts[2].code: {} is not a text"),
    ({"lines": {"from": "n", "each": {"parts": {"from": "p", "each": {}}}}}, {}, {"n": [{"p": 3}]}, "lines[0].parts: 3 is not a list"),
    ({"status": {"from": "n", "values": {"A": "sent"}, "unknown": "error"}}, {}, {"n": "B"},
     "status: \"B\" is not a value that 'values' names, and 'unknown' is error"),
    ({"count": {"from": "sum(n)"}}, {}, {"n": "x"}, 'count: sum() takes array-number, not "x"'),
    ({"is_rush": {"from": "n > 'x'"}}, {}, {"n": 1}, "is_rush: 'from' compares values of different types"),
    ({}, {"own": {"template": "{{ source.missing }}"}}, {}, "custom_fields.own: "),
    ({}, {"own": {"from": "n", "type": "date"}}, {"n": "x"}, 'custom_fields.own: "x" is not a date and time'),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "custom", "source", "said"), FAILURES)
def test_a_record_that_fails_names_the_field_and_the_value(
    model: Model, fields: Any, custom: Any, source: Any, said: str
) -> None:
    assert error_of(make(model, fields, custom), source).startswith(said)


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"7", b"null", b"{", b'{"id": "\xff"}', b'"x"', b"{}{}"]
)
@pytest.mark.parametrize("rule", [{"from": "id"}, {"from": "to_string(@)"}])
def test_what_is_no_json_object_is_refused_as_a_record(model: Model, raw: bytes, rule: Any) -> None:
    ((text, error),) = make(model, {"number": rule})("uid", [raw])
    assert text is None
    assert error is not None
    assert error.startswith("record: not a JSON object: ")


def test_a_record_nested_too_deep_is_refused_as_a_record(model: Model) -> None:
    raw = b'{"id":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert make(model, {}, {"own": {"from": "id"}})("uid", [raw]) == [
        (None, "record: nested too deep")
    ]


def test_a_number_too_long_to_be_one_is_refused_as_a_record(model: Model) -> None:
    raw = b'{"n":' + b"9" * 5000 + b"}"
    ((_, error),) = make(model, {"count": {"from": "n"}})("uid", [raw])
    assert error is not None
    assert error.startswith("record: ")


def test_one_record_that_fails_leaves_the_others_alone(model: Model) -> None:
    mapper = make(model, {"count": {"from": "n"}})
    page = mapper("uid", [b'{"n":1}', b'{"n":"x"}', b"", b'{"n":4}'])
    assert [text is None for text, _ in page] == [False, True, True, False]
    assert [error is None for _, error in page] == [True, False, False, True]
    assert mapper("uid", []) == []


def test_one_record_alone_is_mapped_or_raised(model: Model) -> None:
    mapper = make(model, {"count": {"from": "n"}})
    assert mapper.one("uid", b'{"n":1}')["count"] == 1
    with pytest.raises(Invalid, match="count: "):
        mapper.one("uid", b'{"n":"x"}')


def test_no_message_shows_more_than_a_glimpse_of_a_value(model: Model) -> None:
    canary = "x" * 80 + "CANARY" * 50
    rules: dict[str, Any] = {
        "count": {"from": "v"},
        "total": {"from": "v", "format": "decimal-comma"},
        "due_at": {"from": "v"},
        "order_date": {"from": "v", "format": "%d.%m.%Y"},
        "minutes": {"from": "sum(v)"},
        "vendor_ids": {"from": "v"},
        "extra": {"from": "v"},
        "status": {"from": "v", "values": {"a": "sent"}, "unknown": "error"},
        "is_rush": {"template": "{{ source.v | round }}"},
    }
    for name, rule in rules.items():
        for value in (canary, [canary], {"k": canary}, [[canary]]):
            ((text, error),) = make(model, {name: rule})("uid", [msgspec.json.encode({"v": value})])
            assert "CANARY" not in (error or "")
            assert text is None or name in {"extra", "vendor_ids"}


# ── problems ─────────────────────────────────────────────────────────────────────────────────────────

PROBLEMS: list[tuple[Any, Any, dict[str, str]]] = [
    ({"nummber": {"from": "a"}}, {}, {"fields.nummber": "orders has no field 'nummber'"}),
    ({"number": {"from": "a["}}, {}, {"fields.number.from": "not a JMESPath expression: the expression ends too soon (column 3)"}),
    ({"number": {"from": "a[::0]"}}, {}, {"fields.number.from": "a slice cannot go on by 0 places: write [::1], or leave it out"}),
    ({"number": {"from": "nope(a)"}}, {}, {"fields.number.from": "there is no function nope()"}),
    ({"number": {}}, {}, {"fields.number": "write one of 'from', 'template' and 'value'"}),
    ({"number": {"from": "a", "each": {}}}, {}, {"fields.number.each": "'each' is for lists of objects, and this field is none"}),
    ({"ship_to": {"from": "a", "each": {"city": {"from": "x"}}}}, {},
     {"fields.ship_to.each": "'each' is for lists; make the object in 'from': {city: town, country: land}"}),
    ({"ship_to": {"from": "{cty: a}"}}, {}, {"fields.ship_to.from": "it makes a 'cty', which is no field of it"}),
    ({"lines": {"from": "a", "each": {"qty": {"from": "x"}}}}, {}, {"fields.lines.each.qty": "has no field 'qty'"}),
    ({"lines": {"from": "a", "each": {"quantity": {"from": "]"}}}}, {},
     {"fields.lines.each.quantity.from": "not a JMESPath expression: ']' is not expected here (column 1)"}),
    ({"lines": {"from": "a", "default": [1]}}, {}, {"fields.lines.default": "the default of objects can only be an empty list"}),
    ({"number": {"from": "a", "type": "integer"}}, {}, {"fields.number.type": "integer does not fit the field, which is a string; write string"}),
    ({"status": {"from": "a", "type": "integer"}}, {}, {"fields.status.type": "integer does not fit the field, which is an enum; write string"}),
    ({"total": {"from": "a", "type": "money"}}, {},
     {"fields.total.type": "'money' is no type; types are string, integer, decimal, boolean, date, datetime, list, object"}),
    ({"total": {"from": "a", "format": "euro"}}, {}, {"fields.total.format": "'euro' is not a format of numbers; there is decimal-comma"}),
    ({"total": {"from": "a", "timeZone": "UTC"}}, {}, {"fields.total.timeZone": "a decimal has no timeZone"}),
    ({"number": {"from": "a", "format": "x"}}, {}, {"fields.number.format": "a string has no format"}),
    ({"due_at": {"from": "a", "unit": "hours"}}, {}, {"fields.due_at.unit": "a datetime has no unit"}),
    ({"due_at": {"from": "a", "timeZone": "Mars"}}, {}, {"fields.due_at.timeZone": "there is no time zone 'Mars'; write one as Europe/Amsterdam"}),
    ({"due_at": {"from": "a", "format": "yyyy"}}, {},
     {"fields.due_at.format": "'yyyy' is not a format; write a strptime pattern such as %d.%m.%Y, epoch or epoch-ms"}),
    ({"total": {"from": "a", "unit": "hours"}}, {}, {"fields.total.unit": "the field has no unit"}),
    ({"minutes": {"from": "a", "unit": "years"}}, {},
     {"fields.minutes.unit": "'years' cannot be converted into minutes; units are milliseconds, seconds, minutes, hours, days"}),
    ({"pieces": {"from": "a", "unit": "hours"}}, {},
     {"fields.pieces.unit": "'hours' cannot be converted into pieces; units are milliseconds, seconds, minutes, hours, days"}),
    ({"status": {"from": "a", "values": {"x": "snt"}}}, {}, {"fields.status.values.x": '"snt" is not a value of the field'}),
    ({"status": {"value": "snt"}}, {}, {"fields.status.value": '"snt" is not a value of the field'}),
    ({"status": {"from": "a", "default": "snt"}}, {}, {"fields.status.default": '"snt" is not a value of the field'}),
    ({"count": {"value": "x"}}, {}, {"fields.count.value": '"x" is not a whole number'}),
    ({"count": {"from": "a", "default": "x"}}, {}, {"fields.count.default": '"x" is not a whole number'}),
    ({"count": {"from": "a", "values": {"x": "y"}}}, {}, {"fields.count.values.x": '"y" is not a whole number'}),
    ({"count": {"from": "a", "values": {"x": 1}, "unknown": "other"}}, {}, {"fields.count.unknown": '"other" is not a whole number'}),
    ({"number": {"template": "{% for x in y %}"}}, {}, {"fields.number.template": "*"}),
    ({"number": {"template": "{{ comment }}"}}, {}, {"fields.number.template": "there is no 'comment'; the source record is 'source'"}),
    ({"number": {"template": "{{ item.x }}"}}, {}, {"fields.number.template": "there is no 'item'; the source record is 'source'"}),
    ({}, {"own": {"from": "a", "format": "x"}}, {"customFields.own.format": "format says how a type is written; write 'type' too"}),
    ({}, {"own": {"from": "a", "type": "string", "each": {"b": {"from": "["}}}},
     {"customFields.own.each": "'each' makes a list; write type: list, or no type",
      "customFields.own.each.b.from": "not a JMESPath expression: the expression ends too soon (column 2)"}),
    ({}, {"own": {"from": "a", "each": {"b": {"from": "a", "each": {"c": {"from": "a", "each": {"d": {"from": "a", "each": {"e": {"from": "a"}}}}}}}}}},
     {"customFields.own.each.b.each.c.each.d.each": "'each' is nested more than 3 deep"}),
    ({"a": {"from": "x"}, "count": {"from": "("}}, {"own": {"from": ")"}},
     {"fields.a": "orders has no field 'a'", "fields.count.from": "*", "customFields.own.from": "*"}),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "custom", "said"), PROBLEMS)
def test_rules_that_cannot_be_taken_are_told_all_at_once(
    model: Model, fields: Any, custom: Any, said: dict[str, str]
) -> None:
    found = problems(model, fields, custom)
    assert found.keys() == said.keys()
    for place, message in said.items():
        assert message in {"*", found[place]}


def test_a_problem_names_its_rule_and_what_was_meant(model: Model) -> None:
    with pytest.raises(MappingInvalid) as caught:
        make(model, {"nummber": {"from": "a"}})
    assert caught.value.code == "MAPPING_INVALID"
    assert str(caught.value) == (
        "the mapping of orders has a problem: "
        "Connector/x fields.nummber: orders has no field 'nummber' (did you mean 'number'?)"
    )
    with pytest.raises(MappingInvalid, match=r"2 problems: .*; Connector/x fields.zzz"):
        make(model, {"qqq": {"from": "a"}, "zzz": {"from": "a"}})


def test_a_field_that_refers_to_no_entity_is_a_problem(model: Model) -> None:
    rules = effective("orders", [Layer("default", "Connector/x", {}, {})])
    with pytest.raises(MappingInvalid) as caught:
        compile_rules(rules, model["orders"], {"orders": model["orders"]})
    assert str(caught.value.problems[0]).startswith(
        "fields.vendor_id: the field refers to 'vendors'"
    )


# ── basis and source ─────────────────────────────────────────────────────────────────────────────────


def test_the_basis_follows_the_definition_and_not_its_words(model: Model, orders: Entity) -> None:
    rules = effective("orders", [Layer("default", "Connector/x", {"number": {"from": "a"}}, {})])
    basis = compile_rules(rules, orders, model).basis
    number = orders.fields["number"]
    told = replace(
        orders, doc="Else.", fields={**orders.fields, "number": replace(number, doc="Else.")}
    )
    other = replace(
        orders, fields={**orders.fields, "status": replace(orders.fields["status"], enum=("sent",))}
    )
    moved = {**model, "vendors": replace(model["vendors"], prefix="ve")}
    assert len(basis) == 32
    assert compile_rules(rules, told, model).basis == basis
    assert compile_rules(rules, other, model).basis != basis
    assert compile_rules(rules, orders, moved).basis != basis


def test_a_mapper_shows_the_source_that_runs_and_nothing_of_it_by_accident(model: Model) -> None:
    mapper = make(model, {"number": {"from": "vendor.name"}})
    assert mapper.source.startswith("def map_page(connection, raws):\n")
    assert "'name'" in mapper.source or ".name" in mapper.source
    assert "def map_page" not in repr(mapper)


def test_nothing_that_is_written_in_a_rule_becomes_code(model: Model) -> None:
    evil = "'] + __import__('os').system('true') + ['"
    rules = {
        "number": {"from": f'"{evil}"'},
        "status": {"from": "a", "values": {evil: "sent"}},
        "tags": {"value": [evil]},
        "total": {"from": "a.b", "default": 0},
    }
    mapper = make(model, rules, {"own": {"from": f'a == `"{evil}"`', "default": evil}})
    found = mapped(mapper, {evil: evil, "a": evil})
    assert (found["number"], found["status"], found["tags"]) == (evil, "sent", [evil])
    assert found["custom_fields"] == {"own": True}


@pytest.mark.parametrize(
    "key", ['a"b', "a\\b", "a\nb", "\x00"], ids=["quote", "backslash", "break", "null"]
)
def test_a_key_of_any_characters_can_be_read(
    orders: Entity, model: Mapping[str, Entity], key: str
) -> None:
    quoted = json.dumps(key)
    rules = {
        "top": {"from": quoted},
        "deep": {"from": f"x.{quoted}.y"},
        "item": {"from": f"l[0].{quoted}"},
    }
    layer = Layer("connection", "Mapping/m", {}, rules)
    mapper = compile_rules(effective("orders", [layer]), orders, model)
    raw = json.dumps({key: 1, "x": {key: {"y": 2}}, "l": [{key: 3}]}).encode()
    assert mapper.one("uid", raw)["custom_fields"] == {"top": 1, "deep": 2, "item": 3}

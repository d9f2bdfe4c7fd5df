"""The mapping language as the contract has it, word by word: each line a rule, a record, what becomes of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
import yaml

from reconciler.datamodel.reader import entities
from reconciler.datamodel.value_maps import value_maps
from reconciler.mapping.compile import MappingInvalid, compile_rules
from reconciler.mapping.explain import explain
from reconciler.mapping.explained import Does, record_of
from reconciler.mapping.layers import Layer, Rules, effective
from reconciler.model.identity import record_id
from tests.mapping.conftest import MODEL, ORDERS

UID: Final = "uid"
WORD: Final = {"from": "v"}


def rules_of(fields: Mapping[str, Any], custom: Mapping[str, Any] | None = None) -> Rules:
    return effective("orders", [Layer("default", "Connector/x", fields, custom or {})])


def mapped(rules: Rules, source: Any) -> dict[str, Any]:
    """Return the record that the compiled mapper makes, which an explanation makes too."""
    raw = msgspec.json.encode(source)
    record = compile_rules(rules, ORDERS, MODEL).one(UID, raw)
    assert record_of(explain(rules, ORDERS, MODEL, UID, raw)) == record
    return record


TABLE: Final[Mapping[str, tuple[str, dict[str, Any], Any, Any]]] = {
    # origins
    "from": ("number", {"from": "lines[0].account.code"}, {"lines": [{"account": {"code": "C"}}]}, "C"),
    "template": ("number", {"template": "{{ source.a }}-{{ source.b | upper }}"}, {"a": 1, "b": "x"}, "1-X"),
    "value": ("number", {"value": "fixed"}, {}, "fixed"),
    # values, and what it does not name
    "values": ("status", {**WORD, "values": {"Q": "draft"}}, {"v": "Q"}, "draft"),
    "values of a number": ("status", {**WORD, "values": {"1": "sent"}}, {"v": 1}, "sent"),
    "values to null": ("status", {**WORD, "values": {"Q": None}}, {"v": "Q"}, None),
    "unknown: other": ("status", {**WORD, "values": {"Q": "draft"}, "unknown": "other"}, {"v": "?"}, "other"),
    "unknown: null": ("status", {**WORD, "values": {"Q": "draft"}, "unknown": "null"}, {"v": "?"}, None),
    "unknown: keep": ("status", {**WORD, "values": {"Q": "draft"}, "unknown": "keep"}, {"v": "sent"}, "sent"),
    "unknown: keep a text": ("number", {**WORD, "values": {"Q": "q"}, "unknown": "keep"}, {"v": "?"}, "?"),
    "unknown of an enum": ("status", {**WORD, "values": {"Q": "draft"}}, {"v": "?"}, "other"),
    "unknown of a text": ("number", {**WORD, "values": {"Q": "q"}}, {"v": "?"}, "?"),
    # types
    "string": ("number", {**WORD, "type": "string"}, {"v": 7}, "7"),
    "integer": ("count", {**WORD, "type": "integer"}, {"v": "7"}, 7),
    "decimal": ("total", {**WORD, "type": "decimal"}, {"v": 12.5}, "12.5"),
    "decimal of an integer": ("total", {**WORD, "type": "integer"}, {"v": "7.0"}, "7"),
    "decimal comma": ("total", {**WORD, "format": "decimal-comma"}, {"v": "1.234,50"}, "1234.50"),
    "boolean": ("is_rush", {**WORD, "type": "boolean"}, {"v": "Y"}, True),
    "date": ("order_date", {**WORD, "type": "date", "format": "%d.%m.%Y"}, {"v": "04.03.2026"}, "2026-03-04"),
    "datetime": ("due_at", WORD, {"v": "2026-03-04T12:00:00+02:00"}, "2026-03-04T10:00:00Z"),
    "epoch": ("due_at", {**WORD, "format": "epoch"}, {"v": 0}, "1970-01-01T00:00:00Z"),
    "epoch-ms": ("due_at", {**WORD, "format": "epoch-ms"}, {"v": 1500}, "1970-01-01T00:00:01.500000Z"),
    "time zone": ("due_at", {**WORD, "timeZone": "Europe/Amsterdam"}, {"v": "2026-07-01 12:00"}, "2026-07-01T10:00:00Z"),
    "time zone in winter": ("due_at", {**WORD, "timeZone": "Europe/Amsterdam"}, {"v": "2026-01-01 12:00"}, "2026-01-01T11:00:00Z"),
    "list": ("tags", {**WORD, "type": "list"}, {"v": ["a", 1]}, ["a", "1"]),
    "object": ("extra", {**WORD, "type": "object"}, {"v": {"k": [1]}}, {"k": [1]}),
    "unit": ("minutes", {**WORD, "unit": "hours"}, {"v": "1.5"}, 90),
    "unit of a decimal": ("hours", {**WORD, "unit": "minutes"}, {"v": 90}, "1.5"),
    # default, after all else
    "default": ("count", {**WORD, "default": 3}, {}, 3),
    "default after the map": ("status", {**WORD, "values": {"Q": None}, "default": "draft"}, {"v": "Q"}, "draft"),
    "default of an empty text": ("count", {**WORD, "default": 3}, {"v": " "}, 3),
    # objects and references
    "object in from": ("ship_to", {"from": "{city: t, kind: 'billing'}"}, {"t": "X"}, {"city": "X", "kind": "billing", "kind_raw": None}),
    "reference": ("vendor_id", WORD, {"v": "V1"}, record_id("vn", UID, "V1")),
    "reference of two parts": ("vendor_id", {"from": "[a, b]"}, {"a": "x", "b": 2}, record_id("vn", UID, "x|2")),
    "references": ("vendor_ids", WORD, {"v": ["V1", None]}, [record_id("vn", UID, "V1"), None]),
    "reference by a map": ("vendor_id", {**WORD, "values": {"old": "new"}}, {"v": "old"}, record_id("vn", UID, "new")),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_a_rule_makes_what_the_contract_says(name: str) -> None:
    field, rule, source, wanted = TABLE[name]
    assert mapped(rules_of({field: rule}), source)[field] == wanted


def test_each_maps_a_list_of_objects_and_each_within_each() -> None:
    parts = {
        "from": "parts",
        "each": {"code": {"from": "c"}, "amount": {"from": "n", "format": "decimal-comma"}},
    }
    rule = {
        "from": "rows[?!void]",
        "each": {"line_no": {"from": "no"}, "kind": {"value": "item"}, "parts": parts},
    }
    source = {"rows": [{"no": "1", "parts": [{"c": "A", "n": "1,5"}]}, {"no": 2, "void": True}]}
    (line,) = mapped(rules_of({"lines": rule}), source)["lines"]
    assert line["line_no"] == 1
    assert line["kind"] == "item"
    assert line["parts"] == [{"code": "A", "amount": "1.5"}]  # fmt: skip


def test_a_template_within_each_sees_the_item_and_the_record() -> None:
    rule = {"from": "rows", "each": {"no": {"template": "{{ source.id }}/{{ item.n }}"}}}
    record = mapped(rules_of({}, {"rows": rule}), {"id": 7, "rows": [{"n": 1}, {"n": 2}]})
    assert record["custom_fields"]["rows"] == [{"no": "7/1"}, {"no": "7/2"}]


@pytest.mark.parametrize(
    ("unknown", "status", "text"),
    [("other", "other", "?"), ("null", None, "?"), ("keep", "other", "?")],
)
def test_the_text_that_no_value_is_for_stays_in_raw(
    unknown: str, status: str | None, text: str
) -> None:
    rule = {**WORD, "values": {"Q": "draft"}, "unknown": unknown}
    record = mapped(rules_of({"status": rule}), {"v": "?"})
    assert (record["status"], record["status_raw"]) == (status, text)
    assert mapped(rules_of({"status": rule}), {"v": "Q"})["status_raw"] is None


def test_a_custom_field_that_asks_for_other_keeps_the_text_too() -> None:
    rule = {**WORD, "values": {"Q": "q"}, "unknown": "other"}
    assert mapped(rules_of({}, {"grade": rule}), {"v": "?"})["custom_fields"] == {
        "grade": "other",
        "grade_raw": "?",
    }


def test_unknown_error_refuses_the_record() -> None:
    rule = {**WORD, "values": {"Q": "draft"}, "unknown": "error"}
    mapper = compile_rules(rules_of({"status": rule}), ORDERS, MODEL)
    ((record, error),) = mapper(UID, [b'{"v": "?"}'])
    assert record is None
    assert error == "status: \"?\" is not a value that 'values' names, and 'unknown' is error"


def test_the_steps_come_in_the_order_of_the_contract() -> None:
    rule = {**WORD, "values": {"x": "7"}, "type": "integer", "default": 1}
    rules = rules_of({}, {"own": rule})
    (one,) = (
        field for field in explain(rules, ORDERS, MODEL, UID, b'{"v": "x"}') if field.name == "own"
    )
    assert [step.does for step in one.steps] == [Does.FROM, Does.VALUES, Does.TYPE]
    assert one.value == 7


def test_without_inherit_only_what_a_mapping_names_is_mapped() -> None:
    layers = [
        Layer("default", "Connector/x", {"number": {"from": "a"}, "count": {"from": "n"}}, {}),
        Layer("connection", "Mapping/y", {"number": {"from": "b"}}, {}, inherit=False),
    ]
    record = mapped(effective("orders", layers), {"a": "A", "b": "B", "n": 1})
    assert (record["number"], record["count"]) == ("B", None)


# ── value maps by name ───────────────────────────────────────────────────────────────────────────────

NAMED: Final = "apideck-purchase-order-status"


def test_a_named_map_stands_beneath_the_rules_own_values() -> None:
    rule = {**WORD, "valuesFrom": NAMED, "values": {"open": "sent", "billed": "sent"}}
    rules = rules_of({"number": rule})
    assert [mapped(rules, {"v": text})["number"] for text in ("open", "draft", "billed", "?")] == [
        "sent",
        "draft",
        "sent",
        "?",
    ]


def test_a_named_map_counts_in_the_basis_and_a_rule_that_writes_it_out_has_the_same_values() -> (
    None
):
    named = rules_of({"number": {**WORD, "valuesFrom": NAMED}})
    written = rules_of({"number": {**WORD, "values": dict(value_maps()[NAMED].values)}})
    other = rules_of({"number": {**WORD, "valuesFrom": "merge-invoice-status"}})
    assert named.fields["number"].body["values"] == written.fields["number"].body["values"]
    assert len({named.basis, other.basis}) == 2


def test_a_named_map_works_within_each_too() -> None:
    each = {"state": {"from": "s", "valuesFrom": NAMED}}
    record = mapped(
        rules_of({}, {"rows": {"from": "rows", "each": each}}), {"rows": [{"s": "open"}]}
    )
    assert record["custom_fields"]["rows"] == [{"state": "approved"}]


def test_a_name_that_there_is_not_is_told_with_the_nearest() -> None:
    with pytest.raises(
        MappingInvalid, match="there is no value map 'maximo-work-order-stats'"
    ) as caught:
        compile_rules(
            rules_of({"number": {**WORD, "valuesFrom": "maximo-work-order-stats"}}), ORDERS, MODEL
        )
    (problem,) = caught.value.problems
    assert problem.path == ("fields", "number", "valuesFrom")
    assert problem.hint == "did you mean 'maximo-work-order-status'?"


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("CRTD", "draft"),
        ("REL  PCNF PRC", "in_progress"),
        ("REL  CNF  PRC", "completed"),
        ("TECO CNF  PRC", "completed"),
        ("CLSD TECO", "closed"),
        ("DLFL REL", "cancelled"),
        ("odd", None),
        (None, None),
    ],
)
def test_the_furthest_of_several_statuses_is_taken_as_the_page_shows(
    text: str | None, status: str | None
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "explain.md").read_text()
    block = page.rpartition("```yaml\n")[2].partition("```")[0]
    rule = yaml.safe_load(block)["status"]
    model = entities()
    layer = Layer("default", "Connector/x", {"status": rule}, {})
    mapper = compile_rules(effective("work-orders", [layer]), model["work-orders"], model)
    assert mapper.one(UID, msgspec.json.encode({"sttxt": text}))["status"] == status

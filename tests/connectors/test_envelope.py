"""Looking into answers without decoding the records."""

import json
from typing import Any

import jmespath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.connectors.envelope import Finder, Lister, simple_path
from reconciler.errors import SourceInvalid

RECORDS = [{"id": n, "next": "inside"} for n in range(3)]
ANSWERS: list[Any] = [
    {"data": RECORDS, "next": "t", "meta": {"next": "m", "total": 3}},
    {"result": {"data": RECORDS, "next": "t", "deep": {"next": "d"}}, "next": None},
    {"result": {"box": {"data": RECORDS, "next": 2}, "next": 1}},
    {"result": [1], "next": "t"},
    {"result": None},
    RECORDS,
    "text",
    None,
]
EXPRESSIONS = [
    "next",
    "meta.next",
    "result.next",
    "result.box.next",
    "result.deep.next || next",
    "length(data || `[]`) > `2`",
    "data[-1].id",
    "result.data[0].next",
    "[0].id",
    "@",
    "keys(@ || `{}`)",
    "*.next",
    "meta",
]


@given(
    st.sampled_from(ANSWERS),
    st.sampled_from(EXPRESSIONS),
    st.sampled_from(["data", "result.data", "result.box.data", "@", "data[]"]),
)
def test_what_is_found_is_what_jmespath_finds_in_all_of_it(
    answer: Any, expression: str, records: str
) -> None:
    finder = Finder(expression, simple_path(records))
    try:
        expected = jmespath.search(expression, answer)
    except jmespath.exceptions.JMESPathError:
        with pytest.raises(SourceInvalid, match="does not fit the answer"):
            finder.find(json.dumps(answer).encode())
        return
    assert finder.find(json.dumps(answer).encode()) == expected


@pytest.mark.parametrize(
    ("expression", "path"),
    [("@", ()), (" data ", ("data",)), ("a.b_1", ("a", "b_1")), ("a[0]", None), ('"a b"', None)],
)
def test_a_simple_path_is_one_of_plain_keys(expression: str, path: tuple[str, ...] | None) -> None:
    assert simple_path(expression) == path


@pytest.mark.parametrize("path", [(), ("data",), ("result", "data")])
def test_a_list_is_found_or_not(path: tuple[str, ...]) -> None:
    lister = Lister(path)
    for answer in ANSWERS:
        expected = jmespath.search(".".join(path) or "@", answer)
        found = lister.find(json.dumps(answer).encode())
        assert (None if found is None else [json.loads(bytes(raw)) for raw in found]) == (
            expected if isinstance(expected, list) else None
        )

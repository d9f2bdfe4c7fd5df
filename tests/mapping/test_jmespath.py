"""Expressions written out as Python give what the library's interpreter gives."""

import json
from typing import Any

import jmespath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.mapping.jmespath import (
    ExpressionInvalid,
    compile_expression,
    failure_in_words,
    read_expression,
)

RECORD: dict[str, Any] = {
    "a": {"b": {"c": [1, 2, 3]}, "empty": {}, "text": "x"},
    "lines": [
        {"no": 1, "ok": True, "account": {"code": "A"}, "tags": ["x", "y"]},
        {"no": 2, "ok": False, "account": None, "tags": []},
        {"no": 10, "account": {"code": ""}, "tags": [["z"], "w"]},
        None,
        "a text",
    ],
    "zero": 0,
    "false": False,
    "one": 1,
    "none": None,
    "text": "",
    "deep": [[1, [2]], [3], 4],
    "größe": "ü",
    "with space": 1,
}

TABLE = [
    "a", "a.b.c", "a.b.c[0]", "a.b.c[-1]", "a.b.c[3]", "a.b.c[-4]", "a.b.c[1:]", "a.b.c[::-1]",
    "a.b.c[:2]", "a.text.more", "a.text[0]", "missing.b", "missing[0]", "[0]", "@", "a | b", "a.b | c | [0]",
    "lines[0]", "lines[*].no", "lines[].account.code", "lines[*].tags", "lines[].tags[]", "lines[].tags",
    "lines[?ok].no", "lines[?no > `1`].no", "lines[?no == `10`] | [0].account", "lines[?account].account.code",
    "lines[?!ok]", "lines[*].[no, ok]", "lines[*].{n: no, c: account.code}", "{n: zero, n: one}",
    "[zero, one, missing]", "missing.[a]", "missing.{a: a}", "a.*", "a.*.c", "*.b", "text.*", "a.b.*[0]",
    "zero || one", "false || one", "none || text || zero", "one && zero", "false && one", "a.empty || one",
    "!zero", "!false", "!text", "!a", "!none", "!a.empty", "!lines", "!one",
    "zero == false", "one == `true`", "one == `1.0`", "a == a", "text == ''", "none == `null`", "one != zero",
    "one < `2`", "one >= `1`", "text < 'x'", "false < one", "none <= none", "a > one",
    "length(lines)", "length(text)", "join('-', a.keys(@) || `[\"q\"]`)", "sort_by(lines[?no], &no)[-1].no",
    "max_by(lines[?no], &no).no", "to_string(a.b)", "not_null(missing, none, one)", "contains(text, 'x')",
    "map(&no, lines[?no])", "sum(lines[].no)", "keys(a)", "type(zero)", "deep[]", "deep[][]", "[deep[0], a][]",
    '`{"k": [1, 2]}`.k[1]', "`1e400`", "'raw'", '"größe"', '"with space"', "\"größe\" == 'ü'",
    "(lines || a)[0].no", "lines[0].account.code || lines[2].account.code || 'none'", "lines[*].no | [0]",
    "lines[?no > `1` && no < `5`].no | [0]", "(zero || a).b", "lines[1:3].no", "*[0]", "lines[*][0]",
    "a.b.c[*][*]", "deep[*][0]", "deep[*][*]", "deep[?[0]]",
    "length(a)", "length(zero)", "length(lines[0].tags)", "join('-', lines[0].tags)", "join('-', deep)",
    "join('-', text)", "join(zero, lines[0].tags)", "to_string(text)", "to_string(zero)", "starts_with(a.text, 'x')",
    "starts_with(a.text, zero)", "ends_with(a.text, 'y')", "ends_with(zero, 'y')",
]  # fmt: skip


def outcome(search: Any, value: Any) -> Any:
    """Return the result as JSON text, or the type of the failure."""
    try:
        found = search(value)
    except (ValueError, TypeError) as error:
        return type(error)
    return json.dumps(found)


@pytest.mark.parametrize("text", TABLE)
def test_an_expression_gives_what_the_library_gives(text: str) -> None:
    try:
        ours = compile_expression(text)
    except ExpressionInvalid:
        assert outcome(jmespath.compile(text).search, RECORD) not in {"", "0"}
        with pytest.raises(jmespath.exceptions.JMESPathError):
            jmespath.search(text, RECORD)
        return
    for value in (RECORD, None, [], [RECORD, [1]], "a text", 7, {}):
        assert outcome(ours, value) == outcome(jmespath.compile(text).search, value), value


NAMES = st.sampled_from(["a", "b", "c"])
LITERALS = st.sampled_from(
    [
        "`0`",
        "`1`",
        "`2.5`",
        "`true`",
        "`false`",
        "`null`",
        "'a'",
        "''",
        "`[]`",
        "`{}`",
        "`[1]`",
        "@",
    ]
)
FUNCTIONS = st.sampled_from(
    ["length", "type", "to_string", "not_null", "to_array", "keys", "reverse", "sum", "to_number"]
)


def _grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    two = st.tuples(inner, inner)
    compared = st.tuples(inner, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), inner)
    return st.one_of(
        st.tuples(inner, NAMES).map(lambda t: f"({t[0]}).{t[1]}"),
        st.tuples(inner, st.integers(-3, 3)).map(lambda t: f"({t[0]})[{t[1]}]"),
        st.tuples(inner, st.sampled_from(["[*]", "[]", ".*", "[1:]", "[::-1]", "[:-1]"])).map(
            "".join
        ),
        st.tuples(inner, NAMES).map(lambda t: f"({t[0]})[*].{t[1]}"),
        st.tuples(inner, NAMES).map(lambda t: f"({t[0]})[].{t[1]}"),
        st.tuples(inner, inner, inner).map(lambda t: f"({t[0]})[?{t[1]}] | [0] || {t[2]}"),
        st.tuples(inner, inner).map(lambda t: f"({t[0]})[?{t[1]}]"),
        two.map(lambda t: f"({t[0]}) || ({t[1]})"),
        two.map(lambda t: f"({t[0]}) && ({t[1]})"),
        two.map(lambda t: f"({t[0]}) | ({t[1]})"),
        inner.map(lambda t: f"!({t})"),
        compared.map(lambda t: f"({t[0]}) {t[1]} ({t[2]})"),
        two.map(lambda t: f"[{t[0]}, {t[1]}]"),
        two.map(lambda t: f"{{x: {t[0]}, y: {t[1]}}}"),
        st.tuples(inner, inner).map(lambda t: f"({t[0]}).[{t[1]}]"),
        st.tuples(inner, inner).map(lambda t: f"({t[0]}).{{a: {t[1]}}}"),
        st.tuples(
            st.sampled_from(["join", "starts_with", "ends_with", "contains"]), inner, inner
        ).map(lambda t: f"{t[0]}({t[1]}, {t[2]})"),
        st.tuples(FUNCTIONS, inner).map(lambda t: f"{t[0]}({t[1]})"),
        st.tuples(inner, NAMES).map(lambda t: f"map(&{t[1]}, to_array({t[0]}))"),
    )


EXPRESSIONS = st.recursive(st.one_of(NAMES, LITERALS), _grow, max_leaves=8)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 3), st.sampled_from([0.0, 1.0, 2.5]), st.sampled_from(["", "a", "b"])
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=20,
)


@settings(max_examples=400, deadline=None)
@given(text=EXPRESSIONS, values=st.lists(VALUES, min_size=1, max_size=4))
def test_random_expressions_over_random_values_give_what_the_library_gives(
    text: str, values: list[Any]
) -> None:
    ours, library = compile_expression(text), jmespath.compile(text)
    for value in values:
        assert outcome(ours, value) == outcome(library.search, value)


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=20), st.text(alphabet="a.[]*|&!(){}`'\"?,:@<=1- ", max_size=16)))
def test_any_text_is_an_expression_or_a_problem(text: str) -> None:
    try:
        ours = compile_expression(text)
    except ExpressionInvalid as error:
        ours, said = None, str(error)
    if ours is None:
        assert said
        return
    assert outcome(ours, RECORD) == outcome(jmespath.compile(text).search, RECORD)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a..b", "not a JMESPath expression: '.' is not expected here (column 3)"),
        ("a[", "not a JMESPath expression: the expression ends too soon (column 3)"),
        ("a.", "not a JMESPath expression: the expression ends too soon (column 3)"),
        ("", "Invalid JMESPath expression: cannot be empty."),
        ("lenght(a)", "there is no function lenght()"),
        ("length()", "length() takes 1 arguments, not 0"),
        ("length(a, b)", "length() takes 1 arguments, not 2"),
        ("not_null()", "not_null() takes at least 1 arguments, not 0"),
        ("&a", "'&' is for arguments of functions only"),
        ("[&a]", "'&' is for arguments of functions only"),
        ("(" * 4000, "nested too deep"),
    ],
)
def test_what_is_no_expression_is_told_in_words(text: str, said: str) -> None:
    with pytest.raises(ExpressionInvalid) as caught:
        read_expression(text)
    assert str(caught.value) == said


def test_projections_nested_deeper_than_python_blocks_are_left_to_the_library() -> None:
    text = "a" + "[*].a" * 30
    value: Any = 1
    for _ in range(31):
        value = {"a": [value]}
    assert outcome(compile_expression(text), value) == outcome(jmespath.compile(text).search, value)


def test_a_refused_argument_is_told_with_its_value_cut() -> None:
    with pytest.raises(jmespath.exceptions.JMESPathTypeError) as caught:
        compile_expression("sum(a)")({"a": "s3cret" * 1000})
    said = failure_in_words(caught.value)
    assert said.startswith('sum() takes array-number, not "s3cret')
    assert len(said) < 130


def test_another_failure_of_a_function_is_told_as_the_library_says_it() -> None:
    assert failure_in_words(jmespath.exceptions.JMESPathError("why")) == "why"

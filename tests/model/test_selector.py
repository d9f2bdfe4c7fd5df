"""Selectors: read, written, and the same language as that of specs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from reconciler.model.selector import chosen_by, format_selector, parse_selector, selector_of
from reconciler.spec.kinds.envelope import Selector as SpecSelector

names = st.from_regex(r"[A-Za-z0-9]([-A-Za-z0-9_./]{0,20}[A-Za-z0-9])?", fullmatch=True)
values = st.from_regex(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,20}[A-Za-z0-9])?)?", fullmatch=True)


@given(st.dictionaries(names, values, min_size=1))
def test_a_selector_is_read_as_it_is_written(labels: dict[str, str]) -> None:
    selector = selector_of(labels)
    assert parse_selector(format_selector(selector)) == selector
    assert chosen_by(selector, labels)


@given(st.dictionaries(st.text(max_size=130), st.text(max_size=70), min_size=1, max_size=2))
def test_what_a_spec_takes_as_labels_is_what_a_selector_takes(labels: dict[str, str]) -> None:
    try:
        SpecSelector(match_labels=labels)
    except ValidationError:
        with pytest.raises(ValueError, match="label"):
            selector_of(labels)
    else:
        selector_of(labels)


@pytest.mark.parametrize("name", ["a" * 127, "a" * 128, "a.b/c-d_e", "-a", "a-", ""])
@pytest.mark.parametrize("value", ["v" * 63, "v" * 64, "", "v.w", ".v", "a\n"])
def test_the_borders_are_those_of_a_spec(name: str, value: str) -> None:
    try:
        SpecSelector(match_labels={name: value})
    except ValidationError:
        with pytest.raises(ValueError, match="label"):
            selector_of({name: value})
    else:
        assert selector_of({name: value}) == ((name, value),)


@pytest.mark.parametrize("text", ["", "a", "a=b,", "=b", "a=b,a=c", "a=b c", "a==b"])
def test_other_text_is_no_selector(text: str) -> None:
    with pytest.raises(ValueError, match="label"):
        parse_selector(text)


def test_all_labels_must_match_and_no_selector_chooses_nothing() -> None:
    assert chosen_by((("a", "b"),), {"a": "b", "c": "d"})
    assert not chosen_by((("a", "b"), ("c", "x")), {"a": "b", "c": "d"})
    assert not chosen_by((("a", ""),), {})
    assert not chosen_by((), {"a": "b"})

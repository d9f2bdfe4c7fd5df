"""Cursors of pages: read back as they were written, and for one query only."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.web.cursors import seal, unseal
from reconciler.web.problems import Refused

positions = st.tuples(st.integers(-(2**53), 2**53), st.text(max_size=40))
queries = st.lists(st.none() | st.text(max_size=5) | st.booleans(), max_size=4)


@given(positions, queries)
def test_a_cursor_is_read_back(position: tuple[int, str], query: list[object]) -> None:
    assert unseal(seal(list(position), query), query, tuple[int, str]) == position


@given(positions, queries, queries)
def test_a_cursor_is_for_one_query(
    position: tuple[int, str], query: list[object], other: list[object]
) -> None:
    if query != other:
        with pytest.raises(Refused, match="not of this query"):
            unseal(seal(list(position), query), other, tuple[int, str])


@given(positions, st.data())
def test_a_cursor_with_one_byte_changed_is_refused(
    position: tuple[int, str], data: st.DataObject
) -> None:
    text = seal(list(position), "q")
    whole = bytearray(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= data.draw(st.integers(1, 255))
    wrong = base64.urlsafe_b64encode(bytes(whole)).decode().rstrip("=")
    with pytest.raises(Refused):
        unseal(wrong, "q", tuple[int, str])


@given(st.text(max_size=60))
def test_other_text_is_no_cursor(text: str) -> None:
    with pytest.raises(Refused):
        unseal(text, "q", tuple[int, str])


def test_a_position_of_another_form_is_refused() -> None:
    with pytest.raises(Refused, match="damaged"):
        unseal(seal(["x"], "q"), "q", tuple[int, str])
    with pytest.raises(Refused, match="no cursor of ours"):
        unseal("A" * 2000, "q", tuple[int, str])

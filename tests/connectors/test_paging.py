"""Paging, without a system: where the next page is, and what turns in circles."""

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.connectors.paging import (
    Found,
    Spot,
    link_header,
    next_spot,
    place_of,
    read_spot,
    resumable,
    variables,
    without_parameter,
    write_spot,
)
from reconciler.errors import ServerFault, SourceInvalid
from reconciler.spec.kinds.connector import Paging

URL = "https://erp.example/api/orders?limit=2"


def paging(type_: str, **changes: Any) -> Paging:
    return Paging.model_validate({"type": type_, **changes})


def ids(*numbers: int) -> tuple[str, ...]:
    return tuple(map(str, numbers))


def after(spot: Spot | None) -> Spot:
    assert spot is not None
    return read_spot(write_spot(spot))


def test_none_has_one_page() -> None:
    assert next_spot(paging("none"), Spot(), Found(200, ids(1, 2))) is None


def test_offset_goes_on_by_what_was_read_until_a_page_is_short() -> None:
    by_offset = paging("offset", size=2)
    second = after(next_spot(by_offset, Spot(), Found(2, ids(1, 2))))
    assert variables(by_offset, second)["offset"] == 2
    assert place_of(by_offset, second) == "page at offset 2"
    assert next_spot(by_offset, second, Found(1, ids(3))) is None


def test_pages_are_counted_from_the_first() -> None:
    by_number = paging("page", size=2, first=0)
    assert variables(by_number, Spot())["number"] == 0
    second = after(next_spot(by_number, Spot(), Found(2, ids(1, 2))))
    assert variables(by_number, second)["number"] == 1
    assert place_of(by_number, second) == "page 1"


def test_keyset_goes_on_after_the_last_key() -> None:
    by_key = paging("keyset", size=2)
    second = after(next_spot(by_key, Spot(), Found(2, ids(7, 9), last_key=9)))
    assert variables(by_key, second)["key"] == 9
    assert place_of(by_key, second) == "page after '9'"
    assert next_spot(by_key, second, Found(0)) is None


def test_a_cursor_ends_where_there_is_no_token() -> None:
    by_token = paging("cursor", next="next")
    second = after(next_spot(by_token, Spot(), Found(2, ids(1, 2), next="t2")))
    assert variables(by_token, second)["token"] == "t2"
    assert next_spot(by_token, second, Found(2, ids(3, 4), next=None)) is None
    assert next_spot(by_token, second, Found(2, ids(3, 4), next="")) is None


def test_an_empty_page_with_a_token_is_not_the_last() -> None:
    assert next_spot(paging("cursor", next="next"), Spot(), Found(0, next="t2")) is not None


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("?limit=2&after=9", "https://erp.example/api/orders?limit=2&after=9"),
        ("/v2/orders", "https://erp.example/v2/orders"),
        ("https://erp.example:443/x", "https://erp.example:443/x"),
    ],
)
def test_a_link_is_followed_on_its_host(link: str, expected: str) -> None:
    by_link = paging("next_link", next="next")
    assert after(next_spot(by_link, Spot(), Found(2, ids(1), next=link, url=URL))).link == expected


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/x",
        "http://erp.example/x",
        "//evil.example",
        "https://erp.example:444/",
    ],
)
def test_a_link_to_another_host_is_refused(link: str) -> None:
    with pytest.raises(SourceInvalid, match="another host"):
        next_spot(paging("next_link", next="next"), Spot(), Found(2, ids(1), next=link, url=URL))


def test_more_decides_where_it_is_given() -> None:
    told = paging("offset", size=2, more="has_more")
    assert next_spot(told, Spot(), Found(2, ids(1, 2), more=False)) is None
    assert next_spot(told, Spot(), Found(1, ids(1), more=True)) is not None
    assert next_spot(told, Spot(), Found(0, more=False)) is None


def test_an_empty_page_that_is_not_the_last_is_a_fault_and_never_the_end() -> None:
    with pytest.raises(ServerFault, match="more follow"):
        next_spot(paging("offset", size=2, more="has_more"), Spot(), Found(0, more=True))


def test_a_short_page_with_a_round_number_may_be_the_sources_own_limit() -> None:
    wide = paging("offset", size=500)
    second = after(next_spot(wide, Spot(), Found(100, ids(*range(100)))))
    assert second.offset == 100
    third = after(next_spot(wide, second, Found(100, ids(*range(100, 200)))))
    assert third.offset == 200
    assert next_spot(wide, third, Found(50, ids(*range(200, 250)))) is None
    assert next_spot(wide, Spot(), Found(37, ids(*range(37)))) is None


def test_the_last_page_given_again_to_a_doubt_is_the_end() -> None:
    by_number = paging("page", size=500)
    second = after(next_spot(by_number, Spot(), Found(100, ids(*range(100)))))
    assert next_spot(by_number, second, Found(100, ids(*range(100)))) is None


@given(lead=st.integers(0, 40), length=st.integers(1, 60))
def test_a_circle_of_tokens_is_found_whatever_its_length(lead: int, length: int) -> None:
    by_token = paging("cursor", next="next")

    def follow() -> None:
        spot = Spot()
        for step in range(4 * (lead + length) + 10):
            at = step if step < lead else lead + (step - lead) % length
            spot = after(next_spot(by_token, spot, Found(0, next=f"t{at}")))

    with pytest.raises(SourceInvalid, match="read already"):
        follow()


@given(count=st.integers(1, 200))
def test_tokens_that_never_come_again_are_no_circle(count: int) -> None:
    by_token = paging("cursor", next="next")
    spot = Spot()
    for step in range(count):
        spot = after(next_spot(by_token, spot, Found(0, next=f"t{step}")))
    assert spot.pages == count


@pytest.mark.parametrize("kind", ["offset", "page"])
def test_a_source_that_does_not_heed_the_paging_is_told(kind: str) -> None:
    deaf = paging(kind, size=2)
    second = after(next_spot(deaf, Spot(), Found(2, ids(1, 2))))
    with pytest.raises(SourceInvalid, match="same 2 records as the page before"):
        next_spot(deaf, second, Found(2, ids(1, 2)))


def test_one_record_may_slip_onto_the_next_page_but_not_for_ever() -> None:
    single = paging("offset", size=1)
    second = after(next_spot(single, Spot(), Found(1, ids(1))))
    third = after(next_spot(single, second, Found(1, ids(1))))
    with pytest.raises(SourceInvalid, match="same 1 records"):
        next_spot(single, third, Found(1, ids(1)))


def test_a_keyset_that_does_not_move_is_told() -> None:
    by_key = paging("keyset", size=2)
    second = after(next_spot(by_key, Spot(), Found(2, ids(1, 2), last_key=2)))
    with pytest.raises(SourceInvalid, match="read already"):
        next_spot(by_key, second, Found(2, ids(3, 2), last_key=2))


@pytest.mark.parametrize("token", [["a"], {"a": 1}, True])
def test_a_token_is_a_text_or_a_number(token: object) -> None:
    with pytest.raises(SourceInvalid, match="not as a text or a number"):
        next_spot(paging("cursor", next="next"), Spot(), Found(1, ids(1), next=token))


def test_a_place_that_cannot_be_read_says_what_to_do() -> None:
    with pytest.raises(SourceInvalid) as caught:
        read_spot("{offset")
    assert "--full" in caught.value.hint


@given(
    st.integers(0, 10**9),
    st.one_of(st.none(), st.text(), st.integers(-(2**63), 2**63)),
    st.one_of(st.none(), st.text(max_size=50)),
)
def test_a_spot_comes_back_from_its_text(
    offset: int, key: str | int | None, link: str | None
) -> None:
    spot = Spot(offset=offset, key=key, link=link)
    assert read_spot(write_spot(spot)) == spot


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("none", True),
        ("offset", True),
        ("page", True),
        ("keyset", True),
        ("cursor", False),
        ("next_link", False),
    ],
)
def test_what_the_source_may_forget_is_not_gone_on_with(kind: str, expected: bool) -> None:  # noqa: FBT001 - a table
    assert resumable(paging(kind)) is expected
    assert resumable(paging(kind, resumable=not expected)) is not expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (
            '<https://h/a?page=2>; rel="next", <https://h/a?page=9>; rel="last"',
            "https://h/a?page=2",
        ),
        ('<https://h/a?ids=1,2>; title="x"; rel=next', "https://h/a?ids=1,2"),
        ('<https://h/a>; rel="prev"', None),
        ("", None),
        ("nonsense; rel=next", None),
    ],
)
def test_the_link_header_is_read(header: str, expected: str | None) -> None:
    assert link_header(header) == expected


def test_our_key_is_not_kept_in_a_link() -> None:
    assert without_parameter("/a?key=s3cret&page=2", "key") == "/a?page=2"
    assert without_parameter("/a?page=2", "key") == "/a?page=2"


def test_an_unknown_kind_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="type"):
        paging(cast("Any", "scroll"))

"""Positions: read from records, compared as texts, written for the source."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.connectors.positions import Positions, position_of
from reconciler.errors import SourceInvalid
from reconciler.spec.kinds.connector import CursorField

moments = st.datetimes(
    min_value=datetime(1971, 1, 1, tzinfo=UTC).replace(tzinfo=None),
    max_value=datetime(2100, 1, 1, tzinfo=UTC).replace(tzinfo=None),
    timezones=st.just(UTC),
)


def positions(**changes: Any) -> Positions:
    return Positions(CursorField(value="updated", **changes))


@given(moments, moments)
def test_positions_compare_as_their_times(one: datetime, other: datetime) -> None:
    assert (position_of(one) < position_of(other)) == (one < other)


@given(st.lists(moments, min_size=1), st.sampled_from([-11, 0, 5, 14]))
def test_the_highest_is_the_latest_whatever_zone_each_is_written_in(
    times: list[datetime], hours: int
) -> None:
    zone = timezone(timedelta(hours=hours))
    texts = [
        time.astimezone(zone).isoformat() if at % 2 else time.isoformat().replace("+00:00", "Z")
        for at, time in enumerate(times)
    ]
    assert positions().highest(texts) == position_of(max(times))


@given(moments, st.sampled_from(["iso", "epoch", "epoch-ms", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d"]))
def test_what_is_asked_for_is_never_later_than_the_position(time: datetime, form: str) -> None:
    of_form = positions(format=form)
    written = of_form.write(position_of(time))
    again = of_form.highest([written])
    assert again is not None
    assert again <= position_of(time)
    assert time - datetime.fromisoformat(again) < timedelta(days=1)


@given(moments, st.sampled_from(["Pacific/Kiritimati", "America/New_York", "Europe/Amsterdam"]))
def test_a_zone_without_a_name_in_the_text_is_kept_both_ways(time: datetime, zone: str) -> None:
    local = positions(format="%d.%m.%Y %H:%M", time_zone=zone)
    again = local.highest([local.write(position_of(time))])
    assert again is not None
    behind = time - datetime.fromisoformat(again)
    assert timedelta(hours=-1) <= behind < timedelta(hours=1, minutes=1)


def test_a_run_starts_again_before_the_last_position() -> None:
    assert positions(lookback="5m").resume("2026-03-04T12:00:00.000000Z") == (
        "2026-03-04T11:55:00.000000Z"
    )


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("iso", "2026-03-04T12:00:00.250000Z"),
        ("epoch", 1772625600),
        ("epoch-ms", 1772625600250),
        ("%Y%m%d", "20260304"),
    ],
)
def test_since_is_written_as_the_source_has_it(form: str, expected: object) -> None:
    assert positions(format=form).write("2026-03-04T12:00:00.250000Z") == expected


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("2026-03-04T12:00:00Z", "iso"),
        ("2026-03-04T13:00:00+01:00", "iso"),
        ("2026-03-04T12:00:00", "iso"),
        ("2026-03-04 12:00:00.0000000", "iso"),
        (1772625600, "epoch"),
        ("1772625600", "epoch"),
        (1772625600000, "epoch-ms"),
        ("04/03/2026 12:00", "%d/%m/%Y %H:%M"),
    ],
)
def test_a_source_may_write_times_in_many_ways(value: object, form: str) -> None:
    assert positions(format=form).highest([None, value]) == "2026-03-04T12:00:00.000000Z"


def test_no_value_is_no_position() -> None:
    assert positions().highest([None, None]) is None


@pytest.mark.parametrize("value", ["31/12/2026", True, {"a": 1}, 12])
def test_what_is_no_time_is_an_error_that_names_it(value: object) -> None:
    with pytest.raises(SourceInvalid, match="updated"):
        positions().highest(["2026-03-04T12:00:00Z", value])


def test_numbers_compare_as_numbers_and_have_no_lookback() -> None:
    numbers = positions(type="integer")
    top = numbers.highest([9, 10, "11"])
    assert top is not None
    assert top > str(numbers.highest([9]))
    assert numbers.write(top) == 11
    assert numbers.resume(top) == top
    assert numbers.start(datetime(2026, 3, 4, tzinfo=UTC)) is None


def test_texts_are_themselves() -> None:
    texts = positions(type="string")
    assert texts.highest(["a", "c", "b"]) == "c"
    assert texts.write("c") == "c"
    with pytest.raises(SourceInvalid):
        texts.highest([1])

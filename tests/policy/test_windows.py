"""Windows: when they are open, when they end, and what changing clocks make of them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.policy.policy import Reach, Window
from reconciler.policy.windows import all_ended, end_of, open_among

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
ZONES = ["UTC", "Europe/Amsterdam", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]
HOUR = timedelta(hours=1)


def shut(deny: str, lasts: timedelta, zone: str = "UTC") -> Window:
    return Window(deny, lasts, zone, "why", Reach())


def there(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=AMSTERDAM)  # type: ignore[misc, arg-type]  # a date and a time


WEEKEND = shut("0 22 * * 5", timedelta(hours=60), "Europe/Amsterdam")


@pytest.mark.parametrize(
    ("now", "end"),
    [
        (there(2026, 5, 29, 21, 59, 59), None),
        (there(2026, 5, 29, 22, 0), there(2026, 6, 1, 10, 0)),
        (there(2026, 5, 31, 12, 0), there(2026, 6, 1, 10, 0)),
        (there(2026, 6, 1, 9, 59, 59), there(2026, 6, 1, 10, 0)),
        (there(2026, 6, 1, 10, 0), None),
        # 60 hours pass: in spring the clocks show an hour more, in autumn an hour less
        (there(2026, 3, 28, 12, 0), there(2026, 3, 30, 11, 0)),
        (there(2026, 10, 24, 12, 0), there(2026, 10, 26, 9, 0)),
    ],
)
def test_a_weekend_begins_by_the_clocks_of_its_zone_and_lasts_60_hours(
    now: datetime, end: datetime | None
) -> None:
    found = end_of(WEEKEND, now.astimezone(UTC))
    assert found == (None if end is None else end.astimezone(UTC))


def test_an_hour_that_the_clocks_leave_out_begins_an_hour_later() -> None:
    night = shut("30 2 * * *", 2 * HOUR, "Europe/Amsterdam")
    day = datetime(2026, 3, 29, tzinfo=UTC)
    assert end_of(night, day.replace(hour=1, minute=29)) is None
    assert end_of(night, day.replace(hour=1, minute=30)) == day.replace(hour=3, minute=30)


def test_times_that_the_clocks_put_in_another_order_are_all_seen() -> None:
    often = shut("0,30 2,3 * * *", timedelta(minutes=20), "Europe/Amsterdam")
    day = datetime(2026, 3, 29, tzinfo=UTC)
    opened = [minute for minute in range(60) if end_of(often, day.replace(hour=1, minute=minute))]
    assert opened == [*range(20), *range(30, 50)]


def test_an_hour_that_the_clocks_show_twice_comes_once() -> None:
    night = shut("30 2 * * *", timedelta(minutes=30), "Europe/Amsterdam")
    day = datetime(2026, 10, 25, tzinfo=UTC)
    opened = [hour for hour in range(4) if end_of(night, day.replace(hour=hour, minute=45))]
    assert opened == [0]


def test_windows_that_follow_each_other_are_one_wait() -> None:
    first, second = shut("0 8 * * *", 4 * HOUR), shut("0 12 * * *", 2 * HOUR)
    overlapping = shut("0 13 * * *", 3 * HOUR)
    now = datetime(2026, 6, 1, 9, tzinfo=UTC)
    assert all_ended([first, second, overlapping], now) == now.replace(hour=16)
    assert all_ended([first, overlapping], now) == now.replace(hour=12)


@pytest.mark.parametrize(
    "always", [shut("* * * * *", timedelta(minutes=1)), shut("0 0 * * *", 48 * HOUR)]
)
def test_windows_without_a_gap_never_end(always: Window) -> None:
    assert all_ended([always], datetime(2026, 6, 1, 9, tzinfo=UTC)) is None


def test_a_night_of_minutes_ends_in_the_morning() -> None:
    minutes = shut("* 20-23,0-5 * * *", timedelta(minutes=1))
    now = datetime(2026, 6, 1, 20, 30, tzinfo=UTC)
    assert all_ended([minutes], now) == datetime(2026, 6, 2, 6, tzinfo=UTC)


START = datetime(2024, 1, 1, tzinfo=UTC)
crons = st.builds(
    lambda minute, hour, day: f"{minute} {hour} * * {day}",
    st.sampled_from(["0", "30", "*/15", "7"]),
    st.sampled_from(["*", "0", "2", "2-3", "22", "*/6"]),
    st.sampled_from(["*", "5", "6,0", "1-5"]),
)
moments = st.integers(0, 6 * 366 * 86_400).map(lambda s: START + timedelta(seconds=s))
windows = st.builds(
    shut,
    crons,
    st.integers(1, 72 * 60).map(lambda minutes: timedelta(minutes=minutes)),
    st.sampled_from(ZONES),
)


@given(windows, moments)
def test_a_window_ends_in_the_future_and_no_later_than_it_lasts(one: Window, now: datetime) -> None:
    end = end_of(one, now)
    assert end is None or now < end <= now + one.lasts


@given(windows, moments, st.floats(0, 1))
def test_a_window_that_is_open_stays_so_until_it_ends(
    one: Window, now: datetime, share: float
) -> None:
    end = end_of(one, now)
    if end is not None:
        later = end_of(one, min(now + (end - now) * share, end - timedelta(microseconds=1)))
        assert later is not None
        assert later >= end


@given(st.lists(windows, min_size=1, max_size=3), moments)
def test_some_window_is_open_or_all_have_ended_and_never_both(
    several: list[Window], now: datetime
) -> None:
    ended = all_ended(several, now)
    assert (ended == now) is not open_among(several, now)
    if ended is not None:
        assert ended >= now
        assert not open_among(several, ended)


@given(windows, moments)
def test_a_window_is_open_just_from_its_beginning_to_its_end(one: Window, now: datetime) -> None:
    end = end_of(one, now)
    if end is not None:
        assert end_of(one, end - one.lasts) is not None
        assert end_of(one, end - timedelta(microseconds=1)) is not None

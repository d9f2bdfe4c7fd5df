"""Times of sources, in many spellings, as one instant."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.mapping.misfit import Misfit
from reconciler.mapping.times import FormatInvalid, dates, datetimes, is_day, is_utc, zone_of

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
KOLKATA = ZoneInfo("Asia/Kolkata")

INSTANTS: list[tuple[str | None, Any, str | None]] = [
    (None, "2026-03-04T12:30:15Z", "2026-03-04T12:30:15Z"), (None, "2028-02-29T12:30:15Z", "2028-02-29T12:30:15Z"), (None, "2026-03-04T12:30:15z", "2026-03-04T12:30:15Z"),
    (None, "2026-03-04 12:30:15", "2026-03-04T12:30:15Z"), (None, "2026-03-04T12:30", "2026-03-04T12:30:00Z"),
    (None, "2026-03-04", "2026-03-04T00:00:00Z"), (None, "20260304", "2026-03-04T00:00:00Z"),
    (None, "20260304T123015Z", "2026-03-04T12:30:15Z"), (None, "2026-03-04T12:30:15+01:00", "2026-03-04T11:30:15Z"),
    (None, "2026-03-04T12:30:15-0530", "2026-03-04T18:00:15Z"), (None, "2026-03-04T12:30:15+02", "2026-03-04T10:30:15Z"),
    (None, "2026-03-04 12:30:15 +02:00", "2026-03-04T10:30:15Z"), (None, "2026-03-04 12:30:15 UTC", "2026-03-04T12:30:15Z"),
    (None, "2026-03-04T12:30:15.000Z", "2026-03-04T12:30:15Z"), (None, "2026-03-04T12:30:15.5Z", "2026-03-04T12:30:15.500000Z"),
    (None, "2026-03-04T12:30:15.1234567Z", "2026-03-04T12:30:15.123456Z"), (None, "2026-03-04T12:30:15,5Z", "2026-03-04T12:30:15.500000Z"),
    (None, " 2026-03-04T12:30:15Z ", "2026-03-04T12:30:15Z"), (None, "2026-03-04T24:00:00Z", "2026-03-05T00:00:00Z"),
    (None, "", None), (None, "  ", None), (None, "/Date(1772627415000)/", "2026-03-04T12:30:15Z"),
    (None, "/Date(1772627415000+0100)/", "2026-03-04T12:30:15Z"), ("iso", "2026-03-04T12:30:15Z", "2026-03-04T12:30:15Z"),
    ("epoch", 1772627415, "2026-03-04T12:30:15Z"), ("epoch", "1772627415", "2026-03-04T12:30:15Z"),
    ("epoch", 1772627415.5, "2026-03-04T12:30:15.500000Z"), ("epoch", "1772627415.25", "2026-03-04T12:30:15.250000Z"),
    ("epoch", -1, "1969-12-31T23:59:59Z"), ("epoch", " ", None), ("epoch-ms", 1772627415001, "2026-03-04T12:30:15.001000Z"),
    ("%d.%m.%Y", "04.03.2026", "2026-03-04T00:00:00Z"), ("%d.%m.%Y", "4.3.2026", "2026-03-04T00:00:00Z"),
    ("%m/%d/%Y %H:%M", "03/04/2026 12:30", "2026-03-04T12:30:00Z"), ("%Y%m%d%H%M%S", "20260304123015", "2026-03-04T12:30:15Z"),
    ("%d %b %Y", "04 Mar 2026", "2026-03-04T00:00:00Z"), ("%d.%m.%y", "04.03.26", "2026-03-04T00:00:00Z"),
    ("%Y-%m-%dT%H:%M:%S%z", "2026-03-04T12:30:15+0100", "2026-03-04T11:30:15Z"), ("%d.%m.%Y", "  ", None),
    ("%d%%%m%%%Y", "04%03%2026", "2026-03-04T00:00:00Z"), ("%Y", "2026", "2026-01-01T00:00:00Z"),
]  # fmt: skip

DAYS: list[tuple[str | None, ZoneInfo | None, Any, str | None]] = [
    (None, None, "2026-03-04", "2026-03-04"), (None, None, "20260304", "2026-03-04"), (None, None, "", None),
    (None, None, "2026-03-04T23:30:00-05:00", "2026-03-04"), (None, AMSTERDAM, "2026-03-04T23:30:00Z", "2026-03-05"),
    (None, AMSTERDAM, "2026-03-04 23:30:00", "2026-03-04"), (None, None, "/Date(1772627415000)/", "2026-03-04"),
    (None, None, " 2026-03-04 ", "2026-03-04"), ("epoch", None, 1772670600, "2026-03-05"),
    ("epoch", AMSTERDAM, 1772667000, "2026-03-05"), ("%m/%d/%Y", None, "03/04/2026", "2026-03-04"),
    ("%m/%d/%Y", None, "3/4/2026", "2026-03-04"), ("%m/%d/%Y", None, " 3/4/2026 ", "2026-03-04"),
    ("%m/%d/%Y", None, "", None), ("%d.%m-%Y", None, "04.03-2026", "2026-03-04"), ("%Y/%m.%d", None, "2026/03.04", "2026-03-04"),
    ("%m/%d/%Y", None, "02/29/2028", "2028-02-29"), (None, None, "2028-02-29", "2028-02-29"), ("on %d %m %Y", None, "on 04 03 2026", "2026-03-04"), ("%d.%m.%Y %H:%M", None, "04.03.2026 23:30", "2026-03-04"),
    ("%d.%m.%Y %H:%M", AMSTERDAM, "04.03.2026 23:30", "2026-03-04"),
    ("%d.%m.%Y %H:%M%z", AMSTERDAM, "04.03.2026 23:30+0000", "2026-03-05"), ("%Y%m%d", None, "20260304", "2026-03-04"),
]  # fmt: skip

BAD_TIMES: list[tuple[str | None, Any]] = [
    (None, "tomorrow"), (None, 1772627415), (None, True), (None, []), (None, "2026-02-30"), (None, "2026-13-01T00:00:00Z"),
    (None, "2026-03-04T25:00:00Z"), (None, "2026-03-04T24:00:01Z"), (None, "2026-W10-3"), (None, "2026-W10-3T10:00:00Z"),
    (None, "2026-03-04T12:30:15+25:00"), (None, "0000-01-01"), (None, "2026-03-04T12:60:00Z"),
    (None, "0001-01-01T00:00:00+01:00"), (None, "9999-12-31T24:00:00Z"), (None, "/Date(x)/"), (None, "/Date(9999999999999999)/"),
    ("epoch", "soon"), ("epoch", True), ("epoch", []), ("epoch", 10**20), ("epoch", "1_000"), ("epoch-ms", None),
    ("%d.%m.%Y", "31.02.2026"), ("%d.%m.%Y", "2026-03-04"), ("%d.%m.%Y", 4), ("%d.%m.%Y %H", "04.03.2026 24"),
]  # fmt: skip


@pytest.mark.parametrize(("form", "written", "instant"), INSTANTS)
def test_a_spelling_of_a_time_is_one_instant(
    form: str | None, written: Any, instant: str | None
) -> None:
    assert datetimes(form)(written) == instant


@pytest.mark.parametrize(("form", "zone", "written", "day"), DAYS)
def test_a_spelling_of_a_day_is_one_day(
    form: str | None, zone: ZoneInfo | None, written: Any, day: str | None
) -> None:
    assert dates(form, zone)(written) == day


@pytest.mark.parametrize(("form", "written"), BAD_TIMES)
def test_what_is_no_time_is_refused(form: str | None, written: Any) -> None:
    with pytest.raises(Misfit):
        datetimes(form)(written)


@pytest.mark.parametrize(
    ("form", "written"),
    [(None, "2026-02-30"), (None, "x"), ("%m/%d/%Y", "02/30/2026"), ("%m/%d/%Y", "03-04-2026"), ("%m/%d/%Y", 7)],
)  # fmt: skip
def test_what_is_no_day_is_refused(form: str | None, written: Any) -> None:
    with pytest.raises(Misfit):
        dates(form)(written)


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("2026-01-15 12:00:00", "2026-01-15T11:00:00Z"),
        ("2026-07-15 12:00:00", "2026-07-15T10:00:00Z"),
        ("2026-03-29 01:59:59", "2026-03-29T00:59:59Z"),
        ("2026-03-29 02:30:00", "2026-03-29T01:30:00Z"),
        ("2026-03-29 03:00:00", "2026-03-29T01:00:00Z"),
        ("2026-10-25 01:59:59", "2026-10-24T23:59:59Z"),
        ("2026-10-25 02:30:00", "2026-10-25T00:30:00Z"),
        ("2026-10-25 03:00:00", "2026-10-25T02:00:00Z"),
        ("2026-10-25", "2026-10-24T22:00:00Z"),
        ("2026-07-15T12:00:00Z", "2026-07-15T12:00:00Z"),
        ("2026-07-15T12:00:00+05:30", "2026-07-15T06:30:00Z"),
    ],
)
def test_a_time_without_a_zone_is_in_the_rules_zone_also_on_days_that_change_it(
    written: str, instant: str
) -> None:
    assert datetimes(None, AMSTERDAM)(written) == instant


@pytest.mark.parametrize("form", ["dd.MM.yyyy", "%d.%Q.%Y", "%", "", "%d %d", "12:30"])
def test_what_is_no_format_is_told(form: str) -> None:
    with pytest.raises(FormatInvalid, match="strptime pattern"):
        datetimes(form)


@pytest.mark.parametrize("name", ["Europe/Nowhere", "", "../etc/passwd", "Europe", "CET+1"])
def test_what_is_no_time_zone_is_told(name: str) -> None:
    with pytest.raises(FormatInvalid, match="there is no time zone"):
        zone_of(name)


MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2199, 1, 1))  # noqa: DTZ001 - zones are added below


@given(MOMENTS, st.sampled_from([UTC, AMSTERDAM, KOLKATA, ZoneInfo("America/St_Johns")]))
def test_a_moment_is_the_same_however_it_is_written(moment: datetime, zone: ZoneInfo) -> None:
    aware = moment.replace(tzinfo=zone)
    expected = aware.astimezone(UTC).isoformat().replace("+00:00", "Z")
    naive = moment.isoformat()
    for text in (naive, naive.replace("T", " "), f" {naive}", naive.replace(".", ",")):
        assert datetimes(None, zone)(text) == expected
    offset = aware.strftime("%z")
    assert datetimes()(f"{naive}{offset}") == expected
    assert datetimes()(expected) == expected
    assert datetimes()(f" {expected.lower()}".replace("t", " ")) == expected


@given(MOMENTS)
def test_slices_read_what_strptime_reads(moment: datetime) -> None:
    moment = moment.replace(microsecond=0)
    for form in (
        "%d.%m.%Y %H:%M:%S",
        "%Y%m%d%H%M%S",
        "%m/%d/%Y",
        "%Y-%m-%d %H",
        "%S %M %H %d %m %Y",
    ):
        text = moment.strftime(form)
        expected = datetime.strptime(text, form).replace(tzinfo=UTC)
        assert datetimes(form)(text) == expected.isoformat().replace("+00:00", "Z")
        assert dates(form)(text) == expected.date().isoformat()


@given(st.dates(date(1, 1, 2), date(9999, 12, 30)))
def test_a_day_stays_a_day(day: date) -> None:
    assert dates()(day.isoformat()) == day.isoformat()
    assert datetimes()(day.isoformat()) == f"{day.isoformat()}T00:00:00Z"


@given(st.one_of(st.dates().map(str), st.from_regex(r"\A[0-2][0-9]{3}-[01][0-9]-[0-3][0-9]\Z")))
def test_a_pattern_takes_the_days_that_there_are(text: str) -> None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        assert not is_day(text)
        assert not is_utc(f"{text}T00:00:00Z")
    else:
        assert (
            bool(is_day(text))
            is bool(is_utc(f"{text}T23:59:59Z"))
            is ((day.month, day.day) != (2, 29))
        )
        assert dates()(text) == text


@given(st.integers(-(10**9), 4 * 10**9))
def test_seconds_and_milliseconds_count_the_same(count: int) -> None:
    expected = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=count)).isoformat()
    assert datetimes("epoch")(count) == expected.replace("+00:00", "Z")
    assert datetimes("epoch-ms")(str(count * 1000)) == expected.replace("+00:00", "Z")


@given(st.one_of(st.text(max_size=25), st.text(alphabet="0123456789-T:. Z+W", max_size=25)))
def test_any_text_is_taken_or_refused_as_a_time(text: str) -> None:
    for convert in (
        datetimes(),
        dates(),
        datetimes("%d.%m.%Y"),
        dates("%m/%d/%Y"),
        datetimes("epoch"),
    ):
        try:
            convert(text)
        except Misfit:
            continue

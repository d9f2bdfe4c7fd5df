"""Times are written in one way: in UTC, with Z, as fine as is asked."""

from datetime import UTC, datetime, timedelta, timezone

from reconciler.model.moment import rfc3339

AT = datetime(2026, 11, 24, 12, 0, 0, 123456, tzinfo=UTC)


def test_a_time_is_written_in_utc_as_fine_as_is_asked() -> None:
    assert rfc3339(AT) == "2026-11-24T12:00:00Z"
    assert rfc3339(AT, "milliseconds") == "2026-11-24T12:00:00.123Z"
    assert rfc3339(AT, "microseconds") == "2026-11-24T12:00:00.123456Z"


def test_a_time_of_another_zone_is_the_same_moment() -> None:
    there = AT.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert rfc3339(there) == rfc3339(AT)

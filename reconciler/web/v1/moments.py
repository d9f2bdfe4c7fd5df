"""Times in queries: RFC 3339, or a date, which is its first moment in UTC."""

import re
from datetime import UTC, date, datetime, time
from typing import Final

_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_FORM: Final = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2})(\.\d{1,9})?([Zz]|[+ -]\d{2}:\d{2})"
)
_FIRST: Final = datetime(1, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)


def parse_moment(text: str) -> datetime:
    """Return the moment that *text* names, in UTC.

    A blank before the offset is the ``+`` of a query that was not escaped. What is beyond the calendar
    in UTC is its nearest end.

    Raises:
        ValueError: for any other form.
    """
    if _DATE.fullmatch(text):
        return datetime.combine(date.fromisoformat(text), time.min, tzinfo=UTC)
    match = _FORM.fullmatch(text)
    if match is None:
        msg = "write a time with its zone, such as 2026-03-02T08:15:30Z, or a date"
        raise ValueError(msg)
    day, clock, fraction, zone = match.groups()
    offset = "+00:00" if zone in {"Z", "z"} else zone.replace(" ", "+")
    local = datetime.fromisoformat(f"{day}T{clock}{(fraction or '')[:7]}{offset}")
    try:
        return local.astimezone(UTC)
    except OverflowError:
        return _LAST if local.year > 1 else _FIRST

"""Cron expressions of five fields, read by ourselves.

Schedulers disagree on two points (is weekday 0 a Sunday or a Monday; are day of month and weekday *and*
or *or*), so numbers of weekdays become names, and the two together are refused. What never comes
(30 February) is refused too.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

_MONTHS: Final = [
    "jan",
    "feb",
    "mar",
    "apr",
    "may",
    "jun",
    "jul",
    "aug",
    "sep",
    "oct",
    "nov",
    "dec",
]
_DAYS: Final = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_LONGEST_WAIT: Final = 8 * 366
_LONGEST: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_PART: Final = re.compile(r"(\*|[a-z]{3}|\d{1,2})(?:-([a-z]{3}|\d{1,2}))?(?:/(\d{1,2}))?")


@dataclass(frozen=True, slots=True)
class _Field:
    """One of the five: its name, the numbers it may hold, and names that stand for them from ``first``."""

    name: str
    lowest: int
    highest: int
    names: tuple[str, ...] = ()


_FIELDS: Final = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, tuple(_MONTHS)),
    _Field("weekday", 0, 7, tuple(_DAYS)),
)
_ALIASES: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


@dataclass(frozen=True, slots=True)
class Cron:
    """When something comes: all times whose parts are in these sets, in *zone*. Weekday 0 is Sunday."""

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    zone: str = "UTC"

    def last_at_or_before(self, now: datetime, *, within: timedelta) -> datetime | None:
        """Return the last time that is not after *now* and not longer ago than *within*.

        Times are those that the clocks of the zone show. An hour that they show twice comes once, and
        one that they leave out comes an hour later.
        """
        for moment in self._backwards(now.astimezone(ZoneInfo(self.zone)).date()):
            if moment < now - within:
                return None
            if moment <= now:
                return moment
        return None

    def _backwards(self, day: date) -> Iterator[datetime]:
        """Yield all times from the end of *day* back, for as long as any cron needs to come again."""
        zone = ZoneInfo(self.zone)
        for _ in range(_LONGEST_WAIT):
            if self._is_day(day.month, day.day, day.isoweekday() % 7):
                start = datetime(day.year, day.month, day.day, tzinfo=zone)
                moments = self._moments(start)
                if start.utcoffset() == (start + timedelta(days=1)).utcoffset():
                    yield from moments
                else:  # what the clocks leave out comes after times that look later
                    yield from sorted(moments, reverse=True)
            day -= timedelta(days=1)

    def _moments(self, start: datetime) -> Iterator[datetime]:
        """Yield the times of the day that begins at *start*, the last one first."""
        for hour in sorted(self.hours, reverse=True):
            for minute in sorted(self.minutes, reverse=True):
                yield start.replace(hour=hour, minute=minute).astimezone(UTC)

    def _is_day(self, month: int, day: int, weekday: int) -> bool:
        return month in self.months and day in self.days and weekday in self.weekdays


@lru_cache(maxsize=1024)
def parse_cron(text: str, zone: str = "UTC") -> Cron:
    """Return what the five fields of *text* say.

    Raises:
        ValueError: if it is not five fields, says what no clock shows, or never comes.
    """
    words = _ALIASES.get(text.strip(), text).lower().split()
    if len(words) != 5:
        msg = f"'{text}' has {len(words)} fields, cron has five: minute, hour, day of month, month, weekday"
        raise ValueError(msg)
    minutes, hours, days, months, weekdays = (
        _parse(word, field) for word, field in zip(words, _FIELDS, strict=True)
    )
    if words[2] != "*" and words[4] != "*":
        msg = "day of month and weekday together mean 'and' to some schedulers and 'or' to others; use one"
        raise ValueError(msg)
    if not any(day <= _LONGEST[month - 1] for month in months for day in days):
        msg = f"'{text}' never comes: no such day in these months"
        raise ValueError(msg)
    weekdays = frozenset(day % 7 for day in weekdays)
    return Cron(text, minutes, hours, days, months, weekdays, zone)


def named_weekdays(text: str) -> str:
    """Return *text* with its weekdays as names, which mean the same to every scheduler.

    Raises:
        ValueError: as ``parse_cron``.
    """
    cron = parse_cron(text)
    words = _ALIASES.get(text.strip(), text).lower().split()
    if words[4] != "*":
        words[4] = ",".join(_DAYS[day] for day in sorted(cron.weekdays))
    return " ".join(words)


def check_zone(name: str) -> str:
    """Return *name* if it is a time zone.

    Raises:
        ValueError: if it is none.
    """
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        msg = f"'{name}' is not a time zone; write a name such as Europe/Amsterdam, or UTC"
        raise ValueError(msg) from None
    return name


def _parse(word: str, field: _Field) -> frozenset[int]:
    found: set[int] = set()
    for part in word.split(","):
        found |= _range(part, field)
    return frozenset(found)


def _range(part: str, field: _Field) -> set[int]:
    match = _PART.fullmatch(part)
    if match is None:
        msg = f"'{part}' is no {field.name}; write *, 5, 1-5, */15 or a list of these"
        raise ValueError(msg)
    start, end, step = match.groups()
    if start == "*" and end is not None:
        msg = f"'{part}' is no {field.name}; '*' already means all"
        raise ValueError(msg)
    low = field.lowest if start == "*" else _number(start, field)
    if end is not None:
        high = 7 if end == "sun" else _number(end, field)
    else:
        high = field.highest if start == "*" or step else low
    if field.name == "weekday" and start == "*":
        high = 6
    if high < low:
        msg = f"'{part}' runs backwards; write the lower {field.name} first, or two ranges"
        raise ValueError(msg)
    if step == "0" or (step and int(step) > field.highest):
        msg = f"'{part}': the step is between 1 and {field.highest}"
        raise ValueError(msg)
    return set(range(low, high + 1, int(step or 1)))


def _number(word: str, field: _Field) -> int:
    if word in field.names:
        return field.names.index(word) + (1 if field.name == "month" else 0)
    if word.isdigit() and field.lowest <= int(word) <= field.highest:
        return int(word)
    allowed = f"{field.lowest} to {field.highest}"
    if field.names:
        allowed += f", or {field.names[0]} to {field.names[-1]}"
    msg = f"'{word}' is no {field.name}: {allowed}"
    raise ValueError(msg)

"""Dates and times of sources as RFC 3339 in UTC, by C functions and slices instead of ``strptime``."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

from reconciler.mapping.misfit import Misfit

Read = Callable[[Any], datetime | None]

EPOCHS: Final = {"epoch": 1, "epoch-ms": 1000}
"""Formats that count from 1970: how many of their units make a second."""

_DAY: Final = (
    r"(?!0000)[0-9]{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])"
    r"|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
)
is_day: Final = re.compile(_DAY + r"\Z").match
"""Matches a day that is written as the model writes it; the 29th of February is left to others."""
is_utc: Final = re.compile(_DAY + r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z\Z").match
"""Matches a time that is written as the model writes it, but for fractions of a second."""

_START: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TICKS: Final = re.compile(r"/Date\((-?[0-9]{1,16})(?:[+-][0-9]{4})?\)/\Z").match
_ISO: Final = re.compile(
    r"(?P<day>[0-9]{4}-?[0-9]{2}-?[0-9]{2})"
    r"(?:[Tt ]\s*(?P<hour>[0-9]{2}):?(?P<minute>[0-9]{2})(?::?(?P<second>[0-9]{2})"
    r"(?:[.,](?P<part>[0-9]{1,12}))?)?"
    r"\s*(?P<zone>[Zz]|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)?)?\Z"
).match
_NUMBER: Final = re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{1,9})?\Z").match
_WIDTHS: Final = {"Y": 4, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2}
_QUICK: Final = frozenset({"--T:", "-- :", "--"})
"""The marks between year, month, day, hour and minute (or of a day alone) of what ``fromisoformat`` may read: it takes
spellings that we do not (weeks, any letter between day and hour), and others in later Pythons."""
_ORDER: Final = "YmdHMS"
_EXPECTED: Final = "a date and time such as 2026-03-04T12:30:00Z"


class FormatInvalid(ValueError):
    """A ``format`` that is none."""


def zone_of(name: str) -> tzinfo:
    """Return the time zone of this name.

    Raises:
        FormatInvalid: if there is none.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise FormatInvalid(
            f"there is no time zone {name!r}; write one as Europe/Amsterdam"
        ) from None


def datetimes(form: str | None = None, zone: tzinfo = UTC) -> Callable[[Any], str | None]:
    """Return what makes RFC 3339 in UTC of times as *form* writes them, in *zone* if they name none."""
    read = _reader(form, zone)
    if form not in {None, "iso"}:
        return lambda value: _shown(read(value))

    def converted(value: Any) -> str | None:
        if type(value) is str and value[4:14:3] in _QUICK and value[11:13] != "24":
            if is_utc(value):
                return value
            try:
                return _shown(_in_zone(datetime.fromisoformat(value), zone))
            except ValueError:
                return _shown(read(value))
        return _shown(read(value))

    return converted


def dates(form: str | None = None, zone: tzinfo | None = None) -> Callable[[Any], str | None]:
    """Return what makes ``YYYY-MM-DD`` of dates as *form* writes them.

    Of a time it is the day as written; with *zone*, the day it is there.
    """
    if form in {None, "iso"} or form in EPOCHS:
        read = _reader(form, zone or UTC)

        def converted(value: Any) -> str | None:
            if type(value) is str and is_day(value):
                return value
            return _day(value, read(value), zone)

        return converted
    return _days_of(form or "", zone)


def _day(value: Any, moment: datetime | None, zone: tzinfo | None) -> str | None:
    if moment is None:
        return None
    if zone is None and isinstance(value, str) and (match := _ISO(value.strip())):
        text = match["day"].replace("-", "")
        return f"{text[:4]}-{text[4:6]}-{text[6:]}"
    return moment.astimezone(zone or UTC).date().isoformat()


def _shown(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    try:
        return moment.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"
    except OverflowError:
        raise Misfit(moment.isoformat(), "a time between the years 1 and 9999") from None


def _reader(form: str | None, zone: tzinfo) -> Read:
    if form is None or form == "iso":
        return lambda value: _read_iso(value, zone)
    if form in EPOCHS:
        return _counted(form)
    pattern = _pattern(form)

    def read(value: Any) -> datetime | None:
        if not isinstance(value, str):
            raise Misfit(value, f"a text as {form!r} writes it")
        text = value.strip()
        if not text:
            return None
        return _in_zone(pattern(text), zone)

    return read


# ── ISO 8601 ─────────────────────────────────────────────────────────────────────────────────────────


def _read_iso(value: Any, zone: tzinfo) -> datetime | None:
    if not isinstance(value, str):
        raise Misfit(value, f"{_EXPECTED} (for a number write format: epoch or epoch-ms)")
    text = value.strip()
    if not text:
        return None
    match = _ISO(text)
    if match is None:
        ticks = _TICKS(text)
        if ticks is None:
            raise Misfit(value, _EXPECTED)
        return _since_1970(int(ticks[1]), 1000, value)
    try:
        moment = _assembled(match)
        return _in_zone(moment, zone)
    except (ValueError, OverflowError):
        raise Misfit(value, _EXPECTED) from None


def _assembled(match: re.Match[str]) -> datetime:
    day = match["day"].replace("-", "")
    hour = int(match["hour"] or 0)
    part = (match["part"] or "").ljust(6, "0")[:6]
    midnight = hour == 24 and not int(match["minute"]) + int(match["second"] or 0) + int(part)
    moment = datetime(
        int(day[:4]),
        int(day[4:6]),
        int(day[6:]),
        0 if midnight else hour,
        int(match["minute"] or 0),
        int(match["second"] or 0),
        int(part),
        tzinfo=_offset(match["zone"]),
    )
    return moment + timedelta(days=1) if midnight else moment


def _offset(text: str | None) -> tzinfo | None:
    if text is None:
        return None
    if text[0] not in "+-":
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if text[0] == "-" else offset)


def _in_zone(moment: datetime, zone: tzinfo) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)


# ── counts ───────────────────────────────────────────────────────────────────────────────────────────


def _counted(form: str) -> Read:
    per_second = EPOCHS[form]

    def read(value: Any) -> datetime | None:
        if isinstance(value, str):
            if not value.strip():
                return None
            if not _NUMBER(value.strip()):
                raise Misfit(value, f"a number of {_UNIT[form]} since 1970")
            return _since_1970(float(value) if "." in value else int(value), per_second, value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Misfit(value, f"a number of {_UNIT[form]} since 1970")
        return _since_1970(value, per_second, value)

    return read


_UNIT: Final = {"epoch": "seconds", "epoch-ms": "milliseconds"}


def _since_1970(count: float, per_second: int, value: Any) -> datetime:
    try:
        return _START + timedelta(microseconds=round(count * (1_000_000 // per_second)))
    except (OverflowError, ValueError):
        raise Misfit(value, "a time between the years 1 and 9999") from None


# ── patterns ─────────────────────────────────────────────────────────────────────────────────────────


def _pattern(form: str) -> Callable[[str], datetime]:
    """Return what reads times as the strptime pattern *form* writes them."""
    _check_pattern(form)
    quick = _slices(form)

    def read(text: str) -> datetime:
        if quick is not None:
            found = quick(text)
            if found is not None:
                return found
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 - the zone is the caller's
        except ValueError:
            raise Misfit(text, f"a text as {form!r} writes it") from None

    return read


def _check_pattern(form: str) -> None:
    try:
        datetime.strptime(datetime(2026, 3, 4, tzinfo=UTC).strftime(form), form)  # noqa: DTZ007 - only the pattern is tried
    except (ValueError, re.error):
        raise FormatInvalid(f"{form!r} is not a strptime pattern such as %d.%m.%Y %H:%M") from None
    if "%" not in form:
        raise FormatInvalid(
            f"{form!r} is not a format; write a strptime pattern such as %d.%m.%Y, epoch or epoch-ms"
        )


def _slices(form: str) -> Callable[[str], datetime | None] | None:
    """Return what reads a text of the usual width by its slices; None if the pattern has no such."""
    spans, literals, width = _layout(form)
    if not {"Y", "m", "d"} <= spans.keys():
        return None
    places = [spans.get(letter) for letter in _ORDER]

    def read(text: str) -> datetime | None:
        if len(text) != width or any(text[at] != mark for at, mark in literals):
            return None
        parts = [text[place] if place else "00" for place in places]
        if parts[3] == "24":
            return None
        try:
            return datetime.fromisoformat("{}-{}-{}T{}:{}:{}".format(*parts))
        except ValueError:
            return None

    return read


def _layout(form: str) -> tuple[dict[str, slice], list[tuple[int, str]], int]:
    spans: dict[str, slice] = {}
    literals: list[tuple[int, str]] = []
    width = 0
    for letter, mark in re.findall(r"%(.)|(.)", form, re.DOTALL):
        if letter in _WIDTHS and letter not in spans:
            spans[letter] = slice(width, width + _WIDTHS[letter])
            width += _WIDTHS[letter]
        elif mark == " " or (mark and not mark.isspace()):
            literals.append((width, mark))
            width += 1
        else:
            return {}, [], 0
    return spans, literals, width


def _days_of(form: str, zone: tzinfo | None) -> Callable[[Any], str | None]:
    """Return what reads days by *form*; without a time in it by slices alone."""
    read = _reader(form, zone or UTC)
    spans, literals, width = _layout(form)
    if spans.keys() != {"Y", "m", "d"}:
        return lambda value: _plain_day(read(value), zone)
    year, month, day = (spans[letter] for letter in "Ymd")
    between = slice(literals[0][0], literals[-1][0] + 1, 3) if literals else slice(0, 0)
    marks = "".join(mark for _, mark in literals)
    even = all(at == literals[0][0] + 3 * number for number, (at, _) in enumerate(literals))

    def converted(value: Any) -> str | None:
        if type(value) is str and len(value) == width and value[between] == marks and even:
            text = f"{value[year]}-{value[month]}-{value[day]}"
            if is_day(text):
                return text
        return _plain_day(read(value), zone)

    return converted


def _plain_day(moment: datetime | None, zone: tzinfo | None) -> str | None:
    if moment is None:
        return None
    return (moment.astimezone(zone) if zone is not None else moment).date().isoformat()

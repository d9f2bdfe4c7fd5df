"""Durations as people write them (``15m``, ``24h``, ``90d``) and as one canonical text."""

import re
from datetime import timedelta
from typing import Final

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_FORM: Final = re.compile(r"(\d{1,9})(s|m|h|d|w)")


def parse_duration(text: str) -> timedelta:
    """Return the duration that *text* says: one number and one of ``s m h d w``.

    Raises:
        ValueError: for any other form.
    """
    match = _FORM.fullmatch(text.strip())
    if match is None:
        msg = f"{text!r} is not a duration; write a number and a unit, such as 30s, 15m, 24h or 90d"
        raise ValueError(msg)
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])


def format_duration(value: timedelta) -> str:
    """Return *value* in its largest exact unit up to days, so that ``60m`` and ``1h`` are one text."""
    seconds = int(value.total_seconds())
    for unit in ("d", "h", "m"):
        if seconds and seconds % _UNITS[unit] == 0:
            return f"{seconds // _UNITS[unit]}{unit}"
    return f"{seconds}s"

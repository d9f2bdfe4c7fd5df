"""Positions of a stream: change times and numbers of records, as texts that compare as they should.

A time is RFC 3339 in UTC with microseconds, a number has 20 digits, a text is itself. So the highest
of many is the greatest text, whatever the source writes. Times are cut down, never rounded up, where
the source takes no fractions.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from reconciler.errors import SourceInvalid
from reconciler.model.duration import parse_duration
from reconciler.spec.kinds.connector import CursorField

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_LONG_FRACTION: Final = re.compile(r"(\.\d{6})\d+")
_DIGITS: Final = 20


def position_of(moment: datetime) -> str:
    """Return the position that stands for *moment*."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Positions:
    """Reads and writes the positions of one stream."""

    def __init__(self, cursor: CursorField) -> None:
        self._type = cursor.type
        self._format = cursor.format
        self._zone = ZoneInfo(cursor.time_zone)
        self._lookback = parse_duration(cursor.lookback)
        self._expression = cursor.value

    def start(self, at: datetime) -> str | None:
        """Return the position of the time *at*; ``None`` where positions are no times."""
        return position_of(at) if self._type == "datetime" else None

    def resume(self, position: str) -> str:
        """Return *position* less the lookback; numbers and texts have none."""
        if self._type != "datetime":
            return position
        return position_of(_moment(position) - self._lookback)

    def write(self, position: str) -> Any:
        """Return *position* as a request of the source has it."""
        if self._type == "string":
            return position
        if self._type == "integer":
            return int(position)
        moment = _moment(position)
        if self._format == "epoch":
            return (moment - _EPOCH) // timedelta(seconds=1)
        if self._format == "epoch-ms":
            return (moment - _EPOCH) // timedelta(milliseconds=1)
        if self._format == "iso":
            return position_of(moment)  # fractions always: a source may compare texts
        return moment.astimezone(self._zone).strftime(self._format)

    def highest(self, values: Sequence[Any]) -> str | None:
        """Return the highest position of *values*, as records hold them; null is none.

        Raises:
            SourceInvalid: if a value is no position.
        """
        given = [value for value in values if value is not None]
        if not given:
            return None
        if self._type == "datetime" and _alike(given):
            return position_of(self._read_time(max(given)))
        if self._type == "datetime":
            return position_of(max(map(self._read_time, given)))
        return max(map(self._read_other, given))

    def _read_time(self, value: Any) -> datetime:
        try:
            if isinstance(value, str):
                moment = self._parse(value)
                if moment.tzinfo is None:
                    moment = moment.replace(tzinfo=self._zone)
                return moment.astimezone(UTC)
            if self._format in {"epoch", "epoch-ms"} and isinstance(value, int | float):
                grains = 1_000_000 if self._format == "epoch" else 1_000
                return _EPOCH + int(value * grains) * _MICROSECOND
        except (ValueError, OverflowError):
            pass
        raise self._refusal(value)

    def _parse(self, text: str) -> datetime:
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            if self._format in {"epoch", "epoch-ms"}:
                grains = 1_000_000 if self._format == "epoch" else 1_000
                return _EPOCH + int(float(text) * grains) * _MICROSECOND
            if self._format == "iso":
                return datetime.fromisoformat(_LONG_FRACTION.sub(r"\1", text))
            return datetime.strptime(text, self._format)  # noqa: DTZ007 - the caller adds the zone

    def _read_other(self, value: Any) -> str:
        if self._type == "string" and isinstance(value, str):
            return value
        text = str(value)
        if self._type == "integer" and re.fullmatch(r"\d{1,20}", text):
            return text.zfill(_DIGITS)
        raise self._refusal(value)

    def _refusal(self, value: Any) -> SourceInvalid:
        return SourceInvalid(
            f"the cursor '{self._expression}' of a record is {str(value)[:60]!r}, which is no "
            f"{self._type} in the format '{self._format}'",
            hint="write the format that the source uses in the connector's cursor",
        )


def _alike(values: Sequence[Any]) -> bool:
    """Whether all are texts in UTC of one length, year first, so that the greatest is the latest."""
    if any(type(value) is not str for value in values):
        return False
    ends = {(len(value), value[-1:], value[4:5], value[10:11]) for value in values}
    return len(ends) == 1 and next(iter(ends))[1:] == ("Z", "-", "T")


def _moment(position: str) -> datetime:
    return datetime.fromisoformat(position).astimezone(UTC)

"""Times as the store keeps them: microseconds since 1970 in UTC, exact both ways."""

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_STEP: Final = timedelta(microseconds=1)


def micros(at: datetime) -> int:
    """Return *at* in microseconds."""
    return (at - _EPOCH) // _STEP


def maybe_micros(at: datetime | None) -> int | None:
    """Return *at* in microseconds, where there is a time."""
    return None if at is None else micros(at)


def moment(microseconds: int) -> datetime:
    """Return the time that *microseconds* stand for, aware, in UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)


def maybe_moment(microseconds: int | None) -> datetime | None:
    """Return the time, where there is one."""
    return None if microseconds is None else moment(microseconds)

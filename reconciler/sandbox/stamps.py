"""How each collection writes the time of a change, and reads it back from a filter.

Inside the plant a time is a whole number of milliseconds since 1970, in UTC. Outside, every collection
has the habit of the team that once wrote it.
"""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

ZONE: Final = ZoneInfo("Europe/Amsterdam")
"""Where the plant stands: what its naive times mean."""

LOCAL: Final = "%Y-%m-%d %H:%M:%S"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Stamp(StrEnum):
    """The ways in which the plant writes a time."""

    ISO = "iso"  # 2026-01-05T07:03:11Z
    ISO_MS = "iso-ms"  # 2026-01-05T07:03:11.250Z
    ISO_OFFSET = "iso-offset"  # 2026-01-05T08:03:11+01:00
    EPOCH = "epoch"  # 1767596591
    EPOCH_MS = "epoch-ms"  # 1767596591250
    LOCAL = "local"  # 2026-01-05 08:03:11, and nobody says where


def to_ms(at: datetime) -> int:
    """Return *at* (aware) in milliseconds."""
    return (at - _EPOCH) // timedelta(milliseconds=1)


def from_ms(ms: int) -> datetime:
    """Return the time of *ms*, in UTC."""
    return _EPOCH + timedelta(milliseconds=ms)


def grain(stamp: Stamp, ms: int) -> int:
    """Return *ms* as coarse as *stamp* can say it: what is not written cannot be filtered by."""
    return ms if stamp in {Stamp.ISO_MS, Stamp.EPOCH_MS} else ms // 1000 * 1000


def write_stamp(stamp: Stamp, ms: int) -> str | int:
    """Return *ms* as *stamp* writes it."""
    match stamp:
        case Stamp.EPOCH:
            return ms // 1000
        case Stamp.EPOCH_MS:
            return ms
        case Stamp.LOCAL:
            return from_ms(ms).astimezone(ZONE).strftime(LOCAL)
        case Stamp.ISO_OFFSET:
            return from_ms(ms).astimezone(ZONE).isoformat(timespec="seconds")
        case Stamp.ISO | Stamp.ISO_MS:
            spec = "seconds" if stamp is Stamp.ISO else "milliseconds"
            return from_ms(ms).isoformat(timespec=spec).replace("+00:00", "Z")


def read_stamp(stamp: Stamp, text: str) -> int:
    """Return the milliseconds that a filter's *text* means.

    Raises:
        ValueError: if *text* is not written as *stamp* is.
    """
    match stamp:
        case Stamp.EPOCH:
            return int(text) * 1000
        case Stamp.EPOCH_MS:
            return int(text)
        case Stamp.LOCAL:
            return to_ms(datetime.fromisoformat(text).replace(tzinfo=ZONE))
        case Stamp.ISO | Stamp.ISO_MS | Stamp.ISO_OFFSET:
            at = datetime.fromisoformat(text)
            return to_ms(at if at.tzinfo else at.replace(tzinfo=UTC))


def day(ms: int, form: str = "%Y-%m-%d") -> str:
    """Return the plant's calendar day of *ms*, as *form* writes it."""
    return from_ms(ms).astimezone(ZONE).strftime(form)

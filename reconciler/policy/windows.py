"""When a window is open, and when all that hold something have ended."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

from reconciler.spec.cron import parse_cron

_MOST_IN_A_ROW: Final = 1500
"""How many windows may follow each other without a gap: more than a day has minutes."""


class Window(Protocol):
    """What a window says: when it begins (cron), how long it lasts, and by whose clocks."""

    @property
    def deny(self) -> str:
        """Five cron fields."""
        ...

    @property
    def lasts(self) -> timedelta:
        """Time that passes."""
        ...

    @property
    def zone(self) -> str:
        """The name of a time zone."""
        ...


def end_of(window: Window, now: datetime) -> datetime | None:
    """Return when *window* ends, if it is open at *now*: from its beginning up to its end, without that."""
    cron = parse_cron(window.deny, window.zone)
    began = cron.last_at_or_before(now, within=window.lasts)
    if began is None or began + window.lasts <= now:
        return None
    return began + window.lasts


def open_among(windows: Sequence[Window], now: datetime) -> bool:
    """Return whether one of *windows* is open at *now*."""
    return any(end_of(window, now) is not None for window in windows)


def all_ended(windows: Sequence[Window], now: datetime) -> datetime | None:
    """Return the first moment from *now* on at which none of *windows* is open; ``None``: there is none.

    Windows may overlap, and one may begin as another ends.
    """
    moment = now
    for _ in range(_MOST_IN_A_ROW):
        ends = [end for window in windows if (end := end_of(window, moment)) is not None]
        if not ends:
            return moment
        moment = max(ends)
    return None

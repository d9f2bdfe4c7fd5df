"""How long to wait after failures in a row."""

from datetime import timedelta
from typing import Final

LONGEST: Final = timedelta(minutes=15)


def wait_before(failures: int, *, jitter: float) -> timedelta:
    """Return 1 s, 2 s, 4 s, … to 15 min at most, of which half is *jitter* (0 to 1)."""
    seconds = min(2.0 ** min(failures - 1, 20), LONGEST.total_seconds())
    return timedelta(seconds=seconds * (0.5 + jitter / 2))

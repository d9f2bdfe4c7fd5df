"""How long to wait: after failures in a row, and until the next look at what is well."""

import hashlib
from datetime import timedelta
from typing import Final

LONGEST: Final = timedelta(minutes=15)
SPREAD: Final = 0.1


def wait_before(failures: int, *, jitter: float) -> timedelta:
    """Return 1 s, 2 s, 4 s, … to 15 min at most, of which half is *jitter* (0 to 1)."""
    seconds = min(2.0 ** min(failures - 1, 20), LONGEST.total_seconds())
    return timedelta(seconds=seconds * (0.5 + jitter / 2))


def spread(key: str, every: timedelta) -> timedelta:
    """Return *every* with up to a tenth more or less, as the digest of *key* decides.

    The same in every process and turn: keys that start together drift apart and stay so.
    """
    share = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4]) / 2**32
    return every * (1 - SPREAD + 2 * SPREAD * share)

"""How many requests a token has left: a bucket a token, kept as one time each (GCRA)."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

_KEPT: Final = 10_000


@dataclass(frozen=True, slots=True)
class Allowance:
    """Whether a request may pass, how many more may follow at once, and when one more may."""

    passes: bool
    left: int
    wait: int


class Rates:
    """*rate* requests a minute for each token, *burst* of them at once."""

    def __init__(self, rate: int, burst: int) -> None:
        self._each = timedelta(minutes=1) / rate
        self._burst = burst
        self._free_at: dict[str, datetime] = {}

    @property
    def policy(self) -> str:
        """The ``RateLimit-Policy`` header: the quota and the seconds it fills up in."""
        seconds = math.ceil(self._burst * self._each.total_seconds())
        return f'"token";q={self._burst};w={seconds}'

    def take(self, token: str, now: datetime) -> Allowance:
        """Count one request of *token* and return whether it may pass; a refused one costs nothing."""
        free_at = max(self._free_at.get(token, now), now)
        after = free_at + self._each
        spare = now + self._burst * self._each - after
        if spare < timedelta(0):
            return Allowance(passes=False, left=0, wait=max(1, math.ceil(-spare.total_seconds())))
        self._forget(now)
        self._free_at[token] = after
        return Allowance(passes=True, left=spare // self._each, wait=0)

    def _forget(self, now: datetime) -> None:
        if len(self._free_at) >= _KEPT:
            self._free_at = {name: at for name, at in self._free_at.items() if at > now}

"""How often something may be tried: so many times in so long, counted in this process."""

from collections import deque
from datetime import datetime, timedelta


class Pace:
    """At most *count* tries of one thing in any stretch as long as *within*."""

    def __init__(self, count: int, within: timedelta) -> None:
        self._count = count
        self._within = within
        self._tries: dict[str, deque[datetime]] = {}

    def wait(self, what: str, now: datetime) -> timedelta | None:
        """Count a try of *what*; or return how long to wait, and count nothing."""
        self._forget(now)
        tries = self._tries.setdefault(what, deque())
        if len(tries) >= self._count:
            return tries[0] + self._within - now
        tries.append(now)
        return None

    def _forget(self, now: datetime) -> None:
        for what, tries in list(self._tries.items()):
            while tries and tries[0] + self._within <= now:
                tries.popleft()
            if not tries:
                del self._tries[what]

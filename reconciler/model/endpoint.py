"""How the receiver of a route is: whether it answers, is given a rest, or is disabled."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from reconciler.model.event import GONE, Attempt

TRIP: Final = 5
"""So many failures in a row open the circuit: from then on one attempt at a time, with a rest between."""

RESTS: Final = (timedelta(seconds=15), timedelta(seconds=30), timedelta(minutes=1))
"""How long a receiver is left alone after each further failure; the last of them from then on."""

FAILS_FOR: Final = timedelta(days=5)
"""A receiver that has failed for so long, and never answered in between, is disabled."""

FORGOTTEN: Final = timedelta(days=2)
"""A failure after so long without any attempt begins a new count: nothing is known of the time between."""


class ReceiverState(StrEnum):
    """How a receiver is: in order, failing, left alone for a moment, disabled until it is enabled, or suspended."""

    OK = "ok"
    FAILING = "failing"
    RESTING = "resting"
    DISABLED = "disabled"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What is known of a route's receiver; ``basis`` is the digest of the spec that it was disabled under."""

    route: str
    failures: int = 0
    failing_since: datetime | None = None
    failed_at: datetime | None = None
    disabled_at: datetime | None = None
    reason: str = ""
    basis: str = ""

    def after(self, attempt: Attempt, basis: str) -> "Endpoint":
        """Return how it is after *attempt*, made under the settings of *basis*."""
        if attempt.well:
            return Endpoint(self.route)
        at = attempt.at + attempt.took
        known = self.failed_at is not None and at - self.failed_at <= FORGOTTEN
        since = self.failing_since if known else None
        failed = replace(
            self,
            failures=self.failures + 1 if known else 1,
            failing_since=since or at,
            failed_at=at,
        )
        why = _why(failed, attempt, at)
        return replace(failed, disabled_at=at, reason=why, basis=basis) if why else failed

    @property
    def disabled(self) -> bool:
        """Whether nothing is sent to it until somebody says so, or its route is another."""
        return self.disabled_at is not None

    def off(self, basis: str) -> bool:
        """Whether nothing is sent to it under the settings of *basis*: other ones are tried anew."""
        return self.disabled and self.basis == basis

    def state(self, basis: str, now: datetime, *, suspended: bool) -> ReceiverState:
        """Return how it is to an operator, at *now* and under the settings of *basis*."""
        if suspended:
            return ReceiverState.SUSPENDED
        if self.off(basis):
            return ReceiverState.DISABLED
        if self.rests_until is not None and self.rests_until > now:
            return ReceiverState.RESTING
        return ReceiverState.FAILING if self.failures else ReceiverState.OK

    @property
    def rests_until(self) -> datetime | None:
        """Until when it is left alone, if its circuit is open."""
        if self.failures < TRIP or self.failed_at is None:
            return None
        return self.failed_at + RESTS[min(self.failures - TRIP, len(RESTS) - 1)]


def _why(failed: Endpoint, attempt: Attempt, at: datetime) -> str:
    if attempt.status == GONE:
        return "gone"
    since = failed.failing_since
    return "failing" if since is not None and at - since >= FAILS_FOR else ""

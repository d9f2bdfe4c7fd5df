"""The health of a connection as one state, and how a probe moves it."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from reconciler.model.resource import ResourceKey


class ConnectionStatus(StrEnum):
    """The closed set of the contract."""

    PENDING = "pending"
    ONLINE = "online"
    DEGRADED = "degraded"
    OFFLINE = "offline"
    NEEDS_REAUTH = "needs_reauth"
    PAUSED = "paused"


class Probe(StrEnum):
    """What one look at a system found."""

    ANSWERED = "answered"
    THROTTLED = "throttled"
    SILENT = "silent"
    REFUSED = "refused"
    REVOKED = "revoked"


STRIKES: Final = 2
"""Refused this often in a row, a password counts as wrong. A revoked grant needs no second look."""


@dataclass(frozen=True, slots=True)
class ConnectionState:
    """How a connection is: since when, after how many failures in a row, and why."""

    key: ResourceKey
    basis: str
    status: ConnectionStatus
    since: datetime
    failures: int = 0
    reason: str = ""

    def after(
        self, probe: Probe, now: datetime, *, reason: str = "", strikes: int = STRIKES
    ) -> "ConnectionState":
        """Return the state that *probe* leads to; ``since`` moves only with the status."""
        failures = 0 if probe is Probe.ANSWERED else self.failures + 1
        status = _found(probe, self.status, failures, strikes)
        return replace(
            self,
            status=status,
            since=self.since if status is self.status else now,
            failures=failures,
            reason=reason,
        )


def _found(probe: Probe, status: ConnectionStatus, failures: int, strikes: int) -> ConnectionStatus:
    match probe:
        case Probe.ANSWERED:
            return ConnectionStatus.ONLINE
        case Probe.THROTTLED:
            return ConnectionStatus.DEGRADED
        case Probe.SILENT:
            return ConnectionStatus.OFFLINE
        case Probe.REVOKED:
            return ConnectionStatus.NEEDS_REAUTH
        case Probe.REFUSED:
            if failures >= strikes or status is ConnectionStatus.NEEDS_REAUTH:
                return ConnectionStatus.NEEDS_REAUTH
            return ConnectionStatus.DEGRADED

"""The health of a connection as one state, and how a look at its system moves it.

The table of ``docs/health.md`` is this module's, line by line.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from reconciler.model.condition import Reason
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
    """It answers, and takes our credentials."""
    THROTTLED = "throttled"
    """It asks us to slow down."""
    FAULTY = "faulty"
    """It answers with a fault of its own, or with what its connector cannot read."""
    DENIED = "denied"
    """It takes our credentials, and they may not do what we ask."""
    SILENT = "silent"
    """It does not answer: network, name, TLS or time-out."""
    REFUSED = "refused"
    """It refuses our credentials."""
    REVOKED = "revoked"
    """It says that the grant is gone, and no second try helps."""
    UNSET = "unset"
    """There are no credentials to show: a reference leads nowhere, or the customer has given none."""


class Alarm(StrEnum):
    """What the outside was told of a connection that is not over yet."""

    AUTH = "auth"
    OFFLINE = "offline"


STRIKES: Final = 2
"""Refused this often in a row, a password counts as wrong. A revoked grant needs no second look."""


@dataclass(frozen=True, slots=True)
class ConnectionState:
    """How a connection is, since when, and why.

    ``basis`` is the digest of the settings that it was found under: with others, all is open again.
    ``failures`` counts looks without an answer to our liking in a row, ``strikes`` refused logins in a
    row: a system that is silent in between takes none back and adds none. ``reason`` is a stable word,
    ``message`` a sentence. ``good_at`` is when it answered last. ``alarms`` are what the outside was told
    and is still so. ``expires_at`` is when what it logs in with stops to be good, where that is known,
    and ``warned`` with how many days left that was told last.
    """

    key: ResourceKey
    basis: str
    status: ConnectionStatus
    since: datetime
    failures: int = 0
    message: str = ""
    reason: Reason = Reason.NOT_ASKED_YET
    strikes: int = 0
    good_at: datetime | None = None
    alarms: frozenset[Alarm] = frozenset()
    expires_at: datetime | None = None
    warned: int | None = None

    @property
    def broken(self) -> bool:
        """Whether nothing that asks its system can succeed before it is well again."""
        if self.status is ConnectionStatus.PENDING:
            return self.reason is Reason.CREDENTIALS_MISSING
        return self.status in {ConnectionStatus.OFFLINE, ConnectionStatus.NEEDS_REAUTH}

    def after(
        self, probe: Probe, now: datetime, *, message: str = "", strikes: int = STRIKES
    ) -> "ConnectionState":
        """Return the state that *probe* leads to; ``since`` moves only with the status.

        *strikes* is how many refusals in a row count as a wrong password.
        """
        if probe is Probe.ANSWERED:
            well = replace(self, failures=0, strikes=0, good_at=now)
            return well.moved(ConnectionStatus.ONLINE, Reason.ANSWERS, now)
        count = self.strikes + 1 if probe is Probe.REFUSED else self.strikes
        worse = replace(self, failures=self.failures + 1, strikes=count)
        status, reason = _found(probe, worse, strikes)
        if status is self.status is ConnectionStatus.NEEDS_REAUTH:
            return replace(worse, message=message or self.message) if probe in _SAYS else worse
        return worse.moved(status, reason, now, message)

    def moved(
        self, status: ConnectionStatus, reason: Reason, now: datetime, message: str = ""
    ) -> "ConnectionState":
        """Return the state in *status* for *reason*; ``since`` moves only with the status."""
        since = self.since if status is self.status else now
        return replace(self, status=status, since=since, reason=reason, message=message)

    def under(self, basis: str, now: datetime) -> "ConnectionState":
        """Return the state under other settings or credentials: all is open again, alarms are not over."""
        anew = replace(self, basis=basis, failures=0, strikes=0, expires_at=None, warned=None)
        return anew.moved(ConnectionStatus.PENDING, Reason.NOT_ASKED_YET, now)


def new_state(key: ResourceKey, basis: str, now: datetime) -> ConnectionState:
    """Return the state of a connection that nobody has looked at."""
    return ConnectionState(key, basis, ConnectionStatus.PENDING, now)


_SAYS: Final = frozenset({Probe.REFUSED, Probe.REVOKED})


def _found(probe: Probe, worse: ConnectionState, strikes: int) -> tuple[ConnectionStatus, Reason]:
    """Return what a look without a good answer leads to; *worse* counts it already."""
    broken = worse.status is ConnectionStatus.NEEDS_REAUTH
    match probe:
        case Probe.REVOKED:
            return ConnectionStatus.NEEDS_REAUTH, Reason.GRANT_REVOKED
        case Probe.UNSET:
            return ConnectionStatus.PENDING, Reason.CREDENTIALS_MISSING
        case Probe.REFUSED if broken or worse.strikes >= strikes:
            return ConnectionStatus.NEEDS_REAUTH, Reason.REAUTHORIZATION_REQUIRED
        case _ if broken:
            return ConnectionStatus.NEEDS_REAUTH, worse.reason
        case Probe.SILENT:
            return ConnectionStatus.OFFLINE, Reason.UNREACHABLE
        case _:
            return ConnectionStatus.DEGRADED, _DEGRADED[probe]


_DEGRADED: Final = {
    Probe.REFUSED: Reason.CREDENTIALS_REJECTED,
    Probe.THROTTLED: Reason.THROTTLED,
    Probe.FAULTY: Reason.SOURCE_FAULT,
    Probe.DENIED: Reason.ACCESS_DENIED,
}


@dataclass(frozen=True, slots=True)
class StatusChange:
    """One change of status of a connection (its uid), as history keeps it."""

    connection: str
    at: datetime
    before: ConnectionStatus
    after: ConnectionStatus
    reason: Reason
    message: str = ""


@dataclass(frozen=True, slots=True)
class Checks:
    """How often a connection (its uid) was asked in an hour (its start), and how often in vain."""

    connection: str
    hour: datetime
    asked: int
    failed: int
    last_at: datetime

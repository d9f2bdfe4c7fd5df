"""Every error, as one tree.

ReconcilerError
├── Invalid            what a person wrote cannot be taken           (exit 1, HTTP 4xx; halts)
│   ├── SpecInvalid        specs with problems, all of them
│   ├── NotFound           no such thing
│   ├── NoSpecs            a folder without a spec
│   ├── PlanTampered       a saved plan that is not as it was saved
│   ├── EditRefused        a file that cannot be changed so that it says what was meant, and no more
│   └── SecretMissing      a reference that leads nowhere
├── Conflict           somebody else was first                       (halts)
│   ├── PlanStale          the state has moved on since the plan     (retried: planned again)
│   ├── PlanBlocked        a guard asks for a person                 (halts)
│   └── Locked             another run or process holds it           (waits)
├── TimedOut           not done in the time that was given
├── StoreUnavailable   our own database does not answer              (retried)
└── SourceError        a remote system
    ├── Unreachable        no answer                                 (retried)
    ├── RateLimited        asked to slow down, with a wait           (retried)
    ├── ServerFault        5xx, or nonsense where JSON was due       (retried)
    │   └── NotTheProduct      HTML or nothing where JSON was due
    ├── Unauthorized       credentials refused                       (halts; strikes)
    │   ├── Revoked            the grant is gone                     (halts at once)
    │   ├── AccountLocked      the account is locked
    │   └── SecondFactorAsked  the login asks for more than a password
    ├── Forbidden          no right on this one thing                (halts)
    └── SourceInvalid      an answer that the manifest cannot read   (halts)
        └── WrongAddress       nothing is there, or it sends us elsewhere
"""

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar

from reconciler.model.problem import Problem


class Recovery(StrEnum):
    """What it takes that the same works: time, the end of something else, or somebody who changes something."""

    TRANSIENT = "transient"
    WAITING = "waiting"
    PERMANENT = "permanent"


class ReconcilerError(Exception):
    """What went wrong (the message) and what to do next (``hint``)."""

    code: ClassVar[str] = "ERROR"
    recovery: ClassVar[Recovery] = Recovery.PERMANENT

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Invalid(ReconcilerError):
    """What a person wrote cannot be taken."""

    code = "INVALID_REQUEST"


class SpecInvalid(Invalid):
    """Specs with problems; the old state stays in force."""

    code = "SPEC_INVALID"

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(f"{len(problems)} problems in the specs")
        self.problems = tuple(problems)


class NotFound(Invalid):
    """No such thing."""

    code = "NOT_FOUND"


class NoSpecs(Invalid):
    """A folder without a spec: never taken as the wish to remove everything."""

    code = "NO_SPECS"


class PlanTampered(Invalid):
    """A saved plan that is not as it was saved: cut short, edited, or no plan at all."""

    code = "PLAN_TAMPERED"


class EditRefused(Invalid):
    """A spec file cannot be changed so that it says what was meant, and nothing else."""

    code = "EDIT_REFUSED"


class SecretMissing(Invalid):
    """A secret reference that leads nowhere."""

    code = "SECRET_NOT_FOUND"


class Conflict(ReconcilerError):
    """Somebody else was first."""

    code = "CONFLICT"


class PlanStale(Conflict):
    """The state has moved on since the plan was made."""

    code = "PLAN_STALE"
    recovery = Recovery.TRANSIENT


class PlanBlocked(Conflict):
    """A guard asks for a person's decision."""

    code = "PLAN_BLOCKED"


class Suspended(Conflict):
    """Somebody has paused it."""

    code = "SUSPENDED"


class Locked(Conflict):
    """Another run or process holds it."""

    code = "LOCKED"
    recovery = Recovery.WAITING


class LeaseLost(Locked):
    """Another process has taken over what this one did: it must not write any more."""

    code = "LEASE_LOST"
    recovery = Recovery.PERMANENT


class TimedOut(ReconcilerError):
    """It was not done in the time that was given, and may still be done."""

    code = "TIMED_OUT"
    recovery = Recovery.TRANSIENT


class StoreUnavailable(ReconcilerError):
    """Our own database does not answer, is full, or is broken."""

    code = "STORE_UNAVAILABLE"
    recovery = Recovery.TRANSIENT


class SourceError(ReconcilerError):
    """A remote system did not do what was asked."""

    code = "SOURCE_ERROR"


class Obstacle(StrEnum):
    """What is in the way of an answer."""

    NAME = "name"
    """The host's name is not known."""
    REFUSED = "refused"
    """Nothing listens there, or it turns us away."""
    TIMEOUT = "timeout"
    """Nothing came back in time."""
    CERTIFICATE = "certificate"
    """Its certificate is not trusted, has expired, or is another host's."""
    CLIENT_CERTIFICATE = "client_certificate"
    """It wants to see a certificate of ours, or does not take the one that it saw."""
    TLS = "tls"
    """No common version or cipher, or it speaks no TLS at all."""
    NETWORK = "network"
    """Something else on the way."""


class Unreachable(SourceError):
    """No answer: network, name, TLS or time-out; ``obstacle`` says which."""

    code = "CONNECTION_UNREACHABLE"
    recovery = Recovery.TRANSIENT

    def __init__(
        self, message: str, *, obstacle: Obstacle = Obstacle.NETWORK, hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.obstacle = obstacle


class RateLimited(SourceError):
    """The system asked us to slow down; ``wait`` is what it asked for, where it said."""

    code = "RATE_LIMIT_EXCEEDED"
    recovery = Recovery.TRANSIENT

    def __init__(self, message: str, *, wait: timedelta | None = None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.wait = wait


class ServerFault(SourceError):
    """A 5xx, a truncated body, or HTML where JSON was due."""

    code = "SOURCE_FAULT"
    recovery = Recovery.TRANSIENT


class NotTheProduct(ServerFault):
    """HTML or nothing where JSON was due: a maintenance page, or another program at this address."""


class Unauthorized(SourceError):
    """The system refused our credentials."""

    code = "AUTHENTICATION_FAILED"


class Revoked(Unauthorized):
    """The grant is gone; no second try helps."""

    code = "CONNECTION_REAUTHORIZATION_REQUIRED"


class AccountLocked(Unauthorized):
    """The account is locked: another try makes it no better."""


class SecondFactorAsked(Unauthorized):
    """The login asks for more than a password."""


class Forbidden(SourceError):
    """The credentials are good, and may not do this one thing."""

    code = "SOURCE_FORBIDDEN"


class SourceInvalid(SourceError):
    """An answer that the connector's manifest cannot read."""

    code = "SOURCE_INVALID"


class WrongAddress(SourceInvalid):
    """Nothing is where we asked, or it sends us elsewhere."""

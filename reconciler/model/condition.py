"""Conditions: the state of an object in the shape that Kubernetes users know."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class Condition(StrEnum):
    """The closed set; ``Reconciling``, ``Stalled`` and ``Drifted`` are absent when all is well."""

    READY = "Ready"
    SYNCED = "Synced"
    AUTHENTICATED = "Authenticated"
    DRIFTED = "Drifted"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"


class Truth(StrEnum):
    """The three answers of a condition."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Reason(StrEnum):
    """Why a condition is as it is: the closed set; names are added, never changed."""

    APPLIED = "Applied"
    """The specs are in force."""
    CONFLICT = "Conflict"
    """The specs and an edit outside of git want the same field to be different things."""
    BLOCKED = "Blocked"
    """A guard asks for a person's decision."""
    DENY_WINDOW = "DenyWindow"
    """A window of the team's policy is open; it goes on by itself when that ends."""
    DEPENDENCY_NOT_READY = "DependencyNotReady"
    """It waits for another object that is held."""
    INVALID_SPEC = "InvalidSpec"
    """The specs have errors; what was in force stays."""
    SOURCE_UNREADABLE = "SourceUnreadable"
    """The specs cannot be read; what was in force stays."""
    SOURCE_READ = "SourceRead"
    """The specs were read and are sound."""
    PINNED = "Pinned"
    """The source stays at a revision until somebody takes the pin off."""
    CHANGED_OUTSIDE_GIT = "ChangedOutsideGit"
    """Somebody has changed it through the API or the dashboard."""
    FLAPPING = "Flapping"
    """It was put back and changed again too often; it is left alone until a person looks."""
    SYNC_SUCCEEDED = "SyncSucceeded"
    """The last sync ended well."""
    SYNC_FAILED = "SyncFailed"
    """The last sync did not."""
    PAUSED = "Paused"
    """It is suspended."""
    TOKEN_VALID = "TokenValid"  # noqa: S105  a word, no password
    """The system takes the credentials."""
    REAUTHORIZATION_REQUIRED = "ReauthorizationRequired"
    """The credentials are refused; somebody has to enter them anew."""
    CREDENTIALS_REJECTED = "CredentialsRejected"
    """The credentials were refused once; they are tried again."""
    UNREACHABLE = "Unreachable"
    """The system does not answer."""
    NOT_ASKED_YET = "NotAskedYet"
    """Nobody has looked yet."""
    ANSWERS = "Answers"
    """The system answers, and takes the credentials."""
    THROTTLED = "Throttled"
    """The system asks us to slow down."""
    SOURCE_FAULT = "SourceFault"
    """The system answers with a fault of its own."""
    ACCESS_DENIED = "AccessDenied"
    """The credentials are good, and may not do what is asked."""
    GRANT_REVOKED = "GrantRevoked"
    """The consent was taken back or has ended; somebody has to give it anew."""
    CREDENTIALS_MISSING = "CredentialsMissing"
    """There are no credentials: a reference leads nowhere, or the customer has not connected."""


@dataclass(frozen=True, slots=True)
class Status:
    """One condition of one object. ``reason`` is stable CamelCase; ``since`` moves only with ``truth``."""

    condition: Condition
    truth: Truth
    reason: str
    message: str
    since: datetime
    generation: int

    def after(self, newer: "Status") -> "Status":
        """Return *newer*, with ``since`` of this one where the truth has not changed."""
        return replace(newer, since=self.since) if newer.truth is self.truth else newer

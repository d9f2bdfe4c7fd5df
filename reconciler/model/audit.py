"""The audit log: who did what, each entry bound to the one before; and what an object was before."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from reconciler.model.resource import ResourceKey
from reconciler.model.value import canonical, digest


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One deed: who (``cli:ada``, ``api:key-7``, ``reconciler``) did what to which object, and when.

    ``data`` says the rest: commit, before and after as digests, a reason. It holds no secret.
    ``chain`` is the digest over this entry and the ``chain`` before it; "" until it is kept.
    """

    at: datetime
    actor: str
    deed: str
    subject: str
    data: Mapping[str, Any] = field(default_factory=dict)
    request_id: str = ""
    seq: int = 0
    chain: str = ""

    def chained(self, before: str) -> str:
        """Return the digest over this entry and the chain *before* it, in hexadecimal digits."""
        told = [before, self.at.isoformat(), self.actor, self.deed, self.subject, self.request_id]
        return digest(canonical([*told, dict(self.data)]))


def broken_link(entries: Iterable[AuditEntry], before: str = "") -> AuditEntry | None:
    """Return the first of *entries* (oldest first) that is not as it was written; ``None``: all are.

    *before* is the chain of the entry ahead of them.
    """
    for entry in entries:
        if entry.chain != entry.chained(before):
            return entry
        before = entry.chain
    return None


@dataclass(frozen=True, slots=True)
class Past:
    """One change of one object that was made: by whom, when, in which generation, of which revision.

    ``change`` is a word (``create``, ``update``, ``edit``); the bodies are canonical JSON.
    """

    key: ResourceKey
    uid: str
    change: str
    actor: str
    at: datetime
    generation: int
    revision: str
    before: bytes | None = None
    after: bytes | None = None


@dataclass(frozen=True, slots=True)
class Pin:
    """The revision at which the source of specs stays, why, by whom, and until when.

    ``until`` is ``None`` for one that stays until it is taken off.
    """

    environment: str
    revision: str
    reason: str
    by: str
    at: datetime
    until: datetime | None = None

    def holds(self, now: datetime) -> bool:
        """Return whether it is in force at *now*."""
        return self.until is None or now < self.until


@dataclass(frozen=True, slots=True)
class Hold:
    """Who holds a named lease: since when, until when unless it is renewed, and in which epoch."""

    name: str
    holder: str
    epoch: int
    acquired_at: datetime | None
    expires_at: datetime

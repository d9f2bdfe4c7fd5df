"""Connect links: a customer's way to give or renew credentials, once, for a while."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class LinkState(StrEnum):
    """How a link stands."""

    OPEN = "open"
    USED = "used"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Link:
    """A connect link as it is kept: never its text, only the SHA-256 of it (32 bytes).

    ``connection`` is the connection's uid. ``redirect`` is where the customer's browser goes at the end
    ("": nowhere), with ``state`` as it was given. ``tries`` counts credentials that the system refused.
    """

    id: str
    connection: str
    digest: bytes
    created_by: str
    created_at: datetime
    expires_at: datetime
    redirect: str = ""
    state: str = ""
    tries: int = 0
    used_at: datetime | None = None
    revoked_at: datetime | None = None

    def stands(self, now: datetime) -> LinkState:
        """Return how it stands at *now*."""
        if self.used_at is not None:
            return LinkState.USED
        if self.revoked_at is not None:
            return LinkState.REVOKED
        return LinkState.EXPIRED if self.expires_at <= now else LinkState.OPEN

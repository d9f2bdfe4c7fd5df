"""Connect links: a customer's way to give or renew credentials, once, for a while."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
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


@dataclass(frozen=True, slots=True)
class Handover:
    """How the API token that comes of a link (its id) gets to whoever is to have it, once.

    ``shown``: to the customer, on the page. Else who made the link fetches it: by a one-time code that the
    customer's browser carries to the link's redirect address (``code`` is its SHA-256), or, without one, by
    the link's id. ``grace`` is how long the token before it stays good. ``ready_at`` is when the link was
    used, ``taken_at`` when the token was handed over.
    """

    link: str
    connection: str
    shown: bool = False
    grace: timedelta = timedelta(0)
    code: bytes | None = None
    ready_at: datetime | None = None
    taken_at: datetime | None = None

    def ready(self, now: datetime, code: bytes | None = None) -> "Handover":
        """Return what the use of the link makes of it."""
        return replace(self, ready_at=now, code=code)

    def taken(self, now: datetime) -> "Handover":
        """Return what handing over the token makes of it."""
        return replace(self, taken_at=now)

    def waits(self, now: datetime, within: timedelta) -> bool:
        """Whether a token may be fetched at *now*, *within* so long after the link was used."""
        return self.ready_at is not None and self.taken_at is None and now < self.ready_at + within

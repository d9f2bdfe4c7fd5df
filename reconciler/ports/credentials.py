"""What customers gave, and what was obtained with it: sealed in the store, open only in hand."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from reconciler.model.credential import InstanceSecret, Sealed
from reconciler.model.link import Handover, Link


class Credentials(Protocol):
    """Sealed credentials of connections (their uids), in one transaction."""

    async def of(self, connection: str) -> Mapping[str, Sealed]:
        """Return what a connection has, by field."""
        ...

    async def put(self, connection: str, credentials: Sequence[Sealed]) -> None:
        """Keep *credentials*, each in place of the one of its field."""
        ...

    async def drop(self, connection: str, fields: Sequence[str] | None = None) -> int:
        """Remove some fields of a connection, or all of them; return how many there were."""
        ...

    async def others(self, key_id: str, *, limit: int) -> Sequence[tuple[str, Sealed]]:
        """Return what is sealed under another key than *key_id*, each with its connection.

        Nobody else changes these before this transaction has ended.
        """
        ...


class Secrets(Protocol):
    """Sealed secrets of the installation itself, in one transaction."""

    async def add(self, secret: InstanceSecret) -> bool:
        """Keep *secret*, unless there is one of its name; return whether it was kept."""
        ...

    async def put(self, secret: InstanceSecret) -> None:
        """Keep *secret*, in place of the one of its name."""
        ...

    async def others(self, key_id: str, *, limit: int) -> Sequence[InstanceSecret]:
        """Return what is sealed under another key; nobody else changes it before this ends."""
        ...


class Links(Protocol):
    """Connect links, in one transaction."""

    async def put(self, link: Link) -> None:
        """Keep a link, new or known."""
        ...

    async def by_digest(self, digest: bytes) -> Link | None:
        """Return the link whose text has this SHA-256; nobody else changes it before this ends."""
        ...


class Handovers(Protocol):
    """How tokens that come of links are handed over, in one transaction.

    What is read here is changed by nobody else before this ends.
    """

    async def put(self, handover: Handover) -> None:
        """Keep a handover, new or known by its link."""
        ...

    async def of(self, link: str) -> Handover | None:
        """Return the handover of a link (its id)."""
        ...

    async def by_code(self, digest: bytes) -> Handover | None:
        """Return the handover whose one-time code has this SHA-256."""
        ...


@dataclass(frozen=True, slots=True, repr=False)
class Obtained:
    """Fields that a system gave us, such as ``oauth.access_token``, and when they stop to be good.

    A field whose value is ``None`` is dropped.
    """

    fields: Mapping[str, str | None]
    expires_at: datetime | None = None


class Safe(Protocol):
    """Opens and keeps the credentials of connections. Values are in hand only, never kept open."""

    async def open(self, connection: str) -> Mapping[str, str]:
        """Return the values that a connection (its uid) has, by field; empty if there are none."""
        ...

    async def renew(
        self,
        connection: str,
        good: Callable[[Mapping[str, str], datetime], bool],
        obtain: Callable[[Mapping[str, str]], Awaitable[Obtained]],
    ) -> Mapping[str, str]:
        """Return values that are *good* at this moment, obtained by one caller at a time.

        Of all callers in all processes one calls *obtain*, with the values as they then are; what it
        returns is kept before anybody gets it, and the others get that. That it is under way is kept
        before *obtain* is called, so that a death in between can be told from a refusal.

        Raises:
            Locked: if another process takes longer than it may.
            ReconcilerError: what *obtain* raises.
        """
        ...

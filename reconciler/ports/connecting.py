"""What it takes to connect a customer's system, each port as small as its user."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Protocol, TypeAlias

from reconciler.model.access import Token
from reconciler.model.resource import Resource
from reconciler.ports.store import UnitOfWork


class Keeping(Protocol):
    """Keeps what a customer gave, sealed."""

    async def keep(  # noqa: PLR0913  each of them is another
        self,
        unit: UnitOfWork,
        connection: str,
        values: Mapping[str, str | None],
        *,
        by: str,
        at: datetime,
        expires_at: datetime | None = None,
    ) -> None:
        """Seal *values* (by place) and keep them with *unit*; one that is ``None`` is dropped."""
        ...


class Reissue(Protocol):
    """Makes the API token of a connection anew."""

    async def __call__(  # noqa: PLR0913  each of them is another
        self,
        unit: UnitOfWork,
        connection_uid: str,
        *,
        name: str,
        api_version: str,
        grace: timedelta,
        actor: str,
        now: datetime,
    ) -> tuple[str, Token]:
        """Return the text of a new token, which is kept with *unit*; those before it end after *grace*."""
        ...


class Reconnection(Protocol):
    """What has to be known of a connection that its customer has connected."""

    async def keep(
        self, unit: UnitOfWork, connection: Resource, uid: str, *, by: str, at: datetime
    ) -> None:
        """Say with *unit* that its system takes the new credentials: its state, and what is told of it."""
        ...

    async def follow(self, connection: Resource, uid: str) -> None:
        """Ask for a look at it and for the syncs that it has missed; called when all is kept."""
        ...


AddressGuard: TypeAlias = Callable[[str], Awaitable[None]]
"""Returns if we may connect to an address that a customer typed.

Raises:
    Invalid: if it leads where customers may not lead us.
    Unreachable: if it leads nowhere.
"""

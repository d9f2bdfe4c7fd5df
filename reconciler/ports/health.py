"""How connections are, in one transaction: their states, what they were, and how often they were asked."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from reconciler.model.connection import Checks, ConnectionState, StatusChange


class Health(Protocol):
    """States of connections, with their history."""

    async def state(self, connection: str) -> ConnectionState | None:
        """Return how a connection (its uid) is; nobody else changes it before this ends."""
        ...

    async def put(self, state: ConnectionState) -> None:
        """Keep how a connection is.

        Raises:
            NotFound: if it is not in force.
        """
        ...

    async def note(self, change: StatusChange) -> None:
        """Add to the history of a connection."""
        ...

    async def count(self, checks: Sequence[Checks]) -> None:
        """Add *checks* to what was counted in their hours."""
        ...

    async def forget(self, before: datetime) -> int:
        """Remove the counts of hours that began before that time; return how many there were."""
        ...

"""Opens the system of a connection in force, with what its customer gave."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from reconciler.engine.inforce import Situation
from reconciler.model.resource import Resource
from reconciler.ports import Connector, Connectors, Safe

Prepare: TypeAlias = Callable[[Any], Awaitable[None]]


async def _nothing(_spec: Any) -> None:
    """Need nothing before a connection is opened."""


class Systems:
    """What is behind connections. Without a *safe*, customers have given nothing.

    *prepare* is told the spec of each connection before it is opened, and may take its time: secrets
    that a program or a vault gives are fetched then.
    """

    def __init__(
        self, connectors: Connectors, safe: Safe | None = None, *, prepare: Prepare = _nothing
    ) -> None:
        self._connectors = connectors
        self._safe = safe
        self._prepare = prepare

    async def open(self, situation: Situation, connection: Resource) -> Connector:
        """Return the system of *connection*, which the caller closes.

        Raises:
            SecretMissing: if there are no credentials.
            Invalid: if its settings cannot be taken.
        """
        await self._prepare(connection.spec)
        uid = situation.uid(connection)
        given = {} if self._safe is None else await self._safe.open(uid)
        return self._connectors.open(
            connection, situation.manifest(connection), uid=uid, given=given
        )

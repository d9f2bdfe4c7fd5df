"""Opens the system of a connection in force, with what its customer gave."""

from collections.abc import Mapping

from reconciler.engine.inforce import Situation
from reconciler.model.resource import Resource
from reconciler.ports import Connector, Connectors, Safe


class Systems:
    """What is behind connections. Without a *safe*, customers have given nothing."""

    def __init__(self, connectors: Connectors, safe: Safe | None = None) -> None:
        self._connectors = connectors
        self._safe = safe

    async def open(self, situation: Situation, connection: Resource) -> Connector:
        """Return the system of *connection*, which the caller closes.

        Raises:
            SecretMissing: if there are no credentials.
            Invalid: if its settings cannot be taken.
        """
        uid = situation.uid(connection)
        given = {} if self._safe is None else await self._safe.open(uid)
        return self._connectors.open(
            connection, situation.manifest(connection), uid=uid, given=given
        )

    def trying(
        self, situation: Situation, connection: Resource, given: Mapping[str, str]
    ) -> Connector:
        """Return the system of *connection* with credentials that are not kept, and keep none.

        Raises:
            SecretMissing: if some are missing.
            Invalid: if its settings cannot be taken.
        """
        return self._connectors.open(connection, situation.manifest(connection), given=given)

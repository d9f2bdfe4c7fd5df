"""One unit of work in SQL: the families of tables, bound to one transaction."""

from collections.abc import Callable

from reconciler.store.access import SqlLeases, SqlTokens
from reconciler.store.alerts import SqlAlerts, SqlEndpoints
from reconciler.store.credentials import SqlCredentials, SqlLinks, SqlSecrets
from reconciler.store.handovers import SqlHandovers
from reconciler.store.health import SqlHealth
from reconciler.store.objects import SqlObjects
from reconciler.store.outbox import SqlOutbox
from reconciler.store.records import SqlRecords
from reconciler.store.runs import SqlRuns
from reconciler.store.transaction import Transaction
from reconciler.store.trust import SqlAudit, SqlConditions, SqlLedger, SqlPins


class SqlUnit:
    """``ports.UnitOfWork``; work that raised leaves nothing that could be committed.

    *told* is called after a commit that left something in the outbox.
    """

    def __init__(self, transaction: Transaction, told: Callable[[], None]) -> None:
        self._transaction = transaction
        self._told = told
        self.objects = SqlObjects(transaction)
        self.records = SqlRecords(transaction)
        self.runs = SqlRuns(transaction)
        self.outbox = SqlOutbox(transaction)
        self.tokens = SqlTokens(transaction)
        self.leases = SqlLeases(transaction)
        self.ledger = SqlLedger(transaction)
        self.conditions = SqlConditions(transaction)
        self.audit = SqlAudit(transaction)
        self.pins = SqlPins(transaction)
        self.health = SqlHealth(transaction)
        self.credentials = SqlCredentials(transaction)
        self.links = SqlLinks(transaction)
        self.secrets = SqlSecrets(transaction)
        self.alerts = SqlAlerts(transaction)
        self.endpoints = SqlEndpoints(transaction)
        self.handovers = SqlHandovers(transaction)

    async def commit(self) -> None:
        """Make it all true."""
        try:
            await self._transaction.commit()
        finally:
            if (
                self.outbox.stirred or self.alerts.stirred
            ):  # a cancelled commit may have come to pass
                self._told()

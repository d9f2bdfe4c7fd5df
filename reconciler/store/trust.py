"""Drift ledger, conditions, audit log and pins, in one transaction."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, func, select

from reconciler.model.audit import AuditEntry, Pin
from reconciler.model.condition import Condition, Status
from reconciler.model.drift import Drift
from reconciler.store import dialects
from reconciler.store.transaction import Transaction
from reconciler.store.trust_rows import audit_fields, drift_fields, pin_fields, status_fields
from reconciler.store.trust_tables import audit, conditions, drifts, pins
from reconciler.store.trust_views import read_open

_CHAIN_LOCK = 0x6175646974  # "audit": whoever writes the next link waits for the one before it


class SqlLedger:
    """``ports.Ledger`` in one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def open(self) -> Sequence[Drift]:
        """Return the drift of objects that is not over, oldest first."""
        return await self._transaction.do(read_open)

    async def keep(self, drift: Drift) -> None:
        """Keep *drift* as it is now, new or known by its id."""
        await self._transaction.do(_keep, drift)


class SqlConditions:
    """``ports.Conditions`` in one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def put(self, subject: str, status: Status) -> bool:
        """Keep *status*; return whether its truth or reason is another than before."""
        return await self._transaction.do(_put, subject, status)

    async def clear(self, subject: str, condition: Condition) -> bool:
        """Say nothing any more; return whether something was said."""
        return await self._transaction.do(_clear, subject, condition)


class SqlAudit:
    """``ports.Audit`` in one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def record(self, entry: AuditEntry) -> None:
        """Keep *entry*, bound to the one before it."""
        await self._transaction.do(_record, entry)


class SqlPins:
    """``ports.Pins`` in one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def put(self, pin: Pin) -> None:
        """Keep *pin*, in place of the one that its environment had."""
        await self._transaction.do(_pin, pin)

    async def remove(self, environment: str) -> bool:
        """Take the pin off; return whether there was one."""
        return await self._transaction.do(_unpin, environment)


def _keep(database: Connection, drift: Drift) -> None:
    database.execute(dialects.upsert(database, drifts, drift_fields(drift)))


def _put(database: Connection, subject: str, status: Status) -> bool:
    known = database.execute(
        select(conditions.c.truth, conditions.c.reason, conditions.c.since_at).where(
            conditions.c.subject == subject, conditions.c.condition == status.condition.value
        )
    ).one_or_none()
    fields = status_fields(subject, status)
    if known is not None and known.truth == fields["truth"]:
        fields["since_at"] = known.since_at
    database.execute(dialects.upsert(database, conditions, fields))
    return known is None or (known.truth, known.reason) != (fields["truth"], fields["reason"])


def _clear(database: Connection, subject: str, condition: Condition) -> bool:
    gone = database.execute(
        conditions.delete().where(
            conditions.c.subject == subject, conditions.c.condition == condition.value
        )
    )
    return gone.rowcount > 0


def _record(database: Connection, entry: AuditEntry) -> None:
    if dialects.is_postgres(database):
        database.execute(select(func.pg_advisory_xact_lock(_CHAIN_LOCK)))
    last = database.scalar(select(audit.c.chain).order_by(audit.c.seq.desc()).limit(1))
    before = "" if last is None else bytes(last).hex()
    database.execute(audit.insert(), audit_fields(replace(entry, chain=entry.chained(before))))


def _pin(database: Connection, pin: Pin) -> None:
    database.execute(dialects.upsert(database, pins, pin_fields(pin)))


def _unpin(database: Connection, environment: str) -> bool:
    return database.execute(pins.delete().where(pins.c.environment == environment)).rowcount > 0

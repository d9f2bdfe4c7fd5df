"""How connections are: states, what they were, and how often they were asked."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select

from reconciler.errors import NotFound
from reconciler.model.condition import Reason
from reconciler.model.connection import Checks, ConnectionState, ConnectionStatus, StatusChange
from reconciler.model.resource import Kind
from reconciler.store import dialects
from reconciler.store.rows import state_fields, to_state
from reconciler.store.tables import (
    connection_changes,
    connection_checks,
    connection_states,
    objects,
)
from reconciler.store.times import micros, moment
from reconciler.store.transaction import Transaction


class SqlHealth:
    """``ports.Health`` in one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def state(self, connection: str) -> ConnectionState | None:
        """Return how a connection (its uid) is; nobody else changes it before this ends."""
        return await self._transaction.do(_state, connection)

    async def put(self, state: ConnectionState) -> None:
        """Keep how a connection is."""
        await self._transaction.do(_put, state)

    async def note(self, change: StatusChange) -> None:
        """Add to the history of a connection."""
        await self._transaction.do(_note, change)

    async def count(self, checks: Sequence[Checks]) -> None:
        """Add *checks* to what was counted in their hours."""
        if checks:
            await self._transaction.do(_count, checks)

    async def forget(self, before: datetime) -> int:
        """Remove the counts of hours that began before that time; return how many there were."""
        return await self._transaction.do(_forget, before)


_STATES = (
    select(connection_states, objects.c.name)
    .join(objects, objects.c.uid == connection_states.c.connection)
    .where(objects.c.released_at.is_(None))
)


def read_states(database: Connection) -> dict[str, ConnectionState]:
    """Return how each connection in force is, by uid."""
    return {row.connection: to_state(row) for row in database.execute(_STATES)}


def read_state(database: Connection, connection: str) -> ConnectionState | None:
    """Return how one connection is."""
    wanted = _STATES.where(connection_states.c.connection == connection)
    row = database.execute(wanted).one_or_none()
    return None if row is None else to_state(row)


def read_changes(
    database: Connection, connection: str | None, limit: int
) -> Sequence[StatusChange]:
    """Return what connections were, or one of them, the newest change first."""
    wanted = connection_changes.select().order_by(connection_changes.c.seq.desc()).limit(limit)
    if connection is not None:
        wanted = wanted.where(connection_changes.c.connection == connection)
    return tuple(
        StatusChange(
            connection=row.connection,
            at=moment(row.changed_at),
            before=ConnectionStatus(row.before),
            after=ConnectionStatus(row.after),
            reason=Reason(row.reason),
            message=row.message,
        )
        for row in database.execute(wanted)
    )


def read_checks(database: Connection, since: datetime, connection: str | None) -> Sequence[Checks]:
    """Return the counts of hours that began at or after *since*, by connection and hour."""
    table = connection_checks
    wanted = table.select().where(table.c.hour_at >= micros(since))
    if connection is not None:
        wanted = wanted.where(table.c.connection == connection)
    return tuple(
        Checks(row.connection, moment(row.hour_at), row.asked, row.failed, moment(row.last_at))
        for row in database.execute(wanted.order_by(table.c.connection, table.c.hour_at))
    )


def _state(database: Connection, connection: str) -> ConnectionState | None:
    if dialects.is_postgres(database):
        held = select(connection_states.c.connection).where(
            connection_states.c.connection == connection
        )
        database.execute(held.with_for_update())
    return read_state(database, connection)


def _put(database: Connection, state: ConnectionState) -> None:
    uid = database.scalar(
        select(objects.c.uid).where(
            objects.c.kind == Kind.CONNECTION.value,
            objects.c.name == state.key.name,
            objects.c.released_at.is_(None),
        )
    )
    if uid is None:
        raise NotFound(f"{state.key} is not in force, so its state cannot be kept")
    fields = {"connection": uid, **state_fields(state)}
    database.execute(dialects.upsert(database, connection_states, fields))


def _note(database: Connection, change: StatusChange) -> None:
    database.execute(
        connection_changes.insert().values(
            connection=change.connection,
            changed_at=micros(change.at),
            before=change.before.value,
            after=change.after.value,
            reason=change.reason.value,
            message=change.message,
        )
    )


def _count(database: Connection, checks: Sequence[Checks]) -> None:
    table = connection_checks
    statement = dialects.insert(database, table)
    later = func.max if not dialects.is_postgres(database) else func.greatest
    database.execute(
        statement.on_conflict_do_update(
            index_elements=["connection", "hour_at"],
            set_={
                "asked": table.c.asked + statement.excluded.asked,
                "failed": table.c.failed + statement.excluded.failed,
                "last_at": later(table.c.last_at, statement.excluded.last_at),
            },
        ),
        [
            {
                "connection": one.connection,
                "hour_at": micros(one.hour),
                "asked": one.asked,
                "failed": one.failed,
                "last_at": micros(one.last_at),
            }
            for one in checks
        ],
    )


def _forget(database: Connection, before: datetime) -> int:
    return database.execute(
        connection_checks.delete().where(connection_checks.c.hour_at < micros(before))
    ).rowcount

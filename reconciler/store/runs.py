"""Sync runs and cursors."""

from sqlalchemy import Connection, select

from reconciler.errors import Conflict
from reconciler.model.sync import Cursor, SyncRun
from reconciler.store import dialects
from reconciler.store.rows import cursor_fields, run_fields, to_cursor
from reconciler.store.tables import cursors, sync_runs
from reconciler.store.transaction import Transaction


class SqlRuns:
    """``ports.Runs`` in one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def cursor(self, connection: str, entity: str) -> Cursor | None:
        """Return where the sync stands, or ``None`` before the first."""
        return await self._transaction.do(_cursor, connection, entity)

    async def move(self, cursor: Cursor, *, before: Cursor | None) -> None:
        """Put *cursor* where *before* stood; raise ``Conflict`` if another run has moved it."""
        await self._transaction.do(_move, cursor, before)

    async def put(self, run: SyncRun) -> None:
        """Keep *run* as it is now, new or known."""
        await self._transaction.do(_put, run)


def _cursor(connection: Connection, uid: str, entity: str) -> Cursor | None:
    wanted = select(cursors).where(cursors.c.connection == uid, cursors.c.entity == entity)
    if dialects.is_postgres(connection):
        wanted = wanted.with_for_update()
    row = connection.execute(wanted).one_or_none()
    return None if row is None else to_cursor(row)


def _move(connection: Connection, cursor: Cursor, before: Cursor | None) -> None:
    if _cursor(connection, cursor.connection, cursor.entity) != before:
        msg = f"{cursor.entity}: another run has moved the cursor"
        raise Conflict(msg, hint="the other run goes on; nothing was lost")
    connection.execute(dialects.upsert(connection, cursors, cursor_fields(cursor)))


def _put(connection: Connection, run: SyncRun) -> None:
    connection.execute(dialects.upsert(connection, sync_runs, run_fields(run)))

"""Sync runs, and cursors that only the one who saw them stand may move."""

from sqlalchemy import Connection, and_, bindparam

from reconciler.errors import Conflict
from reconciler.model.sync import Cursor, SyncRun
from reconciler.store import dialects
from reconciler.store.rows import cursor_fields, run_fields, to_cursor
from reconciler.store.tables import cursors, sync_runs
from reconciler.store.times import micros
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

    async def erase(self, connection: str) -> int:
        """Remove all runs and cursors of a connection for good; return how many runs there were."""
        return await self._transaction.do(_erase, connection)


_AT = cursors.select().where(
    cursors.c.connection == bindparam("connection"), cursors.c.entity == bindparam("entity")
)
_NAMES = tuple(column.name for column in cursors.c)
_AS_SEEN = and_(
    *(column.is_not_distinct_from(bindparam(f"seen_{column.name}")) for column in cursors.c)
)
_MOVE = cursors.update().where(_AS_SEEN).values({name: bindparam(name) for name in _NAMES})
_BEAT = (
    sync_runs.update()
    .where(sync_runs.c.id == bindparam("which"))
    .values(heartbeat_at=bindparam("heartbeat_at"))
)


def _cursor(database: Connection, connection: str, entity: str) -> Cursor | None:
    row = database.execute(_AT, {"connection": connection, "entity": entity}).one_or_none()
    return None if row is None else to_cursor(row)


def _move(database: Connection, cursor: Cursor, before: Cursor | None) -> None:
    fields = cursor_fields(cursor)
    if before is None:
        statement = dialects.insert(database, cursors).values(fields).on_conflict_do_nothing()
        moved = len(database.execute(statement.returning(cursors.c.entity)).all())
    else:
        seen = {f"seen_{name}": value for name, value in cursor_fields(before).items()}
        moved = database.execute(_MOVE, {**fields, **seen}).rowcount
    if moved != 1:
        raise Conflict(
            f"the cursor of {cursor.entity} of connection {cursor.connection} was moved by another run",
            hint="nothing of this page was kept; the other run goes on from where it stands",
        )
    if cursor.run is not None and cursor.advanced_at is not None:
        beat = {"which": cursor.run, "heartbeat_at": micros(cursor.advanced_at)}
        database.execute(_BEAT, beat)


def _put(database: Connection, run: SyncRun) -> None:
    database.execute(dialects.upsert(database, sync_runs, run_fields(run)))


def _erase(database: Connection, connection: str) -> int:
    database.execute(cursors.delete().where(cursors.c.connection == connection))
    return database.execute(sync_runs.delete().where(sync_runs.c.connection == connection)).rowcount

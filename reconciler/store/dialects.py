"""Where SQLite and PostgreSQL differ: writing a row whether it is there or not."""

from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import sqlite

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql


def insert(connection: Connection, table: Table) -> "sqlite.Insert | postgresql.Insert":
    """Return an insert that can say what happens when the row is there already."""
    if is_postgres(connection):
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - not on the way of SQLite's users

        return postgresql.insert(table)
    return sqlite.insert(table)


def upsert(
    connection: Connection, table: Table, values: dict[str, Any]
) -> "sqlite.Insert | postgresql.Insert":
    """Return a statement that writes *values* under the table's primary key, new or known."""
    keys = [column.name for column in table.primary_key]
    statement = insert(connection, table).values(values)
    changed = {name: statement.excluded[name] for name in values if name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=changed)


def is_postgres(connection: Connection) -> bool:
    """Whether several transactions may write at once, so that rows have to be locked."""
    return connection.dialect.name == "postgresql"

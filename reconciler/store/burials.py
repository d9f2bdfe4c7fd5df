"""Tombstones, and records removed for good."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection

from reconciler.store.tables import records

PART: Final = 500


def bury(
    connection: Connection, what: tuple[str, str], source_ids: Sequence[str], at: tuple[int, int]
) -> int:
    """Make records of *what* (connection, entity) tombstones; return how many were alive.

    *at* is when they died, and the ``updated_at`` under which pollers see it.
    """
    died, updated = at
    count = 0
    for start in range(0, len(source_ids), PART):
        part = source_ids[start : start + PART]
        found = connection.execute(
            records.update()
            .where(
                records.c.connection == what[0],
                records.c.entity == what[1],
                records.c.source_id.in_(part),
                records.c.deleted_at.is_(None),
            )
            .values(deleted_at=died, updated_at=updated)
        )
        count += found.rowcount
    return count


def bury_all(connection: Connection, uid: str, at: int) -> None:
    """Make all records of a connection tombstones."""
    connection.execute(
        records.update()
        .where(records.c.connection == uid, records.c.deleted_at.is_(None))
        .values(deleted_at=at, updated_at=at)
    )


def erase(connection: Connection, uid: str, entity: str | None) -> int:
    """Remove all records of a connection, or of one entity of it; return how many there were."""
    statement = records.delete().where(records.c.connection == uid)
    if entity is not None:
        statement = statement.where(records.c.entity == entity)
    return connection.execute(statement).rowcount

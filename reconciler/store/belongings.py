"""What a resource owns, and what becomes of it when the resource is deleted or replaced.

Runs, events and history are nobody's belongings: they tell what was, and go with their retention.
"""

from typing import Final

import msgspec
from sqlalchemy import Connection, or_

from reconciler.model.resource import Kind
from reconciler.store import burials
from reconciler.store.handovers import connect_handovers
from reconciler.store.rows import AnyRow
from reconciler.store.tables import (
    connect_links,
    connection_states,
    credentials,
    cursors,
    schedules,
    tokens,
)
from reconciler.store.trust_tables import conditions, drifts

_READ: Final = (cursors, connection_states, schedules)
"""What is known of a connection by reading its system."""
_OWNED: Final = (*_READ, connect_links, connect_handovers, credentials)


def remove(connection: Connection, row: AnyRow, at: int) -> bool:
    """Remove what the resource of *row* owns; return whether nothing of it is kept.

    A connection whose applied spec says ``deletionPolicy: retain`` keeps its records.
    """
    if row.kind == Kind.SYNC_SCHEDULE:
        connection.execute(schedules.delete().where(schedules.c.schedule == row.uid))
    if row.kind != Kind.CONNECTION:
        return True
    for table in _OWNED:
        connection.execute(table.delete().where(table.c.connection == row.uid))
    end_tokens(connection, row.uid, at)
    if _retained(row):
        return False
    burials.erase(connection, row.uid, None)
    return True


def start_anew(connection: Connection, row: AnyRow, at: int, *, elsewhere: bool) -> None:
    """Void what a replaced connection holds; its uid stays.

    Where the new system is another one (*elsewhere*), its tokens die, too, and what its customer gave
    goes. Records are erased, or made tombstones where they are to be retained.
    """
    close_drifts(connection, row.uid, at)
    if row.kind != Kind.CONNECTION:
        return
    for table in _OWNED if elsewhere else _READ:
        connection.execute(table.delete().where(table.c.connection == row.uid))
    if elsewhere:
        end_tokens(connection, row.uid, at)
    if _retained(row):
        burials.bury_all(connection, row.uid, at)
    else:
        burials.erase(connection, row.uid, None)


def end_tokens(connection: Connection, uid: str, at: int) -> None:
    """Make the tokens of a connection worthless, those too that had a grace yet."""
    alive = or_(tokens.c.revoked_at.is_(None), tokens.c.revoked_at > at)
    connection.execute(
        tokens.update().where(tokens.c.connection == uid, alive).values(revoked_at=at)
    )


def _retained(row: AnyRow) -> bool:
    policy: object = msgspec.json.decode(row.applied)["spec"].get("deletionPolicy")
    return policy == "retain"


def close_drifts(connection: Connection, uid: str, at: int) -> None:
    """End what was said of a resource that is no more, or is another one from now on."""
    connection.execute(conditions.delete().where(conditions.c.subject == uid))
    connection.execute(
        drifts.update()
        .where(drifts.c.uid == uid, drifts.c.resolved_at.is_(None))
        .values(resolved_at=at, resolution="removed")
    )

"""Reading records along the indexes: no question walks the whole table."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import starmap
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, func, select, tuple_

from reconciler.model.record import Mapped, RecordQuery, Row, StoredRecord
from reconciler.store.rows import to_record
from reconciler.store.tables import records, tallies
from reconciler.store.times import micros

_READ = select(
    records.c.id,
    records.c.connection,
    records.c.entity,
    records.c.source_id,
    records.c.raw,
    records.c.mapped,
    records.c.basis,
    records.c.error,
    records.c.created_at,
    records.c.updated_at,
    records.c.deleted_at,
    records.c.run,
)
_PLACE = (records.c.updated_at, records.c.id)
_FEW = 32
"""So many connections are asked one by one, each along its own index; more, along the entity's."""


@dataclass(frozen=True, slots=True)
class Stale:
    """Which rows that are not mapped under ``basis``, after the row of which id, and how many."""

    connection: str
    entity: str
    basis: str
    after: str
    limit: int


@dataclass(frozen=True, slots=True)
class Walk:
    """Which live records are read to be mapped otherwise: after a source id, or those of ``ids``."""

    connection: str
    entity: str
    after: str
    limit: int
    ids: tuple[str, ...] | None = None


def read_records(database: Connection, query: RecordQuery) -> Sequence[StoredRecord]:
    """Return records in the order of ``(updated_at, id)``, ``query.limit`` at most."""
    several = query.connections is not None and 1 < len(query.connections) <= _FEW
    if several and not query.ids and not query.failed:
        wanted = _READ.where(records.c.id.in_(_first_of_each(database, query)))
        return tuple(to_record(row) for row in database.execute(wanted.order_by(*_PLACE)))
    return tuple(to_record(row) for row in database.execute(select_records(query)))


def select_records(query: RecordQuery) -> Select[Any]:
    """Return the statement that reads *query* along one index."""
    # No two records have one id: the connection changes no order, but only one index has it there.
    place = (*_PLACE, records.c.connection) if query.failed else _PLACE
    return _READ.where(*_conditions(query)).order_by(*place).limit(query.limit)


def read_record(database: Connection, record_id: str) -> StoredRecord | None:
    """Return one record, a tombstone too."""
    row = database.execute(_READ.where(records.c.id == record_id)).one_or_none()
    return None if row is None else to_record(row)


def read_stale(database: Connection, wish: Stale) -> Sequence[Row]:
    """Return rows that are not mapped under the basis, by source id, after the row of id ``after``."""
    if not _any_stale(database, wish):
        return ()
    reached = database.scalar(select(records.c.source_id).where(records.c.id == wish.after))
    return tuple(starmap(Row, database.execute(select_stale(wish, reached)).all()))


def select_stale(wish: Stale, reached: str | None) -> Select[Any]:
    """Return the statement that reads the stale rows whose source id is above *reached*."""
    wanted = select(
        records.c.source_id,
        records.c.id,
        records.c.raw,
        records.c.digest,
        records.c.mapped,
        records.c.error,
        records.c.basis,
        records.c.deleted_at.is_not(None).label("dead"),
    ).where(
        records.c.connection == wish.connection,
        records.c.entity == wish.entity,
        records.c.basis != wish.basis,
    )
    if reached is not None:
        wanted = wanted.where(records.c.source_id > reached)
    return wanted.order_by(records.c.source_id).limit(wish.limit)


def read_mapped(database: Connection, walk: Walk) -> Sequence[Mapped]:
    """Return live records by source id."""
    return tuple(map(Mapped._make, database.execute(select_mapped(walk)).all()))


def select_mapped(walk: Walk) -> Select[Any]:
    """Return the statement that reads *walk*."""
    wanted = select(*(records.c[name] for name in Mapped._fields)).where(
        records.c.deleted_at.is_(None)
    )
    if walk.ids is not None:
        return wanted.where(records.c.id.in_(walk.ids)).order_by(records.c.source_id)
    place = (records.c.connection == walk.connection, records.c.entity == walk.entity)
    wanted = wanted.where(*place, records.c.source_id > walk.after)
    return wanted.order_by(records.c.source_id).limit(walk.limit)


def read_ids_below(database: Connection, connection: str, entity: str, below: str) -> Sequence[str]:
    """Return ids of live records, in their order."""
    return sorted(database.scalars(select_ids_below(connection, entity, below)))


def select_ids_below(connection: str, entity: str, below: str) -> Select[Any]:
    """Return the statement that reads ids below: of the index of pages, and the rows of those alone."""
    return (
        select(records.c.id)
        .where(
            records.c.connection == connection,
            records.c.entity == entity,
            records.c.id.concat("") < below,  # an expression, so that the walk is along the pages
            records.c.deleted_at.is_(None),
        )
        .order_by(*_PLACE)  # likewise: of all indexes of the connection only theirs has this order
    )


def read_source_ids(database: Connection, connection: str, entity: str) -> Sequence[str]:
    """Return the source ids of all live records, read from two indexes alone."""
    everything, dead = select_source_ids(connection, entity)
    buried = set(database.scalars(dead))
    return [key for key in database.scalars(everything) if key not in buried]


def select_source_ids(connection: str, entity: str) -> tuple[Select[Any], Select[Any]]:
    """Return the statements that read all source ids, and those of tombstones."""
    everything = (
        select(records.c.source_id)
        .where(records.c.connection == connection, records.c.entity == entity)
        .order_by(records.c.source_id)
    )
    dead = everything.where(records.c.deleted_at.is_not(None))
    return everything, dead


def count_failed(database: Connection) -> dict[tuple[str, str], int]:
    """Return how many live records failed to be mapped, by connection and entity, where there are any."""
    return {
        (connection, entity): int(number) for connection, entity, number in database.execute(FAILED)
    }


_WHOSE: Final = records.c.connection.concat("")
FAILED: Final = (
    select(_WHOSE, records.c.entity, func.count())
    .where(records.c.error.is_not(None), records.c.deleted_at.is_(None))
    .group_by(_WHOSE, records.c.entity)
)
"""Counts along the index of what failed alone."""


def _any_stale(database: Connection, wish: Stale) -> bool:
    others = select(tallies.c.basis).where(
        tallies.c.connection == wish.connection,
        tallies.c.entity == wish.entity,
        tallies.c.basis != wish.basis,
        tallies.c.alive + tallies.c.dead > 0,
    )
    return database.execute(others.limit(1)).first() is not None


def _first_of_each(database: Connection, query: RecordQuery) -> list[str]:
    """Return the ids of the first records of several connections, merged in the order of the answer."""
    found: list[tuple[int, str]] = []
    for connection in query.connections or ():
        wanted = select(*_PLACE).where(
            records.c.connection == connection, *_conditions(query, connections=False)
        )
        ordered = wanted.order_by(*_PLACE).limit(query.limit)
        found.extend((row.updated_at, row.id) for row in database.execute(ordered))
    return [key for _, key in sorted(found)[: query.limit]]


def _conditions(query: RecordQuery, *, connections: bool = True) -> list[ColumnElement[bool]]:
    asked = query.connections if connections else None
    conditions = _by_id(query, asked) if query.ids else _by_place(query, asked)
    if query.failed and not query.ids:
        conditions = _by_failure(query, asked)
    conditions.extend(_from_on(query))
    if query.created_after is not None:
        conditions.append(records.c.created_at > micros(query.created_after))
    if query.failed:
        conditions.append(records.c.error.is_not(None))
    if not query.deleted:
        conditions.append(records.c.deleted_at.is_(None))
    return conditions


def _by_place(query: RecordQuery, connections: tuple[str, ...] | None) -> list[ColumnElement[bool]]:
    entity = records.c.entity == query.entity
    match connections:
        case None:
            return [entity]
        case (connection,):
            return [entity, records.c.connection == connection]
        case several:
            return [entity, records.c.connection.in_(several)]


def _by_failure(
    query: RecordQuery, connections: tuple[str, ...] | None
) -> list[ColumnElement[bool]]:
    """Ask along the index of the few that failed: no other seems to promise a connection's order."""
    entity = records.c.entity == query.entity
    if connections is None:
        return [entity]
    return [entity, records.c.connection.concat("").in_(connections)]


def _by_id(query: RecordQuery, connections: tuple[str, ...] | None) -> list[ColumnElement[bool]]:
    """Ask by id, with the rest as expressions, so that no other index seems to promise the order."""
    conditions = [records.c.id.in_(query.ids), records.c.entity.concat("") == query.entity]
    if connections is not None:
        conditions.append(records.c.connection.concat("").in_(connections))
    return conditions


def _from_on(query: RecordQuery) -> list[ColumnElement[bool]]:
    """Return one lower bound of the walk: what is created later is also updated later."""
    bounds = [micros(at) for at in (query.modified_after, query.created_after) if at is not None]
    if query.after is not None:
        reached, key = micros(query.after[0]), query.after[1]
        if not bounds or reached > max(bounds):
            return [tuple_(*_PLACE) > tuple_(reached, key)]
    return [records.c.updated_at > max(bounds)] if bounds else []

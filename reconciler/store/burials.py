"""The end of records: tombstones, which tell that a record was there, and erasure, which does not."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from sqlalchemy import Connection, func, select

from reconciler.store.tables import records, tallies
from reconciler.store.tally import Tally, tick_all

_CHUNK: Final = 5000


def bury(
    database: Connection, connection: str, entity: str, source_ids: Sequence[str], at: int
) -> int:
    """Make the living among these records tombstones; return how many."""
    if not source_ids:
        return 0
    ticked = tick_all(database, [entity], at)[entity]
    tally, buried = Tally(connection, entity), 0
    for chunk in _chunks(sorted(set(source_ids))):
        living = (
            records.c.connection == connection,
            records.c.entity == entity,
            records.c.source_id.in_(chunk),
            records.c.deleted_at.is_(None),
        )
        found = Counter(database.scalars(select(records.c.basis).where(*living)))
        database.execute(
            records.update().where(*living).values(deleted_at=ticked, updated_at=ticked)
        )
        for basis, number in found.items():
            tally.add((basis, True), -number)
            tally.add((basis, False), number)
        buried += found.total()
    tally.write(database)
    return buried


def bury_all(database: Connection, connection: str, at: int) -> None:
    """Make all living records of a connection tombstones."""
    for entity, ticked in tick_all(database, _entities(database, connection, None), at).items():
        database.execute(
            records.update()
            .where(
                records.c.connection == connection,
                records.c.entity == entity,
                records.c.deleted_at.is_(None),
            )
            .values(deleted_at=ticked, updated_at=ticked)
        )
        database.execute(
            tallies.update()
            .where(tallies.c.connection == connection, tallies.c.entity == entity)
            .values(dead=tallies.c.dead + tallies.c.alive, alive=0)
        )


def erase(database: Connection, connection: str, entity: str | None) -> int:
    """Remove records for good; return how many."""
    known = _entities(database, connection, entity)
    tick_all(database, known, 0)
    erased = 0
    for name in known:
        erased += database.execute(
            records.delete().where(records.c.connection == connection, records.c.entity == name)
        ).rowcount
        database.execute(
            tallies.delete().where(tallies.c.connection == connection, tallies.c.entity == name)
        )
    return erased


def count_living(database: Connection) -> dict[tuple[str, str], int]:
    """Return how many live records there are, by connection and entity, where there are any."""
    alive = func.sum(tallies.c.alive)
    rows = database.execute(
        select(tallies.c.connection, tallies.c.entity, alive.label("alive"))
        .group_by(tallies.c.connection, tallies.c.entity)
        .having(alive > 0)
    )
    return {(row.connection, row.entity): int(row.alive) for row in rows}


def _entities(database: Connection, connection: str, entity: str | None) -> list[str]:
    if entity is not None:
        return [entity]
    return list(
        database.scalars(
            select(tallies.c.entity).where(tallies.c.connection == connection).distinct()
        )
    )


def _chunks(items: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(items)
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk

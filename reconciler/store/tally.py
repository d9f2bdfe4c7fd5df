"""Keeps count of records by connection, entity and basis, and gives out their times.

The counts answer "how many" and "is any mapped under another basis?" without a walk over the records.
"""

from collections import Counter
from collections.abc import Iterable
from typing import TypeAlias

from sqlalchemy import Connection, bindparam, case, select

from reconciler.store import dialects
from reconciler.store.tables import clocks, tallies

Place: TypeAlias = tuple[str, bool]
"""Under which basis, and whether alive."""


class Tally:
    """What changes of the counts of one entity of one connection."""

    def __init__(self, connection: str, entity: str) -> None:
        self.connection = connection
        self.entity = entity
        self._changes: Counter[Place] = Counter()

    def moved(self, before: Place | None, after: Place | None) -> None:
        """Count one record from one place to another; ``None``: it is not there."""
        self.add(before, -1)
        self.add(after, 1)

    def add(self, place: Place | None, number: int) -> None:
        """Count *number* records at a place."""
        if place is not None:
            self._changes[place] += number

    def take(self, places: Counter[Place]) -> None:
        """Count records away from where they were."""
        self._changes.subtract(places)

    def write(self, database: Connection) -> None:
        """Add the changes to the counts."""
        rows = [
            {
                "connection": self.connection,
                "entity": self.entity,
                "basis": basis,
                "alive": self._changes[basis, True],
                "dead": self._changes[basis, False],
            }
            for basis in sorted({basis for (basis, _), number in self._changes.items() if number})
        ]
        if rows:
            statement = dialects.insert(database, tallies)
            database.execute(
                statement.on_conflict_do_update(
                    index_elements=["connection", "entity", "basis"],
                    set_={
                        "alive": tallies.c.alive + statement.excluded.alive,
                        "dead": tallies.c.dead + statement.excluded.dead,
                    },
                ),
                rows,
            )
        if any(number < 0 for number in self._changes.values()):
            database.execute(
                tallies.delete().where(
                    tallies.c.connection == self.connection,
                    tallies.c.entity == self.entity,
                    tallies.c.alive == 0,
                    tallies.c.dead == 0,
                )
            )


def read_bases(
    database: Connection, connection: str | None
) -> dict[tuple[str, str], frozenset[str]]:
    """Return under which bases there are records, by connection and entity."""
    wanted = select(tallies.c.connection, tallies.c.entity, tallies.c.basis).where(
        tallies.c.alive + tallies.c.dead > 0
    )
    if connection is not None:
        wanted = wanted.where(tallies.c.connection == connection)
    found: dict[tuple[str, str], set[str]] = {}
    for row in database.execute(wanted):
        found.setdefault((row.connection, row.entity), set()).add(row.basis)
    return {place: frozenset(bases) for place, bases in found.items()}


def tick(database: Connection, entity: str, at: int) -> int:
    """Return the time for records that change now: *at*, or later if that was given out before.

    So the times of an entity's records rise with the transactions that wrote them, whatever the clock
    does, and a reader who goes on after the newest one it saw misses none. On PostgreSQL the row stays
    locked until the transaction ends: writers of one entity go one after another.
    """
    statement = dialects.insert(database, clocks).values(
        entity=bindparam("entity"), ticked_at=bindparam("at")
    )
    later = case(
        (clocks.c.ticked_at >= statement.excluded.ticked_at, clocks.c.ticked_at + 1),
        else_=statement.excluded.ticked_at,
    )
    given = database.scalar(
        statement.on_conflict_do_update(
            index_elements=["entity"], set_={"ticked_at": later}
        ).returning(clocks.c.ticked_at),
        {"entity": entity, "at": at},
    )
    return at if given is None else int(given)


def tick_all(database: Connection, entities: Iterable[str], at: int) -> dict[str, int]:
    """Return a time for each of *entities*, locked in one order so that none waits for another."""
    return {entity: tick(database, entity, at) for entity in sorted(entities)}

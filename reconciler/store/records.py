"""Raw and mapped records, by the page: the data path of the store.

A page is compared with what is stored by one query, and written by one statement for what is new and
one for what differs; what is as stored is not written. Statements are plain text with tuples, because
building rows through the expression language costs more than writing them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, case, select

from reconciler.model.record import Batch, Row, Saved
from reconciler.store import burials, dialects
from reconciler.store.tables import clocks, records
from reconciler.store.times import micros
from reconciler.store.transaction import Transaction

_INSERT: Final = (
    "INSERT INTO records (id, connection, entity, source_id, digest, basis, run, "
    "created_at, updated_at, error, raw, mapped) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_UPDATE: Final = (
    "UPDATE records SET digest = ?, basis = ?, run = ?, updated_at = ?, deleted_at = NULL, "
    "error = ?, raw = ?, mapped = ? WHERE id = ?"
)
_REMAP: Final = (
    "UPDATE records SET basis = ?, run = ?, updated_at = ?, error = ?, mapped = ? WHERE id = ?"
)


class SqlRecords:
    """``ports.Records`` in one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def save(self, batch: Batch) -> Saved:
        """Keep a page; see the port."""
        return await self._transaction.do(save, batch)

    async def remap(self, batch: Batch) -> int:
        """Write mapped bytes of rows whose raw is as stored; return how many differ."""
        return await self._transaction.do(remap, batch)

    async def bury(
        self, connection: str, entity: str, source_ids: Sequence[str], *, at: datetime
    ) -> int:
        """Make these records tombstones; return how many were alive."""
        return await self._transaction.do(_bury, (connection, entity), source_ids, at)

    async def erase(self, connection: str, entity: str | None = None) -> int:
        """Remove records for good."""
        return await self._transaction.do(burials.erase, connection, entity)


@dataclass(frozen=True, slots=True)
class _Known:
    """What is stored of a record, as far as comparing needs it."""

    digest: bytes
    basis: str
    dead: bool
    updated_at: int
    run: str


def save(connection: Connection, batch: Batch) -> Saved:
    """Keep a page."""
    rows = {row.id: row for row in batch.rows}
    known = _known(connection, rows)
    new = [row for key, row in rows.items() if key not in known]
    moved = [row for key, row in rows.items() if key in known and _moved(row, known[key], batch)]
    changed = [row.id for row in new]
    if new or moved:
        at = tick(connection, batch.entity, batch.at)
        _insert(connection, batch, new, at)
        changed += _update(connection, batch, moved, (known, at))
    return Saved(len(new), len(moved), len(rows) - len(new) - len(moved), tuple(changed))


def remap(connection: Connection, batch: Batch) -> int:
    """Write mapped bytes where the raw record is still the one that was mapped."""
    rows = {row.id: row for row in batch.rows}
    known = _known(connection, rows)
    same = [row for key, row in rows.items() if key in known and known[key].digest == row.digest]
    if not same:
        return 0
    at = tick(connection, batch.entity, batch.at)
    before = _mapped(connection, same)
    values, count = [], 0
    for row in same:
        differs = before[row.id] != (row.mapped, row.error)
        count += differs
        old = known[row.id]
        run, updated_at = (batch.run, at) if differs else (old.run, old.updated_at)
        values.append((batch.basis, run, updated_at, row.error, row.mapped, row.id))
    _many(connection, _REMAP, values)
    return count


def tick(connection: Connection, entity: str, at: datetime) -> int:
    """Return a time later than any given out in *entity*; on PostgreSQL, hold its row till the end.

    So records become visible in the order of ``updated_at``, and who pages by it misses none.
    """
    now = micros(at)
    statement = dialects.insert(connection, clocks).values(entity=entity, ticked_at=now)
    later = statement.excluded.ticked_at
    newer = clocks.c.ticked_at + 1
    written = statement.on_conflict_do_update(
        index_elements=["entity"], set_={"ticked_at": case((later > newer, later), else_=newer)}
    ).returning(clocks.c.ticked_at)
    return int(connection.execute(written).scalar_one())


def _known(connection: Connection, ids: Iterable[str]) -> dict[str, _Known]:
    found = connection.execute(
        select(
            records.c.id,
            records.c.digest,
            records.c.basis,
            records.c.deleted_at.is_not(None),
            records.c.updated_at,
            records.c.run,
        ).where(records.c.id.in_(list(ids)))
    )
    return {key: _Known(bytes(digest), *rest) for key, digest, *rest in found}


def _moved(row: Row, known: _Known, batch: Batch) -> bool:
    return known.digest != row.digest or known.basis != batch.basis or known.dead


def _mapped(
    connection: Connection, rows: Iterable[Row]
) -> dict[str, tuple[bytes | None, str | None]]:
    wanted = [row.id for row in rows]
    found = connection.execute(
        select(records.c.id, records.c.mapped, records.c.error).where(records.c.id.in_(wanted))
    )
    return {key: (None if text is None else bytes(text), error) for key, text, error in found}


def _insert(connection: Connection, batch: Batch, rows: Sequence[Row], at: int) -> None:
    created = micros(batch.at)
    head = (batch.connection, batch.entity)
    middle = (batch.basis, batch.run, created, at)
    _many(
        connection,
        _INSERT,
        [
            (row.id, *head, row.source_id, row.digest, *middle, row.error, row.raw, row.mapped)
            for row in rows
        ],
    )


def _update(
    connection: Connection,
    batch: Batch,
    rows: Sequence[Row],
    what: tuple[dict[str, _Known], int],
) -> list[str]:
    """Write rows that differ, and return the ids of those whose raw or mapped form changed."""
    if not rows:
        return []
    known, at = what
    before = _mapped(connection, rows)
    values, changed = [], []
    for row in rows:
        old = known[row.id]
        differs = old.dead or before[row.id] != (row.mapped, row.error)
        if differs or old.digest != row.digest:
            changed.append(row.id)
        moved_at = at if differs else old.updated_at
        values.append(
            (
                row.digest,
                batch.basis,
                batch.run,
                moved_at,
                row.error,
                row.raw,
                row.mapped,
                row.id,
            )
        )
    _many(connection, _UPDATE, values)
    return changed


def _bury(
    connection: Connection, what: tuple[str, str], source_ids: Sequence[str], at: datetime
) -> int:
    return burials.bury(connection, what, source_ids, (micros(at), tick(connection, what[1], at)))


def _many(connection: Connection, statement: str, values: list[tuple[Any, ...]]) -> None:
    if not values:
        return
    if dialects.is_postgres(connection):
        statement = statement.replace("?", "%s")
    connection.exec_driver_sql(statement, values)

"""Keeping records by the page: what is as stored is not written, what differs is written once."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from reconciler.model.record import Batch, Row, Saved
from reconciler.store import burials, dialects
from reconciler.store.pages import Held, Remapped, Written, pages_of
from reconciler.store.tally import Tally, tick
from reconciler.store.times import micros
from reconciler.store.transaction import Transaction


class SqlRecords:
    """``ports.Records`` in one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def save(self, batch: Batch) -> Saved:
        """Keep a page; of a source id given twice, the last counts.

        ``created``, ``updated`` and ``unchanged`` add up to the page. A row is updated if its raw, mapped
        or error differs, or it was a tombstone; ``changed_ids`` are the created and the updated.
        """
        return await self._transaction.do(_save, batch)

    async def remap(self, batch: Batch) -> int:
        """Write mapped bytes, error and basis of rows whose raw is as stored; return how many differ."""
        return await self._transaction.do(_remap, batch)

    async def bury(
        self, connection: str, entity: str, source_ids: Sequence[str], *, at: datetime
    ) -> int:
        """Make these records tombstones (``deleted_at``); return how many were alive."""
        return await self._transaction.do(burials.bury, connection, entity, source_ids, micros(at))

    async def erase(self, connection: str, entity: str | None = None) -> int:
        """Remove all records of a connection, or of one entity of it, for good."""
        return await self._transaction.do(burials.erase, connection, entity)


def _save(database: Connection, batch: Batch) -> Saved:
    page = {row.source_id: row for row in batch.rows}
    fresh, known = _due(database, batch, page)
    if not fresh and not known:
        return Saved(unchanged=len(page))
    at = tick(database, batch.entity, micros(batch.at))
    if dialects.is_postgres(database):  # another writer may have been here before the lock
        fresh, known = _due(database, batch, page)
    tally = Tally(batch.connection, batch.entity)
    pages = pages_of(database)
    pages.add(database, [_new(batch, row, at) for row in fresh])
    tally.add((batch.basis, True), len(fresh))
    held = {old.source_id: old for old in pages.look(database, batch, known)}
    pages.put(database, [_again(batch, page[key], old, at) for key, old in held.items()])
    for old in held.values():
        tally.moved((old.basis, old.deleted_at is None), (batch.basis, True))
    tally.write(database)
    return _told(page, fresh, held)


def _due(database: Connection, batch: Batch, page: dict[str, Row]) -> tuple[list[Row], list[str]]:
    """Return the rows that are not stored, and the source ids of those stored otherwise."""
    stored = {
        source_id: (digest, basis, deleted_at)
        for source_id, digest, basis, deleted_at in pages_of(database).glance(database, batch, page)
    }
    if not stored:
        return list(page.values()), []
    basis = batch.basis
    fresh = [row for key, row in page.items() if key not in stored]
    known = [key for key, found in stored.items() if found != (page[key].digest, basis, None)]
    return fresh, known


def _new(batch: Batch, row: Row, at: int) -> Written:
    return Written(
        row.id,
        batch.connection,
        batch.entity,
        row.source_id,
        row.digest,
        batch.basis,
        batch.run,
        at,
        at,
        row.error,
        row.raw,
        row.mapped,
    )


def _again(batch: Batch, row: Row, old: Held, at: int) -> Written:
    """Return *row* in the place of *old*: same id, and no new time if it shows no difference."""
    shown = _shown(row, old) or old.deleted_at is not None
    return _new(batch, row, at)._replace(
        id=old.id, created_at=old.created_at, updated_at=at if shown else old.updated_at
    )


def _shown(row: Row, old: Held) -> bool:
    return row.mapped != old.mapped or row.error != old.error


def _told(page: dict[str, Row], fresh: list[Row], held: dict[str, Held]) -> Saved:
    new = {row.source_id for row in fresh}
    changed = []
    for key, row in page.items():
        old = held.get(key)
        if key in new:
            changed.append(row.id)
        elif old is not None and (
            row.digest != old.digest or old.deleted_at is not None or _shown(row, old)
        ):
            changed.append(old.id)
    return Saved(
        created=len(new),
        updated=len(changed) - len(new),
        unchanged=len(page) - len(changed),
        changed_ids=tuple(changed),
    )


def _remap(database: Connection, batch: Batch) -> int:
    page = {row.source_id: row for row in batch.rows}
    if not page:
        return 0
    at = tick(database, batch.entity, micros(batch.at))
    tally = Tally(batch.connection, batch.entity)
    pages, due, differ = pages_of(database), [], 0
    for old in pages.look(database, batch, page):
        row = page[old.source_id]
        shown = _shown(row, old)
        if row.digest != old.digest or (old.basis == batch.basis and not shown):
            continue
        updated_at = at if shown else old.updated_at
        due.append(Remapped(batch.basis, batch.run, updated_at, row.error, row.mapped, old.id))
        tally.moved((old.basis, old.deleted_at is None), (batch.basis, old.deleted_at is None))
        differ += shown
    pages.remap(database, due)
    tally.write(database)
    return differ

"""Keeping records by the page: what is as stored is not written, what differs is written once."""

from collections import Counter
from collections.abc import Iterable, Sequence
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
    pages = pages_of(database)
    pages.add(database, [_new(batch, row, at) for row in fresh])
    held = list(pages.look(database, batch, known)) if known else []
    changed, rows = _again(batch, page, held, at)
    pages.put(database, rows)
    tally = Tally(batch.connection, batch.entity)
    tally.add((batch.basis, True), len(fresh) + len(held))
    tally.take(Counter((old.basis, old.deleted_at is None) for old in held))
    tally.write(database)
    return _told(page, fresh, changed)


def _due(database: Connection, batch: Batch, page: dict[str, Row]) -> tuple[list[Row], list[Row]]:
    """Return the rows that are not stored, and those that are stored otherwise."""
    if not page:
        return [], []
    glimpses = pages_of(database).glance(database, batch, page.values())
    stored = {
        source_id: (digest, basis, deleted_at)
        for source_id, digest, basis, deleted_at in glimpses
        if source_id in page  # if not, another record has an id of this page: writing it is refused
    }
    if not stored:
        return list(page.values()), []
    basis = batch.basis
    fresh = [row for key, row in page.items() if key not in stored]
    known = [page[key] for key, found in stored.items() if found != (page[key].digest, basis, None)]
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


def _again(
    batch: Batch, page: dict[str, Row], held: list[Held], at: int
) -> tuple[dict[str, str], list[Written]]:
    """Return which records differ (source id to id), and the rows to write.

    A row keeps its id and birthday, and gets a new time only if it shows a difference.
    """
    changed, rows = {}, []
    for key, held_id, digest, _, created_at, updated_at, deleted_at, error, mapped in held:
        row = page[key]
        shown = row.mapped != mapped or row.error != error or deleted_at is not None
        if shown or row.digest != digest:
            changed[key] = held_id
        rows.append(
            Written(
                held_id,
                batch.connection,
                batch.entity,
                key,
                row.digest,
                batch.basis,
                batch.run,
                created_at,
                at if shown else updated_at,
                row.error,
                row.raw,
                row.mapped,
            )
        )
    return changed, rows


def _told(page: dict[str, Row], fresh: list[Row], changed: dict[str, str]) -> Saved:
    ids = changed | {row.source_id: row.id for row in fresh}
    return Saved(
        created=len(fresh),
        updated=len(changed),
        unchanged=len(page) - len(ids),
        changed_ids=tuple(ids[key] for key in page if key in ids),
    )


def _remap(database: Connection, batch: Batch) -> int:
    page = {row.source_id: row for row in batch.rows}
    if not page:
        return 0
    at = tick(database, batch.entity, micros(batch.at))
    pages = pages_of(database)
    if all(row.basis for row in page.values()) and pages.follow(database, batch, at):
        places = Counter((row.basis, not row.dead) for row in page.values())
        _count(database, batch, places)
        return sum(not row.same for row in page.values())
    due, places, differ = _remapped(batch, page, pages.look(database, batch, page.values()), at)
    pages.remap(database, due)
    _count(database, batch, places)
    return differ


def _count(database: Connection, batch: Batch, places: Counter[tuple[str, bool]]) -> None:
    """Count rows away from *places* to the basis of *batch*."""
    tally = Tally(batch.connection, batch.entity)
    tally.take(places)
    for (_, alive), number in places.items():
        tally.add((batch.basis, alive), number)
    tally.write(database)


def _remapped(
    batch: Batch, page: dict[str, Row], held: Iterable[Held], at: int
) -> tuple[list[Remapped], Counter[tuple[str, bool]], int]:
    """Return what is to be written, where those rows were counted, and how many of them differ.

    A row whose raw is another by now is left to whoever has written that.
    """
    due: list[Remapped] = []
    places: Counter[tuple[str, bool]] = Counter()
    differ, basis, run = 0, batch.basis, batch.run
    for key, held_id, digest, was, _, updated_at, deleted_at, error, mapped in held:
        row = page[key]
        shown = row.mapped != mapped or row.error != error
        if row.digest != digest or (was == basis and not shown):
            continue
        due.append((basis, run, at if shown else updated_at, row.error, row.mapped, held_id))
        places[was, deleted_at is None] += 1
        differ += shown
    return due, places, differ

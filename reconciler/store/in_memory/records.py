"""Records without a database: one at a time, as plainly as the contract can be said."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from reconciler.errors import Conflict
from reconciler.model.record import Batch, RecordQuery, Row, Saved, StoredRecord
from reconciler.store.in_memory.shelf import Draft, Filed, Key, Shelf
from reconciler.store.times import micros, moment


class MemoryRecords:
    """``ports.Records`` in one transaction."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft

    async def save(self, batch: Batch) -> Saved:
        """Keep a page; of a source id given twice, the last counts."""
        return await self._draft.do(_save, batch)

    async def remap(self, batch: Batch) -> int:
        """Write mapped bytes, error and basis of rows whose raw is as stored; return how many differ."""
        return await self._draft.do(_remap, batch)

    async def bury(
        self, connection: str, entity: str, source_ids: Sequence[str], *, at: datetime
    ) -> int:
        """Make these records tombstones (``deleted_at``); return how many were alive."""
        return await self._draft.do(_bury, (connection, entity), source_ids, at)

    async def erase(self, connection: str, entity: str | None = None) -> int:
        """Remove all records of a connection, or of one entity of it, for good."""
        return await self._draft.do(erase, connection, entity)


def tick(shelf: Shelf, entity: str, at: datetime) -> datetime:
    """Return the time for records that change now, later than any given out before."""
    shelf.clocks[entity] = max(micros(at), shelf.clocks.get(entity, -1) + 1)
    return moment(shelf.clocks[entity])


def _save(shelf: Shelf, batch: Batch) -> Saved:
    page = {row.source_id: row for row in batch.rows}
    due = [row for row in page.values() if not _as_stored(shelf, batch, row)]
    if not due:
        return Saved(unchanged=len(page))
    at = tick(shelf, batch.entity, batch.at)
    created, changed = 0, []
    for row in due:
        key = (batch.connection, batch.entity, row.source_id)
        old = shelf.records.get(key)
        if old is None:
            _file(shelf, key, Filed(_born(batch, row, at), row.digest))
            created += 1
            changed.append(row.id)
        elif _put_again(shelf, key, batch, row, at):
            changed.append(old.record.id)
    return Saved(created, len(changed) - created, len(page) - len(changed), tuple(changed))


def _as_stored(shelf: Shelf, batch: Batch, row: Row) -> bool:
    old = shelf.records.get((batch.connection, batch.entity, row.source_id))
    return (
        old is not None
        and old.digest == row.digest
        and old.record.basis == batch.basis
        and old.record.deleted_at is None
    )


def _born(batch: Batch, row: Row, at: datetime) -> StoredRecord:
    return StoredRecord(
        id=row.id,
        connection=batch.connection,
        entity=batch.entity,
        source_id=row.source_id,
        raw=row.raw,
        mapped=row.mapped,
        basis=batch.basis,
        error=row.error,
        created_at=at,
        updated_at=at,
        deleted_at=None,
        run=batch.run,
    )


def _put_again(shelf: Shelf, key: Key, batch: Batch, row: Row, at: datetime) -> bool:
    """Write *row* over the one that is stored; return whether it differs."""
    old, digest = shelf.records[key]
    shown = (old.mapped, old.error, old.deleted_at) != (row.mapped, row.error, None)
    newer = replace(
        _born(batch, row, at),
        id=old.id,
        created_at=old.created_at,
        updated_at=at if shown else old.updated_at,
    )
    shelf.records[key] = Filed(newer, row.digest)
    return shown or digest != row.digest


def _file(shelf: Shelf, key: Key, filed: Filed) -> None:
    if filed.record.id in shelf.keys:
        raise Conflict("what was to be written contradicts what another has written")
    shelf.keys[filed.record.id] = key
    shelf.records[key] = filed


def _remap(shelf: Shelf, batch: Batch) -> int:
    page = {row.source_id: row for row in batch.rows}
    if not page:
        return 0
    at = tick(shelf, batch.entity, batch.at)
    differ = 0
    for row in page.values():
        key = (batch.connection, batch.entity, row.source_id)
        old = shelf.records.get(key)
        if old is None or old.digest != row.digest:
            continue
        shown = (old.record.mapped, old.record.error) != (row.mapped, row.error)
        if not shown and old.record.basis == batch.basis:
            continue
        newer = replace(
            old.record,
            mapped=row.mapped,
            error=row.error,
            basis=batch.basis,
            run=batch.run,
            updated_at=at if shown else old.record.updated_at,
        )
        shelf.records[key] = old._replace(record=newer)
        differ += shown
    return differ


def _bury(shelf: Shelf, place: tuple[str, str], source_ids: Sequence[str], at: datetime) -> int:
    if not source_ids:
        return 0
    ticked = tick(shelf, place[1], at)
    return sum(_buried(shelf, (*place, source_id), ticked) for source_id in set(source_ids))


def _buried(shelf: Shelf, key: Key, at: datetime) -> bool:
    filed = shelf.records.get(key)
    if filed is None or filed.record.deleted_at is not None:
        return False
    dead = replace(filed.record, deleted_at=at, updated_at=at)
    shelf.records[key] = filed._replace(record=dead)
    return True


def bury_all(shelf: Shelf, connection: str, at: datetime) -> None:
    """Make all living records of a connection tombstones."""
    keys = [key for key in shelf.records if key[0] == connection]
    for entity in sorted({key[1] for key in keys}):
        ticked = tick(shelf, entity, at)
        for key in keys:
            if key[1] == entity:
                _buried(shelf, key, ticked)


def erase(shelf: Shelf, connection: str, entity: str | None) -> int:
    """Remove records for good; return how many."""
    keys = [
        key
        for key in shelf.records
        if key[0] == connection and (entity is None or key[1] == entity)
    ]
    for name in sorted({key[1] for key in keys} if entity is None else {entity}):
        tick(shelf, name, moment(0))
    for key in keys:
        del shelf.keys[shelf.records.pop(key).record.id]
    return len(keys)


def matches(record: StoredRecord, query: RecordQuery) -> bool:
    """Whether *query* asks for *record*."""
    place = (record.updated_at, record.id)
    return (
        record.entity == query.entity
        and (query.connections is None or record.connection in query.connections)
        and (not query.ids or record.id in query.ids)
        and (record.error is not None or not query.failed)
        and (query.deleted or record.deleted_at is None)
        and (query.modified_after is None or record.updated_at > query.modified_after)
        and (query.created_after is None or record.created_at > query.created_after)
        and (query.after is None or place > query.after)
    )

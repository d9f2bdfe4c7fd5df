"""Unified records as they are under the mapping in force, however old their stored form is."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from reconciler.engine.inforce import InForce, Situation
from reconciler.model.record import RecordQuery, StoredRecord, UnifiedRecord
from reconciler.model.resource import Kind, ResourceKey
from reconciler.ports import Views

Keyset = tuple[datetime, str]


class RecordReader:
    """Reads pages of records; what is stored under another mapping is mapped anew on the way out."""

    def __init__(self, views: Views, in_force: InForce) -> None:
        self._views = views
        self._in_force = in_force

    async def page(self, query: RecordQuery) -> tuple[Sequence[UnifiedRecord], Keyset | None]:
        """Return a page of records in the order of ``(updated_at, id)``, and where the next begins."""
        stored = await self._views.records(replace(query, limit=query.limit + 1))
        more = len(stored) > query.limit
        page = stored[: query.limit]
        unified = await self._unified(page)
        if query.failed:  # under the mapping in force: what does not fail any more falls out
            unified = [one for one in unified if one.error is not None]
        return unified, (page[-1].updated_at, page[-1].id) if more else None

    async def _unified(self, page: Sequence[StoredRecord]) -> list[UnifiedRecord]:
        if not page:
            return []
        situation = await self._in_force.look()
        synced = {
            (cursor.connection, cursor.entity): cursor.advanced_at
            for uid in {record.connection for record in page}
            for cursor in await self._views.cursors(uid)
        }
        mapped = _mapped(page, situation)
        return [
            UnifiedRecord(
                id=record.id,
                connection=situation.name_of(record.connection),
                source_id=record.source_id,
                created_at=record.created_at,
                updated_at=record.updated_at,
                deleted_at=record.deleted_at,
                mapped=text,
                error=error,
                raw=record.raw,
                basis=basis,
                run=record.run,
                synced_at=synced.get((record.connection, record.entity)),
            )
            for record, (text, error, basis) in zip(page, mapped, strict=True)
        ]


def _mapped(
    page: Sequence[StoredRecord], situation: Situation
) -> list[tuple[bytes | None, str | None, str]]:
    """Return (mapped, error, basis) of each record: as stored where it is current, else mapped anew."""
    found: list[tuple[bytes | None, str | None, str]] = [
        (record.mapped, record.error, record.basis) for record in page
    ]
    stale: dict[tuple[str, str], list[int]] = {}
    for place, record in enumerate(page):
        stale.setdefault((record.connection, record.entity), []).append(place)
    for (uid, entity), places in stale.items():
        key = ResourceKey(Kind.CONNECTION, situation.name_of(uid))
        connection = situation.resources.get(key)
        if connection is None:
            continue  # let go of: its records stay as they were last mapped
        mapper = situation.mapper(connection, entity)
        old = [place for place in places if page[place].basis != mapper.basis]
        for place, (text, error) in zip(
            old, mapper(uid, [page[place].raw for place in old]), strict=True
        ):
            found[place] = (text, error, mapper.basis)
    return found

"""Stored records brought to the mapping in force, from our own raw copy: no source is called."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace

from reconciler.datamodel.reader import entities
from reconciler.engine.ids import new_id
from reconciler.engine.inforce import InForce, Situation
from reconciler.errors import ReconcilerError
from reconciler.mapping.compile import Mapper
from reconciler.model.record import Batch, Row
from reconciler.model.resource import Resource
from reconciler.model.sync import RunStatus, SyncMode, SyncRun, Trigger
from reconciler.ports import SILENT, Clock, Meter, Store

PAGE = 1000
"""How many records one transaction brings along: more, and others would wait for it; fewer, and each costs more."""
_AT_ONCE = 500
"""So many are mapped without a pause, so that whoever asks meanwhile is answered."""
_TOGETHER = 50


class Remap:
    """Maps again what is stored under another mapping; a stopped one goes on where it was."""

    def __init__(
        self, store: Store, in_force: InForce, clock: Clock, meter: Meter = SILENT
    ) -> None:
        self._store = store
        self._in_force = in_force
        self._clock = clock
        self._meter = meter

    async def all(self) -> list[SyncRun]:
        """Remap whatever is stale, of all connections, and return the runs that had work."""
        situation = await self._in_force.look()
        bases = await self._store.views.bases()
        runs = []
        for connection, entity in _stored(situation, bases):
            if _is_stale(situation, connection, entity, bases):
                run = await self.one(situation, connection, entity)
                if run is not None:
                    runs.append(run)
        return runs

    async def stale(self) -> list[str]:
        """Return the names of connections that have records under another basis: one question to the store.

        A connection whose basis cannot be told is among them: its own remap says what is wrong with it.
        """
        situation = await self._in_force.look()
        bases = await self._store.views.bases()
        found: dict[str, None] = {}
        for number, (uid, entity) in enumerate(sorted(bases)):
            if number % _TOGETHER == 0:
                await asyncio.sleep(0)  # thousands of digests must not keep others waiting
            if (
                situation.holds(uid)
                and entity in entities()
                and situation.name_of(uid) not in found
            ):
                connection = situation.connection(situation.name_of(uid))
                try:
                    stale = _maps(situation, connection, entity) and _is_stale(
                        situation, connection, entity, bases
                    )
                except ReconcilerError:
                    stale = True
                if stale:
                    found[connection.key.name] = None
        return list(found)

    async def connection(self, name: str, *, pages: int) -> list[SyncRun]:
        """Remap what is stale of one connection, *pages* of an entity at most, and return the runs.

        Raises:
            NotFound: if the connection is not in force.
        """
        situation = await self._in_force.look()
        uid = situation.uid(situation.connection(name))
        bases = await self._store.views.bases(uid)
        runs = []
        for connection, entity in _stored(situation, bases):
            if _is_stale(situation, connection, entity, bases):
                run = await self.one(situation, connection, entity, pages=pages)
                if run is not None:
                    runs.append(run)
        return runs

    async def one(
        self, situation: Situation, connection: Resource, entity: str, *, pages: int | None = None
    ) -> SyncRun | None:
        """Remap one entity of a connection, *pages* of it at most; ``None`` if all of it was current."""
        uid, mapper = situation.uid(connection), situation.mapper(connection, entity)
        now = self._clock.now()
        run = SyncRun(
            id=new_id("run", now),
            connection=uid,
            entity=entity,
            mode=SyncMode.REMAP,
            trigger=Trigger.SPEC,
            status=RunStatus.RUNNING,
            started_at=now,
        )
        after = ""
        while pages is None or run.pages < pages:
            rows = await self._store.views.stale(
                uid, entity, basis=mapper.basis, after=after, limit=PAGE
            )
            if not rows:
                break
            batch, invalid = await _mapped(
                Batch(uid, entity, mapper.basis, run.id, list(rows), now), mapper
            )
            async with self._store.begin() as unit:
                changed = await unit.records.remap(batch)
                run = replace(
                    run,
                    pages=run.pages + 1,
                    read=run.read + len(rows),
                    updated=run.updated + changed,
                    unchanged=run.unchanged + len(rows) - changed,
                    invalid=run.invalid + invalid,
                )
                await unit.runs.put(run)
                await unit.commit()
            after = rows[-1].id
        if not run.pages:
            return None
        done = await self._ended(run)
        self._meter.synced(done, connection.spec["connector"])
        return done

    async def _ended(self, run: SyncRun) -> SyncRun:
        done = replace(run, status=RunStatus.SUCCEEDED, finished_at=self._clock.now())
        async with self._store.begin() as unit:
            await unit.runs.put(done)
            await unit.commit()
        return done


async def _mapped(batch: Batch, mapper: Mapper) -> tuple[Batch, int]:
    mapped = []
    for start in range(0, len(batch.rows), _AT_ONCE):
        mapped += mapper(
            batch.connection, [row.raw for row in batch.rows[start : start + _AT_ONCE]]
        )
        await asyncio.sleep(0)
    rows = [
        Row(source_id, key, raw, digest, text, error, basis, dead, text == old and error == why)
        for (source_id, key, raw, digest, old, why, basis, dead, _), (text, error) in zip(
            batch.rows, mapped, strict=True
        )
    ]
    return replace(batch, rows=rows), sum(text is None for text, _ in mapped)


def _stored(
    situation: Situation, places: Iterable[tuple[str, str]]
) -> Iterable[tuple[Resource, str]]:
    for uid, entity in sorted(places):
        if situation.holds(uid) and entity in entities():
            connection = situation.connection(situation.name_of(uid))
            if _maps(situation, connection, entity):
                yield connection, entity


def _maps(situation: Situation, connection: Resource, entity: str) -> bool:
    return entity in situation.manifest(connection).spec["streams"]


def _is_stale(
    situation: Situation,
    connection: Resource,
    entity: str,
    bases: Mapping[tuple[str, str], frozenset[str]],
) -> bool:
    basis = situation.mapping_basis(connection, entity)
    return bool(bases[situation.uid(connection), entity] - {basis})

"""One run of one stream: page by page, each kept whole with its cursor, or thrown away."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from reconciler.engine.ids import new_id
from reconciler.engine.position import Ask, closed, opened, turned
from reconciler.engine.sweep import Swept, sweep
from reconciler.errors import Conflict, Locked, ReconcilerError, SourceInvalid
from reconciler.mapping.compile import Mapper
from reconciler.model.event import Event, EventType
from reconciler.model.identity import record_id
from reconciler.model.record import Batch, Page, Row, Saved
from reconciler.model.sync import Cursor, RunStatus, SyncMode, SyncRun, Trigger
from reconciler.ports import Clock, Connector, Store, StreamFacts, UnitOfWork

LEASE: Final = timedelta(minutes=5)
"""How long a run that says nothing keeps its stream from others."""

TOO_MANY_INVALID: Final = 0.05
"""The share of records that cannot be mapped beyond which a run counts as failed; they are kept raw."""


@dataclass(frozen=True, slots=True)
class Stream:
    """One entity of one connection, ready to be read."""

    uid: str
    name: str
    entity: str
    prefix: str
    connector: Connector
    facts: StreamFacts
    mapper: Mapper
    basis: str
    oldest: datetime
    sweeps: bool
    brake: float

    @property
    def subject(self) -> str:
        """What events of its runs are about."""
        return f"Connection/{self.name}"

    @property
    def lease(self) -> str:
        """The name of the lease that lets one run at a time read it."""
        return f"sync:{self.uid}:{self.entity}"


Progress = Callable[[SyncRun], None]


class StreamRun:
    """A run under way. ``run`` is what it has done so far."""

    def __init__(
        self, stream: Stream, store: Store, clock: Clock, progress: Progress = lambda _: None
    ) -> None:
        self._stream = stream
        self._store = store
        self._clock = clock
        self._progress = progress
        self._bad: list[str] = []
        self.error: ReconcilerError | None = None

    async def __call__(self, mode: SyncMode, trigger: Trigger) -> SyncRun:
        """Run to the end and return what was done; a source's error ends it as failed, and is told.

        Raises:
            Locked: if another run reads this stream.
        """
        now = self._clock.now()
        self.run = SyncRun(
            id=new_id("run", now),
            connection=self._stream.uid,
            entity=self._stream.entity,
            mode=mode,
            trigger=trigger,
            status=RunStatus.RUNNING,
            started_at=now,
        )
        cursor = await self._open(mode)
        try:
            cursor = await self._read(cursor)
            await self._finish(cursor)
        except ReconcilerError as error:
            self.error = error
            await self._fail(RunStatus.FAILED, error.code, error.message)
        except asyncio.CancelledError:
            await asyncio.shield(self._fail(RunStatus.CANCELLED, "CANCELLED", "stopped by request"))
            raise
        except BaseException as error:
            await self._fail(RunStatus.FAILED, "INTERNAL_ERROR", f"unexpected: {error!r}"[:500])
            raise
        return self.run

    async def _open(self, mode: SyncMode) -> Cursor:
        stream, now = self._stream, self._clock.now()
        async with self._store.begin() as unit:
            if not await unit.leases.acquire(stream.lease, self.run.id, now=now, lease=LEASE):
                msg = f"{stream.name} {stream.entity}: another run is reading it"
                raise Locked(msg, hint="reconciler get runs shows it; ask again when it has ended")
            before = await unit.runs.cursor(stream.uid, stream.entity)
            ask = Ask(mode, stream.oldest, stream.basis, self.run.id)
            cursor = opened(
                before,
                ask,
                facts=stream.facts,
                connector=stream.connector,
                key=(stream.uid, stream.entity),
            )
            self.run = replace(self.run, mode=cursor.mode or mode)
            await unit.runs.move(cursor, before=before)
            await unit.runs.put(self.run)
            await unit.outbox.emit([self._event(EventType.SYNC_STARTED, {"mode": self.run.mode})])
            await unit.commit()
        self._progress(self.run)
        return cursor

    async def _read(self, cursor: Cursor) -> Cursor:
        """Read to the last page; the next one is fetched while the last is being kept."""
        fetch: asyncio.Task[Page] | None = self._fetch(cursor.since, cursor.page)
        try:
            while fetch is not None:
                page = await fetch
                fetch = self._fetch(cursor.since, page.next) if page.next is not None else None
                moved = turned(
                    cursor,
                    page=page.next,
                    reached=page.reached,
                    asof=page.asof,
                    ordered=self._stream.facts.ordered,
                )
                await self._keep(page, moved, before=cursor)
                cursor = moved
        finally:
            if fetch is not None:
                fetch.cancel()
                await asyncio.gather(fetch, return_exceptions=True)
        return cursor

    def _fetch(self, since: str | None, page: str | None) -> asyncio.Task[Page]:
        read = self._stream.connector.read(self._stream.entity, since=since, page=page)
        return asyncio.ensure_future(read)

    async def _keep(self, page: Page, cursor: Cursor, *, before: Cursor) -> None:
        stream, now = self._stream, self._clock.now()
        rows, invalid = _rows(stream, page)
        batch = Batch(stream.uid, stream.entity, stream.mapper.basis, self.run.id, rows, now)
        self._bad += page.bad
        async with self._store.begin() as unit:
            await self._hold(unit, now)
            saved = await unit.records.save(batch) if rows else Saved()
            gone = 0
            if page.deleted:
                gone = await unit.records.bury(stream.uid, stream.entity, page.deleted, at=now)
            await unit.runs.move(cursor, before=before)
            run = _counted(self.run, page, saved, gone, invalid)
            await unit.runs.put(run)
            await unit.commit()
        self.run = run
        self._progress(run)

    async def _hold(self, unit: UnitOfWork, now: datetime) -> None:
        if not await unit.leases.acquire(self._stream.lease, self.run.id, now=now, lease=LEASE):
            msg = f"{self._stream.name} {self._stream.entity}: another run has taken over"
            raise Conflict(msg, hint="this run was silent for too long; the other goes on")

    async def _finish(self, cursor: Cursor) -> None:
        stream = self._stream
        if self._bad:
            # Nothing is lost silently: the position stays, so that these are read again.
            raise SourceInvalid(_bad_sentence(stream, self._bad), hint=_BAD_HINT)
        swept = Swept()
        if stream.sweeps and self.run.mode is SyncMode.FULL:
            swept = await sweep(stream.connector, stream.entity, await self._known(), stream.brake)
        now = self._clock.now()
        done = replace(
            self.run,
            status=RunStatus.SUCCEEDED,
            finished_at=now,
            deleted=self.run.deleted + len(swept.gone),
        )
        done = _judged(done, swept)
        async with self._store.begin() as unit:
            await self._hold(unit, now)
            if swept.gone:
                await unit.records.bury(stream.uid, stream.entity, swept.gone, at=now)
            await unit.runs.move(closed(cursor, now), before=cursor)
            await unit.runs.put(done)
            self.run = done
            await unit.outbox.emit(self._told(swept))
            await unit.leases.release(stream.lease, done.id)
            await unit.commit()
        self._progress(done)

    async def _known(self) -> set[str]:
        return set(await self._store.views.source_ids(self._stream.uid, self._stream.entity))

    async def _fail(self, status: RunStatus, code: str, message: str) -> None:
        now = self._clock.now()
        self.run = replace(self.run, status=status, finished_at=now, error=message)
        async with self._store.begin() as unit:
            await unit.runs.put(self.run)
            data = {"code": code, "message": message, **_counts(self.run)}
            await unit.outbox.emit([self._event(EventType.SYNC_FAILED, data)])
            await unit.leases.release(self._stream.lease, self.run.id)
            await unit.commit()
        self._progress(self.run)

    def _told(self, swept: Swept) -> list[Event]:
        run = self.run
        failed = run.status is RunStatus.FAILED
        ended = EventType.SYNC_FAILED if failed else EventType.SYNC_COMPLETED
        facts = {**_counts(run), "mode": run.mode.value, "message": run.error}
        events = [self._event(ended, facts)]
        if run.created or run.updated or run.deleted:
            events.append(self._event(EventType.RECORDS_CHANGED, _counts(run)))
        if swept.held:
            events.append(self._event(EventType.DELETES_HELD, {"held": swept.held}))
        return events

    def _event(self, kind: EventType, data: dict[str, object]) -> Event:
        now = self._clock.now()
        told = {"entity": self._stream.entity, "run": self.run.id, **data}
        return Event(new_id("evt", now), kind, self._stream.subject, now, told, self.run.id)


_BAD_HINT: Final = "set primaryKey of the stream to what identifies a record, or mend the source"


def _rows(stream: Stream, page: Page) -> tuple[list[Row], int]:
    mapped = stream.mapper(stream.uid, page.records)
    prefix, uid = stream.prefix, stream.uid
    rows = [
        Row(key, record_id(prefix, uid, key), raw, _digest(raw), text, error)
        for key, raw, (text, error) in zip(page.ids, page.records, mapped, strict=True)
    ]
    return rows, sum(text is None for text, _ in mapped)


def _digest(raw: bytes) -> bytes:
    return hashlib.blake2b(raw, digest_size=16).digest()


def _counted(run: SyncRun, page: Page, saved: Saved, gone: int, invalid: int) -> SyncRun:
    return replace(
        run,
        pages=run.pages + 1,
        read=run.read + len(page.records) + len(page.deleted),
        created=run.created + saved.created,
        updated=run.updated + saved.updated,
        unchanged=run.unchanged + saved.unchanged,
        deleted=run.deleted + gone,
        invalid=run.invalid + invalid,
    )


def _judged(run: SyncRun, swept: Swept) -> SyncRun:
    """Return *run* as failed, in words, if too much of it could not be taken."""
    if run.read and run.invalid / run.read > TOO_MANY_INVALID:
        why = f"{run.invalid} of {run.read} records could not be mapped; they are kept raw"
        return replace(run, status=RunStatus.FAILED, error=why)
    if swept.held:
        return replace(run, status=RunStatus.FAILED, error=swept.sentence())
    return run


def _counts(run: SyncRun) -> dict[str, object]:
    return {
        "read": run.read,
        "created": run.created,
        "updated": run.updated,
        "unchanged": run.unchanged,
        "deleted": run.deleted,
        "invalid": run.invalid,
    }


def _bad_sentence(stream: Stream, bad: list[str]) -> str:
    more = f", and {len(bad) - 3} more" if len(bad) > 3 else ""
    return f"{stream.name} {stream.entity}: {'; '.join(bad[:3])}{more}"

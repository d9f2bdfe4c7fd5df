"""The store's contract without a database: for tests, and to hold the real ones against."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from reconciler.errors import Conflict, NotFound, PlanStale
from reconciler.model.access import Token
from reconciler.model.change import Change, Delete, Forget, Rename, Replace, State
from reconciler.model.connection import ConnectionState
from reconciler.model.event import Delivery, DeliveryStatus, Event, Lease
from reconciler.model.identity import connection_uid
from reconciler.model.record import Batch, Row, Saved, StoredRecord
from reconciler.model.resource import Kind, Resource, ResourceKey
from reconciler.model.sync import Cursor, SyncRun
from reconciler.store.memory_views import MemoryViews

TICK = timedelta(microseconds=1)


@dataclass
class Tables:
    """All there is. A transaction works on a copy, and ``commit`` puts it in place."""

    state: State = field(default_factory=State)
    released: dict[ResourceKey, str] = field(default_factory=dict)
    connections: dict[str, ConnectionState] = field(default_factory=dict)
    cursors: dict[tuple[str, str], Cursor] = field(default_factory=dict)
    runs: dict[str, SyncRun] = field(default_factory=dict)
    records: dict[str, StoredRecord] = field(default_factory=dict)
    ticked: dict[str, datetime] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    deliveries: dict[str, Delivery] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    leases: dict[str, tuple[str | None, int, datetime]] = field(default_factory=dict)

    def copied(self) -> "Tables":
        """Return tables that can be changed without changing these; the values are frozen."""
        return Tables(**{name: copy(value) for name, value in vars(self).items()})


class MemoryStore:
    """``ports.Store`` in memory: one transaction at a time."""

    def __init__(self) -> None:
        self._tables = Tables()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator["MemoryUnit"]:
        """Open a transaction; leaving it without ``commit`` takes everything back."""
        yield MemoryUnit(self)

    @property
    def views(self) -> "MemoryViews":
        """The read side."""
        return MemoryViews(lambda: self._tables)

    async def close(self) -> None:
        """Let go of nothing."""

    @property
    def tables(self) -> Tables:
        """What is committed."""
        return self._tables

    def put_in_place(self, tables: Tables) -> None:
        """Make *tables* what is committed."""
        self._tables = tables


class MemoryUnit:
    """One transaction; it is every family of tables at once."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.tables = store.tables.copied()
        self.objects = MemoryObjects(self)
        self.records = MemoryRecords(self)
        self.runs = MemoryRuns(self)
        self.outbox = MemoryOutbox(self)
        self.tokens = MemoryTokens(self)
        self.leases = MemoryLeases(self)

    async def commit(self) -> None:
        """Make it all true."""
        self._store.put_in_place(self.tables)
        self.tables = self.tables.copied()


class MemoryObjects:
    """Resources in force."""

    def __init__(self, unit: MemoryUnit) -> None:
        self._unit = unit

    async def state(self) -> State:
        """Return what is in force."""
        return self._unit.tables.state

    async def advance_generation(self, base: int, *, revision: str, at: datetime) -> int:
        """Take the generation from *base* to the next, or raise ``PlanStale``."""
        del at
        state = self._unit.tables.state
        if state.generation != base:
            msg = f"the plan holds for generation {base}, and the state is at {state.generation}"
            raise PlanStale(msg, hint="plan again, and apply the new plan")
        self._unit.tables.state = replace(state, generation=base + 1, revision=revision)
        return base + 1

    async def put(self, change: Change, *, actor: str, at: datetime) -> None:
        """Make *change* true; a rename keeps the uid, a delete removes what the resource owns."""
        del actor
        tables = self._unit.tables
        resources, uids = dict(tables.state.resources), dict(tables.state.uids)
        if isinstance(change, (Delete, Forget)):
            uid = uids.pop(change.key)
            before = resources.pop(change.key)
            self._let_go(before, uid, at, keep=isinstance(change, Forget))
        elif isinstance(change, Rename):
            uids[change.after.key] = uids.pop(change.before.key)
            resources.pop(change.before.key)
            resources[change.after.key] = change.after
        else:
            resources[change.key] = change.after
            if change.key not in uids:
                uids[change.key] = self._new_uid(change.key)
            if isinstance(change, Replace):
                self._start_anew(change.before, uids[change.key], at)
        tables.state = replace(tables.state, resources=resources, uids=uids)

    async def set_connection_state(self, state: ConnectionState) -> None:
        """Keep how a connection is."""
        uid = self._unit.tables.state.uids.get(state.key)
        if uid is None:
            msg = f"{state.key} is not in force, so its state cannot be kept"
            raise NotFound(msg)
        self._unit.tables.connections[uid] = state

    def _new_uid(self, key: ResourceKey) -> str:
        tables = self._unit.tables
        released = tables.released.pop(key, None)
        if released is not None:
            return released
        taken = frozenset(tables.state.uids.values()) | frozenset(tables.released.values())
        name = key.name if key.kind is Kind.CONNECTION else str(key)
        tried: frozenset[str] = frozenset()
        while (uid := connection_uid(name, taken=tried)) in taken:
            tried |= {uid}
        return uid

    def _let_go(self, before: Resource, uid: str, at: datetime, *, keep: bool) -> None:
        tables = self._unit.tables
        if keep or _retained(before):
            tables.released[before.key] = uid
        if keep or before.key.kind is not Kind.CONNECTION:
            return
        self._void(uid)
        for token in [one for one in tables.tokens.values() if one.connection == uid]:
            tables.tokens[token.id] = replace(token, revoked_at=token.revoked_at or at)
        if not _retained(before):
            tables.records = {k: r for k, r in tables.records.items() if r.connection != uid}

    def _start_anew(self, before: Resource, uid: str, at: datetime) -> None:
        if before.key.kind is not Kind.CONNECTION:
            return
        self._void(uid)
        tables = self._unit.tables
        for record in [one for one in tables.records.values() if one.connection == uid]:
            if not _retained(before):
                del tables.records[record.id]
            elif record.deleted_at is None:
                tables.records[record.id] = replace(record, deleted_at=at, updated_at=at)

    def _void(self, uid: str) -> None:
        tables = self._unit.tables
        tables.connections.pop(uid, None)
        tables.cursors = {key: one for key, one in tables.cursors.items() if key[0] != uid}


def _retained(resource: Resource) -> bool:
    return bool(resource.spec.get("deletionPolicy") == "retain")


class MemoryRecords:
    """Raw and mapped records."""

    def __init__(self, unit: MemoryUnit) -> None:
        self._unit = unit

    async def save(self, batch: Batch) -> Saved:
        """Keep a page; what is as stored is not written."""
        records = self._unit.tables.records
        created, updated, changed = 0, 0, []
        at = self._tick(batch.entity, batch.at)
        rows = {row.id: row for row in batch.rows}
        for row in rows.values():
            known = records.get(row.id)
            if known is None:
                created += 1
                changed.append(row.id)
                records[row.id] = _stored(row, batch, created_at=batch.at, updated_at=at)
                continue
            same = known.raw == row.raw and known.basis == batch.basis
            if same and known.deleted_at is None:
                continue
            differs = _differs(known, row)
            updated += 1
            if differs or known.raw != row.raw:
                changed.append(row.id)
            moved = at if differs else known.updated_at
            records[row.id] = _stored(row, batch, created_at=known.created_at, updated_at=moved)
        return Saved(created, updated, len(rows) - created - updated, tuple(changed))

    async def remap(self, batch: Batch) -> int:
        """Write mapped bytes of rows whose raw is as stored; return how many differ."""
        records = self._unit.tables.records
        at = self._tick(batch.entity, batch.at)
        count = 0
        for row in batch.rows:
            known = records.get(row.id)
            if known is None or known.raw != row.raw:
                continue
            differs = (known.mapped, known.error) != (row.mapped, row.error)
            count += differs
            records[row.id] = replace(
                known,
                mapped=row.mapped,
                error=row.error,
                basis=batch.basis,
                updated_at=at if differs else known.updated_at,
            )
        return count

    async def bury(
        self, connection: str, entity: str, source_ids: Sequence[str], *, at: datetime
    ) -> int:
        """Make these records tombstones; return how many were alive."""
        records, wanted = self._unit.tables.records, set(source_ids)
        moved = self._tick(entity, at)
        alive = [
            record
            for record in records.values()
            if (record.connection, record.entity) == (connection, entity)
            and record.source_id in wanted
            and record.deleted_at is None
        ]
        for record in alive:
            records[record.id] = replace(record, deleted_at=at, updated_at=moved)
        return len(alive)

    async def erase(self, connection: str, entity: str | None = None) -> int:
        """Remove records for good."""
        records = self._unit.tables.records
        gone = [
            key
            for key, record in records.items()
            if record.connection == connection and entity in {None, record.entity}
        ]
        for key in gone:
            del records[key]
        return len(gone)

    def _tick(self, entity: str, at: datetime) -> datetime:
        """Return a time later than any given out in *entity*, so that a page after a key misses none."""
        ticked = self._unit.tables.ticked
        last = ticked.get(entity)
        ticked[entity] = at if last is None or at > last else last + TICK
        return ticked[entity]


def _differs(known: StoredRecord, row: Row) -> bool:
    now = (row.mapped, row.error)
    return (known.mapped, known.error) != now or known.deleted_at is not None


def _stored(row: Row, batch: Batch, *, created_at: datetime, updated_at: datetime) -> StoredRecord:
    return StoredRecord(
        id=row.id,
        connection=batch.connection,
        entity=batch.entity,
        source_id=row.source_id,
        raw=row.raw,
        mapped=row.mapped,
        basis=batch.basis,
        error=row.error,
        created_at=created_at,
        updated_at=updated_at,
        deleted_at=None,
        run=batch.run,
    )


class MemoryRuns:
    """Sync runs and cursors."""

    def __init__(self, unit: MemoryUnit) -> None:
        self._unit = unit

    async def cursor(self, connection: str, entity: str) -> Cursor | None:
        """Return where the sync stands."""
        return self._unit.tables.cursors.get((connection, entity))

    async def move(self, cursor: Cursor, *, before: Cursor | None) -> None:
        """Put *cursor* where *before* stood."""
        key = (cursor.connection, cursor.entity)
        if self._unit.tables.cursors.get(key) != before:
            msg = f"{cursor.entity}: another run has moved the cursor"
            raise Conflict(msg, hint="the other run goes on; nothing was lost")
        self._unit.tables.cursors[key] = cursor

    async def put(self, run: SyncRun) -> None:
        """Keep *run* as it is now."""
        self._unit.tables.runs[run.id] = run


class MemoryOutbox:
    """Events, and their deliveries."""

    def __init__(self, unit: MemoryUnit) -> None:
        self._unit = unit

    async def emit(self, events: Sequence[Event]) -> None:
        """Keep *events* with this transaction."""
        self._unit.tables.events.extend(events)

    async def enqueue(self, deliveries: Sequence[Delivery]) -> None:
        """Keep *deliveries* that are to be made."""
        self._unit.tables.deliveries |= {one.id: one for one in deliveries}

    async def claim(
        self, holder: str, *, now: datetime, lease: timedelta, limit: int
    ) -> Sequence[Delivery]:
        """Take due deliveries under a lease that lapses."""
        due = [
            one
            for one in self._unit.tables.deliveries.values()
            if one.status is DeliveryStatus.PENDING
            and one.due_at <= now
            and (one.lease is None or one.lease.until <= now)
        ]
        taken = [
            replace(one, lease=Lease(holder, now + lease))
            for one in sorted(due, key=lambda one: (one.due_at, one.id))[:limit]
        ]
        await self.enqueue(taken)
        return taken

    async def settle(self, delivery: Delivery) -> None:
        """Keep how a delivery stands after an attempt."""
        await self.enqueue([delivery])


class MemoryTokens:
    """API tokens."""

    def __init__(self, unit: MemoryUnit) -> None:
        self._unit = unit

    async def put(self, token: Token) -> None:
        """Keep a token, new or known."""
        self._unit.tables.tokens[token.id] = token

    async def touch(self, token_id: str, *, at: datetime) -> None:
        """Keep when a token was used last."""
        token = self._unit.tables.tokens[token_id]
        self._unit.tables.tokens[token_id] = replace(token, last_used_at=at)


class MemoryLeases:
    """Named leases."""

    def __init__(self, unit: MemoryUnit) -> None:
        self._unit = unit

    async def acquire(
        self, name: str, holder: str, *, now: datetime, lease: timedelta
    ) -> int | None:
        """Take or renew *name*; return its epoch, or ``None`` if another holds it."""
        has, epoch, until = self._unit.tables.leases.get(name, (None, 0, now))
        if has not in {None, holder} and until > now:
            return None
        if has != holder:
            epoch += 1
        self._unit.tables.leases[name] = (holder, epoch, now + lease)
        return epoch

    async def release(self, name: str, holder: str) -> None:
        """Let go of *name* if *holder* has it."""
        has, epoch, until = self._unit.tables.leases.get(name, (None, 0, None))
        if has == holder and until is not None:
            self._unit.tables.leases[name] = (None, epoch, until)

"""What the tests of the API are made of: records, runs and tokens put by hand, and small fakes."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from reconciler.datamodel.reader import entity
from reconciler.engine.tokens import CHANCE, TokenWish, mint
from reconciler.errors import NotFound
from reconciler.model.access import Scope
from reconciler.model.change import Create, State
from reconciler.model.condition import Reason
from reconciler.model.connection import ConnectionState, ConnectionStatus
from reconciler.model.identity import connection_uid, record_id
from reconciler.model.record import Batch, RecordQuery, Row, StoredRecord, UnifiedRecord
from reconciler.model.resource import Kind, Resource, ResourceKey, make_resource
from reconciler.model.selector import Selector, chosen_by
from reconciler.model.sync import Cursor, RunStatus, SyncJob, SyncMode, SyncRun, Trigger
from reconciler.model.value import digest_of
from reconciler.ports import Store, SyncRequest
from reconciler.store.memory import MemoryStore
from reconciler.web.needs import Position
from reconciler.web.versions import CURRENT

NOON: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)
ORDERS: Final = "purchase-orders"
ENTITIES: Final = ("purchase-orders", "vendors")
READ: Final = frozenset({Scope.READ_RECORDS, Scope.READ_STATUS})
ALL: Final = frozenset({Scope.ADMIN})


class StandingClock:
    """A clock that stands still until it is turned."""

    def __init__(self) -> None:
        self.time = NOON

    def now(self) -> datetime:
        return self.time

    async def sleep(self, delay: timedelta) -> None:
        self.time += delay

    def turn(self, **by: float) -> None:
        self.time += timedelta(**by)


@dataclass(frozen=True)
class FakeSituation:
    """``needs.Situation`` over a state, for connections that name their entities."""

    state: State

    def connection(self, name: str) -> Resource:
        found = self.state.resources.get(ResourceKey(Kind.CONNECTION, name))
        if found is None:
            raise NotFound(f"no connection {name!r} is in force", hint="did you mean 'acme'?")
        return found

    def connections(self) -> Iterable[Resource]:
        keys = sorted(key for key in self.state.resources if key.kind is Kind.CONNECTION)
        return [self.state.resources[key] for key in keys]

    def uid(self, connection: Resource) -> str:
        return self.state.uids[connection.key]

    def name_of(self, uid: str) -> str:
        names = {known: key.name for key, known in self.state.uids.items()}
        return names.get(uid, uid)

    def chosen(self, selector: Selector) -> frozenset[str]:
        found = (one for one in self.connections() if chosen_by(selector, one.labels))
        return frozenset(map(self.uid, found))

    def holds(self, uid: str) -> bool:
        return uid in self.state.uids.values()

    def entities(self, connection: Resource) -> tuple[str, ...]:
        named: Sequence[str] = connection.spec.get("entities", ())
        if not named:
            raise NotFound("its connector is not known")
        return tuple(named)


@dataclass(frozen=True)
class FakeInForce:
    """``needs.InForce`` that reads the store each time."""

    store: MemoryStore

    async def look(self) -> FakeSituation:
        return FakeSituation(await self.store.views.state())


@dataclass(frozen=True)
class StoredReader:
    """``needs.RecordReader`` over a store whose records are all mapped under the mapping in force."""

    store: MemoryStore

    async def page(self, query: RecordQuery) -> tuple[Sequence[UnifiedRecord], Position | None]:
        found = await self.store.views.records(replace(query, limit=query.limit + 1))
        shown = found[: query.limit]
        situation = FakeSituation(await self.store.views.state())
        unified = [unify(one, situation.name_of(one.connection)) for one in shown]
        more = len(found) > query.limit
        return unified, (shown[-1].updated_at, shown[-1].id) if more else None


def unify(stored: StoredRecord, name: str) -> UnifiedRecord:
    return UnifiedRecord(
        id=stored.id,
        connection=name,
        source_id=stored.source_id,
        created_at=stored.created_at,
        updated_at=stored.updated_at,
        deleted_at=stored.deleted_at,
        mapped=stored.mapped,
        error=stored.error,
        raw=stored.raw,
        basis=stored.basis,
        run=stored.run,
        synced_at=NOON,
    )


@dataclass
class FakeSyncs:
    """``needs.Syncs`` that remembers what it was asked for; ``gate`` holds requests up until it is set."""

    asked: list[SyncRequest] = field(default_factory=list)
    jobs: dict[str, SyncJob] = field(default_factory=dict)
    fails: Exception | None = None
    gate: asyncio.Event | None = None
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    async def request(self, request: SyncRequest) -> str:
        self.asked.append(request)
        self.reached.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.fails is not None:
            raise self.fails
        job = f"job_{len(self.jobs)}"
        self.jobs[job] = SyncJob(job, request.connection, request.mode, RunStatus.QUEUED)
        return job

    async def job(self, job_id: str) -> SyncJob | None:
        return self.jobs.get(job_id)


@dataclass(frozen=True)
class FakeSchedule:
    """``needs.Schedule`` under which orders are due in a quarter of an hour."""

    async def next_run(self, connection: str, entity_name: str) -> datetime | None:
        return NOON + timedelta(minutes=15) if entity_name == ORDERS else None


def uid(name: str) -> str:
    return connection_uid(name)


def order_id(source_id: str, of: str = "acme") -> str:
    return record_id("po", uid(of), source_id)


def mapped_order(**values: Any) -> bytes:
    """Return an order mapped: every field of the entity, null but for *values*, and custom fields."""
    fields: dict[str, Any] = dict.fromkeys(entity(ORDERS).fields)
    return msgspec.json.encode({**fields, "custom_fields": {}, **values})


async def declare(store: MemoryStore, *names: str, base: int = 0) -> None:
    """Put connections in force."""
    async with store.begin() as unit:
        await unit.objects.advance_generation(base, revision="r", at=NOON)
        for name in names:
            body = {
                "metadata": {"labels": {"customer": name}},
                "spec": {"connector": "tryton", "entities": list(ENTITIES)},
            }
            key = ResourceKey(Kind.CONNECTION, name)
            await unit.objects.put(Create(make_resource(key, body)), actor="ada", at=NOON)
        await unit.commit()


async def keep_orders(
    store: MemoryStore, *sources: str, of: str = "acme", at: datetime = NOON, **values: Any
) -> None:
    """Keep orders with these source ids."""
    rows = [_row(source, of, values) for source in sources]
    async with store.begin() as unit:
        await unit.records.save(Batch(uid(of), ORDERS, "b1", "run_1", rows, at))
        await unit.commit()


async def keep_unmapped(store: MemoryStore, source: str, error: str, of: str = "acme") -> None:
    """Keep an order that could not be mapped."""
    row = Row(source, order_id(source, of), b'{"id":1}', b"d" * 16, None, error)
    async with store.begin() as unit:
        await unit.records.save(Batch(uid(of), ORDERS, "b1", "run_1", [row], NOON))
        await unit.commit()


async def bury(store: MemoryStore, *sources: str, of: str = "acme") -> None:
    """Make tombstones of orders."""
    async with store.begin() as unit:
        await unit.records.bury(uid(of), ORDERS, sources, at=NOON + timedelta(hours=1))
        await unit.commit()


def _row(source: str, of: str, values: dict[str, Any]) -> Row:
    mapped = mapped_order(number=source, **values)
    raw = msgspec.json.encode({"number": source, "also": values})
    return Row(source, order_id(source, of), raw, bytes.fromhex(digest_of(raw.hex())[:32]), mapped)


_REASONS = {
    ConnectionStatus.OFFLINE: Reason.UNREACHABLE,
    ConnectionStatus.NEEDS_REAUTH: Reason.REAUTHORIZATION_REQUIRED,
    ConnectionStatus.PAUSED: Reason.PAUSED,
}


async def set_status(store: MemoryStore, name: str, status: ConnectionStatus, why: str) -> None:
    """Keep how a connection is."""
    state = ConnectionState(
        ResourceKey(Kind.CONNECTION, name), "b", status, NOON, 2, why, _REASONS[status]
    )
    async with store.begin() as unit:
        await unit.health.put(state)
        await unit.commit()


async def keep_run(store: MemoryStore, number: int, status: RunStatus, **more: Any) -> SyncRun:
    """Keep a run of acme's orders that started *number* minutes after noon."""
    started = NOON + timedelta(minutes=number)
    ended = None if status is RunStatus.RUNNING else started + timedelta(seconds=30)
    run = SyncRun(
        id=f"run_{number}",
        connection=uid(more.pop("of", "acme")),
        entity=more.pop("entity", ORDERS),
        mode=more.pop("mode", SyncMode.INCREMENTAL),
        trigger=Trigger.SCHEDULE,
        status=status,
        started_at=started,
        finished_at=ended,
        **more,
    )
    async with store.begin() as unit:
        await unit.runs.put(run)
        await unit.commit()
    return run


async def move_cursor(store: MemoryStore, at: datetime) -> None:
    """Move the cursor of acme's orders."""
    async with store.begin() as unit:
        cursor = Cursor(uid("acme"), ORDERS, "b", position="p", advanced_at=at)
        await unit.runs.move(cursor, before=None)
        await unit.commit()


async def issue(
    store: Store,
    number: int,
    scopes: frozenset[Scope] = READ,
    of: str | None = None,
    **more: Any,
) -> str:
    """Mint a token, keep it, and return its text; *more* are fields of it."""
    wish = TokenWish(f"token {number}", scopes, CURRENT.name, of and uid(of))
    text, kept = mint(wish, chance=number.to_bytes(4) * (CHANCE // 4), now=NOON)
    kept = replace(kept, **more)
    async with store.begin() as unit:
        await unit.tokens.put(kept)
        await unit.commit()
    return text

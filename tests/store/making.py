"""Values that the tests of stores are made of."""

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from reconciler.model.access import Scope, Token
from reconciler.model.change import Create
from reconciler.model.event import Delivery, Event, EventType
from reconciler.model.identity import record_id
from reconciler.model.record import Batch, Row, Saved
from reconciler.model.resource import Kind, Resource, ResourceKey, make_resource
from reconciler.model.sync import RunStatus, SyncMode, SyncRun, Trigger
from reconciler.ports import Store

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=1)
TICK = timedelta(microseconds=1)
ORDERS = "purchase-orders"


def connection(name: str = "acme", *, policy: str = "delete", **spec: object) -> Resource:
    """Return a connection."""
    body = {"spec": {"connector": "tryton", "deletionPolicy": policy, **spec}}
    return make_resource(ResourceKey(Kind.CONNECTION, name), body)


def schedule(name: str = "acme-15min", *, of: str = "acme") -> Resource:
    """Return a schedule that needs a connection."""
    needs = frozenset({ResourceKey(Kind.CONNECTION, of)})
    body = {"spec": {"connection": of, "every": "15m"}}
    return make_resource(ResourceKey(Kind.SYNC_SCHEDULE, name), body, needs=needs)


def row(source_id: str, raw: str = "raw", mapped: str | None = "mapped", **more: str) -> Row:
    """Return a row of the connection ``c1``, its digest made of *raw*."""
    owner = more.get("of", "c1")
    return Row(
        source_id=source_id,
        id=record_id("po", owner, source_id),
        raw=raw.encode(),
        digest=hashlib.blake2b(raw.encode(), digest_size=16).digest(),
        mapped=None if mapped is None else mapped.encode(),
        error=more.get("error"),
    )


def batch(
    *rows: Row, at: datetime = NOON, basis: str = "b1", of: str = "c1", entity: str = ORDERS
) -> Batch:
    """Return a page of rows."""
    return Batch(of, entity, basis, "run-1", list(rows), at)


async def save(store: Store, page: Batch) -> Saved:
    """Keep a page in a transaction of its own."""
    async with store.begin() as unit:
        saved = await unit.records.save(page)
        await unit.commit()
    return saved


async def declare(store: Store, *resources: Resource, base: int = 0) -> None:
    """Put resources in force, in one generation."""
    async with store.begin() as unit:
        await unit.objects.advance_generation(base, revision=f"r{base + 1}", at=NOON)
        for resource in resources:
            await unit.objects.put(Create(resource), actor="ada", at=NOON)
        await unit.commit()


def run(number: int = 1, **more: str) -> SyncRun:
    """Return a sync run that started that many minutes after noon."""
    return SyncRun(
        id=f"run-{number}",
        connection=more.get("of", "c1"),
        entity=more.get("entity", ORDERS),
        mode=SyncMode.INCREMENTAL,
        trigger=Trigger.SCHEDULE,
        status=RunStatus.RUNNING,
        started_at=NOON + timedelta(minutes=number),
    )


def event(number: int = 1, subject: str = "Connection/acme") -> Event:
    """Return an event."""
    return Event(
        id=f"evt-{number}",
        type=EventType.RECORDS_CHANGED,
        subject=subject,
        occurred_at=NOON,
        data={"changed": number, "names": ["ä", None]},
        trace="t",
    )


def delivery(number: int = 1, **more: datetime) -> Delivery:
    """Return a delivery that is due at noon, of a subject of its own."""
    subject = f"Connection/{number}"
    return Delivery(f"dlv-{number}", "evt-1", "ops", more.get("due_at", NOON), subject=subject)


def deliveries(numbers: Iterable[int]) -> list[Delivery]:
    """Return deliveries that are due at noon."""
    return [delivery(number) for number in numbers]


def token(number: int = 1, of: str | None = "c1") -> Token:
    """Return a token."""
    return Token(
        id=f"tok-{number}",
        name="reader",
        digest=hashlib.sha256(str(number).encode()).digest(),
        scopes=frozenset({Scope.READ_RECORDS, Scope.READ_STATUS}),
        connection=of,
        api_version="2025-06-01",
        created_at=NOON + timedelta(seconds=number),
    )


def renamed(resource: Resource, name: str) -> Resource:
    """Return the resource under another name."""
    return replace(
        resource, key=ResourceKey(resource.key.kind, name), previous_name=resource.key.name
    )

"""What a scrape of ``/metrics`` costs with very many connections, on SQLite.

    python benchmarks/metrics.py [--connections 5000] [--deliveries 200000]

Each connection syncs ten entities, all of them read once; deliveries are made, but for one of a hundred
that waits and one that is dead. Told are the whole page (as Prometheus asks for it, compressed), its
parts, and how long the event loop was kept from others meanwhile.
"""

import argparse
import asyncio
import gzip
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from reconciler.engine.apply import apply
from reconciler.engine.inforce import InForce
from reconciler.model.connection import ConnectionState, ConnectionStatus
from reconciler.model.event import Delivery, DeliveryStatus, Event, EventType
from reconciler.model.resource import Kind, ResourceKey, make_resource
from reconciler.model.sync import Cursor
from reconciler.plan.planner import make_plan
from reconciler.ports import Store
from reconciler.store.open import open_store
from reconciler.telemetry.meter import PrometheusMeter
from reconciler.telemetry.moment import Lease, Looker, Sources
from reconciler.telemetry.page import MetricsPage

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ENTITIES = (
    "assets", "invoices", "locations", "materials", "meters",
    "purchase-orders", "receivings", "sites", "vendors", "work-orders",
)  # fmt: skip
TIMES = 7
ACCEPT = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5"


class Clock:
    """A clock that stands; nothing here waits."""

    def now(self) -> datetime:
        """Return the time at which it stands."""
        return NOW

    async def sleep(self, delay: timedelta) -> None:
        """Return when *delay* has passed for others."""
        await asyncio.sleep(delay.total_seconds())


async def fill(store: Store, connections: int, deliveries: int) -> None:
    names = [f"customer-{number:05}-erp" for number in range(connections)]
    spec = {"connector": "tryton", "entities": list(ENTITIES)}
    declared = [make_resource(ResourceKey(Kind.CONNECTION, name), {"spec": spec}) for name in names]
    plan = make_plan(declared, await store.views.state(), revision="bench")
    await apply(plan, store, Clock(), actor="bench")
    uids = (await store.views.state()).uids
    async with store.begin() as unit:
        for key, uid in uids.items():
            state = ConnectionState(key, "b", ConnectionStatus.ONLINE, NOW)
            await unit.objects.set_connection_state(state)
            for entity in ENTITIES:
                cursor = Cursor(uid, entity, "b", position="p", advanced_at=NOW)
                await unit.runs.move(cursor, before=None)
        await unit.outbox.take(limit=100 * connections)
        await unit.commit()
    for start in range(0, deliveries, 10_000):
        async with store.begin() as unit:
            told = [
                Event(
                    f"evt{n}", EventType.SYNC_COMPLETED, f"Connection/{names[n % connections]}", NOW
                )
                for n in range(start, min(start + 10_000, deliveries))
            ]
            await unit.outbox.emit(told)
            await unit.outbox.take(limit=len(told))
            await unit.outbox.enqueue([one(event, n) for n, event in enumerate(told)])
            await unit.commit()


def one(event: Event, number: int) -> Delivery:
    made = Delivery(f"dlv_{event.id}", event.id, "ops", NOW, subject=event.subject)
    match number % 100:
        case 0:
            return made
        case 1:
            return made.ended("no answer")
        case _:
            return replace(made, status=DeliveryStatus.DELIVERED)


async def timed(work: Callable[[], Awaitable[object]]) -> tuple[float, float, float]:
    """Return the best wall and CPU time of some, and the longest that the loop stood still; in ms."""
    wall, cpu, stood = [], [], 0.0
    for _ in range(TIMES):
        began = time.perf_counter(), time.process_time()
        await work()
        wall.append(time.perf_counter() - began[0])
        cpu.append(time.process_time() - began[1])
    for _ in range(TIMES):
        task = asyncio.ensure_future(work())
        last = time.perf_counter()
        while not task.done():
            await asyncio.sleep(0)
            now = time.perf_counter()
            stood, last = max(stood, now - last), now
        await task
    return min(wall) * 1000, min(cpu) * 1000, stood * 1000


async def measure(folder: Path, connections: int, deliveries: int) -> None:
    store = open_store(folder)
    await fill(store, connections, deliveries)
    in_force = InForce(store.views, {})
    sources = Sources(store.views, in_force, Clock(), dict, dict, lambda: Lease(True, 1))
    pages = MetricsPage(PrometheusMeter(), sources)
    looker = Looker(sources)
    began = time.perf_counter()
    body, _ = await pages.page(ACCEPT)
    first = (time.perf_counter() - began) * 1000
    lines = body.count(b"\n")
    small = len(gzip.compress(body, 4))
    print(f"{connections} connections x {len(ENTITIES)} entities, {deliveries} deliveries, SQLite")
    print(f"page: {lines} lines, {len(body) / 1e6:.1f} MB, {small / 1e6:.2f} MB compressed")
    print(f"first scrape, which reads what is in force: {first:.0f} ms")
    print(f"{'':24}{'wall':>9}{'CPU':>9}{'loop stood':>12}   ms")
    jobs: dict[str, Callable[[], Awaitable[object]]] = {
        "whole, compressed": lambda: pages.page(ACCEPT, packed=True),
        "whole, plain": lambda: pages.page(ACCEPT),
        "the store's part": store.views.standing,
        "all but writing": looker.look,
    }
    for name, work in jobs.items():
        wall, cpu, stood = await timed(work)
        print(f"{name:24}{wall:9.0f}{cpu:9.0f}{stood:12.0f}")
    await store.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=5000)
    parser.add_argument("--deliveries", type=int, default=200_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        asyncio.run(measure(Path(scratch) / "state", asked.connections, asked.deliveries))

"""One walk through a world: rounds of changes, syncs and deaths, and at its end what is wrong with the store."""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import httpx

from reconciler.connectors.registry import HttpConnectors
from reconciler.engine.apply import apply
from reconciler.engine.health import Health
from reconciler.engine.inforce import InForce
from reconciler.engine.sync import LEASE
from reconciler.engine.syncs import SyncReport, Syncs
from reconciler.engine.systems import Systems
from reconciler.errors import Locked
from reconciler.model.record import RecordQuery
from reconciler.model.resource import Kind, Resource, ResourceKey, make_resource
from reconciler.model.sync import Cursor, RunStatus, SyncMode, SyncRun
from reconciler.plan.planner import make_plan
from reconciler.ports import Store, SyncRequest
from tests.connectors.conftest import TurnedClock
from tests.simulation.mortal import Dead, Fate, MortalStore, fate
from tests.simulation.source import Source, World, drawn

ROUNDS: Final = 5
ORDERS: Final = "purchase-orders"
PAGING: Final[dict[str, dict[str, Any]]] = {
    "key": {"type": "keyset"},
    "token": {"type": "cursor", "next": "next"},
    "whole": {"type": "none"},
}


def connector(world: World) -> Resource:
    """Return the manifest by which *world* is read."""
    paged = {"size": "{{ page.size }}"}
    asked = {
        "key": {**paged, "after": "{{ page.key | default('') }}"},
        "token": {**paged, "token": "{{ page.token | default('') }}"},
        "whole": {},
    }[world.paging]
    stream = {
        "request": {"path": "/orders", "query": asked},
        "since": {"since": "{{ since }}"},
        "records": "data",
        "paging": {**PAGING[world.paging], "size": world.size},
        "cursor": {
            "value": "changed",
            "format": "%Y-%m-%d %H:%M:%S.%f",
            "timeZone": _zone(world.zone),
            "ordered": world.paging == "token",
        },
        "deletions": {"type": "sweep", "ids": {"path": "/ids", "query": asked}},
        "fields": {"number": {"from": "no"}},
    }
    spec = {
        "title": "A world",
        "family": "erp",
        "protocol": "http-json",
        "config": {"base_url": {"type": "url", "required": True}},
        "auth": {"none": {"type": "none"}},
        "probe": {"path": "/me"},
        "streams": {ORDERS: stream},
    }
    return make_resource(ResourceKey(Kind.CONNECTOR, "world"), {"spec": spec})


def _zone(hours: int) -> str:
    return "UTC" if hours == 0 else f"Etc/GMT{-hours:+d}"  # POSIX turns the sign round


CONNECTION: Final = make_resource(
    ResourceKey(Kind.CONNECTION, "acme"),
    {
        "spec": {
            "connector": "world",
            "config": {"base_url": "https://erp.example"},
            "auth": {"method": "none"},
            "history": "90d",
            "entities": [ORDERS],
            "deletions": {"strategy": "sweep", "every": "1d", "brake": "100%"},
            "health": {"every": "5m", "strikes": 2},
        }
    },
)


@dataclass
class Walk:
    """A seed, its world, and the store that follows it."""

    seed: int
    store: Store
    world: World | None = None
    rounds: int = ROUNDS
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)  # noqa: S311 - a seed replays it
        self.clock = TurnedClock()
        self.world = self.world or drawn(self.chance)
        self.source = Source(self.world, self.clock, self.chance)
        self.in_force = InForce(self.store.views, {"world": connector(self.world)})

    async def __call__(self, last: SyncMode = SyncMode.FULL) -> list[str]:
        """Walk, let the source become quiet, sync once more; return what is wrong then."""
        await self._declare()
        self.source.stir(self.chance.randrange(0, 12))
        for _ in range(self.rounds):
            self.clock.time += timedelta(seconds=self.chance.randrange(1, 1200))
            self.source.stir(self.chance.randrange(0, 5))
            self.source.settle()
            await self._round()
        self.source.quiet = True
        self.source.settle()
        self.clock.time += LEASE + timedelta(seconds=1)
        await self._last(last)
        await self._check(deletions=last is SyncMode.FULL)
        return self.wrong

    async def _declare(self) -> None:
        state = await self.store.views.state()
        plan = make_plan([CONNECTION], state, revision="test", prune=True)
        await apply(plan, self.store, self.clock, actor="test")

    async def _round(self) -> None:
        mode = SyncMode.FULL if self.chance.random() < 0.25 else SyncMode.INCREMENTAL
        ends = fate(self.chance) if self.chance.random() < 0.4 else Fate()
        before = await self._cursor()
        try:
            report = await self._sync(mode, ends)
        except Dead:
            self._held(before, await self._cursor(), "died")
            self.clock.time += LEASE + timedelta(seconds=1)
            return
        except Locked:
            self.clock.time += LEASE + timedelta(seconds=1)
            return
        if report.runs and report.runs[-1].status is not RunStatus.SUCCEEDED:
            self._held(before, await self._cursor(), "failed")
        self._forward(before, await self._cursor())

    async def _sync(self, mode: SyncMode, ends: Fate) -> SyncReport:
        """Sync as a process of its own does, from nothing but what the store holds."""
        store = MortalStore(self.store, ends)
        connectors = HttpConnectors(
            self.clock,
            {},
            transport=lambda: httpx.MockTransport(self.source),
            chance=self.chance.random,
        )
        health = Health(store, self.in_force, self.clock)
        syncs = Syncs(store, self.in_force, Systems(connectors), health, self.clock)
        return await syncs.run(SyncRequest("acme", mode=mode))

    async def _last(self, mode: SyncMode) -> None:
        for _ in range(2):  # the first may go on where a dead one stopped
            report = await self._sync(mode, Fate())
            if report.error is not None:
                self.wrong.append(f"the last sync failed: {report.error}")
        if mode is SyncMode.FULL:
            again = await self._sync(mode, Fate())
            if written := sum(run.created + run.updated for run in again.runs):
                self.wrong.append(f"a sync of what had not changed wrote {written} records")

    # ── what must hold ───────────────────────────────────────────────────────────────────────────

    def _held(self, before: Cursor | None, after: Cursor | None, how: str) -> None:
        was, is_ = _position(before), _position(after)
        ended = after is not None and before is not None and after.advanced_at != before.advanced_at
        first = before is None and after is not None and after.advanced_at is not None
        if was != is_ and not (how == "died" and (ended or first)):
            self.wrong.append(f"a run that {how} moved the position from {was} to {is_}")

    def _forward(self, before: Cursor | None, after: Cursor | None) -> None:
        was, is_ = _position(before), _position(after)
        if was and (is_ or "") < was:
            self.wrong.append(f"the position went back from {was} to {is_}")

    async def _cursor(self) -> Cursor | None:
        cursors = await self.store.views.cursors()
        return cursors[0] if cursors else None

    async def _check(self, *, deletions: bool) -> None:
        query = RecordQuery(ORDERS, limit=10_000, deleted=True)
        stored = {int(one.source_id): one for one in await self.store.views.records(query)}
        live = {key for key, one in stored.items() if one.deleted_at is None}
        for key, row in self.source.rows.items():
            if key not in live:
                self.wrong.append(f"order {key} is lost")
            elif json.loads(stored[key].raw)["no"] != f"PO-{row.version}":
                self.wrong.append(f"order {key} is stale: {stored[key].raw!r}, not {row.version}")
        if deletions:
            self.wrong += [f"order {key} is a phantom" for key in live - self.source.rows.keys()]
        self._count(await self.store.views.runs(limit=500))

    def _count(self, runs: Sequence[SyncRun]) -> None:
        written = sum(run.created + run.updated for run in runs)
        versions = sum(map(len, self.source.shown.values()))
        if written > versions:
            self.wrong.append(f"{written} writes of {versions} versions")


def _position(cursor: Cursor | None) -> str | None:
    return None if cursor is None else cursor.position

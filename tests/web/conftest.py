"""The API over the scripted plant, asked in process."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
import pytest

from reconciler.engine.reader import RecordReader
from reconciler.engine.tokens import CHANCE, TokenWish, mint
from reconciler.model.access import Scope
from reconciler.model.sync import RunStatus, SyncJob
from reconciler.ports import SyncRequest
from reconciler.web.app import Services, make_app
from reconciler.web.needs import Policy
from tests.plant import Plant


@dataclass
class AskedSyncs:
    """Keeps what was asked for, and runs nothing."""

    asked: dict[str, SyncRequest] = field(default_factory=dict)

    async def request(self, request: SyncRequest) -> str:
        name = request.key or f"job_{len(self.asked)}"
        self.asked.setdefault(name, request)
        return name

    async def job(self, job_id: str) -> SyncJob | None:
        asked = self.asked.get(job_id)
        if asked is None:
            return None
        return SyncJob(job_id, asked.connection, asked.mode, RunStatus.QUEUED)


@dataclass
class Api:
    """A client, and what stands behind the API."""

    plant: Plant
    client: httpx.AsyncClient
    syncs: AskedSyncs
    uid: str
    made: int = 0

    async def token(self, *scopes: Scope, connection: str | None = None) -> str:
        """Return the text of a new token."""
        self.made += 1
        now = self.plant.clock.now()
        wish = TokenWish("test", frozenset(scopes), "2026-11-01", connection)
        text, kept = mint(wish, chance=bytes([self.made]) * CHANCE, now=now)
        async with self.plant.store.begin() as unit:
            await unit.tokens.put(kept)
            await unit.commit()
        return text

    async def get(self, path: str, token: str, **headers: str) -> httpx.Response:
        told = {"Authorization": f"Bearer {token}", **headers}
        return await self.client.get(f"/api/v1/{path}", headers=told)


@pytest.fixture
async def api(plant: Plant) -> AsyncIterator[Api]:
    syncs = AskedSyncs()
    services = Services(
        reader=RecordReader(plant.store.views, plant.in_force),
        syncs=syncs,
        store=plant.store,
        clock=plant.clock,
        in_force=plant.in_force,
        policy=Policy(rate=60_000, burst=1000),
    )
    transport = httpx.ASGITransport(make_app(services), raise_app_exceptions=False)
    state = await plant.store.views.state()
    uid = next(iter(state.uids.values()))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield Api(plant, client, syncs, uid)

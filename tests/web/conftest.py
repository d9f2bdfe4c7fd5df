"""The API asked in process: over the scripted plant (``api``), and over records put by hand (``site``)."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from reconciler.connectors.catalogue import catalogue_files
from reconciler.engine.disconnecting import Disconnected
from reconciler.engine.inforce import InForce
from reconciler.engine.mapped import MappingReader
from reconciler.engine.reader import RecordReader
from reconciler.engine.tokens import CHANCE, TokenWish, mint
from reconciler.model.access import Scope
from reconciler.model.resource import Resource
from reconciler.model.sync import RunStatus, SyncJob
from reconciler.ports import SyncRequest
from reconciler.spec.load import load
from reconciler.store.memory import MemoryStore
from reconciler.web.app import Services, make_app
from reconciler.web.needs import Policy
from tests.plant import Plant
from tests.web.making import (
    ALL,
    FakeInForce,
    FakeSchedule,
    FakeSyncs,
    StandingClock,
    StoredReader,
    declare,
    issue,
)


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


class FakeEndings:
    """Ends nothing, and says so."""

    async def disconnect(
        self, name: str, *, actor: str, reason: str = "", request_id: str = ""
    ) -> Disconnected:
        return Disconnected(0, 0, 0)

    async def forget(self, name: str, *, actor: str, request_id: str = "") -> Disconnected:
        return Disconnected(0, 0, 0)


@dataclass
class Site:
    """The app, what stands behind it, and a client that asks as an administrator."""

    store: MemoryStore
    clock: StandingClock
    syncs: FakeSyncs
    services: Services
    app: FastAPI
    client: httpx.AsyncClient

    async def get(self, path: str, **headers: str) -> httpx.Response:
        """Return the answer to a GET; header names with ``_`` for ``-``."""
        return await self.client.get(path, headers=dashed(headers))

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """Return the answer to a POST."""
        return await self.client.post(path, json=body, headers=dashed(headers))


def dashed(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def client_of(app: FastAPI, token: str | None = None) -> httpx.AsyncClient:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://localhost", headers=headers
    )


@cache
def built_in() -> Mapping[str, Resource]:
    """Return the built-in connectors."""
    return load({}, catalogue=catalogue_files()).catalogue


@pytest.fixture
def policy() -> Policy:
    """What a test may set of the API."""
    return Policy()


@pytest.fixture
async def site(policy: Policy) -> AsyncIterator[Site]:
    """Yield the connections acme and beta, with no records yet."""
    store, clock, syncs = MemoryStore(), StandingClock(), FakeSyncs()
    await declare(store, "acme", "beta")
    token = await issue(store, 1, ALL)
    services = Services(
        reader=StoredReader(store),
        syncs=syncs,
        store=store,
        clock=clock,
        in_force=FakeInForce(store),
        schedule=FakeSchedule(),
        endings=FakeEndings(),
        mappings=MappingReader(store.views, InForce(store.views, built_in())),
        policy=policy,
    )
    app = make_app(services)
    async with client_of(app, token) as client:
        yield Site(store, clock, syncs, services, app, client)

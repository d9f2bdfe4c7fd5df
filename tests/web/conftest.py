"""The API in process, over a small plant."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from reconciler.store.memory import MemoryStore
from reconciler.web.app import make_app
from reconciler.web.needs import Policy, Services
from tests.web.plant import (
    ALL,
    FakeInForce,
    FakeSchedule,
    FakeSyncs,
    StoredReader,
    TurnedClock,
    declare,
    issue,
)


@dataclass
class Plant:
    """The app, what stands behind it, and a client that asks as an administrator."""

    store: MemoryStore
    clock: TurnedClock
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


@pytest.fixture
def policy() -> Policy:
    """What a test may set of the API."""
    return Policy()


@pytest.fixture
async def plant(policy: Policy) -> AsyncIterator[Plant]:
    """Yield the plant: connections acme and beta, no records yet."""
    store, clock, syncs = MemoryStore(), TurnedClock(), FakeSyncs()
    await declare(store, "acme", "beta")
    token = await issue(store, 1, ALL)
    services = Services(
        reader=StoredReader(store),
        syncs=syncs,
        store=store,
        clock=clock,
        in_force=FakeInForce(store),
        schedule=FakeSchedule(),
        policy=policy,
    )
    app = make_app(services)
    async with client_of(app, token) as client:
        yield Plant(store, clock, syncs, services, app, client)

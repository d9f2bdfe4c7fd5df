"""What the tests of this room share: a clock that is turned, and systems made of handler functions."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from reconciler.connectors.connector import HttpConnector
from reconciler.connectors.registry import HttpConnectors
from reconciler.model.resource import Kind, Resource, ResourceKey, make_resource
from reconciler.ports import Safe

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
Handler = Callable[[httpx.Request], httpx.Response | Awaitable[httpx.Response]]


@dataclass
class TurnedClock:
    """A clock that stands still but for its own sleeps, which take no time."""

    time: datetime = NOW
    slept: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return self.time

    async def sleep(self, delay: timedelta) -> None:
        self.slept.append(delay.total_seconds())
        self.time += delay


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


def manifest(**changes: Any) -> dict[str, Any]:
    """Return the spec of a small manifest: one stream of orders, without login."""
    spec: dict[str, Any] = {
        "title": "Small",
        "family": "erp",
        "protocol": "http-json",
        "config": {"base_url": {"type": "url", "required": True}},
        "auth": {"none": {"type": "none"}},
        "probe": {"path": "/me"},
        "streams": {"purchase-orders": stream()},
    }
    return spec | changes


def stream(**changes: Any) -> dict[str, Any]:
    """Return a stream of orders under ``data``."""
    return {
        "request": {"path": "/orders"},
        "records": "data",
        "paging": {"type": "none"},
    } | changes


def resource(kind: Kind, name: str, spec: Mapping[str, Any]) -> Resource:
    return make_resource(ResourceKey(kind, name), {"spec": spec})


Open = Callable[..., HttpConnector]


@pytest.fixture
async def opened(clock: TurnedClock) -> AsyncIterator[Open]:
    """Open connectors against a handler function, and close them after the test."""
    made: list[HttpConnector] = []

    def open_one(
        handler: Handler,
        spec: Mapping[str, Any] | None = None,
        *,
        auth: Mapping[str, Any] | None = None,
        config: Mapping[str, Any] | None = None,
        environ: Mapping[str, str] | None = None,
        safe: Safe | None = None,
        uid: str = "",
        given: Mapping[str, str] | None = None,
    ) -> HttpConnector:
        connectors = HttpConnectors(
            clock,
            environ or {},
            safe=safe,
            transport=lambda: httpx.MockTransport(handler),  # type: ignore[arg-type]  # one or the other
            chance=lambda: 0.5,
        )
        connection = {
            "connector": "small",
            "config": {"base_url": "https://erp.example/api", **(config or {})},
            "auth": dict(auth or {}),
        }
        connector = connectors.open(
            resource(Kind.CONNECTION, "acme", connection),
            resource(Kind.CONNECTOR, "small", spec or manifest()),
            uid=uid,
            given=given,
        )
        assert isinstance(connector, HttpConnector)
        made.append(connector)
        return connector

    yield open_one
    for connector in made:
        await connector.close()

"""A receiver on loopback that keeps what it gets, and a sender that may go there."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reconciler.model.event import Delivery, Event, EventType
from reconciler.model.resource import Resource
from reconciler.secrets.redactor import Redactor
from reconciler.secrets.references import resolve
from reconciler.webhooks.channel import Secrets
from reconciler.webhooks.channels.webhook import Webhooks
from reconciler.webhooks.sending import Sending, Troubled, untroubled
from reconciler.webhooks.targets import Targets, networks
from reconciler.webhooks.wire import Wire
from tests.town import route

SECRET = "whsec_c2VjcmV0LW9mLXRoZS1ob29rLTAxMjM0NTY3ODk="
NOW = datetime(2026, 11, 24, 12, 0, 0, 250_000, tzinfo=UTC)
EVENT = Event("evt_1", EventType.SYNC_FAILED, "Connection/acme", NOW, {"entity": "vendors"})
DELIVERY = Delivery("dlv_1", "evt_1", "uid", NOW, subject="Connection/acme")
LOOPBACK = ("127.0.0.1", "::1")


class MachineClock:
    """The machine's own: what is real is how long a receiver takes."""

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251  a receiver checks the time against its own

    async def sleep(self, delay: timedelta) -> None:
        await asyncio.sleep(delay.total_seconds())


@dataclass
class Got:
    """One request, as it came over the wire."""

    line: str
    headers: Mapping[str, str]
    body: bytes


Answer = Callable[[Got, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Receiver:
    """Answers each request with ``answer``, byte by byte as it says; 204 by default."""

    port: int = 0
    got: list[Got] = field(default_factory=list)
    connections: int = 0
    answer: bytes | Answer = b"HTTP/1.1 204 No Content\r\n\r\n"
    tasks: "set[asyncio.Task[None] | None]" = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/in"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.tasks.add(asyncio.current_task())
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                line, *fields = head.rstrip().split("\r\n")
                pairs = (field.split(": ", 1) for field in fields)
                headers = {name.lower(): text for name, text in pairs}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                self.got.append(Got(line, headers, body))
                if isinstance(self.answer, bytes):
                    writer.write(self.answer)
                    await writer.drain()
                else:
                    await self.answer(self.got[-1], writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the other side has gone, or the test is over
        finally:
            writer.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()
    tasks = [task for task in made.tasks if task is not None]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks)


def answer(status: int, body: bytes = b"", **headers: str) -> bytes:
    """Return an answer of HTTP."""
    fields = "".join(f"{name.replace('_', '-')}: {text}\r\n" for name, text in headers.items())
    head = f"HTTP/1.1 {status} Said\r\ncontent-length: {len(body)}\r\n{fields}\r\n"
    return head.encode() + body


def hook(url: Any, /, **webhook: Any) -> Resource:
    """Return a route to *url*, its secret in the environment under HOOK."""
    return route(to={"webhook": {"url": url, "secret": {"env": "HOOK"}, **webhook}})


Make = Callable[..., Sending]


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    """Return a function that makes senders, of *environ* and allowed to go to *allowed*."""
    wires: list[Wire] = []

    def made(
        environ: Mapping[str, str] | None = None,
        *,
        allowed: tuple[str, ...] = LOOPBACK,
        wire: Wire | None = None,
        troubled: Troubled = untroubled,
    ) -> Sending:
        known = {"HOOK": SECRET} if environ is None else environ
        wires.append(wire or Wire(Targets(networks(allowed))))

        def reveal(reference: Mapping[str, Any], what: str) -> str:
            return resolve(reference, known, what=what).reveal()

        clock, redactor = MachineClock(), Redactor()
        secrets = Secrets(reveal, redactor)
        webhooks = Webhooks(clock, wires[-1], secrets, version="2026-11-01")
        return Sending(clock, {"webhook": webhooks}, redactor, troubled=troubled)

    yield made
    for wire in wires:
        await wire.close()


@pytest.fixture
def sender(make: Make) -> Sending:
    return make()

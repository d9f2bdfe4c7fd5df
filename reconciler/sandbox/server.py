"""The sandbox as a server: a plant behind a loopback port, with a clock and, if wished, a life."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from reconciler.sandbox.access import Credentials
from reconciler.sandbox.control import PREFIX, Control
from reconciler.sandbox.office import Office
from reconciler.sandbox.plant import Plant
from reconciler.sandbox.wire import (
    LARGEST_HEAD,
    Malformed,
    Request,
    Response,
    problem,
    read_request,
    written,
)


def machine_time() -> datetime:
    """Return the time of this machine; a foreign system has a clock of its own."""
    return datetime.fromtimestamp(time.time(), UTC)


class Sandbox:
    """A plant that speaks HTTP on 127.0.0.1 while the ``async with`` block lasts.

    ``port`` 0 takes a free one. ``seed``, ``scale`` and the clock ``now`` make the data; ``every`` lets
    the plant work a turn each so many seconds (none: it stands still until ``advance``).
    """

    def __init__(
        self,
        port: int = 0,
        *,
        seed: int = 7,
        scale: int = 1,
        now: Callable[[], datetime] = machine_time,
        every: float | None = None,
    ) -> None:
        self._wished_port = port
        self._clock = now
        self._every = every
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.office = Office(Plant(now=now(), seed=seed, scale=scale), Credentials.of(seed), seed)
        self.control = Control(self.office)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self._wished_port, limit=LARGEST_HEAD
        )
        if self._every is not None:
            self._keep(asyncio.create_task(self._live(self._every)))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is None:
            return
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None

    @property
    def port(self) -> int:
        """The port that it listens on.

        Raises:
            RuntimeError: outside the ``async with`` block.
        """
        if self._server is None:
            raise RuntimeError("the sandbox listens inside its 'async with' block only")
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """The address for ``config.base_url``."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def plant(self) -> Plant:
        """The plant behind the port."""
        return self.office.plant

    def settle(self, plant: Plant) -> None:
        """Put another plant behind the port, with its records and its ledger."""
        self.office.plant = plant

    @property
    def credentials(self) -> Credentials:
        """What the plant takes now."""
        return self.office.door.credentials

    @property
    def stats(self) -> dict[str, Any]:
        """What the plant was asked so far; see ``GET /_sandbox/stats``."""
        return self.control.stats()

    def now(self) -> datetime:
        """Return the time on the plant's clock, skewed as it is switched."""
        return self._clock() + timedelta(seconds=self.office.switches.clock_skew)

    def switch(self, **changes: Any) -> None:
        """Turn switches as ``POST /_sandbox/switches`` does: ``switch(refuse=True)``."""
        self.control.switch(changes, self.now())

    def advance(self, steps: int = 1) -> int:
        """Let the plant work *steps* turns now; return how many record versions came of it."""
        return self.plant.advance(steps, self.now())

    def reset(self) -> None:
        """Put all switches back; credentials and records stay as they are."""
        self.switch(reset=True)

    async def _live(self, every: float) -> None:
        while True:
            await asyncio.sleep(every)
            self.advance()

    def _keep(self, task: "asyncio.Task[None]") -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._keep(task)
        # Ending the sandbox cancels this task, whose end is the end: nobody waits for its error.
        with suppress(asyncio.CancelledError, ConnectionError):
            while await self._exchange(reader, writer):
                pass
        writer.close()
        with suppress(asyncio.CancelledError, ConnectionError):
            await writer.wait_closed()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; return whether the connection stays open."""
        keep = packs = False
        try:
            request = await read_request(reader)
            if request is None:
                return False
            keep = request.headers.get("connection", "").lower() != "close"
            packs = "gzip" in request.headers.get("accept-encoding", "")
            response = self._answer(request)
        except Malformed as error:
            response = problem(error.status, error.detail)
        if response.wait:
            await asyncio.sleep(response.wait)
        if response.ending == "reset":
            return False
        keep = keep and not response.ending
        writer.write(written(response, now=self.now(), packs=packs, keep=keep))
        await writer.drain()
        return keep

    def _answer(self, request: Request) -> Response:
        if request.path.startswith(PREFIX):
            return self.control.answer(request, self.now())
        if request.path.startswith("/api/"):
            return self.office.answer(request, self.now())
        return problem(404, "The plant's API is under /api/, its switchboard under /_sandbox/.")

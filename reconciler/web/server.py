"""uvicorn inside our own event loop: it starts when it is told, and stops when it is cancelled."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Iterator
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from reconciler.errors import Conflict, Invalid

GRACE: Final = 10
"""How many seconds requests under way have to end when the server stops."""


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens at *host* and *port* (0: any free one).

    Raises:
        Conflict: if another program listens there.
        Invalid: if there is no such address here, or it may not be used.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, *_, address = found[0]
        return socket.create_server(address, family=family, backlog=2048)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Conflict(
                f"another program listens on {host}:{port}",
                hint="stop it, or choose another port with --bind HOST:PORT",
            ) from error
        raise Invalid(
            f"cannot listen on {host}:{port}: {error.strerror or error}",
            hint="choose an address of this machine with --bind HOST:PORT",
        ) from error


async def serve(
    app: ASGIApp, *, host: str, port: int, started: asyncio.Event | None = None
) -> None:
    """Serve *app* at *host* and *port* until cancelled; *started* is set when it answers."""
    await serve_on(app, listen(host, port), started=started)


async def serve_on(
    app: ASGIApp, listener: socket.socket, *, started: asyncio.Event | None = None
) -> None:
    """Serve *app* on *listener* until cancelled, then let requests under way end, and close it."""
    config = uvicorn.Config(
        app,
        access_log=False,
        log_config=None,
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
        ws="none",
    )
    server = _Server(config, started)
    task = asyncio.create_task(server.serve(sockets=[listener]), name="uvicorn")
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        server.should_exit = True
        await task
        raise
    finally:
        listener.close()


class _Server(uvicorn.Server):
    """A server that leaves signals to the program it is part of."""

    def __init__(self, config: uvicorn.Config, started: asyncio.Event | None) -> None:
        super().__init__(config)
        self._announced = started

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self._announced is not None:
            self._announced.set()

"""The wall to receivers: one POST over a connection to an address that was checked; nothing is followed.

Written on httpcore, which lets the one who connects say where to, while TLS still verifies the name.
Proxies and credentials of the environment are not used.
"""

import asyncio
import ssl
from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import cache
from typing import Final, NamedTuple

import certifi
import httpcore

from reconciler.webhooks.targets import Targets

TIMEOUT: Final = timedelta(seconds=10)
"""So long a receiver has to answer, from the look-up of its name to the end of what is kept."""

KEPT: Final = 8_192
"""Bytes of an answer that are read; the rest is left where it is."""

_KEEP_ALIVE: Final = 20.0
_PATIENCE: Final = 3.0
"""Seconds that an address has to be connected to, while the host has others."""


class Said(NamedTuple):
    """What a receiver answered, as much of it as was read."""

    status: int
    headers: Mapping[str, str]
    beginning: bytes


class Wire:
    """Sends requests; connections are kept for the next one. ``trusted`` verifies receivers."""

    def __init__(
        self,
        targets: Targets,
        *,
        trusted: ssl.SSLContext | None = None,
        timeout: timedelta = TIMEOUT,
    ) -> None:
        self.timeout = timeout
        self._pools = {
            scheme: httpcore.AsyncConnectionPool(
                ssl_context=trusted or trusted_certificates(),
                max_connections=None,
                max_keepalive_connections=16,
                keepalive_expiry=_KEEP_ALIVE,
                network_backend=_Checked(targets, encrypted=scheme == "https"),
            )
            for scheme in ("https", "http")
        }

    async def post(self, url: httpcore.URL, headers: Mapping[str, str], body: bytes) -> Said:
        """Return the answer to *body*, whatever its status.

        Raises:
            Invalid, Unreachable: if it may not go there.
            TimeoutError: if it takes longer than ``timeout``.
            httpcore's errors: if there was no answer.
        """
        pool = self._pools[url.scheme.decode()]
        sent: dict[bytes | str, bytes | str] = dict(headers.items())
        async with (
            asyncio.timeout(self.timeout.total_seconds()),
            pool.stream("POST", url, headers=sent, content=body) as response,
        ):
            beginning = b""
            async for chunk in response.aiter_stream():
                beginning += chunk
                if len(beginning) >= KEPT:
                    break
        told = {name.decode().lower(): text.decode("latin-1") for name, text in response.headers}
        return Said(response.status, told, beginning[:KEPT])

    async def close(self) -> None:
        """Let go of connections."""
        for pool in self._pools.values():
            await pool.aclose()


class _Checked(httpcore.AsyncNetworkBackend):
    """Connects to addresses that were checked, and to nothing else."""

    def __init__(self, targets: Targets, *, encrypted: bool) -> None:
        self._targets = targets
        self._encrypted = encrypted
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  the library's own signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Return a connection to *host*, at the first of its addresses that answers."""
        addresses = await self._targets.of(host, port, encrypted=self._encrypted)
        for address in addresses[:-1]:
            try:
                return await self._inner.connect_tcp(
                    address, port, _PATIENCE, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._inner.connect_tcp(
            addresses[-1], port, timeout, local_address, socket_options
        )

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._inner.sleep(seconds)


@cache
def trusted_certificates() -> ssl.SSLContext:
    """Return the certificates we trust: the machine's own, and a public bundle; read once."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context

"""What a request must pass before a route sees it: the right host, a known version, a bounded body."""

from collections.abc import Sequence
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reconciler.web.problems import Code, refuse
from reconciler.web.versions import ApiVersion, headers_of, pick

PROBES: Final = frozenset({"/healthz", "/readyz"})
"""Asked by address, not by name, by whatever runs the program; they tell nothing of anybody."""


class HostGate:
    """Answers only for the host names it was told of, so that a page cannot rebind a name to us.

    *free* are paths that are also asked by address.
    """

    def __init__(self, app: ASGIApp, hosts: frozenset[str], free: frozenset[str] = PROBES) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)
        self._free = free

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request pass, or raise ``Refused``."""
        if scope["type"] == "http" and scope["path"] not in self._free:
            given = Headers(scope=scope).getlist("host")
            if len(given) != 1 or _name(given[0]) not in self._hosts:
                raise refuse(
                    Code.MISDIRECTED_REQUEST,
                    "the Host header names no host that this server answers for",
                )
        await self._app(scope, receive, send)


class VersionGate:
    """Reads the pinned API version, and has every answer say which one it is in."""

    def __init__(self, app: ASGIApp, versions: Sequence[ApiVersion]) -> None:
        self._app = app
        self._versions = tuple(versions)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request pass in its version, or raise ``Refused``."""
        if scope["type"] == "http":
            state = scope.setdefault("state", {})
            state["version_headers"] = headers_of(self._versions[-1])
            pinned = Headers(scope=scope).get("reconciler-version")
            if pinned is not None:
                version = pick(self._versions, pinned)
                state["pinned"] = version
                state["version_headers"] = headers_of(version)
        await self._app(scope, receive, send)


class BodyGate:
    """Refuses bodies beyond *limit* bytes: by their announced length at once, else while they come."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request pass with a bounded body, or raise ``Refused``."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "0")
        if announced.isdigit() and int(announced) > self._limit:
            raise self._too_large()
        taken = 0

        async def bounded() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._limit:
                raise self._too_large()
            return message

        await self._app(scope, bounded, send)

    def _too_large(self) -> Exception:
        return refuse(
            Code.PAYLOAD_TOO_LARGE,
            f"the body is larger than {self._limit} bytes",
            Connection="close",
        )


def _name(host: str) -> str:
    """Return *host* without its port: ``[::1]:8080`` is ``[::1]``."""
    if host.startswith("["):
        return host.partition("]")[0].lower() + "]"
    return host.partition(":")[0].lower().rstrip(".")

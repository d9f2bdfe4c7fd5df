"""A running server, asked from the command line: one JSON request, one answer or an error in words.

The token goes along, so plain ``http`` is spoken to this machine alone, and redirects are not followed.
"""

import os
from collections.abc import Mapping
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

import msgspec

from reconciler.errors import Conflict, Invalid, NotFound, RateLimited, ServerFault, Unreachable

if TYPE_CHECKING:
    import httpx

TOKEN: Final = "RECONCILER_TOKEN"  # noqa: S105  the name of the variable
SECONDS: Final = 30.0
API: Final = "/api/v1"


class Server:
    """The API at *url*, asked with *token*; to be closed, or used in ``async with``."""

    def __init__(
        self, url: str, token: str, *, transport: "httpx.AsyncBaseTransport | None" = None
    ) -> None:
        import httpx  # noqa: PLC0415  heavy, and most commands ask no server

        self.url = checked(url)
        self._client = httpx.AsyncClient(
            base_url=self.url,
            headers={"Authorization": f"Bearer {token}", "User-Agent": "reconciler"},
            timeout=SECONDS,
            transport=transport,
            trust_env=not _is_loopback(self.url),
            follow_redirects=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return what the server answers; *path* comes after ``/api/v1``, and is encoded already.

        Raises:
            Unreachable: if it does not answer.
            Invalid, NotFound, Conflict, RateLimited, ServerFault: what it answers otherwise, in its words.
        """
        import httpx  # noqa: PLC0415  likewise

        try:
            answer = await self._client.request(method, f"{API}{path}", json=body)
        except httpx.TransportError as error:
            why = str(error) or type(error).__name__
            hint = "is it running there? say --server URL, or set RECONCILER_SERVER"
            raise Unreachable(f"{self.url}: {why}", hint=hint) from None
        told = _decoded(answer.content)
        if answer.is_success:
            return told
        raise _error(answer.status_code, told, f"{self.url} answered {answer.status_code}")


def token_here(environ: Mapping[str, str] = os.environ) -> str:
    """Return the token that the environment holds; never one of the command line, which others can see.

    Raises:
        Invalid: if there is none.
    """
    token = environ.get(TOKEN, "").strip()
    if not token:
        hint = f"make one where it runs: export {TOKEN}=$(reconciler token create --admin)"
        raise Invalid(f"no token for the server: {TOKEN} is not set", hint=hint)
    return token


def checked(url: str) -> str:
    """Return *url* without what follows host and port, if a token may be sent there.

    Raises:
        Invalid: if it is no such address, holds a login, or would send the token in clear.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or parts.scheme not in {"http", "https"}:
        raise Invalid(
            f"{url!r} is no address of a server", hint="write https://HOST or http://127.0.0.1:8080"
        )
    if parts.username is not None or parts.password is not None:
        raise Invalid("the server's address holds a login", hint=f"the token goes into {TOKEN}")
    if parts.path.rstrip("/") not in {"", API} or parts.query:
        raise Invalid(
            f"{url!r} holds a path", hint="write https://HOST: the API is at /api/v1 there"
        )
    if parts.scheme == "http" and not _is_loopback(url):
        raise Invalid(f"{url}: the token would cross the network in clear", hint="write https://")
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{port}" if port else "")


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _decoded(content: bytes) -> dict[str, Any]:
    try:
        told = msgspec.json.decode(content) if content else {}
    except msgspec.DecodeError:
        return {}
    return told if isinstance(told, dict) else {}


def _error(
    status: int, told: Mapping[str, Any], where: str
) -> Invalid | Conflict | RateLimited | ServerFault:
    """Return the problem document (RFC 9457) *told* as an error of ours."""
    code, detail = (str(told.get(name) or "")[:500] for name in ("code", "detail"))
    message = ": ".join(filter(None, (f"{where} {code}".strip(), detail)))
    hint = str(told.get("hint") or _HINTS.get(status, ""))[:500]
    match status:
        case 404:
            return NotFound(message, hint=hint)
        case 409 | 412:
            return Conflict(message, hint=hint)
        case 429:
            return RateLimited(message, hint=hint or "ask again in a minute")
        case _ if status >= 500:
            return ServerFault(message, hint=hint or "its log says more")
        case _:
            return Invalid(message, hint=hint)


_HINTS: Final[Mapping[int, str]] = {
    401: f"{TOKEN} holds no token that is good there",
    403: "the token lacks the scope: write:specs, run:sync, read:status",
}

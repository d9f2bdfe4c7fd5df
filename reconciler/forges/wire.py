"""The wall to a forge: one JSON request becomes its answer, or an error in our words.

Only ``https`` is spoken, except to this machine itself. Redirects are not followed, since the token would
go along. The HTTP library's own log lines hold URLs, so they are dropped.
"""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import msgspec

from reconciler.errors import (
    Forbidden,
    Invalid,
    NotFound,
    RateLimited,
    ReconcilerError,
    ServerFault,
    SourceInvalid,
    Unauthorized,
    Unreachable,
)

LARGEST_ANSWER: Final = 16 * 1024 * 1024
SECONDS: Final = 30.0
LONGEST_QUOTE: Final = 200
LONGEST_WAIT: Final = timedelta(hours=1)
_LOGGERS: Final = ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy")


class Wire:
    """Sends requests to one forge. *secret* is taken out of whatever is quoted."""

    def __init__(
        self,
        api: str,
        headers: Mapping[str, str],
        *,
        secret: str,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        for name in _LOGGERS:
            logging.getLogger(name).setLevel(logging.WARNING)
        self._api = checked(api)
        self._secret = secret
        self._client = httpx.AsyncClient(
            headers={"user-agent": "reconciler", **headers},
            timeout=SECONDS,
            transport=transport,
            trust_env=not _is_loopback(self._api),  # a build machine may reach the forge by a proxy
            follow_redirects=False,
        )

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.aclose()

    async def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, str] | None = None,
    ) -> Any:
        """Return the decoded answer; *path* comes after the API's address and is encoded already.

        Raises:
            Unauthorized, Forbidden, NotFound, RateLimited, Invalid, ServerFault, SourceInvalid, Unreachable
        """
        place = f"{method} {urlsplit(self._api).netloc}{path}"
        try:
            async with self._client.stream(
                method, self._api + path, params=query, json=body
            ) as answer:
                text = await _body_of(answer, place)
        except httpx.TransportError as error:
            why = self._clean(str(error)) or type(error).__name__
            raise Unreachable(
                f"{place}: {why}", hint="check the forge's address, and the network"
            ) from None
        if not answer.is_success:
            raise self._error(answer, place, text)
        return _decoded(text, place)

    def _error(self, answer: httpx.Response, place: str, text: bytes) -> ReconcilerError:
        status = HTTPStatus(answer.status_code)
        told = f"{place} answered {status.value} {status.phrase}: {self._clean(_message(text))}"
        wait = _wait(answer)
        if status is HTTPStatus.TOO_MANY_REQUESTS or (status is HTTPStatus.FORBIDDEN and wait):
            waits = f"; it asks to wait {wait.total_seconds():.0f} s" if wait else ""
            return RateLimited(told + waits, wait=wait)
        kind, hint = _KINDS.get(status, (None, ""))
        if kind is not None:
            return kind(told, hint=hint)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return ServerFault(told, hint="try again later")
        if status < HTTPStatus.BAD_REQUEST:
            return SourceInvalid(
                told, hint="the repository may have moved: write its present address"
            )
        return Invalid(told)

    def _clean(self, text: str) -> str:
        return text.replace(self._secret, "***") if self._secret else text


_KINDS: Final[Mapping[HTTPStatus, tuple[type[ReconcilerError], str]]] = {
    HTTPStatus.UNAUTHORIZED: (Unauthorized, "the forge does not know the token: is it expired?"),
    HTTPStatus.FORBIDDEN: (
        Forbidden,
        "let the token write statuses and comments; for forks a workflow's own may only read",
    ),
    HTTPStatus.NOT_FOUND: (
        NotFound,
        "check repository, commit and number; a forge says so, too, of what the token may not see",
    ),
    HTTPStatus.GONE: (NotFound, "comments may be switched off in this repository"),
}


def checked(url: str) -> str:
    """Return *url* without a slash at its end, or raise ``Invalid`` for what a token may not be sent to."""
    parts = urlsplit(url)
    secure = parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(url))
    if not secure or not parts.hostname or parts.username is not None or parts.query:
        shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        raise Invalid(
            f"{shown} is no address that a token may be sent to",
            hint="write https://HOST…, without a user; plain http is for this machine only",
        )
    return url.rstrip("/")


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _body_of(answer: httpx.Response, place: str) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in answer.aiter_bytes():
        size += len(chunk)
        if size > LARGEST_ANSWER:
            raise SourceInvalid(f"{place} answered with more than {LARGEST_ANSWER:,} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _decoded(text: bytes, place: str) -> Any:
    if not text:
        return None
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        raise SourceInvalid(
            f"{place} did not answer in JSON", hint="is this the address of the forge's API?"
        ) from None


def _message(text: bytes) -> str:
    """Return what a forge says of an error: a ``message`` (GitLab: at times an object), or ``error``."""
    try:
        decoded = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return "no reason given"
    told = decoded.get("message") or decoded.get("error") if isinstance(decoded, dict) else None
    shown = told if isinstance(told, str) else msgspec.json.encode(told).decode() if told else ""
    return " ".join(shown.split())[:LONGEST_QUOTE] or "no reason given"


def _wait(answer: httpx.Response) -> timedelta | None:
    """Return how long the forge asks to wait: ``Retry-After``, or until a spent limit fills up again."""
    after = answer.headers.get("retry-after", "")
    if after.isdigit():
        return min(timedelta(seconds=int(after)), LONGEST_WAIT)
    if answer.headers.get("x-ratelimit-remaining") != "0":
        return None
    until = answer.headers.get("x-ratelimit-reset", "")
    try:
        now = parsedate_to_datetime(answer.headers.get("date", ""))
        left = datetime.fromtimestamp(int(until), UTC) - now
    except (ValueError, TypeError, OverflowError):
        return LONGEST_WAIT
    return min(max(left, timedelta(seconds=1)), LONGEST_WAIT)

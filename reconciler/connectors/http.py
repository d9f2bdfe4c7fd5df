"""The wall to the outside: one request becomes one answer, or an error in our words.

A source is not trusted: its body is cut off at 32 MiB, packed or unpacked; a redirect is followed on
the same host only, since our credentials go along; proxies and credentials of the environment are not
used. The HTTP library's own log lines hold URLs and headers, so they are dropped.
"""

import asyncio
import logging
import ssl
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Final
from urllib.parse import urljoin

import certifi
import httpx

from reconciler.connectors.exchange import Answer, Ask, http_date, origin_of
from reconciler.connectors.unreached import unreached
from reconciler.errors import (
    Obstacle,
    ServerFault,
    SourceInvalid,
    Unreachable,
    WrongAddress,
)
from reconciler.ports import Clock
from reconciler.secrets.redactor import Redactor

LARGEST_BODY: Final = 32 * 1024 * 1024
MOST_REDIRECTS: Final = 3
_GZIP: Final = b"\x1f\x8b"
_HEADERS: Final = {
    "accept": "application/json",
    "accept-encoding": "gzip",
    "user-agent": "reconciler",
}
_LOGGERS: Final = ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy")


class Wire:
    """Sends requests of one connection over kept-alive connections."""

    def __init__(
        self,
        clock: Clock,
        redactor: Redactor,
        *,
        timeout: timedelta,
        transport: httpx.AsyncBaseTransport | None = None,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        _drop_library_logs()
        self._clock = clock
        self._redactor = redactor
        self._timeout = timeout
        self._client = httpx.AsyncClient(
            headers=_HEADERS,
            timeout=timeout.total_seconds(),
            transport=transport,
            verify=trust or trusted(),
            trust_env=False,
            follow_redirects=False,
        )

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.aclose()

    async def send(self, ask: Ask) -> Answer:
        """Return the answer to *ask*, whatever its status.

        Raises:
            Unreachable: there was no answer.
            ServerFault: there was half an answer, or one that is too large.
            WrongAddress: it sends us elsewhere.
            SourceInvalid: what is asked cannot be sent.
        """
        for _ in range(MOST_REDIRECTS + 1):
            answer = await self._once(ask)
            target = answer.headers.get("location")
            if not 300 <= answer.status < 400 or target is None or not ask.follow:
                return answer
            ask = _followed(answer, target)
        raise SourceInvalid(f"{answer.place} redirects more than {MOST_REDIRECTS} times")

    async def _once(self, ask: Ask) -> Answer:
        place = self._redactor.clean(ask.place)
        asked_at = self._clock.now()
        async with _in_our_words(place, self._redactor, self._timeout.total_seconds()):
            request = self._request(ask)
            response = await self._client.send(request, stream=True)
            try:
                body = await _body_of(response, place)
            finally:
                await response.aclose()
        headers = {name.lower(): value for name, value in response.headers.items()}
        at = http_date(headers.get("date", "")) or asked_at
        cookies = tuple(response.headers.get_list("set-cookie"))
        return Answer(response.status_code, headers, body, ask, at, self._redactor.clean, cookies)

    def _request(self, ask: Ask) -> httpx.Request:
        for name, value in ask.headers.items():
            if not (value.isascii() and value.isprintable()):
                raise SourceInvalid(
                    f"{self._redactor.clean(ask.place)}: the header {name} holds what cannot be sent",
                    hint="look for line breaks and special characters in the credentials",
                )
        return self._client.build_request(
            ask.method, url_of(ask), headers=dict(ask.headers), content=ask.body
        )


def url_of(ask: Ask) -> httpx.URL:
    """Return the whole URL of *ask*, as it is sent."""
    url = httpx.URL(ask.url)
    return url.copy_merge_params(_multi(ask.query)) if ask.query else url


def _multi(pairs: tuple[tuple[str, str], ...]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def _followed(answer: Answer, target: str) -> Ask:
    """Return the request that a redirect asks for, if it stays on the host."""
    url = urljoin(answer.ask.url, target)
    keeps = answer.ask.method == "GET" or answer.status in {307, 308}
    if origin_of(url) != origin_of(answer.ask.url) or not keeps:
        scheme, host, port = origin_of(url)
        raise WrongAddress(
            f"{answer.place} answered {answer.status} and sends us to "
            f"{answer.clean(f'{scheme}://{host}:{port}')}; credentials do not go along",
            hint="if that is the right address, write it as the connection's base_url",
        )
    return replace(answer.ask, url=url, query=())


async def _body_of(response: httpx.Response, place: str) -> bytes:
    """Return the body, unpacked where it is packed: some systems say gzip and send it plain."""
    if response.is_stream_consumed:
        return response.content  # a transport in memory has it whole
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.aiter_raw():
        size += len(chunk)
        if size > LARGEST_BODY:
            raise _too_large(place)
        chunks.append(chunk)
    body = b"".join(chunks)
    packing = response.headers.get("content-encoding", "identity").strip().lower()
    if packing in {"gzip", "x-gzip"}:
        return _unpacked(body, place) if body.startswith(_GZIP) else body
    if packing not in {"identity", ""}:
        raise ServerFault(f"{place} answered in the encoding {packing[:20]!r}; we asked for gzip")
    return body


def _unpacked(body: bytes, place: str) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        plain = unpacker.decompress(body, LARGEST_BODY)
        if unpacker.unconsumed_tail:
            raise _too_large(place)
    except zlib.error as error:
        raise ServerFault(f"{place} answered with a broken gzip body: {error}") from None
    if not unpacker.eof:
        raise ServerFault(f"{place} answered with a gzip body that breaks off")
    return plain


def _too_large(place: str) -> SourceInvalid:
    return SourceInvalid(
        f"{place} answered with more than {LARGEST_BODY // 1024 // 1024} MiB",
        hint="make the page size of this stream smaller",
    )


@asynccontextmanager
async def _in_our_words(place: str, redactor: Redactor, seconds: float) -> AsyncIterator[None]:
    """Turn the HTTP library's errors into ours; a whole answer has ten times the time of a step."""
    try:
        async with asyncio.timeout(seconds * 10):
            yield
    except (httpx.TimeoutException, TimeoutError) as error:
        kind = type(error).__name__.removesuffix("Timeout").lower()
        step = {"connect": "no connection", "pool": "no free connection"}.get(kind, "no answer")
        raise Unreachable(
            f"{place}: {step} within {seconds:g} s", obstacle=Obstacle.TIMEOUT
        ) from None
    except httpx.RemoteProtocolError as error:
        raise ServerFault(f"{place} broke off: {redactor.clean(str(error))}") from None
    except httpx.LocalProtocolError:
        raise SourceInvalid(f"{place}: not a request that can be sent") from None
    except httpx.TransportError as error:
        raise unreached(place, error, redactor.clean) from None
    except (httpx.InvalidURL, ValueError) as error:
        raise SourceInvalid(
            f"{place}: not a request that can be sent: {redactor.clean(str(error))}"
        ) from None


@cache
def trusted() -> ssl.SSLContext:
    """Return the certificates we trust: the machine's own, and a public bundle; read once."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _no_record(_record: logging.LogRecord) -> bool:
    return False


def _drop_library_logs() -> None:
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_no_record)

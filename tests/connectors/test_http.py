"""The wall: answers and errors of HTTP, with handler functions and with real sockets."""

import asyncio
import gzip
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import pytest

from reconciler.connectors.exchange import Answer, Ask, check_status
from reconciler.connectors.http import LARGEST_BODY, Wire
from reconciler.errors import (
    Forbidden,
    RateLimited,
    ServerFault,
    SourceError,
    SourceInvalid,
    Unauthorized,
    Unreachable,
    WrongAddress,
)
from reconciler.secrets.redactor import Redactor
from tests.connectors.conftest import NOW, Handler, TurnedClock

ASK = Ask("GET", "https://erp.example/api/orders", (("key", "s3cret-value"),))
Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def sent(handler: Handler, ask: Ask = ASK) -> Answer:
    redactor = Redactor()
    redactor.learn(["s3cret-value"])
    wire = Wire(
        TurnedClock(),
        redactor,
        timeout=timedelta(seconds=5),
        transport=httpx.MockTransport(handler),  # type: ignore[arg-type]  # a plain or an async function
    )
    try:
        return await wire.send(ask)
    finally:
        await wire.close()


@asynccontextmanager
async def listening(answer: Peer) -> AsyncIterator[str]:
    """A server on loopback that gives *answer* to each request."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await answer(reader, writer)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/orders"


def saying(raw: bytes) -> Peer:
    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()

    return answer


async def asked(url: str, *, timeout: float = 5.0) -> Answer:  # noqa: ASYNC109 - it is the product's own setting
    wire = Wire(TurnedClock(), Redactor(), timeout=timedelta(seconds=timeout))
    try:
        return await wire.send(Ask("GET", url))
    finally:
        await wire.close()


async def test_an_answer_tells_the_sources_own_time() -> None:
    answer = await sent(
        lambda _: httpx.Response(200, headers={"Date": "Wed, 04 Mar 2026 11:00:00 GMT"}, json={})
    )
    assert answer.at == NOW - timedelta(hours=1)
    assert (await sent(lambda _: httpx.Response(200, json={}))).at == NOW
    assert (await sent(lambda _: httpx.Response(200, headers={"Date": "x"}))).at == NOW


async def test_a_request_goes_out_as_it_was_asked() -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={})

    query = (("a", "x y"), ("a", "2"), ("b", "&"))
    await sent(handler, Ask("POST", "https://erp.example/api?z=1", query, {"x-a": "b"}, b"{}"))
    assert seen[0].url.params.multi_items() == [("z", "1"), ("a", "x y"), ("a", "2"), ("b", "&")]
    assert seen[0].headers["x-a"] == "b"
    assert seen[0].headers["accept-encoding"] == "gzip"
    assert seen[0].content == b"{}"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, SourceInvalid),
        (401, Unauthorized),
        (403, Forbidden),
        (404, SourceInvalid),
        (408, ServerFault),
        (422, SourceInvalid),
        (429, RateLimited),
        (500, ServerFault),
        (502, ServerFault),
        (503, ServerFault),
        (304, SourceInvalid),
    ],
)
async def test_a_status_has_one_meaning(status: int, kind: type[SourceError]) -> None:
    answer = await sent(lambda _: httpx.Response(status, text="no s3cret-value\n here"))
    with pytest.raises(kind) as caught:
        check_status(answer)
    assert type(caught.value) is kind or status == 404
    assert str(caught.value) == (f"GET erp.example/api/orders answered {status}: no *** here")


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (429, {"Retry-After": "17"}, 17),
        (429, {"Retry-After": "0"}, 1),
        (429, {"Retry-After": "1.5"}, 1.5),
        (429, {"Retry-After": "86400"}, 3600),
        (429, {"Retry-After": "Wed, 04 Mar 2026 12:02:00 GMT"}, 120),
        (429, {"Retry-After": "Wed, 04 Mar 2026 09:00:00 GMT"}, 1),
        (
            429,
            {
                "Retry-After": "Wed, 04 Mar 2026 10:00:30 GMT",
                "Date": "Wed, 04 Mar 2026 10:00:00 GMT",
            },
            30,
        ),
        (429, {"Retry-After": "soon"}, None),
        (429, {"X-RateLimit-Reset": "45"}, 45),
        (429, {"X-RateLimit-Reset": str(int(NOW.timestamp()) + 90)}, 90),
        (429, {"RateLimit-Reset": "9"}, 9),
        (429, {}, None),
        (503, {"Retry-After": "20"}, 20),
    ],
)
async def test_the_wait_that_is_asked_for(
    status: int, headers: dict[str, str], seconds: float | None
) -> None:
    answer = await sent(lambda _: httpx.Response(status, headers=headers))
    with pytest.raises(RateLimited) as caught:
        check_status(answer)
    assert caught.value.wait == (None if seconds is None else timedelta(seconds=seconds))


async def test_a_message_quotes_two_hundred_characters_on_one_line() -> None:
    page = "<html>\n" + "\x1b[31m" + "x" * 500
    answer = await sent(lambda _: httpx.Response(500, text=page))
    assert answer.quote.startswith("<html> [31mxxx")
    assert len(answer.quote) == 201
    assert (await sent(lambda _: httpx.Response(500))).quote == "(empty)"


async def test_a_secret_across_the_end_of_a_quote_is_not_half_shown() -> None:
    answer = await sent(lambda _: httpx.Response(500, text="x" * 195 + "s3cret-value"))
    assert "s3c" not in answer.quote


async def test_a_redirect_is_followed_on_the_host_only() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/orders":
            return httpx.Response(301, headers={"Location": "/api/orders/"})
        return httpx.Response(200, json={"path": request.url.path})

    assert json.loads((await sent(handler)).body) == {"path": "/api/orders/"}


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "http://erp.example/api",
        "//evil.example",
        "https://erp.example:8443/",
    ],
)
async def test_credentials_do_not_follow_a_redirect_to_another_host(target: str) -> None:
    hosts: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        hosts.append(str(request.url.copy_with(query=None)))
        return httpx.Response(302, headers={"Location": target})

    with pytest.raises(WrongAddress, match="credentials do not go along"):
        await sent(handler)
    assert hosts == ["https://erp.example/api/orders"]


async def test_a_redirect_of_a_post_is_followed_only_if_it_stays_a_post() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/a":
            return httpx.Response(307, headers={"Location": "/b"})
        return httpx.Response(200, json=[request.method, request.content.decode()])

    answer = await sent(handler, Ask("POST", "https://erp.example/a", body=b"{}"))
    assert json.loads(answer.body) == ["POST", "{}"]
    with pytest.raises(SourceInvalid):
        await sent(
            lambda _: httpx.Response(302, headers={"Location": "/b"}),
            Ask("POST", "https://erp.example/a", body=b"{}"),
        )


async def test_a_redirect_that_is_not_to_be_followed_is_the_answer_with_its_cookies() -> None:
    headers = [("location", "https://evil.example/"), ("set-cookie", "a=1"), ("set-cookie", "b=2")]
    ask = Ask("POST", "https://erp.example/a", follow=False)
    answer = await sent(lambda _: httpx.Response(302, headers=headers), ask)
    assert (answer.status, answer.cookies) == (302, ("a=1", "b=2"))


async def test_a_circle_of_redirects_ends() -> None:
    with pytest.raises(SourceInvalid, match="redirects more than 3 times"):
        await sent(lambda _: httpx.Response(302, headers={"Location": "/api/orders"}))


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP"])
async def test_a_packed_body_is_unpacked(encoding: str) -> None:
    body = gzip.compress(b'{"a":1}')
    answer = await sent(
        lambda _: httpx.Response(200, headers={"Content-Encoding": encoding}, stream=Bytes(body))
    )
    assert answer.body == b'{"a":1}'


async def test_a_plain_body_that_says_gzip_is_taken_as_it_is() -> None:
    answer = await sent(
        lambda _: httpx.Response(
            200, headers={"Content-Encoding": "gzip"}, stream=Bytes(b'{"a":1}')
        )
    )
    assert answer.body == b'{"a":1}'


PACKED = gzip.compress(b"x" * 999, mtime=0)  # the time of day would be in the names of the tests


@pytest.mark.parametrize("body", [PACKED[:-9], PACKED[:20], b"\x1f\x8bno"])
async def test_a_broken_packed_body_is_a_fault(body: bytes) -> None:
    with pytest.raises(ServerFault, match="gzip"):
        await sent(
            lambda _: httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=Bytes(body))
        )


async def test_an_encoding_that_was_not_asked_for_is_a_fault() -> None:
    with pytest.raises(ServerFault, match="'br'"):
        await sent(
            lambda _: httpx.Response(200, headers={"Content-Encoding": "br"}, stream=Bytes(b"x"))
        )


async def test_a_body_is_cut_off_at_its_limit_packed_or_not() -> None:
    large = b"0" * (LARGEST_BODY + 1)
    with pytest.raises(SourceInvalid, match="more than 32 MiB"):
        await sent(lambda _: httpx.Response(200, stream=Bytes(large)))
    bomb = gzip.compress(large, 1)
    with pytest.raises(SourceInvalid, match="more than 32 MiB") as caught:
        await sent(
            lambda _: httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=Bytes(bomb))
        )
    assert "page size" in caught.value.hint


async def test_no_line_of_the_http_library_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with listening(
        saying(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nset-cookie: a=b\r\n\r\n{}")
    ) as url:
        await asked(f"{url}?key=s3cret-value")
    assert "s3cret-value" not in caplog.text
    assert "set-cookie" not in caplog.text


class Bytes(httpx.AsyncByteStream):
    """A body whose bytes the mock transport leaves as they are."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for at in range(0, len(self._body), 1 << 20):
            yield self._body[at : at + (1 << 20)]


async def test_over_a_socket_an_answer_arrives() -> None:
    async with listening(
        saying(b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n" + b'{"a":1}')
    ) as url:
        assert (await asked(url)).body == b'{"a":1}'


async def test_over_a_socket_the_gzip_trap_is_survived() -> None:
    body = b'{"a":"' + b"x" * 2000 + b'"}'
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {len(body)}\r\n\r\n"
    async with listening(saying(head.encode() + body)) as url:
        assert (await asked(url)).body == body


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{",
        b"HTTP/1.1 2",
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    ],
)
async def test_over_a_socket_half_an_answer_is_a_fault(raw: bytes) -> None:
    async with listening(saying(raw)) as url:
        with pytest.raises(ServerFault, match=r"GET 127\.0\.0\.1:\d+/orders broke off"):
            await asked(url)


async def test_over_a_socket_no_answer_in_time_is_unreachable() -> None:
    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with listening(silent) as url:
        with pytest.raises(Unreachable, match=r"no answer within 0\.05 s"):
            await asked(url, timeout=0.05)


async def test_over_a_socket_an_answer_that_drips_for_ever_is_unreachable() -> None:
    async def dripping(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.001)

    async with listening(dripping) as url:
        with pytest.raises(Unreachable, match="no answer within"):
            await asked(url, timeout=0.05)


async def test_over_a_socket_a_refused_connection_is_unreachable() -> None:
    async with listening(saying(b"")) as url:
        closed = url
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1"):
        await asked(closed)


async def test_a_name_that_does_not_resolve_is_unreachable() -> None:
    with pytest.raises(Unreachable, match=r"no-such-host\.invalid"):
        await asked("http://no-such-host.invalid/")

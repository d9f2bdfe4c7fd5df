"""The server inside our own loop: it starts when told, and stops when cancelled."""

import asyncio
import contextlib
import socket

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from reconciler.errors import Conflict, Invalid
from reconciler.web.server import listen, serve, serve_on


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


def url_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{host}:{port}/"


async def stop(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_it_answers_from_when_it_says_it_has_started_until_it_is_cancelled() -> None:
    listener, started = listen("127.0.0.1", 0), asyncio.Event()
    url = url_of(listener)
    task = asyncio.create_task(serve_on(hello, listener, started=started))
    await started.wait()
    async with httpx.AsyncClient() as client:
        answer = await client.get(url)
        assert answer.text == "hello"
        assert "server" not in answer.headers
    await stop(task)
    assert task.cancelled()
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(url)


async def test_a_request_under_way_ends_before_the_server_does() -> None:
    reached, free = asyncio.Event(), asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        reached.set()
        await free.wait()
        await hello(scope, receive, send)

    listener, started = listen("127.0.0.1", 0), asyncio.Event()
    task = asyncio.create_task(serve_on(slow, listener, started=started))
    await started.wait()
    async with httpx.AsyncClient() as client:
        asked = asyncio.create_task(client.get(url_of(listener)))
        await reached.wait()
        task.cancel()
        free.set()
        assert (await asked).text == "hello"
    await stop(task)


async def test_an_address_that_is_taken_is_told_in_our_words() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Conflict, match="another program listens") as caught:
            await serve(hello, host="127.0.0.1", port=port)
    assert "--bind" in caught.value.hint


def test_an_address_that_is_not_ours_is_told_in_our_words() -> None:
    with pytest.raises(Invalid, match=r"cannot listen on 192\.0\.2\.1:0"):
        listen("192.0.2.1", 0)
    with pytest.raises(Invalid, match=r"cannot listen on no\.such\.host\.invalid"):
        listen("no.such.host.invalid", 0)


def test_both_families_are_listened_on() -> None:
    with listen("::1", 0) as listener:
        assert listener.family == socket.AF_INET6
    with listen("localhost", 0) as listener:
        assert listener.family in {socket.AF_INET, socket.AF_INET6}

"""The sandbox as a server: its wire, its life and its end."""

import asyncio
import gzip
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from reconciler.sandbox import Credentials, Sandbox
from reconciler.sandbox.__main__ import main
from tests.sandbox.conftest import TurnedClock


async def raw(sandbox: Sandbox, text: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", sandbox.port)
    writer.write(text)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def test_two_plants_live_side_by_side(clock: TurnedClock) -> None:
    async with Sandbox(seed=1, now=clock) as one, Sandbox(seed=2, now=clock) as other:
        assert one.port != other.port
        assert one.credentials != other.credentials
        one.switch(refuse=True)
        async with httpx.AsyncClient() as client:
            headers = {"X-Plant-Key": other.credentials.api_key}
            path = "/api/whoami"
            assert (await client.get(other.url + path, headers=headers)).status_code == 200
            headers = {"X-Plant-Key": one.credentials.api_key}
            assert (await client.get(one.url + path, headers=headers)).status_code == 401


async def test_it_listens_on_loopback_only(sandbox: Sandbox) -> None:
    assert sandbox.url == f"http://127.0.0.1:{sandbox.port}"
    assert sandbox._server is not None
    assert {socket.getsockname()[0] for socket in sandbox._server.sockets} == {"127.0.0.1"}


async def test_it_ends_though_clients_keep_connections_open_and_answers_are_due(
    clock: TurnedClock,
) -> None:
    async with httpx.AsyncClient() as client:
        async with asyncio.timeout(30), Sandbox(now=clock) as sandbox:
            url = f"{sandbox.url}/api/whoami"
            client.headers["X-Plant-Key"] = sandbox.credentials.api_key
            assert (await client.get(url)).status_code == 200
            sandbox.switch(faults=[{"kind": "slow", "seconds": 3600, "skip": 1}])
            assert (await client.get(url)).status_code == 200
            with pytest.raises(httpx.ReadTimeout):
                await client.get(url, timeout=httpx.Timeout(5.0, read=0.05))
            assert (await client.get(url)).status_code == 200
        with pytest.raises(httpx.ConnectError):
            await client.get(url)


async def test_a_port_is_asked_for_inside_the_block_only(clock: TurnedClock) -> None:
    with pytest.raises(RuntimeError, match="async with"):
        _ = Sandbox(now=clock).url


async def test_a_connection_is_kept_for_many_requests(
    sandbox: Sandbox, client: httpx.AsyncClient
) -> None:
    for _ in range(5):
        answer = await client.get("/api/whoami")
        assert answer.headers["connection"] == "keep-alive"
    assert len(sandbox._tasks) == 1


async def test_a_body_is_packed_for_those_who_can_unpack_it(sandbox: Sandbox) -> None:
    key = f"X-Plant-Key: {sandbox.credentials.api_key}\r\n".encode()
    ask = b"GET /api/erp/orders HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + key
    plain = await raw(sandbox, ask + b"\r\n")
    packed = await raw(sandbox, ask + b"Accept-Encoding: gzip\r\n\r\n")
    assert b"Content-Encoding" not in plain.partition(b"\r\n\r\n")[0]
    assert b"Content-Encoding: gzip" in packed.partition(b"\r\n\r\n")[0]
    body = packed.partition(b"\r\n\r\n")[2]
    assert gzip.decompress(body) == plain.partition(b"\r\n\r\n")[2]
    assert len(body) < len(gzip.decompress(body)) / 3


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (b"hello\r\n\r\n", 400),
        (b"GET / SPDY/3\r\n\r\n", 400),
        (b"POST /api/session HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
        (b"POST /api/session HTTP/1.1\r\nContent-Length: ten\r\n\r\n", 400),
        (b"POST /api/session HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n", 413),
        (b"POST /api/session HTTP/1.1\r\nContent-Length: 10\r\n\r\nhalf", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", 431),
        (b"GET /elsewhere HTTP/1.1\r\nConnection: close\r\n\r\n", 404),
    ],
)
async def test_what_is_no_request_is_told_so_and_the_server_lives_on(
    sandbox: Sandbox, client: httpx.AsyncClient, text: bytes, status: int
) -> None:
    answer = await raw(sandbox, text)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert (await client.get("/api/whoami")).status_code == 200


class RingingClock(TurnedClock):
    """A clock that tells when somebody looks at it."""

    def __init__(self) -> None:
        super().__init__()
        self.looked = asyncio.Event()

    def __call__(self) -> datetime:
        self.looked.set()
        return super().__call__()


async def test_a_plant_with_a_life_of_its_own_changes_by_itself() -> None:
    clock = RingingClock()
    async with asyncio.timeout(30), Sandbox(now=clock, every=0) as sandbox:
        before = len(sandbox.plant.ledger)
        clock.looked.clear()
        await clock.looked.wait()
    assert len(sandbox.plant.ledger) > before


def test_credentials_follow_from_the_seed_and_are_not_shown() -> None:
    assert Credentials.of(7) == Credentials.of(7) != Credentials.of(8)
    assert Credentials.of(7).api_key not in repr(Credentials.of(7))


@pytest.mark.slow
def test_it_runs_alone_with_the_key_it_is_told() -> None:
    environ = {"SANDBOX_API_KEY": "told", "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "reconciler.sandbox", "--port", "0", "--every", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        answer = httpx.get(f"{url}/api/whoami", headers={"X-Plant-Key": "told"})
        process.terminate()
    assert answer.status_code == 200


@pytest.mark.slow
async def test_a_port_that_is_taken_is_told_in_words(sandbox: Sandbox) -> None:
    command = [sys.executable, "-m", "reconciler.sandbox", "--port", str(sandbox.port)]
    process = await asyncio.create_subprocess_exec(*command, stderr=subprocess.PIPE)
    _, said = await process.communicate()
    assert process.returncode == 1
    assert said.decode().startswith("cannot listen on 127.0.0.1")
    assert "Traceback" not in said.decode()


@pytest.mark.parametrize("content", ['{"refuze": true}', "not json", None])
def test_a_file_of_switches_that_cannot_be_taken_is_told_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None
) -> None:
    file = tmp_path / "switches.json"
    if content is not None:
        file.write_text(content, "utf-8")
    assert main(["--port", "0", "--switches", str(file)]) == 1
    assert str(file) in capsys.readouterr().err

"""A running server is asked to look now, and the command waits until it has."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner, Result

from reconciler.cli.main import app
from reconciler.cli.reconciling import Ask, looked
from reconciler.cli.server import Server, checked, token_here
from reconciler.errors import (
    Conflict,
    Invalid,
    NotFound,
    PlanBlocked,
    ReconcilerError,
    ServerFault,
    Unreachable,
)
from reconciler.model.access import Scope
from reconciler.model.condition import Condition, Reason, Status, Truth
from reconciler.model.resource import Kind, ResourceKey
from reconciler.model.sync import RunStatus, SyncMode, SyncRun, Trigger
from reconciler.store.memory import MemoryStore
from reconciler.web.app import Services, make_app
from tests.web.making import (
    NOON,
    FakeInForce,
    FakeSyncs,
    StandingClock,
    StoredReader,
    declare,
    issue,
    uid,
)

ACME = ResourceKey(Kind.CONNECTION, "acme")
MAY = frozenset({Scope.WRITE_SPECS, Scope.RUN_SYNC, Scope.READ_STATUS})


@dataclass
class Looks:
    """A loop that has looked once somebody has waited for it."""

    asked: list[str] = field(default_factory=list)
    done: set[str] = field(default_factory=set)

    def look(self, key: str, token: str = "") -> None:
        self.asked.append(token)

    def handled(self, key: str, token: str | None = None) -> str | None:
        return token if token in self.done else None


@dataclass
class Desk:
    """A server, and somebody who asks it; ``ends`` is how each sync ends while they wait."""

    store: MemoryStore
    server: Server
    looks: Looks
    syncs: FakeSyncs
    ends: RunStatus = RunStatus.SUCCEEDED
    error: str = ""
    said: list[str] = field(default_factory=list)
    pauses: int = 0

    async def looked(self, key: ResourceKey | None = None, *, full: bool = False) -> list[str]:
        async with asyncio.timeout(20):
            await looked(self.server, Ask(key, full), tell=self.said.append, pause=self.pause)
        return self.said

    async def pause(self) -> None:
        """Let the other side do what it was asked for."""
        self.pauses += 1
        self.looks.done |= set(self.looks.asked)
        for name, job in self.syncs.jobs.items():
            ended = replace(job, status=self.ends, error=self.error, runs=("run_1",))
            self.syncs.jobs[name] = ended


@asynccontextmanager
async def desk_of(scopes: frozenset[Scope] = MAY) -> AsyncIterator[Desk]:
    store, looks, syncs = MemoryStore(), Looks(), FakeSyncs()
    await declare(store, "acme")
    run = SyncRun(
        "run_1", uid("acme"), "vendors", SyncMode.FULL, Trigger.PERSON, RunStatus.SUCCEEDED, NOON,
        read=1234, created=2,
    )  # fmt: skip
    async with store.begin() as unit:
        await unit.runs.put(run)
        await unit.commit()
    services = Services(
        reader=StoredReader(store),
        syncs=syncs,
        store=store,
        clock=StandingClock(),
        in_force=FakeInForce(store),
        looks=looks,
    )
    token = await issue(store, 1, scopes)
    transport = httpx.ASGITransport(make_app(services))
    async with Server("http://localhost", token, transport=transport) as server:
        yield Desk(store, server, looks, syncs)


async def test_the_specs_are_looked_at_and_the_end_of_it_is_waited_for() -> None:
    async with desk_of() as desk:
        assert await desk.looked() == ["http://localhost has looked at its specs."]
        assert (len(desk.looks.asked), desk.pauses, desk.syncs.asked) == (1, 1, [])


@pytest.mark.parametrize("mode", [SyncMode.INCREMENTAL, SyncMode.FULL], ids=str)
async def test_a_connection_is_synced_after_that_and_its_runs_are_told(mode: SyncMode) -> None:
    async with desk_of() as desk:
        (_, told) = await desk.looked(ACME, full=mode is SyncMode.FULL)
        assert told == (
            "acme vendors: full, 1,234 read, 2 created, 0 updated, 0 unchanged, 0 deleted"
        )
        (request,) = desk.syncs.asked
        assert (request.connection, request.mode) == ("acme", mode)


async def test_a_sync_that_fails_is_an_error_with_its_reason() -> None:
    async with desk_of() as desk:
        desk.ends, desk.error = RunStatus.FAILED, "acme vendors: no route"
        with pytest.raises(ReconcilerError, match="acme: acme vendors: no route"):
            await desk.looked(ACME)
    async with desk_of() as desk:
        desk.ends = RunStatus.CANCELLED
        with pytest.raises(ReconcilerError, match="the sync was cancelled"):
            await desk.looked(ACME)


async def test_any_other_object_is_told_as_it_is() -> None:
    async with desk_of() as desk:
        with pytest.raises(NotFound, match="404 NOT_FOUND: Mapping/m is not in force"):
            await desk.looked(ResourceKey(Kind.MAPPING, "m"))


async def test_an_object_that_is_held_is_an_error_that_says_why() -> None:
    async with desk_of() as desk:
        key = ResourceKey(Kind.SYNC_SCHEDULE, "often")
        await declare_schedule(desk.store)
        assert (await desk.looked(key))[1].startswith("SyncSchedule/often is in force as ")
        known = (await desk.store.views.state()).uids[key]
        held = Status(
            Condition.SYNCED, Truth.FALSE, Reason.BLOCKED.value, "it is protected", NOON, 1
        )
        async with desk.store.begin() as unit:
            await unit.conditions.put(known, held)
            await unit.commit()
        with pytest.raises(PlanBlocked, match="SyncSchedule/often: Blocked: it is protected"):
            await desk.looked(key)


async def declare_schedule(store: MemoryStore) -> None:
    from reconciler.model.change import Create  # noqa: PLC0415
    from tests.store.making import schedule  # noqa: PLC0415

    async with store.begin() as unit:
        await unit.objects.advance_generation(1, revision="r", at=NOON)
        await unit.objects.put(Create(schedule("often")), actor="ada", at=NOON)
        await unit.commit()


async def test_a_token_without_the_scope_is_told_what_it_lacks() -> None:
    async with desk_of(frozenset({Scope.READ_STATUS})) as desk:
        with pytest.raises(Invalid, match=r"answered 403") as caught:
            await desk.looked()
        assert caught.value.hint


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, Invalid), (404, NotFound), (409, Conflict), (500, ServerFault), (302, Invalid)],
)
async def test_what_a_server_answers_is_an_error_in_its_words(
    status: int, error: type[ReconcilerError]
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"] == "Bearer secret-text"
        told = {"code": "SOME_CODE", "detail": "in its words", "hint": "do this"}
        return httpx.Response(status, json=told, headers={"location": "http://elsewhere/"})

    async with Server(
        "http://[::1]:8080", "secret-text", transport=httpx.MockTransport(answer)
    ) as one:
        with pytest.raises(error, match="SOME_CODE: in its words") as caught:
            await one.ask("GET", "/drift")
    assert caught.value.hint == "do this"
    assert "secret-text" not in caught.value.message


async def test_nobody_there_and_no_json_are_told_from_each_other() -> None:
    def silent(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("connection refused", request=request)

    async with Server("http://127.0.0.1:1", "t", transport=httpx.MockTransport(silent)) as one:
        with pytest.raises(Unreachable, match=r"127\.0\.0\.1:1: connection refused"):
            await one.ask("GET", "/drift")
    html = httpx.MockTransport(lambda _: httpx.Response(502, text="<html>"))
    async with Server("http://127.0.0.1:1", "t", transport=html) as one:
        with pytest.raises(ServerFault, match="answered 502"):
            await one.ask("GET", "/drift")


@pytest.mark.parametrize(
    ("url", "means"),
    [
        ("https://recon.example.com/", "https://recon.example.com"),
        ("https://recon.example.com:8443/api/v1", "https://recon.example.com:8443"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("http://localhost:8080/api/v1/", "http://localhost:8080"),
    ],
)
def test_an_address_is_taken_with_or_without_the_path_of_the_api(url: str, means: str) -> None:
    assert checked(url) == means


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://recon.example.com", "would cross the network in clear"),
        ("http://10.0.0.1:8080", "would cross the network in clear"),
        ("https://jo:pass@recon.example.com", "holds a login"),
        ("ftp://recon.example.com", "no address of a server"),
        ("recon.example.com", "no address of a server"),
        ("https://host:port", "no address of a server"),
        ("https://recon.example.com/other", "holds a path"),
    ],
)
def test_an_address_that_a_token_must_not_go_to_is_refused(url: str, said: str) -> None:
    with pytest.raises(Invalid, match=said) as caught:
        checked(url)
    assert caught.value.hint
    assert "pass" not in caught.value.message


def test_the_token_comes_from_the_environment_alone() -> None:
    assert token_here({"RECONCILER_TOKEN": " t\n"}) == "t"
    with pytest.raises(Invalid, match="RECONCILER_TOKEN is not set"):
        token_here({})


# ── typed ────────────────────────────────────────────────────────────────────────────────────────


def typed(*words: str, known: bool = True) -> Result:
    environ = {"RECONCILER_TOKEN": "t" if known else None, "RECONCILER_SERVER": None}
    return CliRunner().invoke(app, ["reconcile", *words], env=environ)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--full",), "--full is about a connection"),
        (("Mapping/m", "--full"), "--full is about a connection"),
        (("acme",), "'acme' is not Kind/name"),
        (("--server", "http://example.com"), "in clear"),
        (("--timeout", "soon"), "--timeout"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_is_sent(
    words: tuple[str, ...], said: str
) -> None:
    told = typed(*words)
    assert told.exit_code == 1
    assert said in told.output


def test_without_a_token_it_is_said_how_to_get_one() -> None:
    told = typed(known=False)
    assert told.exit_code == 1
    assert "reconciler token create" in told.output


@pytest.mark.slow
async def test_the_command_asks_a_server_that_listens_and_gives_up_in_time(tmp_path: Path) -> None:
    answers = iter([b'{"token":"t1","handled":false}', *[b'{"handled":false}'] * 1000])
    seen: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append((await reader.readuntil(b"\r\n\r\n")).decode().splitlines()[0])
        body = next(answers)
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        url = f"http://127.0.0.1:{port}"
        told = await asyncio.to_thread(typed, "--server", url, "--timeout", "1s")
    assert told.exit_code == 1
    assert "TIMED_OUT" in told.output
    assert seen[:2] == ["POST /api/v1/reconcile HTTP/1.1", "GET /api/v1/reconcile/t1 HTTP/1.1"]
    assert json.dumps(told.output).count("Traceback") == 0

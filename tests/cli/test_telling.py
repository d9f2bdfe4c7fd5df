"""Alerts, silences, deliveries and receivers on the command line."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from standardwebhooks import Webhook
from typer.testing import CliRunner, Result

from reconciler.app import House, house
from reconciler.cli.main import app
from reconciler.engine.alerting import Alerting
from reconciler.engine.routing import Routing
from reconciler.model.endpoint import Endpoint
from reconciler.model.event import Attempt, Event, EventType
from reconciler.model.resource import Kind, ResourceKey
from reconciler.model.sought import DeliveryQuery
from reconciler.settings import Settings

SECRET = "whsec_c2VjcmV0LW9mLXRoZS1ob29rLTAxMjM0NTY3ODk="
ROUTE = """\
apiVersion: reconciler/v1
kind: AlertRoute
metadata: {name: NAME}
spec:
  match: {severity: error}
  to: {webhook: {url: "URL", secret: {env: HOOK}}}
MORE"""
OPS = ResourceKey(Kind.ALERT_ROUTE, "ops")


def typed(line: str) -> Result:
    return CliRunner().invoke(app, line.split())


def rows(line: str) -> list[dict[str, object]]:
    told = typed(f"{line} -o json")
    assert told.exit_code == 0, told.output
    found: list[dict[str, object]] = json.loads(told.stdout)
    return found


class Receiver(BaseHTTPRequestHandler):
    """Keeps what is posted, and answers as it is told."""

    got: list[tuple[dict[str, str], bytes]]
    status: int
    port: int

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.got.append(({name.lower(): text for name, text in self.headers.items()}, body))
        self.send_response(self.status)
        self.send_header("content-length", "5")
        self.end_headers()
        self.wfile.write(b"said!")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[type[Receiver]]:
    class Own(Receiver):
        got: list[tuple[dict[str, str], bytes]] = []  # noqa: RUF012  made anew for each test
        status = 200
        port = 0

    server = HTTPServer(("127.0.0.1", 0), Own)
    Own.port = server.server_port
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Own
    server.shutdown()
    thread.join(10)
    server.server_close()


@pytest.fixture
def folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, receiver: type[Receiver]
) -> Iterator[Path]:
    """A folder with two routes in force, one that groups and one that does not."""
    url = f"http://127.0.0.1:{receiver.port}/in"
    for name, more in (("ops", ""), ("grouped", "  group: {wait: 0s}\n")):
        text = ROUTE.replace("NAME", name).replace("URL", url).replace("MORE", more)
        (tmp_path / f"{name}.yaml").write_text(text)
    monkeypatch.delenv("RECONCILER_ENV", raising=False)
    monkeypatch.setenv("HOOK", SECRET)
    monkeypatch.setenv("RECONCILER_ALLOWED_TARGETS", "127.0.0.1")
    with chdir(tmp_path):
        assert typed("apply --auto-approve .").exit_code == 0
        happen()
        yield tmp_path


def happen() -> None:
    """Have two syncs fail; the deliveries of the route ``ops`` are dead."""

    async def work() -> None:
        async with house(Settings()) as built:
            now = built.clock.now()
            names = [f"evt_{number}" for number in range(2)]
            async with built.store.begin() as unit:
                while await unit.outbox.take(limit=100):
                    pass
                data = {"entity": "vendors", "code": "SOURCE_FAULT"}
                await unit.outbox.emit(
                    [
                        Event(name, EventType.SYNC_FAILED, f"Connection/{name[-1]}", now, data)
                        for name in names
                    ]
                )
                await unit.commit()
            await Routing(built.store, built.in_force, built.clock).turn()
            await Alerting(built.store, built.in_force, built.clock).turn()
            await die(built)

    asyncio.run(work())


async def die(built: House) -> None:
    now = built.clock.now()
    uid = (await built.store.views.state()).uids[OPS]
    async with built.store.begin() as unit:
        for one in await built.store.views.deliveries(DeliveryQuery(route=uid)):
            tried = Attempt(now, 503, timedelta(milliseconds=7), "try later")
            await unit.outbox.settle(replace(one, attempts=(tried,)).ended("given up", now))
        await unit.commit()


def test_deliveries_are_listed_shown_and_made_once_more(folder: Path) -> None:
    dead = rows("deliveries list --status dead --route ops --since 1h")
    assert [(one["last_status"], one["reason"]) for one in dead] == [(503, "given up")] * 2
    assert len(rows("deliveries list")) == 4
    assert rows("deliveries list --until 1h") == []
    table = typed("deliveries list --status dead").stdout
    assert table.splitlines()[0].split()[:2] == ["ID", "ROUTE"]
    shown = typed(f"deliveries show {dead[0]['id']}").stdout
    assert "answer: try later" in shown
    told = typed(f"deliveries retry {dead[0]['id']}")
    assert told.stdout.startswith("1 delivery is made once more")
    assert len(rows("deliveries list --status dead")) == 1
    assert typed("deliveries retry --all").stdout.startswith("1 delivery")
    assert rows("deliveries list --status dead") == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("deliveries retry", "say which"),
        ("deliveries retry dlv_1 --all", "say which"),
        ("deliveries retry dlv_1", "there is no delivery 'dlv_1'"),
        ("deliveries show dlv_1", "no delivery 'dlv_1'"),
        ("deliveries list --route none", "no route 'none' is in force"),
        ("deliveries list --since soon", "--since: 'soon' is no time"),
        ("route test none", "no route 'none'"),
        ("route enable none", "no route 'none'"),
        ("alerts ack alt_1", "there is no alert 'alt_1'"),
        ("silence add connection=a", "--comment is missing"),
        ("silence add acme -m why", "is no matcher"),
        ("silence add connection=* -m why", "a suspended route"),
        ("silence end sil_1", "there is no silence 'sil_1'"),
    ],
)
def test_what_cannot_be_done_is_said_in_words(folder: Path, line: str, said: str) -> None:
    told = typed(line)
    assert told.exit_code == 1
    assert said in told.stderr
    assert "Traceback" not in told.output


@pytest.mark.parametrize("name", ["ops", "grouped"])
def test_a_route_is_tried_with_a_signed_sample(
    folder: Path, receiver: type[Receiver], name: str
) -> None:
    told = typed(f"route test {name} --event sync.failed")
    assert told.exit_code == 0, told.output
    assert told.stdout.startswith(f"AlertRoute/{name} answered 200 in ")
    ((headers, body),) = receiver.got
    Webhook(SECRET).verify(body, headers)
    said = json.loads(body)
    if name == "ops":
        assert (said["type"], said["data"]["id"][:9]) == ("sync.failed", "evt_test_")
    else:
        assert (said["type"], said["data"]["kind"]) == ("alerts.firing", "test")
    receiver.status = 500
    told = typed(f"route test {name}")
    assert told.exit_code == 1
    assert "answered 500" in told.stdout
    assert "said!" in told.stdout


def test_receivers_are_listed_and_enabled_again(folder: Path) -> None:
    async def disable() -> None:
        async with house(Settings()) as built:
            state, now = await built.store.views.state(), built.clock.now()
            basis = state.resources[OPS].digest
            gone = Endpoint(state.uids[OPS], 3, now, now, now, "failing", basis)
            async with built.store.begin() as unit:
                await unit.endpoints.put(gone)
                await unit.commit()

    assert [one["state"] for one in rows("route list")] == ["ok", "ok"]
    asyncio.run(disable())
    assert [one["state"] for one in rows("route list")] == ["ok", "disabled"]
    told = typed("deliveries retry --route ops")
    assert told.exit_code == 1
    assert "reconciler route enable ops" in told.stderr
    assert typed("route enable ops").exit_code == 0
    assert [one["state"] for one in rows("route list")] == ["ok", "ok"]
    assert typed("deliveries retry --route ops").stdout.startswith("2 deliveries are")


def test_what_is_wrong_is_listed_and_acknowledged(folder: Path) -> None:
    first, second = rows("alerts list")
    assert first["name"] == second["name"] == "sync.failed"
    told = typed(f"alerts ack {first['id']} {second['id']} --note why")
    assert told.stdout.count("is acknowledged by cli:") == 2
    assert all(one["acknowledged_by"] for one in rows("alerts list --all"))


def test_a_silence_is_added_listed_and_ended(folder: Path) -> None:
    made = typed("silence add connection=acme-* event=sync.* --for 2h -m upgrade")
    assert made.exit_code == 0
    name = made.stdout.strip()
    (kept,) = rows("silence list")
    assert kept["matchers"] == ["connection=acme-*", "event=sync.*"]
    assert typed(f"silence end {name}").stdout == f"The silence {name} has ended.\n"
    assert rows("silence list") == []
    assert [one["active"] for one in rows("silence list --all")] == [False]

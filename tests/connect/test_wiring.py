"""The whole of it as the program puts it together, over a real plant on loopback: break, link, reconnect, read."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from reconciler.app import House, edits, endings, house
from reconciler.app.connecting import address_guard, connect_desk, public_url
from reconciler.connectors.catalogue import catalogue_files
from reconciler.engine.apply import apply
from reconciler.engine.linking import By
from reconciler.engine.links import LinkWish
from reconciler.engine.tokens import CHANCE, TokenWish, mint
from reconciler.errors import Invalid, ReconcilerError
from reconciler.model.access import Scope
from reconciler.model.connection import ConnectionStatus
from reconciler.model.event import EventType
from reconciler.plan.planner import make_plan
from reconciler.ports import SyncRequest
from reconciler.sandbox import Sandbox
from reconciler.settings import Settings
from reconciler.spec.load import load
from reconciler.web.app import make_app
from reconciler.web.needs import Services
from reconciler.web.versions import CURRENT
from tests.connect.test_pages import Browser, plain
from tests.web.making import FakeSyncs

SPEC = """\
apiVersion: reconciler/v1
kind: Connection
metadata: {{name: plant}}
spec:
  connector: sandbox
  config: {{base_url: {url}}}
  auth: {{method: session, username: {{connect: true}}, password: {{connect: true}}}}
  entities: [vendors]
"""


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(scale=1) as running:
        yield running


@pytest.fixture
async def built(
    tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[House]:
    """A house with one connection in force that waits for its customer."""
    monkeypatch.setenv("RECONCILER_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("RECONCILER_BRAND", "Northwind Maintenance")
    async with house(Settings()) as made:
        files = {"plant.yaml": SPEC.format(url=sandbox.url).encode()}
        loaded = load(files, catalogue=catalogue_files())
        assert not loaded.errors
        state = await made.store.views.state()
        plan = make_plan(loaded.resources.values(), state, revision="test", prune=True)
        await apply(plan, made.store, made.clock, actor="test")
        yield made


async def admin(built: House) -> str:
    wish = TokenWish("desk", frozenset({Scope.ADMIN}), CURRENT.name)
    text, kept = mint(wish, chance=b"a" * CHANCE, now=built.clock.now())
    async with built.store.begin() as unit:
        await unit.tokens.put(kept)
        await unit.commit()
    return text


def app_of(built: House) -> Any:
    ended = endings(built, edits(built))
    return make_app(
        Services(
            reader=built.reader,
            syncs=FakeSyncs(),
            store=built.store,
            clock=built.clock,
            in_force=built.in_force,
            connect=connect_desk(built, "localhost", ended),
        )
    )


async def status(built: House) -> ConnectionStatus:
    situation = await built.in_force.look()
    uid = situation.uid(situation.connection("plant"))
    state = await built.store.views.connection_state(uid)
    assert state is not None
    return state.status


async def told(built: House) -> list[EventType]:
    """Return what was told of the connection, the oldest first."""
    events = await built.store.views.events(subject="Connection/plant")
    return [one.type for one in reversed(events) if one.type.value.startswith("connection.")]


async def reconnect(browser: Browser, url: str, sandbox: Sandbox) -> httpx.Response:
    good = sandbox.credentials
    form = {"auth.username": good.username, "auth.password": good.password}
    answer = await browser.fill_in(url.rpartition("/")[2], form)
    assert answer.status_code == 200, plain(answer)
    return answer


async def test_a_customer_connects_reconnects_and_the_records_are_read(
    built: House, sandbox: Sandbox
) -> None:
    heard: list[str] = []

    async def recovered(name: str, anew: bool) -> None:  # noqa: FBT001  as it is told
        heard.append(name)

    built.health.when_recovered(recovered)
    app = app_of(built)
    browser = Browser(app)
    headers = {"Authorization": f"Bearer {await admin(built)}"}
    links = "/api/v1/connections/plant/connect-links"
    made = (await browser.client.post(links, headers=headers)).json()
    wrong = {"auth.username": "integration", "auth.password": "wrong"}
    refused = await browser.fill_in(made["url"].rpartition("/")[2], wrong)
    assert "Wrong user name or password" in plain(refused)
    await reconnect(browser, made["url"], sandbox)
    assert await status(built) is ConnectionStatus.ONLINE
    assert heard == ["plant"], "the syncs that were missed are asked for"
    report = await built.syncs.run(SyncRequest("plant"))
    assert report.error is None
    assert report.runs[0].created > 0

    exchange = {"link": made["id"]}
    answer = await browser.client.post(
        "/api/v1/connect-links/exchange", json=exchange, headers=headers
    )
    first = {"Authorization": f"Bearer {answer.json()['token']}"}
    vendors = await browser.client.get("/api/v1/vendors", headers=first)
    assert len(vendors.json()["data"]) > 0

    office = sandbox.office
    office.door.credentials = replace(office.door.credentials, password="a new password")
    office.door.end_sessions()
    for _ in range(2):
        with pytest.raises(ReconcilerError):
            await built.looks.check("plant")
    assert await status(built) is ConnectionStatus.NEEDS_REAUTH

    made = (await browser.client.post(links, json={"show_token": True}, headers=headers)).json()
    page = await reconnect(browser, made["url"], sandbox)
    shown = re.findall(r"rcn_[\w-]+", page.text)[0]
    second = {"Authorization": f"Bearer {shown}"}
    assert (await browser.client.get("/api/v1/vendors", headers=second)).status_code == 200
    assert (await browser.client.get("/api/v1/vendors", headers=first)).status_code == 401
    assert await status(built) is ConnectionStatus.ONLINE
    assert (await told(built))[-2:] == [
        EventType.CONNECTION_AUTH_REQUIRED,
        EventType.CONNECTION_REAUTHORIZED,
    ]
    assert heard == ["plant", "plant"]
    assert (await built.syncs.run(SyncRequest("plant"))).error is None
    await browser.client.aclose()


async def test_no_token_comes_of_a_link_after_a_disconnection_and_a_new_connect_takes_it_up(
    built: House, sandbox: Sandbox
) -> None:
    ended = endings(built, edits(built))
    desk = connect_desk(built, "localhost", ended)
    browser = Browser(app_of(built))
    made = await desk.links.mint("plant", LinkWish(), By("cli:ada"))
    await reconnect(browser, made.text, sandbox)
    await ended.disconnect("plant", actor="cli:ada", reason="the contract ended")
    assert await desk.handing.by_link(made.link.id, By("cli:ada")) is None
    await built.looks.look("plant")
    assert await status(built) is ConnectionStatus.PAUSED
    made = await desk.links.mint("plant", LinkWish(), By("cli:ada"))
    await reconnect(browser, made.text, sandbox)
    await built.looks.look("plant")
    assert await status(built) is ConnectionStatus.ONLINE
    assert await desk.handing.by_link(made.link.id, By("cli:ada")) is not None
    await browser.client.aclose()


async def test_a_link_that_is_used_after_the_settings_are_tightened_leads_nowhere(
    built: House, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECONCILER_CONNECT_REDIRECTS", "https://app.example.com")
    open_now = replace(built, settings=Settings())
    desk = connect_desk(open_now, "localhost", endings(open_now, edits(open_now)))
    wish = LinkWish(redirect="https://app.example.com/done")
    made = await desk.links.mint("plant", wish, By("cli:ada"))
    browser = Browser(app_of(built))
    page = await reconnect(browser, made.text, sandbox)
    assert "app.example.com" not in page.text
    assert "All done" in plain(page)
    await browser.client.aclose()


@pytest.mark.parametrize(
    ("address", "setting"),
    [
        ("http://127.0.0.1:8055", ""),
        ("https://127.0.0.1", ""),
        ("https://localhost:6379", ""),
        ("https://169.254.169.254/latest/meta-data", ""),
        ("https://[::ffff:10.0.0.1]/", ""),
        ("https://10.1.2.3", "10.9.0.0/16"),
        ("http://93.184.216.34", ""),
    ],
)
async def test_customers_lead_us_into_no_network_that_is_not_theirs(
    address: str, setting: str
) -> None:
    with pytest.raises(Invalid):
        await address_guard(Settings(connect_targets=setting))(address)


async def test_customers_name_public_addresses_and_what_the_operator_allows() -> None:
    await address_guard(Settings())("https://93.184.216.34/erp")
    await address_guard(Settings(connect_targets="10.1.0.0/16, 127.0.0.1"))("http://10.1.2.3:8000")


def test_customers_reach_us_where_it_is_set_or_where_we_listen() -> None:
    assert public_url(Settings(), bind="127.0.0.1:9") == "http://127.0.0.1:9"
    assert public_url(Settings(public_url="https://a.example/x/")) == "https://a.example/x"
    with pytest.raises(Invalid, match="PUBLIC_URL"):
        public_url(Settings(public_url="http://a.example"))

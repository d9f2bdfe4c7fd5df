"""The house sends webhooks: what happens in its store arrives at the receiver, signed."""

import asyncio
import json
from pathlib import Path
from typing import Literal

import pytest
from standardwebhooks.webhooks import Webhook
from structlog.testing import capture_logs

from reconciler.app import house
from reconciler.app.telling import _postbox
from reconciler.errors import Invalid
from reconciler.model.event import EventType
from reconciler.settings import Settings
from tests.fakes import TurnedClock, until
from tests.town import Town, route
from tests.webhooks.conftest import SECRET, MachineClock, Receiver, hook


async def test_what_happens_arrives_and_verifies(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK", SECRET)
    settings = Settings(state_dir=tmp_path, allowed_targets="10.0.0.0/8, 127.0.0.1")
    async with house(settings) as built:
        town = Town(built.store, TurnedClock(MachineClock().now()))
        await town.declare(hook(receiver.url))
        running = asyncio.create_task(built.webhooks())
        for number in range(3):
            name = await town.happen(f"Connection/{number}")
            await until(lambda: len(receiver.got) > number)  # noqa: B023  called at once
            got = receiver.got[-1]
            told = Webhook(SECRET).verify(got.body, dict(got.headers))
            assert told["data"]["id"] == name
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_setting_that_is_no_network_is_told_at_the_start(tmp_path: Path) -> None:
    async with house(Settings(state_dir=tmp_path, allowed_targets="here")) as built:
        with pytest.raises(Invalid, match="RECONCILER_ALLOWED_TARGETS"):
            await built.webhooks()


async def test_the_operators_alertmanager_gets_what_begins_and_ends(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "canary-token")
    settings = Settings(
        state_dir=tmp_path,
        alertmanager_url=receiver.url.removesuffix("/in"),
        alertmanager_token="env:TOKEN",
    )
    async with house(settings) as built:
        town = Town(built.store, TurnedClock(MachineClock().now()))
        await town.declare(route(to={"alertmanager": {}}))
        running = asyncio.create_task(built.webhooks())
        await town.happen(kind=EventType.CONNECTION_OFFLINE)
        await until(lambda: bool(receiver.got))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    (got,) = receiver.got
    assert got.line == "POST /api/v2/alerts HTTP/1.1"
    assert got.headers["authorization"] == "Bearer canary-token"
    (alert,) = json.loads(got.body)
    assert alert["labels"]["alertname"] == "ReconcilerConnectionOffline"


@pytest.mark.parametrize("name", ["smtp_password", "alertmanager_token"])
async def test_a_secret_in_a_setting_is_refused_and_not_repeated(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = f"RECONCILER_{name.upper()}"
    monkeypatch.setenv(variable, "canary-secret")
    async with house(Settings(state_dir=tmp_path, smtp_host="mail.example.com")) as built:
        with pytest.raises(Invalid, match=variable) as caught:
            await built.webhooks()
    assert "canary" not in str(caught.value) + caught.value.hint


async def test_the_operators_mail_server_is_on_this_machine_if_it_says_so(tmp_path: Path) -> None:
    where = {}
    encryptions: list[Literal["none", "starttls"]] = ["none", "starttls"]
    for tls in encryptions:
        settings = Settings(state_dir=tmp_path, smtp_host="mail", smtp_tls=tls)
        server = _postbox(settings, ()).server
        assert server is not None
        where[tls] = server.targets
    assert await where["none"].of("127.0.0.1", 25, encrypted=False)
    assert await where["starttls"].of("10.1.2.3", 587, encrypted=True)
    for inside in ("10.1.2.3", "192.0.2.1"):
        with pytest.raises(Invalid):
            await where["none"].of(inside, 25, encrypted=False)


async def test_what_of_a_route_failed_is_logged(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK", SECRET)
    settings = Settings(state_dir=tmp_path, allowed_targets="127.0.0.1")
    async with house(settings) as built:
        town = Town(built.store, TurnedClock(MachineClock().now()))
        await town.declare(hook(receiver.url, template="{{ event.details.nothing }}"))
        with capture_logs() as logs:
            running = asyncio.create_task(built.webhooks())
            await town.happen()
            await until(lambda: any(log["event"] == "route_not_followed" for log in logs))
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    (log,) = [log for log in logs if log["event"] == "route_not_followed"]
    assert (log["route"], "nothing" in log["why"]) == ("ops", True)

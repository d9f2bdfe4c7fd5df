"""What begins trouble fires an alert in Alertmanager, and what ends it resolves the same one."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from reconciler.model.event import Attempt, Delivery, Event, EventType
from reconciler.model.resource import Resource
from reconciler.secrets.redactor import Redactor
from reconciler.secrets.references import resolve
from reconciler.webhooks.channel import Secrets
from reconciler.webhooks.channels.alertmanager import Alertmanager, Alerts, alerts_of
from reconciler.webhooks.sending import Sending
from reconciler.webhooks.targets import ANYWHERE, Targets, networks
from reconciler.webhooks.wire import Wire
from tests.town import route
from tests.webhooks.conftest import DELIVERY, MachineClock, Receiver, answer
from tests.webhooks.told import AT, event, message

UNTIL = AT + timedelta(days=7)


def told(*events: Event, labels: Mapping[str, str] | None = None) -> Any:
    group = replace(message(EventType.SYNC_FAILED), events=events)
    return alerts_of(group, labels or {}, UNTIL)


def test_an_alert_has_labels_words_and_times() -> None:
    one = event(EventType.SYNC_FAILED, entity="vendors", message="HTTP 503")
    (alert,) = told(one, labels={"site": "north"})
    assert alert == {
        "labels": {
            "site": "north",
            "alertname": "ReconcilerSyncFailed",
            "severity": "error",
            "subject": "Connection/acme-erp",
            "entity": "vendors",
            "connection": "acme-erp",
        },
        "annotations": {
            "summary": "Connection/acme-erp: a sync has failed",
            "description": message(EventType.SYNC_FAILED).text,
            "event": "evt_0",
        },
        "startsAt": "2026-11-24T12:00:00.250000Z",
        "endsAt": "2026-12-01T12:00:00.250000Z",
    }


def test_labels_of_a_route_do_not_cover_ours() -> None:
    (alert,) = told(event(EventType.SYNC_FAILED), labels={"alertname": "x", "severity": "y"})
    assert alert["labels"]["alertname"] == "ReconcilerSyncFailed"
    assert alert["labels"]["severity"] == "error"


@pytest.mark.parametrize(
    ("begins", "ends"),
    [
        (EventType.CONNECTION_AUTH_REQUIRED, EventType.CONNECTION_REAUTHORIZED),
        (EventType.CONNECTION_EXPIRING, EventType.CONNECTION_REAUTHORIZED),
        (EventType.CONNECTION_OFFLINE, EventType.CONNECTION_ONLINE),
        (EventType.SYNC_FAILED, EventType.SYNC_COMPLETED),
        (EventType.DRIFT_DETECTED, EventType.DRIFT_RESOLVED),
        (EventType.SOURCE_INVALID, EventType.SOURCE_RECOVERED),
    ],
)
def test_the_end_has_the_labels_of_the_beginning(begins: EventType, ends: EventType) -> None:
    (alert,) = told(event(begins, entity="vendors", kind="config"))
    over = told(event(ends, after=60, entity="vendors", kind="config"))
    assert alert["labels"] in [one["labels"] for one in over]
    assert {(one["startsAt"], one["endsAt"]) for one in over} == {
        ("2026-11-24T12:01:00.250000Z", "2026-11-24T12:01:00.250000Z")
    }


def test_of_a_group_each_alert_is_as_its_newest_event_leaves_it() -> None:
    failed, again, other = (
        event(EventType.SYNC_FAILED, entity="vendors"),
        event(EventType.SYNC_FAILED, after=60, entity="vendors"),
        event(EventType.SYNC_FAILED, after=70, entity="sites"),
    )
    done = event(EventType.SYNC_COMPLETED, after=90, entity="sites")
    vendors, sites = told(failed, again, other, done)
    assert (vendors["labels"]["entity"], vendors["startsAt"]) == (
        "vendors",
        "2026-11-24T12:00:00.250000Z",
    )
    assert vendors["annotations"]["event"] == "evt_60"
    assert (sites["startsAt"], sites["endsAt"]) == (
        "2026-11-24T12:01:10.250000Z",
        "2026-11-24T12:01:30.250000Z",
    )


def test_news_is_no_alert() -> None:
    assert told(event(EventType.RESOURCE_CREATED), event(EventType.RECORDS_CHANGED)) == []


Make = Callable[..., Sending]


@pytest.fixture
async def alerting() -> AsyncIterator[Make]:
    """Return a function that makes senders of alerts; ``OWN`` and ``TOKEN`` are secrets."""
    wires: list[Wire] = []

    def made(own: str = "", *, allowed: Sequence[str] = ("127.0.0.1",)) -> Sending:
        redactor = Redactor()
        known = {"OWN": "canary-own-token", "TOKEN": "canary-token"}

        def reveal(reference: Mapping[str, Any], what: str) -> str:
            return resolve(reference, known, what=what).reveal()

        wires.extend([Wire(Targets(networks(allowed))), Wire(Targets(ANYWHERE))])
        operators = Alertmanager(own, {"env": "OWN"} if own else None, wires[-1])
        clock = MachineClock()
        alerts = Alerts(clock, wires[-2], Secrets(reveal, redactor), operators)
        return Sending(clock, {"alertmanager": alerts}, redactor)

    yield made
    for wire in wires:
        await wire.close()


def to(url: str | None = None, **more: Any) -> Resource:
    target = {**more} if url is None else {"url": url, **more}
    return route(to={"alertmanager": target})


def base(receiver: Receiver) -> str:
    return receiver.url.removesuffix("/in")


async def test_it_is_posted_below_the_address_with_the_token_of_the_route(
    alerting: Make, receiver: Receiver
) -> None:
    where = f"{base(receiver)}/alerting/"
    receiver.answer = answer(401, b"canary-token is no token")
    attempt = await alerting().send(
        DELIVERY, event(EventType.SYNC_FAILED), to(where, token={"env": "TOKEN"})
    )
    (got,) = receiver.got
    assert got.line == "POST /alerting/api/v2/alerts HTTP/1.1"
    assert got.headers["authorization"] == "Bearer canary-token"
    assert json.loads(got.body)[0]["labels"]["alertname"] == "ReconcilerSyncFailed"
    assert (attempt.status, attempt.answer) == (401, "*** is no token")


async def test_the_operators_own_may_be_inside_and_no_route_borrows_its_token(
    alerting: Make, receiver: Receiver
) -> None:
    sending = alerting(base(receiver), allowed=())
    failed = event(EventType.SYNC_FAILED)
    assert (await sending.send(DELIVERY, failed, to())).well
    assert receiver.got[0].headers["authorization"] == "Bearer canary-own-token"
    refused = await sending.send(DELIVERY, failed, to(base(receiver)))
    assert "127.0.0.1, which is not a public address" in refused.answer
    sending = alerting(base(receiver))
    assert (await sending.send(DELIVERY, failed, to(base(receiver)))).well
    assert "authorization" not in receiver.got[-1].headers
    assert len(receiver.got) == 2


async def test_where_none_is_named_the_setting_is(alerting: Make) -> None:
    attempt = await alerting().send(DELIVERY, event(EventType.SYNC_FAILED), to())
    assert "RECONCILER_ALERTMANAGER_URL" in attempt.answer


async def test_news_is_not_sent(alerting: Make, receiver: Receiver) -> None:
    sent = await alerting().send(DELIVERY, event(EventType.PLAN_APPLIED), to(base(receiver)))
    assert (sent.status, receiver.got) == (204, [])
    assert "begins and ends no alert" in sent.answer


async def test_how_long_it_holds_is_as_the_route_says(alerting: Make, receiver: Receiver) -> None:
    failed = event(EventType.SYNC_FAILED)
    before = MachineClock().now()
    assert (await alerting().send(DELIVERY, failed, to(base(receiver), holds="500d"))).well
    (alert,) = json.loads(receiver.got[0].body)
    ends = datetime.fromisoformat(alert["endsAt"])
    assert before <= ends - timedelta(days=500) <= MachineClock().now() + timedelta(seconds=1)


CONFIG = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"


@pytest.fixture
async def alertmanager(program: Callable[[str], str], tmp_path: Path) -> AsyncIterator[str]:
    """Yield the address of Debian's Alertmanager, started on this machine alone."""
    config = tmp_path / "alertmanager.yml"
    config.write_text(CONFIG)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        program("prometheus-alertmanager"),
        f"--config.file={config}",
        f"--storage.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        async with asyncio.timeout(60), httpx.AsyncClient(trust_env=False) as client:
            while not await _ready(client, url):
                assert process.returncode is None
                await asyncio.sleep(0.05)
        yield url
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _ready(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(f"{url}/-/ready")).status_code == 200
    except httpx.TransportError:
        return False


async def shown(url: str) -> list[dict[str, Any]]:
    """Return the alerts that Alertmanager shows as firing."""
    async with httpx.AsyncClient(trust_env=False) as client:
        found: list[dict[str, Any]] = (await client.get(f"{url}/api/v2/alerts")).json()
        return found


async def until(url: str, wanted: Callable[[list[dict[str, Any]]], bool]) -> None:
    async with asyncio.timeout(60):
        while not wanted(await shown(url)):  # noqa: ASYNC110  another process does not wake us
            await asyncio.sleep(0.05)


async def tell(sending: Sending, url: str, kind: EventType, **data: Any) -> Attempt:
    one = Event(f"evt_{kind.value}", kind, "Connection/acme-erp", datetime.now(UTC), data)  # noqa: TID251  Alertmanager has the machine's clock
    delivery = Delivery(f"dlv_{kind.value}", one.id, "uid", one.occurred_at)
    return await sending.send(delivery, one, to(url, labels={"site": "north"}))


@pytest.mark.slow
async def test_the_real_one_shows_the_alert_until_it_is_resolved(
    alerting: Make, alertmanager: str
) -> None:
    sending = alerting()
    offline = await tell(sending, alertmanager, EventType.CONNECTION_OFFLINE, message="no answer")
    assert offline.status == 200, offline.answer
    assert (await tell(sending, alertmanager, EventType.SYNC_FAILED, entity="vendors")).well
    await until(alertmanager, lambda alerts: len(alerts) == 2)
    found = {alert["labels"]["alertname"]: alert for alert in await shown(alertmanager)}
    alert = found["ReconcilerConnectionOffline"]
    assert alert["labels"] == {
        "alertname": "ReconcilerConnectionOffline",
        "severity": "error",
        "subject": "Connection/acme-erp",
        "connection": "acme-erp",
        "site": "north",
    }
    assert alert["annotations"]["summary"] == "Connection/acme-erp: does not answer"
    assert "message: no answer" in alert["annotations"]["description"]
    assert alert["status"]["state"] in {"active", "unprocessed"}
    # The end of another entity's trouble is not the end of this one.
    assert (await tell(sending, alertmanager, EventType.SYNC_COMPLETED, entity="sites")).well
    assert (await tell(sending, alertmanager, EventType.CONNECTION_ONLINE)).well
    await until(alertmanager, lambda alerts: len(alerts) == 1)
    (left,) = await shown(alertmanager)
    assert left["labels"]["alertname"] == "ReconcilerSyncFailed"
    assert (await tell(sending, alertmanager, EventType.SYNC_COMPLETED, entity="vendors")).well
    await until(alertmanager, lambda alerts: not alerts)


@pytest.mark.slow
async def test_what_is_told_again_keeps_its_beginning(alerting: Make, alertmanager: str) -> None:
    sending = alerting()
    assert (await tell(sending, alertmanager, EventType.CONNECTION_AUTH_REQUIRED)).well
    await until(alertmanager, lambda alerts: len(alerts) == 1)
    (first,) = await shown(alertmanager)
    assert (await tell(sending, alertmanager, EventType.CONNECTION_AUTH_REQUIRED)).well
    await until(alertmanager, lambda alerts: alerts[0]["endsAt"] > first["endsAt"])
    (again,) = await shown(alertmanager)
    assert (again["startsAt"], again["fingerprint"]) == (first["startsAt"], first["fingerprint"])
    left = datetime.fromisoformat(again["endsAt"]) - MachineClock().now()
    assert timedelta(days=6) < left <= timedelta(days=7)

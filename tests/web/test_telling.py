"""Alerts, silences, deliveries and receivers through the API."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from reconciler.engine.alerting import Alerting
from reconciler.engine.dispatch import Dispatch
from reconciler.engine.inforce import InForce
from reconciler.engine.routing import Routing
from reconciler.engine.trials import Trials
from reconciler.model.event import EventType
from reconciler.store.memory import MemoryStore
from reconciler.web.app import Services, make_app
from tests.fakes import until
from tests.town import Town, route
from tests.web.conftest import AskedSyncs, client_of
from tests.web.making import ALL, StoredReader, issue

FAILED, HOUR = EventType.SYNC_FAILED, timedelta(hours=1)


class Office:
    """A town, whose deliveries are made when a test says so, and an administrator's client."""

    def __init__(self, town: Town, client: httpx.AsyncClient) -> None:
        self.town = town
        self.client = client
        self._dispatch = Dispatch(town.post, lambda: None, chance=lambda: 0.5)

    async def work(self, by: timedelta = timedelta(0)) -> None:
        """Let *by* pass, and do what is due."""
        town = self.town
        await town.clock.turn(by)
        while await Routing(town.store, town.in_force, town.clock).turn():
            pass
        await Alerting(town.store, town.in_force, town.clock).turn()
        for _ in range(3):
            await self._dispatch.turn()
            await until(lambda: not self._dispatch._tasks)

    async def get(self, path: str) -> dict[str, Any]:
        answer = await self.client.get(f"/api/v1/{path}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def post(self, path: str, body: Any = None, *, status: int = 200) -> dict[str, Any]:
        answer = await self.client.post(f"/api/v1/{path}", json=body)
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    store = MemoryStore()
    town = Town(store)
    services = Services(
        reader=StoredReader(store),
        syncs=AskedSyncs(),
        store=store,
        clock=town.clock,
        in_force=town.in_force,
        trials=Trials(InForce(store.views, {}), town.sender, town.clock),
    )
    token = await issue(store, 1, ALL)
    async with client_of(make_app(services), token) as client:
        yield Office(town, client)


# ── deliveries ───────────────────────────────────────────────────────────────────────────────────


async def test_deliveries_are_listed_and_shown_with_their_attempts(office: Office) -> None:
    await office.town.declare(route(), route("other"))
    office.town.sender.answers["ops"] = [503]
    name = await office.town.happen()
    await office.work()
    listed = (await office.get("deliveries"))["data"]
    assert [(one["route"], one["status"], one["last_status"]) for one in listed] in (
        [("ops", "pending", 503), ("other", "delivered", 204)],
        [("other", "delivered", 204), ("ops", "pending", 503)],
    )
    (mine,) = (await office.get("deliveries?route=ops&status=pending"))["data"]
    assert (mine["type"], mine["event_id"], mine["attempts"]) == ("sync.failed", name, 1)
    shown = await office.get(f"deliveries/{mine['id']}")
    assert [one["status"] for one in shown["tried"]] == [503]
    assert (shown["group"], shown["due_at"]) == (None, "2026-11-24T12:00:05Z")
    assert (await office.client.get("/api/v1/deliveries/none")).status_code == 404
    assert (await office.client.get("/api/v1/deliveries?route=none")).status_code == 404


async def test_deliveries_are_read_page_by_page_and_by_time(office: Office) -> None:
    await office.town.declare(route())
    for number in range(5):
        await office.town.happen(f"Connection/{number}")
        await office.work(timedelta(minutes=1))
    found, cursor = [], ""
    while True:
        page = await office.get(f"deliveries?limit=2{cursor}")
        found += [one["event_id"] for one in page["data"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert found == [f"evt-{number:06}" for number in (5, 4, 3, 2, 1)]
    some = await office.get("deliveries?since=2026-11-24T12:02:00Z&until=2026-11-24T12:04:00Z")
    assert len(some["data"]) == 2
    other = await office.client.get(f"/api/v1/deliveries?status=dead{cursor}")
    assert other.status_code == 400  # the cursor is of another query


async def dead(office: Office, count: int = 3) -> list[str]:
    await office.town.declare(route())
    office.town.sender.answers["ops"] = [500] * 10 * count
    for number in range(count):
        await office.town.happen(f"Connection/{number}")
    for _ in range(40):
        await office.work(3 * HOUR)
    office.town.sender.answers.clear()
    found = (await office.get("deliveries?status=dead"))["data"]
    assert len(found) == count
    return [one["id"] for one in found]


async def test_a_dead_delivery_is_made_once_more_and_all_of_them(office: Office) -> None:
    first, *rest = await dead(office)
    again = await office.post(f"deliveries/{first}/retry")
    assert (again["status"], again["attempts"]) == ("pending", 10)
    await office.work(timedelta(minutes=1))
    assert (await office.get(f"deliveries/{first}"))["status"] == "delivered"
    assert await office.post("deliveries/retry", {"route": "ops"}) == {"retried": len(rest)}
    await office.work(timedelta(minutes=1))
    assert (await office.get("deliveries?status=dead"))["data"] == []
    assert await office.post("deliveries/retry") == {"retried": 0}
    deeds = [one.deed for one in await office.town.store.views.audit()]
    assert [one for one in deeds if "retried" in one] == [
        "delivery.retried",
        "deliveries.retried",
        "deliveries.retried",
    ]


async def test_nothing_is_asked_for_again_that_has_nowhere_to_go(office: Office) -> None:
    first, *_ = await dead(office, 1)
    await office.post("deliveries/none/retry", status=404)
    await office.post("deliveries/retry", {"route": "none"}, status=404)
    await office.town.declare(route("other"))
    told = await office.post(f"deliveries/{first}/retry", status=409)
    assert "not in force" in told["detail"]


# ── receivers ────────────────────────────────────────────────────────────────────────────────────


async def states(office: Office) -> dict[str, str]:
    return {one["name"]: one["state"] for one in (await office.get("routes"))["data"]}


async def test_routes_tell_how_their_receivers_are_and_are_enabled_again(office: Office) -> None:
    names = ("failing", "gone", "resting", "well")
    await office.town.declare(*(route(name) for name in names), route("rests", suspend=True))
    office.town.sender.answers = {"failing": [500], "gone": [410], "resting": [500] * 99}
    for number in range(5):
        await office.town.happen(f"Connection/{number}")
    await office.work()
    office.town.sender.answers["failing"] = [500] * 9
    assert await states(office) == {
        "failing": "ok",  # it has answered since
        "gone": "disabled",
        "resting": "resting",
        "rests": "suspended",
        "well": "ok",
    }
    await office.town.happen("Connection/9")
    await office.work()
    assert (await states(office))["failing"] == "failing"
    (delivery,) = (await office.get("deliveries?route=gone&limit=1"))["data"]
    told = await office.post(f"deliveries/{delivery['id']}/retry", status=409)
    assert told["hint"] == "reconciler route enable gone"
    await office.post("deliveries/retry", {"route": "gone"}, status=409)
    assert (await office.post("routes/gone/enable"))["state"] == "ok"
    assert (await states(office))["gone"] == "ok"
    await office.post(f"deliveries/{delivery['id']}/retry")
    await office.post("routes/none/enable", status=404)


@pytest.mark.parametrize("kind", EventType)
async def test_a_route_is_tried_with_a_sample_of_each_event(
    office: Office, kind: EventType
) -> None:
    await office.town.declare(route(), route("grouped", group={"wait": "1h"}))
    for name in ("ops", "grouped"):
        tried = await office.post(f"routes/{name}/test", {"event": kind.value})
        assert (tried["well"], tried["attempt"]["status"]) == (True, 204)
    sent = [(name, event[:9]) for name, event, _ in office.town.sender.sent]
    assert sent == [("ops", "evt_test_"), ("grouped", "evt_test_")]
    assert (await office.get("deliveries"))["data"] == []


async def test_a_trial_that_fails_says_why_and_counts_for_nothing(office: Office) -> None:
    await office.town.declare(route())
    office.town.sender.answers["ops"] = [410]
    tried = await office.post("routes/ops/test")
    assert (tried["well"], tried["attempt"]["status"]) == (False, 410)
    assert await states(office) == {"ops": "ok"}
    await office.post("routes/none/test", status=404)
    await office.post("routes/ops/test", {"event": "sync.lost"}, status=422)


async def test_all_events_are_told_with_schemas_and_samples(office: Office) -> None:
    found = (await office.get("event-types"))["data"]
    assert [one["type"] for one in found] == [kind.value for kind in EventType]
    for one in found:
        Draft202012Validator.check_schema(one["json_schema"])
        details = one["json_schema"]["properties"]["data"]["properties"]["details"]
        Draft202012Validator(details).validate(one["sample"])


# ── alerts ───────────────────────────────────────────────────────────────────────────────────────


async def alerts(office: Office, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await office.get(f"alerts{query}"))["data"]
    return found


async def test_what_is_wrong_is_listed_and_acknowledged_until_it_is_over(office: Office) -> None:
    await office.town.declare(route(group={"wait": "30s"}))
    await office.town.happen(kind=FAILED, entity="vendors", code="SOURCE_FAULT")
    await office.work()
    (alert,) = await alerts(office)
    assert (alert["name"], alert["status"], alert["part"]) == ("sync.failed", "firing", "vendors")
    assert (alert["reason"], alert["facts"]["connection"]) == ("SOURCE_FAULT", "acme")
    acked = await office.post(f"alerts/{alert['id']}/ack", {"note": "on it"})
    assert acked["acknowledged_by"].startswith("api:")
    assert acked["note"] == "on it"
    assert await office.get(f"alerts/{alert['id']}") == acked
    await office.town.happen(kind=EventType.SYNC_COMPLETED, entity="vendors")
    await office.work()
    assert await alerts(office) == []
    (over,) = await alerts(office, "?ended=include")
    assert over["status"] == "resolved"
    await office.post(f"alerts/{alert['id']}/ack", status=409)
    await office.post("alerts/none/ack", status=404)
    assert (await office.client.get("/api/v1/alerts/none")).status_code == 404


async def test_a_group_is_shown_with_its_delivery(office: Office) -> None:
    await office.town.declare(route(group={"wait": "30s"}))
    await office.town.happen(kind=FAILED, entity="vendors")
    await office.work()
    await office.work(timedelta(minutes=1))
    (delivery,) = (await office.get("deliveries"))["data"]
    shown = await office.get(f"deliveries/{delivery['id']}")
    assert (shown["type"], shown["group"]) == ("alerts.firing", {"connection": "acme"})
    assert (shown["firing"], shown["resolved"], shown["status"]) == (1, 0, "delivered")


async def test_a_silence_is_added_listed_and_ended(office: Office) -> None:
    await office.town.declare(route(group={"wait": "0s"}))
    wanted = {"matchers": {"connection": "ac*"}, "lasts": "2h", "comment": "ERP upgrade"}
    made = await office.post("silences", wanted, status=201)
    assert (made["active"], made["ends_at"]) == (True, "2026-11-24T14:00:00Z")
    await office.town.happen(kind=FAILED, entity="vendors")
    await office.work()
    assert (await office.get("deliveries"))["data"] == []
    assert (await office.get("silences"))["data"] == [made]
    for _ in range(2):
        assert (await office.client.delete(f"/api/v1/silences/{made['id']}")).status_code == 204
    assert (await office.client.delete("/api/v1/silences/none")).status_code == 404
    await office.work(timedelta(minutes=1))
    assert len((await office.get("deliveries"))["data"]) == 1
    assert not (await office.get("silences"))["data"][0]["active"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"matchers": {}, "comment": "c"},
        {"matchers": {"connection": "*"}, "comment": "c"},
        {"matchers": {"connection": "a"}},
        {"matchers": {"connection": "a"}, "comment": "c", "lasts": "0s"},
        {"matchers": {"connection": "a"}, "comment": "c", "lasts": "999d"},
        {"matchers": {"connection": "a"}, "comment": "c", "starts_at": "9999-12-31T23:59:59Z"},
        {"matchers": {"connection": "a"}, "comment": "c", "starts_at": "2020-01-01"},
        {"matchers": {str(number): "a" for number in range(21)}, "comment": "c"},
    ],
)
async def test_a_silence_that_makes_no_sense_is_refused(
    office: Office, wrong: dict[str, Any]
) -> None:
    await office.post("silences", wrong, status=422)

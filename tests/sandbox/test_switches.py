"""Each switch does what it says, and nothing when it is off."""

import asyncio
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from reconciler.sandbox import Sandbox
from reconciler.sandbox.stamps import from_ms
from tests.sandbox.conftest import TurnedClock

ORDERS = "/api/erp/orders"


def faults(*some: dict[str, Any]) -> dict[str, Any]:
    return {"faults": list(some)}


async def switch(client: httpx.AsyncClient, **changes: Any) -> dict[str, Any]:
    answer = await client.post("/_sandbox/switches", json=changes)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


# ── credentials ──────────────────────────────────────────────────────────────────────────────────


async def test_four_ways_to_log_in_are_good(sandbox: Sandbox) -> None:
    shown = sandbox.credentials
    async with httpx.AsyncClient(base_url=sandbox.url) as client:
        login = {"user": shown.username, "password": shown.password}
        session = (await client.post("/api/session", json=login)).json()["session"]
        ways: list[dict[str, Any]] = [
            {"headers": {"X-Plant-Key": shown.api_key}},
            {"auth": (shown.username, shown.password)},
            {"headers": {"Authorization": f"Bearer {shown.token}"}},
            {"headers": {"X-Plant-Session": session}},
        ]
        for way in ways:
            assert (await client.get("/api/whoami", **way)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Plant-Key": "wrong"},
        {"X-Plant-Key": ""},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Basic d3Jvbmc6d3Jvbmc="},
        {"Authorization": "Basic ???"},
        {"X-Plant-Session": "wrong"},
    ],
)
async def test_wrong_credentials_are_refused_with_a_problem_document(
    sandbox: Sandbox, headers: dict[str, str]
) -> None:
    async with httpx.AsyncClient(base_url=sandbox.url) as client:
        answer = await client.get(ORDERS, headers=headers)
        login = await client.post("/api/session", json={"user": "integration", "password": "no"})
    assert (answer.status_code, login.status_code) == (401, 401)
    assert answer.headers["content-type"] == "application/problem+json"
    assert "www-authenticate" in answer.headers


async def test_refused_credentials_are_good_again_when_switched_back(
    client: httpx.AsyncClient,
) -> None:
    await switch(client, refuse=True)
    assert (await client.get(ORDERS)).status_code == 401
    await switch(client, refuse=False)
    assert (await client.get(ORDERS)).status_code == 200


async def test_a_rotated_password_ends_the_old_one_and_every_session(sandbox: Sandbox) -> None:
    shown = sandbox.credentials
    async with httpx.AsyncClient(base_url=sandbox.url) as client:
        login = {"user": shown.username, "password": shown.password}
        session = (await client.post("/api/session", json=login)).json()["session"]
        await switch(client, password="next")
        old = await client.get(ORDERS, auth=(shown.username, shown.password))
        new = await client.get(ORDERS, auth=(shown.username, "next"))
        left = await client.get(ORDERS, headers={"X-Plant-Session": session})
    assert (old.status_code, new.status_code, left.status_code) == (401, 200, 401)


async def test_a_rotated_key_ends_the_old_one(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    told = await switch(client, api_key="next")
    assert (await client.get(ORDERS)).status_code == 401
    client.headers["X-Plant-Key"] = "next"
    assert (await client.get(ORDERS)).status_code == 200
    assert "next" not in str(told)
    assert "next" not in repr(sandbox.credentials)


async def test_a_session_is_good_for_so_many_requests(sandbox: Sandbox) -> None:
    sandbox.switch(session_uses=2)
    login = {"user": sandbox.credentials.username, "password": sandbox.credentials.password}
    async with httpx.AsyncClient(base_url=sandbox.url) as client:
        session = (await client.post("/api/session", json=login)).json()["session"]
        client.headers["X-Plant-Session"] = session
        seen = [(await client.get(ORDERS)).status_code for _ in range(3)]
    assert seen == [200, 200, 401]
    assert sandbox.stats["logins"] == 1


# ── troubles ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", [403, 500, 502, 503])
async def test_the_next_requests_fail_and_then_no_more(
    client: httpx.AsyncClient, status: int
) -> None:
    await switch(client, **faults({"kind": "status", "status": status, "times": 2}))
    assert [(await client.get(ORDERS)).status_code for _ in range(3)] == [status, status, 200]


async def test_a_fault_can_let_some_pages_pass_and_mean_one_path_only(
    client: httpx.AsyncClient,
) -> None:
    await switch(client, **faults({"kind": "status", "path": ORDERS, "skip": 1, "times": 1}))
    other = (await client.get("/api/erp/vendors")).status_code
    seen = [(await client.get(ORDERS)).status_code for _ in range(3)]
    assert (other, seen) == (200, [200, 503, 200])


async def test_a_fault_by_chance_is_the_same_with_the_same_seed(clock: TurnedClock) -> None:
    async def seen(seed: int) -> list[int]:
        async with Sandbox(seed=seed, now=clock) as sandbox:
            sandbox.switch(**faults({"kind": "status", "chance": 0.5, "times": None}))
            headers = {"X-Plant-Key": sandbox.credentials.api_key}
            async with httpx.AsyncClient(base_url=sandbox.url, headers=headers) as client:
                return [(await client.get("/api/whoami")).status_code for _ in range(30)]

    first = await seen(7)
    assert first == await seen(7)
    assert set(first) == {200, 503}


async def test_throttling_says_how_long_in_seconds_or_as_a_date(
    client: httpx.AsyncClient, clock: TurnedClock
) -> None:
    await switch(
        client,
        **faults(
            {"kind": "throttle", "retry_after": 3},
            {"kind": "throttle", "retry_after": 90, "form": "date", "skip": 1},
            {"kind": "throttle", "skip": 2},
        ),
    )
    seconds, date, silent = [await client.get(ORDERS) for _ in range(3)]
    assert [one.status_code for one in (seconds, date, silent)] == [429, 429, 429]
    assert seconds.headers["retry-after"] == "3"
    until = parsedate_to_datetime(date.headers["retry-after"])
    assert until == clock() + timedelta(seconds=90)
    assert "retry-after" not in silent.headers


async def test_a_connection_can_be_closed_without_an_answer_or_in_the_middle_of_one(
    client: httpx.AsyncClient,
) -> None:
    for kind in ("reset", "drop"):
        await switch(client, **faults({"kind": kind}))
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(ORDERS)
        assert (await client.get(ORDERS)).status_code == 200


async def test_half_the_json_can_come_as_if_it_were_all(client: httpx.AsyncClient) -> None:
    await switch(client, **faults({"kind": "truncate"}))
    answer = await client.get(ORDERS)
    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        answer.json()


async def test_html_can_come_with_status_200(client: httpx.AsyncClient) -> None:
    await switch(client, **faults({"kind": "html"}))
    answer = await client.get(ORDERS)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.text.startswith("<!doctype")


async def test_a_page_in_the_middle_can_be_empty_and_lead_on(client: httpx.AsyncClient) -> None:
    await switch(client, **faults({"kind": "empty", "skip": 1}))
    first = (await client.get(ORDERS, params={"limit": 10})).json()
    query = {"limit": 10, "cursor": first["meta"]["next_cursor"]}
    second = (await client.get(ORDERS, params=query)).json()
    third = (await client.get(ORDERS, params=query)).json()
    assert (len(first["data"]), len(second["data"]), len(third["data"])) == (10, 0, 10)
    assert second["meta"]["next_cursor"] == third["meta"]["next_cursor"]


@pytest.mark.parametrize("path", [ORDERS, "/api/cmms/workorders", "/api/erp/parts"])
async def test_the_next_page_can_be_this_one(client: httpx.AsyncClient, path: str) -> None:
    def following(answer: httpx.Response) -> str:
        if path == "/api/erp/parts":
            return str(httpx.URL(answer.links["next"]["url"]).params["page_token"])
        body = answer.json()
        if path == ORDERS:
            return str(body["meta"]["next_cursor"])
        return str(httpx.URL(body["@nextLink"]).params["skiptoken"])

    names = {ORDERS: "cursor", "/api/erp/parts": "page_token"}
    name = names.get(path, "skiptoken")
    await switch(client, **faults({"kind": "loop", "times": None}))
    first = await client.get(path)
    again = await client.get(path, params={name: following(first)})
    assert first.content == again.content
    assert following(first) == following(again)


async def test_a_slow_answer_outlasts_the_patience_of_its_client(
    client: httpx.AsyncClient,
) -> None:
    await switch(client, **faults({"kind": "slow", "seconds": 60}))
    with pytest.raises(httpx.ReadTimeout):
        await client.get(ORDERS, timeout=httpx.Timeout(5.0, read=0.05))
    assert (await client.get(ORDERS)).status_code == 200


async def test_a_skewed_clock_shows_in_the_date_and_in_new_stamps(
    client: httpx.AsyncClient, sandbox: Sandbox, clock: TurnedClock
) -> None:
    await switch(client, clock_skew=-600)
    answer = await client.get("/api/whoami")
    ahead = clock() - timedelta(seconds=600)
    assert parsedate_to_datetime(answer.headers["date"]) == ahead
    changed = await client.patch("/_sandbox/records/orders/PO-100007", json={"note": "x"})
    assert changed.json()["modified"] == ahead.strftime("%Y-%m-%dT%H:%M:%SZ")


async def test_late_changes_are_stamped_in_the_past(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    await switch(client, late=20)
    await client.patch("/_sandbox/records/orders/PO-100007", json={"note": "x"})
    line = sandbox.plant.ledger[-1]
    assert from_ms(line.at) - from_ms(line.stamp) == timedelta(seconds=20)


async def test_an_upgrade_of_the_plant_moves_its_fields(client: httpx.AsyncClient) -> None:
    shape = {"drop": ["buyer"], "rename": {"state": "order_state"}, "add": {"u_new": 1}}
    await switch(client, schema={"orders": shape})
    order = (await client.get(ORDERS, params={"limit": 1})).json()["data"][0]
    assert {"order_state", "u_new"} <= set(order)
    assert not {"state", "buyer"} & set(order)
    await switch(client, reset=True)
    order = (await client.get(ORDERS, params={"limit": 1})).json()["data"][0]
    assert {"state", "buyer"} <= set(order)


# ── the switchboard ──────────────────────────────────────────────────────────────────────────────


async def test_switches_keep_their_place_until_they_are_named_again(
    client: httpx.AsyncClient,
) -> None:
    await switch(client, page_cap=5)
    told = await switch(client, clock_skew=1)
    assert (told["switches"]["page_cap"], told["switches"]["clock_skew"]) == (5, 1)
    assert (await client.get("/_sandbox/switches")).json() == told["switches"]
    told = await switch(client, reset=True)
    assert told["switches"]["page_cap"] is None


@pytest.mark.parametrize(
    "changes",
    [
        {"refuze": True},
        {"refuse": "yes"},
        {"faults": [{"kind": "explode"}]},
        {"advance": "all"},
        {"password": 5},
        {"page_cap": 3, "schema": {"orders": {"nonsense": []}}},
    ],
)
async def test_a_switch_that_there_is_not_changes_nothing(
    client: httpx.AsyncClient, sandbox: Sandbox, changes: dict[str, Any]
) -> None:
    before, known = sandbox.office.switches, sandbox.credentials
    answer = await client.post("/_sandbox/switches", json=changes)
    assert answer.status_code == 400
    assert answer.json()["detail"]
    assert (sandbox.office.switches, sandbox.credentials) == (before, known)


async def test_a_page_in_a_browser_cannot_turn_switches(client: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "text/plain"}
    answer = await client.post("/_sandbox/switches", content='{"refuse": true}', headers=headers)
    assert answer.status_code == 400
    assert (await client.get(ORDERS)).status_code == 200


async def test_advancing_by_request_tells_how_many_versions_came_of_it(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    before = len(sandbox.plant.ledger)
    told = await switch(client, advance=5)
    assert told["versions"] == len(sandbox.plant.ledger) - before > 0


async def test_stats_count_what_was_asked_and_given(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    await switch(client, **faults({"kind": "status", "path": ORDERS}))
    await client.get(ORDERS)
    await client.get(ORDERS, params={"limit": 7})
    await client.get("/api/whoami")
    told = (await client.get("/_sandbox/stats")).json()
    assert told == sandbox.stats
    assert told["requests"] == {f"GET {ORDERS}": 2, "GET /api/whoami": 1}
    assert told["statuses"] == {"503": 1, "200": 2}
    assert told["records"] == {"orders": 7}
    assert (await client.delete("/_sandbox/stats")).json()["requests"] == {}


async def test_the_ledger_is_what_is_served(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.advance(30)
    lines: list[dict[str, Any]] = []
    while True:
        query = {"collection": "orders", "after": lines[-1]["seq"] if lines else 0, "limit": 100}
        page = (await client.get("/_sandbox/ledger", params=query)).json()["versions"]
        if not page:
            break
        lines += page
    told = {line["key"]: line["body"] for line in lines}
    served = (await client.get(ORDERS, params={"limit": 1000})).json()["data"]
    assert {key: body for key, body in told.items() if body} == {
        order["order_no"]: order for order in served
    }


async def test_one_record_is_changed_made_and_deleted_by_hand(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    at = "/_sandbox/records/orders/"
    patched = await client.patch(f"{at}PO-100007", json={"state": "HOLD"})
    assert patched.json()["state"] == "HOLD"
    made = await client.post(f"{at}PO-X", json={"state": "OPEN", "positions": []})
    assert made.status_code == 201
    assert (await client.get(f"{ORDERS}/PO-X")).json()["state"] == "OPEN"
    assert (await client.post(f"{at}PO-X", json={})).status_code == 409
    assert (await client.delete(f"{at}PO-X")).status_code == 200
    assert (await client.delete(f"{at}PO-X")).status_code == 404
    assert (await client.get(f"{at}PO-X")).status_code == 404
    assert (await client.patch(f"{at}PO-X", json={})).status_code == 404
    assert (await client.patch(f"{at}PO-100007", json={"order_no": "PO-2"})).status_code == 400
    assert (await client.get("/_sandbox/records/nothing/1")).status_code == 404
    assert [line.action for line in sandbox.plant.ledger[-3:]] == ["changed", "created", "removed"]


async def test_a_record_with_a_mark_is_deleted_by_it(client: httpx.AsyncClient) -> None:
    await client.delete("/_sandbox/records/vendors/V-1001")
    vendors = (await client.get("/api/erp/vendors")).json()["vendors"]
    assert [vendor["vendor_no"] for vendor in vendors if vendor["gone"]] == ["V-1001"]


async def test_requests_side_by_side_are_answered_each_for_itself(
    client: httpx.AsyncClient,
) -> None:
    answers = await asyncio.gather(
        *(client.get(ORDERS, params={"limit": size}) for size in range(1, 21))
    )
    assert [len(answer.json()["data"]) for answer in answers] == list(range(1, 21))

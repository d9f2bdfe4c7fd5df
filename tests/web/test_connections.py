"""Connections, how their syncs stand, and syncs on demand."""

import asyncio
from datetime import timedelta

import pytest

from reconciler.errors import Unreachable
from reconciler.model.access import Scope
from reconciler.model.condition import Reason
from reconciler.model.connection import Checks, ConnectionStatus, StatusChange
from reconciler.model.sync import RunStatus, SyncMode, Trigger
from tests.web.conftest import Site, client_of
from tests.web.making import (
    NOON,
    declare,
    issue,
    keep_orders,
    keep_run,
    move_cursor,
    set_status,
    uid,
)

SYNCS = "/api/v1/connections/acme/syncs"


async def test_a_connection_is_told_with_its_status_and_counts(site: Site) -> None:
    await keep_orders(site.store, "1", "2")
    await set_status(site.store, "acme", ConnectionStatus.OFFLINE, "no answer from erp:8000")
    assert (await site.get("/api/v1/connections/acme")).json() == {
        "name": "acme",
        "connector": "tryton",
        "labels": {"customer": "acme"},
        "entities": ["purchase-orders", "vendors"],
        "status": "offline",
        "since": "2026-03-02T12:00:00Z",
        "reason": "Unreachable",
        "message": "no answer from erp:8000",
        "last_good_at": None,
        "credentials_expire_at": None,
        "records": {"purchase-orders": 2, "vendors": 0},
        "failed": {},
    }


async def test_a_connection_that_nobody_has_looked_at_is_pending(site: Site) -> None:
    told = (await site.get("/api/v1/connections/beta")).json()
    assert (told["status"], told["since"], told["reason"]) == ("pending", None, None)


async def test_connections_come_by_name_in_pages(site: Site) -> None:
    await declare(site.store, *(f"c{number}" for number in range(5)), base=1)
    names: list[str] = []
    path: str | None = "/api/v1/connections?limit=3"
    while path is not None:
        answer = (await site.get(path)).json()
        names += [one["name"] for one in answer["data"]]
        cursor = answer["next_cursor"]
        path = None if cursor is None else f"/api/v1/connections?limit=3&cursor={cursor}"
    assert names == ["acme", "beta", "c0", "c1", "c2", "c3", "c4"]


async def test_a_cursor_of_records_is_none_of_connections(site: Site) -> None:
    await keep_orders(site.store, "1", "2")
    cursor = (await site.get("/api/v1/purchase-orders?limit=1")).json()["next_cursor"]
    assert (await site.get(f"/api/v1/connections?cursor={cursor}")).status_code == 400


async def test_sync_status_is_told_entity_by_entity(site: Site) -> None:
    await keep_orders(site.store, "1")
    await keep_run(site.store, 1, RunStatus.SUCCEEDED, read=10, created=1)
    await keep_run(site.store, 2, RunStatus.FAILED, error="erp answered 500")
    await keep_run(site.store, 3, RunStatus.SUCCEEDED, mode=SyncMode.REMAP)
    await move_cursor(site.store, NOON + timedelta(minutes=1))
    site.clock.turn(minutes=11)
    orders, vendors = (await site.get("/api/v1/connections/acme/sync-status")).json()["entities"]
    assert orders["state"] == "failed"
    assert orders["error"] == "erp answered 500"
    assert orders["last_run_id"] == orders["last_run"]["id"] == "run_2"
    assert orders["last_success_at"] == "2026-03-02T12:01:00Z"
    assert orders["cursor_age_seconds"] == 600
    assert orders["next_run_at"] == "2026-03-02T12:15:00Z"
    assert orders["records"] == 1
    assert vendors == {
        "entity": "vendors",
        "state": "never",
        "error": None,
        "last_run_id": None,
        "last_success_at": None,
        "cursor_age_seconds": None,
        "next_run_at": None,
        "records": 0,
        "last_run": None,
    }


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (RunStatus.QUEUED, "in_progress"),
        (RunStatus.RUNNING, "in_progress"),
        (RunStatus.SUCCEEDED, "completed"),
        (RunStatus.FAILED, "failed"),
        (RunStatus.CANCELLED, "failed"),
    ],
)
async def test_the_newest_run_says_the_state(site: Site, status: RunStatus, state: str) -> None:
    await keep_run(site.store, 1, status)
    entities = (await site.get("/api/v1/connections/acme/sync-status")).json()["entities"]
    assert entities[0]["state"] == state


async def test_a_run_is_told_with_its_counts(site: Site) -> None:
    await keep_run(site.store, 1, RunStatus.SUCCEEDED, pages=2, read=10, created=7, updated=3)
    told = (await site.get("/api/v1/runs/run_1")).json()
    assert (told["connection"], told["entity"]) == ("acme", "purchase-orders")
    assert (told["pages"], told["read"], told["created"], told["updated"]) == (2, 10, 7, 3)
    assert told["error"] is None
    assert (await site.get("/api/v1/runs/run_2")).status_code == 404


async def test_a_sync_is_asked_for_and_followed(site: Site) -> None:
    answer = await site.post(SYNCS, {"entities": ["vendors", "vendors"], "mode": "full"})
    assert answer.status_code == 202
    told = answer.json()
    assert told == {
        "id": "job_0",
        "connection": "acme",
        "mode": "full",
        "status": "queued",
        "runs": [],
        "error": None,
    }
    (asked,) = site.syncs.asked
    assert (asked.entities, asked.mode, asked.trigger) == (
        ("vendors",),
        SyncMode.FULL,
        Trigger.PERSON,
    )
    assert answer.headers["location"] == "/api/v1/syncs/job_0"
    assert (await site.get(answer.headers["location"])).json() == told
    assert (await site.get("/api/v1/syncs/job_1")).status_code == 404


async def test_a_sync_without_a_body_is_incremental_and_of_everything(site: Site) -> None:
    assert (await site.client.post(SYNCS)).status_code == 202
    (asked,) = site.syncs.asked
    assert (asked.entities, asked.mode, asked.key) == ((), SyncMode.INCREMENTAL, "")


async def test_the_same_key_is_the_same_sync(site: Site) -> None:
    first = await site.post(SYNCS, {"mode": "full"}, Idempotency_Key="k-1")
    again = await site.post(SYNCS, {"mode": "full"}, Idempotency_Key="k-1")
    other = await site.post(SYNCS, {"mode": "full"}, Idempotency_Key="k-2")
    assert first.json()["id"] == again.json()["id"] != other.json()["id"]
    assert len(site.syncs.asked) == 2
    assert len({asked.key for asked in site.syncs.asked}) == 2


async def test_a_key_is_not_for_two_requests(site: Site) -> None:
    await site.post(SYNCS, {"mode": "full"}, Idempotency_Key="k-1")
    answer = await site.post(SYNCS, {"mode": "incremental"}, Idempotency_Key="k-1")
    assert answer.status_code == 422
    assert answer.json()["code"] == "IDEMPOTENCY_KEY_REUSED"


async def test_a_key_is_of_one_token_and_one_connection(site: Site) -> None:
    token = await issue(site.store, 9, frozenset({Scope.RUN_SYNC}))
    ids = {(await site.post(SYNCS, Idempotency_Key="k")).json()["id"]}
    beta = "/api/v1/connections/beta/syncs"
    ids.add((await site.post(beta, Idempotency_Key="k")).json()["id"])
    async with client_of(site.app, token) as client:
        answer = await client.post(SYNCS, headers={"Idempotency-Key": "k"})
        ids.add(answer.json()["id"])
    assert len(ids) == 3


async def test_two_requests_with_one_key_at_once_are_one_sync(site: Site) -> None:
    site.syncs.gate = asyncio.Event()
    both = [asyncio.create_task(site.post(SYNCS, Idempotency_Key="k")) for _ in range(2)]
    await site.syncs.reached.wait()
    site.syncs.gate.set()
    first, second = await asyncio.gather(*both)
    assert first.json() == second.json()
    assert len(site.syncs.asked) == 1


async def test_a_request_that_failed_may_be_sent_again_with_its_key(site: Site) -> None:
    site.syncs.fails = Unreachable("erp does not answer")
    failed = await site.post(SYNCS, Idempotency_Key="k")
    assert failed.status_code == 503
    assert failed.json()["code"] == "CONNECTION_UNREACHABLE"
    assert failed.headers["retry-after"]
    site.syncs.fails = None
    assert (await site.post(SYNCS, Idempotency_Key="k")).status_code == 202


async def test_a_key_is_forgotten_after_a_day(site: Site) -> None:
    first = await site.post(SYNCS, Idempotency_Key="k")
    site.clock.turn(hours=24)
    assert (await site.post(SYNCS, Idempotency_Key="k")).json() != first.json()


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "\x7f"])
async def test_what_is_no_key_is_refused(site: Site, key: str) -> None:
    assert (await site.post(SYNCS, Idempotency_Key=key)).status_code == 400


async def test_a_sync_that_could_not_succeed_is_refused_with_what_to_do(site: Site) -> None:
    await set_status(site.store, "acme", ConnectionStatus.NEEDS_REAUTH, "refused twice")
    answer = await site.post(SYNCS)
    assert answer.status_code == 409
    assert answer.json()["code"] == "CONNECTION_REAUTHORIZATION_REQUIRED"
    assert "reconciler connect acme" in answer.json()["hint"]
    await set_status(site.store, "acme", ConnectionStatus.PAUSED, "")
    assert (await site.post(SYNCS)).json()["code"] == "CONFLICT"
    await set_status(site.store, "acme", ConnectionStatus.OFFLINE, "no answer")
    assert (await site.post(SYNCS)).status_code == 202, "it may be back"


@pytest.mark.parametrize(
    ("body", "status", "where"),
    [
        (b"{", 400, "body"),
        (b"\xff", 400, "body"),
        (b"[" * 100_000, 400, "body"),
        (b"[]", 422, "body"),
        (b"null", 422, "body"),
        (b'{"mode": "sideways"}', 422, "body.mode"),
        (b'{"mode": null}', 422, "body.mode"),
        (b'{"entities": "vendors"}', 422, "body.entities"),
        (b'{"entities": ["assets"]}', 422, "body.entities"),
        (b'{"entities": ["Vendors"]}', 422, "body.entities.0"),
        (b'{"entitites": []}', 422, "body.entitites"),
    ],
)
async def test_a_wrong_body_is_answered_with_where_it_is_wrong(
    site: Site, body: bytes, status: int, where: str
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await site.client.post(SYNCS, content=body, headers=headers)
    assert answer.status_code == status
    assert answer.json()["errors"][0]["where"] == where
    assert not site.syncs.asked


async def test_a_body_of_another_type_is_refused(site: Site) -> None:
    answer = await site.client.post(SYNCS, data={"mode": "full"})
    assert answer.status_code == 415
    assert answer.json()["code"] == "UNSUPPORTED_MEDIA_TYPE"


async def test_a_body_is_not_read_before_the_token(site: Site) -> None:
    async with client_of(site.app) as anybody:
        answer = await anybody.post(SYNCS, content=b"{")
    assert answer.status_code == 401


async def test_a_sync_of_another_connection_is_not_there(site: Site) -> None:
    started = await site.post(SYNCS)
    token = await issue(site.store, 9, frozenset({Scope.RUN_SYNC}), "beta")
    async with client_of(site.app, token) as client:
        foreign = await client.get(started.headers["location"])
        missing = await client.get("/api/v1/syncs/job_77")
    assert foreign.status_code == missing.status_code == 404
    assert foreign.json()["detail"].replace("job_0", "") == missing.json()["detail"].replace(
        "job_77", ""
    )


async def test_records_of_a_connection_that_is_not_well_are_told_with_a_warning(
    site: Site,
) -> None:
    await keep_orders(site.store, "1")
    assert (await site.get("/api/v1/purchase-orders?connection=acme")).json()["warnings"] == []
    await set_status(site.store, "acme", ConnectionStatus.NEEDS_REAUTH, "refused twice")
    answer = (await site.get("/api/v1/purchase-orders?connection=acme")).json()
    assert len(answer["data"]) == 1
    assert answer["warnings"] == [
        {
            "code": "CONNECTION_REAUTHORIZATION_REQUIRED",
            "detail": "refused twice",
            "since": "2026-03-02T12:00:00Z",
        }
    ]
    assert (await site.get("/api/v1/purchase-orders?connection=beta")).json()["warnings"] == []


async def test_the_health_of_a_connection_is_told_with_error_rate_and_history(site: Site) -> None:
    acme = uid("acme")
    await set_status(site.store, "acme", ConnectionStatus.OFFLINE, "no answer")
    online, offline = ConnectionStatus.ONLINE, ConnectionStatus.OFFLINE
    async with site.store.begin() as unit:
        await unit.health.count([Checks(acme, NOON - timedelta(hours=2), 12, 3, NOON)])
        await unit.health.count([Checks(acme, NOON - timedelta(days=2), 12, 12, NOON)])
        await unit.health.note(
            StatusChange(acme, NOON, online, offline, Reason.UNREACHABLE, "no answer")
        )
        await unit.commit()
    told = (await site.get("/api/v1/connections/acme/health")).json()
    assert (told["status"], told["reason"], told["error_rate"]) == ("offline", "Unreachable", 0.25)
    assert told["checks"] == [{"hour": "2026-03-02T10:00:00Z", "asked": 12, "failed": 3}]
    assert told["history"] == [
        {
            "at": "2026-03-02T12:00:00Z",
            "before": "online",
            "after": "offline",
            "reason": "Unreachable",
            "message": "no answer",
        }
    ]
    pending = (await site.get("/api/v1/connections/beta/health")).json()
    assert (pending["status"], pending["error_rate"], pending["history"]) == ("pending", None, [])

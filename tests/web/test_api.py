"""The API: records in one shape, paging that loses nothing, and every refusal a problem document."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from reconciler.datamodel.reader import entities
from reconciler.model.access import Scope
from reconciler.model.resource import Kind, ResourceKey, make_resource
from reconciler.ports import SyncRequest
from reconciler.web.error_docs import error_docs
from tests.plant import connection, mapping
from tests.web.conftest import Api

ORDERS = "purchase-orders"
READ = (Scope.READ_RECORDS, Scope.READ_STATUS)


async def stocked(api: Api, keys: str = "abcde") -> str:
    for key in keys:
        api.plant.order(key)
    await api.plant.syncs.run(SyncRequest("acme"))
    return await api.token(*READ, connection=api.uid)


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = answer.json()
    assert told["code"] == code
    assert told["request_id"] == answer.headers["x-request-id"]
    assert told["hint"]
    return told


async def test_records_come_in_the_unified_shape(api: Api) -> None:
    token = await stocked(api, "a")
    (record,) = (await api.get(ORDERS, token)).json()["data"]
    assert record["connection_id"] == "acme"
    assert (record["source_id"], record["number"], record["status"]) == ("a", "PO-a", "approved")
    assert record["total_gross"] == "10.00"
    assert record["custom_fields"] == {}
    assert record["_meta"]["synced_at"] == "2026-11-24T12:00:00Z"
    assert set(entities()[ORDERS].fields) <= set(record)
    assert "raw" not in record


async def test_one_record_is_had_by_its_id_and_unchanged_it_is_not_sent_again(api: Api) -> None:
    token = await stocked(api, "a")
    (listed,) = (await api.get(ORDERS, token)).json()["data"]
    answer = await api.get(f"{ORDERS}/{listed['id']}", token)
    assert answer.json() == listed
    again = await api.get(
        f"{ORDERS}/{listed['id']}", token, **{"If-None-Match": answer.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")


async def test_the_sources_own_record_comes_when_asked_for(api: Api) -> None:
    token = await stocked(api, "a")
    (record,) = (await api.get(f"{ORDERS}?include=raw", token)).json()["data"]
    assert record["raw"]["no"] == "PO-a"


async def test_only_the_fields_asked_for_come(api: Api) -> None:
    token = await stocked(api, "a")
    (record,) = (await api.get(f"{ORDERS}?fields=number,status", token)).json()["data"]
    assert set(record) == {"id", "number", "status"}


async def walked(api: Api, token: str, limit: int, query: str = "") -> list[str]:
    found: list[str] = []
    cursor = ""
    while True:
        answer = (await api.get(f"{ORDERS}?limit={limit}{query}{cursor}", token)).json()
        found += [record["source_id"] for record in answer["data"]]
        if answer["next_cursor"] is None:
            return found
        cursor = f"&cursor={answer['next_cursor']}"


@pytest.mark.parametrize("limit", [1, 2, 5, 500])
async def test_paging_gives_every_record_once(api: Api, limit: int) -> None:
    token = await stocked(api, "abcdefg")
    assert sorted(await walked(api, token, limit)) == list("abcdefg")


async def test_what_changes_while_paging_comes_again_and_nothing_is_lost(api: Api) -> None:
    token = await stocked(api, "abcdef")
    first = (await api.get(f"{ORDERS}?limit=3", token)).json()
    seen = [record["source_id"] for record in first["data"]]
    await api.plant.clock.turn(timedelta(minutes=1))
    api.plant.order(seen[0], age=timedelta(0), state="done")
    await api.plant.syncs.run(SyncRequest("acme"))
    rest = (await api.get(f"{ORDERS}?limit=500&cursor={first['next_cursor']}", token)).json()
    later = [record["source_id"] for record in rest["data"]]
    assert sorted(seen + later) == sorted("abcdef" + seen[0])


async def test_pollers_see_what_changed_here_since_they_asked(api: Api) -> None:
    token = await stocked(api)
    await api.plant.clock.turn(timedelta(minutes=1))
    api.plant.order("b", age=timedelta(0), state="done")
    await api.plant.syncs.run(SyncRequest("acme"))
    assert await walked(api, token, 100, "&modified_after=2026-11-24T12:00:30Z") == ["b"]
    assert await walked(api, token, 100, "&modified_after=2026-11-25") == []


async def test_tombstones_come_when_asked_for(api: Api) -> None:
    token = await stocked(api, "abcdefghijkl")
    async with api.plant.store.begin() as unit:
        await unit.records.bury(api.uid, ORDERS, ["c"], at=api.plant.clock.now())
        await unit.commit()
    assert "c" not in await walked(api, token, 500)
    assert "c" in await walked(api, token, 500, "&deleted=include")


async def test_a_record_that_cannot_be_mapped_is_shown_with_its_error(api: Api) -> None:
    api.plant.order("x", total="ten")
    await api.plant.syncs.run(SyncRequest("acme"))
    token = await api.token(*READ)
    (record,) = (await api.get(ORDERS, token)).json()["data"]
    assert "total_gross" in record["_meta"]["error"]
    assert record["number"] is None


async def test_a_changed_mapping_shows_in_the_very_next_answer(api: Api) -> None:
    token = await stocked(api, "a")
    await api.plant.declare(connection(), mapping(customFields={"word": {"from": "state"}}))
    (record,) = (await api.get(ORDERS, token)).json()["data"]
    assert record["custom_fields"] == {"word": "open"}


async def test_a_connections_token_sees_its_own_data_and_nothing_else(api: Api) -> None:
    await stocked(api, "a")
    other = ResourceKey(Kind.CONNECTION, "other")
    await api.plant.declare(connection(), make_resource(other, {"spec": dict(connection().spec)}))
    state = await api.plant.store.views.state()
    foreign = await api.token(*READ, connection=state.uids[other])
    everyone = await api.token(*READ)
    (record,) = (await api.get(ORDERS, everyone)).json()["data"]
    assert (await api.get(ORDERS, foreign)).json()["data"] == []
    problem(await api.get(f"{ORDERS}/{record['id']}", foreign), 404, "NOT_FOUND")
    problem(await api.get("connections/acme", foreign), 404, "NOT_FOUND")
    problem(await api.get("connections/acme/sync-status", foreign), 404, "NOT_FOUND")
    seen = (await api.get("connections", foreign)).json()["data"]
    assert [one["name"] for one in seen] == ["other"]
    problem(await api.get(f"{ORDERS}?connection=acme", foreign), 404, "NOT_FOUND")


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer rcn_x", "Basic abc", "Bearer a b"])
async def test_without_a_good_token_nothing_is_answered(api: Api, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = await api.client.get(f"/api/v1/{ORDERS}", headers=headers)
    problem(answer, 401, "AUTHENTICATION_FAILED")
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_token_without_the_scope_is_told_which_it_needs(api: Api) -> None:
    token = await api.token(Scope.READ_STATUS)
    told = problem(await api.get(ORDERS, token), 403, "PERMISSION_DENIED")
    assert "read:records" in told["detail"]


@pytest.mark.parametrize(
    ("query", "hint"),
    [
        ("limt=5", "did you mean 'limit'?"),
        ("limit=0", ""),
        ("limit=501", ""),
        ("limit=abc", ""),
        ("limit=1&limit=2", ""),
        ("cursor=nonsense", "next_cursor"),
        ("modified_after=yesterday", ""),
        ("deleted=yes", ""),
        ("include=everything", ""),
        ("fields=statuss", "did you mean 'status'?"),
        ("filter[status:eq]=open", "there are"),
    ],
)
async def test_what_is_not_understood_is_refused(api: Api, query: str, hint: str) -> None:
    token = await api.token(*READ)
    told = problem(await api.get(f"{ORDERS}?{query}", token), 400, "INVALID_REQUEST")
    assert hint in told["hint"]


async def test_a_cursor_of_another_list_is_refused(api: Api) -> None:
    token = await stocked(api)
    cursor = (await api.get(f"{ORDERS}?limit=1", token)).json()["next_cursor"]
    problem(await api.get(f"vendors?cursor={cursor}", token), 400, "INVALID_REQUEST")


async def test_a_version_is_pinned_and_every_answer_says_which_it_is(api: Api) -> None:
    token = await api.token(*READ)
    answer = await api.get("me", token)
    assert answer.headers["reconciler-version"] == "2026-11-01"
    told = await api.get("me", token, **{"Reconciler-Version": "1999-01-01"})
    assert "2026-11-01" in problem(told, 400, "UNSUPPORTED_VERSION")["hint"]


async def test_a_sync_is_asked_for_and_the_same_key_is_the_same_sync(api: Api) -> None:
    token = await api.token(Scope.RUN_SYNC, connection=api.uid)
    ids = set()
    for _ in range(2):
        answer = await api.client.post(
            "/api/v1/connections/acme/syncs",
            json={"mode": "full", "entities": [ORDERS]},
            headers={"Authorization": f"Bearer {token}", "Idempotency-Key": "k1"},
        )
        assert answer.status_code == 202, answer.text
        ids.add(answer.json()["id"])
    (one,) = ids
    assert (await api.get(f"syncs/{one}", token)).json()["status"] == "queued"
    assert [request.mode.value for request in api.syncs.asked.values()] == ["full"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b'{"entities": ["assets"]}', 422, "INVALID_CONTENT"),
        (b'{"entitys": []}', 422, "INVALID_CONTENT"),
        (b'{"mode": "sideways"}', 422, "INVALID_CONTENT"),
        (b"{nonsense", 400, "INVALID_REQUEST"),
        (b" " * 1_100_000, 413, "PAYLOAD_TOO_LARGE"),
    ],
)
async def test_a_bad_body_is_a_problem_document(
    api: Api, body: bytes, status: int, code: str
) -> None:
    token = await api.token(Scope.RUN_SYNC)
    answer = await api.client.post(
        "/api/v1/connections/acme/syncs",
        content=body,
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    problem(answer, status, code)


async def test_a_wrong_method_is_told_which_are_right(api: Api) -> None:
    answer = await api.client.delete("/api/v1/connections/acme/syncs")
    assert "POST" in problem(answer, 405, "METHOD_NOT_ALLOWED")["detail"]
    assert answer.headers["allow"] == "POST"


async def test_another_host_name_is_refused(api: Api) -> None:
    answer = await api.client.get("/api/v1/me", headers={"Host": "evil.example"})
    problem(answer, 421, "MISDIRECTED_REQUEST")


async def test_the_status_of_syncs_is_told_entity_by_entity(api: Api) -> None:
    token = await stocked(api)
    (status,) = (await api.get("connections/acme/sync-status", token)).json()["entities"]
    assert (status["entity"], status["state"], status["records"]) == (ORDERS, "completed", 5)
    assert status["last_success_at"] == "2026-11-24T12:00:00Z"
    run = (await api.get(f"runs/{status['last_run_id']}", token)).json()
    assert (run["connection"], run["created"]) == ("acme", 5)


async def test_a_token_is_told_what_it_may_do(api: Api) -> None:
    token = await api.token(*READ, connection=api.uid)
    told = (await api.get("me", token)).json()
    assert (told["connection"], told["scopes"]) == ("acme", ["read:records", "read:status"])


async def test_every_route_of_the_api_asks_for_a_token(api: Api) -> None:
    schema = (await api.client.get("/api/v1/openapi.json")).json()
    public = {"/api/v1/versions", "/api/v1/openapi.json"}
    for path, operations in schema["paths"].items():
        for method in operations:
            if path in public:
                continue
            url = (
                path.replace("{name}", "acme").replace("{record_id}", "x").replace("{sync_id}", "x")
            )
            answer = await api.client.request(method, url.replace("{run_id}", "x"))
            assert answer.status_code == 401, (method, path)


async def test_the_openapi_names_every_entity_and_its_records_keep_it(api: Api) -> None:
    import jsonschema  # noqa: PLC0415

    token = await stocked(api)
    schema = (await api.client.get("/api/v1/openapi.json")).json()
    for entity in entities():
        assert f"/api/v1/{entity}" in schema["paths"]
    operations = [op["operationId"] for path in schema["paths"].values() for op in path.values()]
    assert len(operations) == len(set(operations))
    answer = (await api.get(ORDERS, token)).json()
    whole = {"$ref": "#/components/schemas/PurchaseOrderList", "components": schema["components"]}
    jsonschema.Draft202012Validator(whole).validate(answer)


async def test_liveness_and_readiness_need_no_token(api: Api) -> None:
    assert (await api.client.get("/healthz")).text == "ok\n"
    assert (await api.client.get("/readyz")).json() == {"ready": True, "checks": {}}


async def test_answers_carry_headers_that_protect(api: Api) -> None:
    answer = await api.client.get("/healthz")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_a_removed_connections_records_stay_and_keep_their_shape(api: Api) -> None:
    token = await stocked(api, "a")
    other = make_resource(ResourceKey(Kind.CONNECTION, "other"), {"spec": dict(connection().spec)})
    kept = connection(deletionPolicy="retain")
    await api.plant.declare(kept)
    await api.plant.declare(other)
    everyone = await api.token(*READ)
    assert len((await api.get(ORDERS, everyone)).json()["data"]) == 1
    problem(await api.get(ORDERS, token), 401, "AUTHENTICATION_FAILED")


def test_the_page_of_error_codes_is_up_to_date() -> None:
    page = Path(__file__).parents[2] / "docs" / "api-errors.md"
    assert page.read_text() == error_docs()

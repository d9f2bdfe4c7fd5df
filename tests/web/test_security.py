"""Who may do what: each route with each kind of token."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute

from reconciler.datamodel.reader import entities
from reconciler.model.access import ROLES, Role, Scope
from reconciler.model.sync import RunStatus
from reconciler.web.needs import Policy
from reconciler.web.route import Access, Route
from reconciler.web.security import Guard
from tests.web.conftest import Site, client_of
from tests.web.making import NOON, READ, issue, keep_orders, keep_run, order_id

PUBLIC = {
    "/api/v1/versions",
    "/api/v1/openapi.json",
    "/docs/api-errors",
    "/healthz",
    "/readyz",
}


def routes_of(site: Site) -> tuple[Route, ...]:
    routes: tuple[Route, ...] = site.app.state.routes
    return routes


def guard_of(route: APIRoute) -> Guard | None:
    guards = [d.dependency for d in route.dependencies if isinstance(d.dependency, Guard)]
    assert len(guards) <= 1
    return guards[0] if guards else None


def test_every_path_of_the_app_has_a_guard_or_is_known_to_be_public(site: Site) -> None:
    assert len(site.app.routes) == len(routes_of(site))
    for route in site.app.routes:
        assert isinstance(route, APIRoute)
        assert (guard_of(route) is None) == (route.path in PUBLIC), route.path


def test_every_guarded_path_asks_for_a_scope_but_the_one_on_the_token_itself(site: Site) -> None:
    scopeless = {
        route.path
        for route in site.app.routes
        if isinstance(route, APIRoute) and (guard := guard_of(route)) and guard.scope is None
    }
    assert scopeless == {"/api/v1/me"}


def test_what_changes_something_asks_for_more_than_reading(site: Site) -> None:
    for route in routes_of(site):
        if route.method != "GET":
            assert route.access in {Scope.RUN_SYNC, Scope.WRITE_SPECS, Scope.ADMIN}, route.path


@dataclass
class Bearer:
    """A token of the matrix: what it may do, and whether it is over acme; over all, if it is no tenant's."""

    name: str
    text: str | None
    known: bool
    scopes: frozenset[Scope] = frozenset()
    tenant: bool = False
    over_acme: bool = True


SYNC = frozenset({Scope.RUN_SYNC})
WRITE = frozenset({Scope.WRITE_SPECS})
ADMIN = frozenset({Scope.ADMIN})
ACME = {"selector": (("customer", "acme"),)}
BETA = {"selector": (("customer", "beta"),)}
BOTH = {"selector": (("customer", "acme"), ("plant", "a"))}
NARROW = {"networks": ("127.0.0.0/8",)}

KNOWN: tuple[tuple[str, frozenset[Scope], str | None, dict[str, Any]], ...] = (
    ("reads all", READ, None, {}),
    ("reads acme", READ, "acme", {}),
    ("reads beta", READ, "beta", {}),
    ("reads records only", frozenset({Scope.READ_RECORDS}), None, {}),
    ("reads status only", frozenset({Scope.READ_STATUS}), None, {}),
    ("syncs only", SYNC, None, {}),
    ("syncs beta", SYNC, "beta", {}),
    ("writes specs only", WRITE, None, {}),
    ("writes specs of acme", WRITE, "acme", {}),
    ("writes specs of beta", WRITE, "beta", {}),
    ("admin", ADMIN, None, {}),
    ("admin from here", ADMIN, None, NARROW),
    ("admin of acme", ADMIN, "acme", {}),
    ("admin of beta", ADMIN, "beta", {}),
    ("tenant acme reads", READ, None, ACME),
    ("tenant beta reads", READ, None, BETA),
    ("tenant of two labels that nobody has reads", READ, None, BOTH),
    ("tenant acme syncs", SYNC, None, ACME),
    ("tenant beta syncs", SYNC, None, BETA),
    ("tenant acme writes", WRITE, None, ACME),
    ("tenant beta writes", WRITE, None, BETA),
    ("tenant acme is admin", ADMIN, None, ACME),
    ("tenant beta is admin", ADMIN, None, BETA),
    *((role.value, ROLES[role], None, {"role": role}) for role in Role),
    *((f"{role.value} of beta", ROLES[role], None, {"role": role, **BETA}) for role in Role),
)


async def bearers(site: Site) -> list[Bearer]:
    found = []
    for number, (name, scopes, of, more) in enumerate(KNOWN, 10):
        tenant = of is not None or "selector" in more
        over = of == "acme" or more.get("selector") == ACME["selector"] or not tenant
        text = await issue(site.store, number, scopes, of, **more)
        found.append(Bearer(name, text, True, scopes, tenant, over))
    expired = await issue(site.store, 80, expires_at=NOON)
    wrong = {
        "none": None,
        "expired": expired,
        "revoked": await issue(site.store, 81, revoked_at=NOON),
        "from elsewhere": await issue(site.store, 82, ADMIN, networks=("10.0.0.0/8",)),
        "of a connection that is not there": await issue(site.store, 83, READ, "nobody"),
        "mistyped": expired[:-1] + "g",
        "never issued": "rcn_aaaaaaaaaaaaa_" + "A" * 43 + "_00000000",
    }
    return found + [Bearer(name, text, False) for name, text in wrong.items()]


OVER_ALL = {
    "reconcile_now", "list_alerts", "get_alert", "acknowledge_alert", "list_silences", "create_silence", "end_silence",
    "list_deliveries", "get_delivery", "retry_delivery", "retry_deliveries", "list_routes", "test_route", "enable_route",
}  # fmt: skip
"""What only a token over all connections does."""
UNFILTERED = {
    "get_me", "list_versions", "get_openapi", "list_connections", "list_specs", "list_drift",
    "get_reconcile", "list_event_types", "list_tokens", "create_token", "exchange_connect_link", "reconcile_now", "get_health", "get_readiness", "get_error_docs",
    *(f"list_{name.replace('-', '_')}" for name in entities()),
}  # fmt: skip
"""Operations about no single thing: what they answer with is filtered, and proved below."""
GOOD = {
    "create_token": 422,  # no name
    "reconcile_now": 405,  # by a server that only reads
    "get_reconcile": 405,
    "create_silence": 422,  # no matchers
    **dict.fromkeys(
        [
            "get_alert",
            "acknowledge_alert",
            "end_silence",
            "get_delivery",
            "retry_delivery",
            "test_route",
            "enable_route",
        ],
        404,  # there is no such one
    ),
    "put_spec": 415,  # no body
    "patch_spec": 415,
    "delete_spec": 405,
    "revert_spec": 409,  # as git applied it
    "put_mapping": 405,
    "patch_mapping": 405,
    "delete_mapping": 405,
    "preview_mapping": 405,
    "create_connect_link": 404,  # by a server without a connect page
    "list_connect_links": 404,
    "revoke_connect_link": 404,
    "exchange_connect_link": 404,
}
"""What a request without a body is answered with, where that is not the operation's own status."""


def expected(route: Route, bearer: Bearer) -> int:
    ok = GOOD.get(route.operation_id, route.status)
    if "{record_id}" in route.path and "purchase-orders" not in route.path:
        ok = 404
    if route.access is Access.PUBLIC:
        return ok
    if not bearer.known:
        return 401
    if isinstance(route.access, Scope) and not {route.access, Scope.ADMIN} & bearer.scopes:
        return 403
    if route.operation_id in OVER_ALL and bearer.tenant:
        return 403
    if route.operation_id not in UNFILTERED and not bearer.over_acme:
        return 415 if route.operation_id in {"put_spec", "patch_spec"} else 404
    return ok


class TestMatrix:
    @pytest.fixture
    def policy(self) -> Policy:
        return Policy(rate=600_000, burst=100_000, failures=600_000)

    async def test_each_route_with_each_kind_of_token(self, site: Site) -> None:
        """An operation that is new here must be filtered, or be named above as one about nothing."""
        await keep_orders(site.store, "17", of="acme")
        run = await keep_run(site.store, 1, RunStatus.SUCCEEDED)
        sync = (await site.post("/api/v1/connections/acme/syncs")).json()["id"]
        tried = 0
        for bearer in await bearers(site):
            async with client_of(site.app, bearer.text) as client:
                for route in routes_of(site):
                    tried += 1
                    theirs = await issue(site.store, 1000 + tried, READ, "acme")
                    ids = {
                        "name": "acme",
                        "entity": "purchase-orders",
                        "kind": "Connection",
                        "token": "look_1",
                        **dict.fromkeys(["alert_id", "silence_id", "delivery_id", "route"], "none"),
                        "token_id": theirs.split("_")[1],
                        "sync_id": sync,
                        "run_id": run.id,
                        "record_id": order_id("17"),
                        "link_id": "lnk_1",
                        "stream": "purchase-orders",
                        "source_id": "17",
                    }
                    answer = await client.request(route.method, route.path.format(**ids))
                    told = f"{bearer.name}: {route.method} {route.path}: {answer.text[:200]}"
                    assert answer.status_code == expected(route, bearer), told
        assert tried == (len(KNOWN) + 7) * len(routes_of(site))


def test_the_exceptions_of_the_matrix_are_operations(site: Site) -> None:
    known = {route.operation_id for route in routes_of(site)}
    assert UNFILTERED | OVER_ALL | GOOD.keys() <= known
    about_one = {route.operation_id for route in routes_of(site) if "{" in route.path}
    assert UNFILTERED & about_one == {"get_reconcile"}


async def test_a_token_of_one_connection_sees_nothing_of_another_in_lists(site: Site) -> None:
    await keep_orders(site.store, "1", of="acme")
    await keep_orders(site.store, "2", of="beta")
    token = await issue(site.store, 9, READ, "beta")
    async with client_of(site.app, token) as client:
        orders = (await client.get("/api/v1/purchase-orders")).json()["data"]
        connections = (await client.get("/api/v1/connections")).json()["data"]
        me = (await client.get("/api/v1/me")).json()
    assert [order["connection_id"] for order in orders] == ["beta"]
    assert [one["name"] for one in connections] == ["beta"]
    assert me["connection"] == "beta"
    assert me["scopes"] == ["read:records", "read:status"]


async def test_a_foreign_an_unknown_and_a_missing_object_answer_the_same(site: Site) -> None:
    await keep_orders(site.store, "1", of="acme")
    token = await issue(site.store, 9, READ, "beta")

    async def told(client: httpx.AsyncClient, path: str, name: str) -> dict[str, object]:
        body: dict[str, object] = (await client.get(path.format(name))).json()
        del body["request_id"]
        body["instance"] = str(body["instance"]).replace(name, "X")
        body["detail"] = str(body["detail"]).replace(name, "X")
        return body

    async with client_of(site.app, token) as client:
        for path, foreign, missing in (
            ("/api/v1/connections/{}", "acme", "nobody"),
            ("/api/v1/connections/{}/sync-status", "acme", "nobody"),
            ("/api/v1/purchase-orders?connection={}", "acme", "nobody"),
            ("/api/v1/purchase-orders/{}", order_id("1"), order_id("2")),
        ):
            assert await told(client, path, foreign) == await told(client, path, missing), path


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic YTpi", "Token x", "bearer rcn_x", "Bearer a b", "\tBearer"],
)
async def test_a_wrong_authorization_header_is_answered_with_how_to_authenticate(
    site: Site, header: str
) -> None:
    answer = await site.get("/api/v1/me", Authorization=header)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["code"] == "AUTHENTICATION_FAILED"
    assert answer.headers["content-type"] == "application/problem+json"


async def test_two_authorization_headers_are_refused(site: Site) -> None:
    token = await issue(site.store, 9)
    both = [("Authorization", f"Bearer {token}"), ("Authorization", f"Bearer {token}")]
    async with client_of(site.app) as anybody:
        assert (await anybody.get("/api/v1/me", headers=both)).status_code == 401


async def test_a_token_in_the_query_is_not_taken(site: Site) -> None:
    token = await issue(site.store, 9)
    async with client_of(site.app) as anybody:
        answer = await anybody.get(f"/api/v1/me?access_token={token}")
    assert answer.status_code == 401
    assert token not in answer.text


async def test_the_scheme_may_be_written_in_any_case(site: Site) -> None:
    token = await issue(site.store, 9)
    assert (await site.get("/api/v1/me", Authorization=f"bEARER {token}")).status_code == 200


async def test_the_last_use_of_a_token_is_kept_once_a_minute_at_most(site: Site) -> None:
    token = await issue(site.store, 9)

    async def used() -> object:
        kept = {one.id: one for one in await site.store.views.tokens()}
        return kept[token.split("_")[1]].last_used_at

    async with client_of(site.app, token) as client:
        await client.get("/api/v1/me")
        assert await used() == NOON
        site.clock.turn(seconds=59)
        await client.get("/api/v1/me")
        assert await used() == NOON
        site.clock.turn(seconds=1)
        await client.get("/api/v1/me")
        assert await used() == NOON + timedelta(minutes=1)


class TestRates:
    @pytest.fixture
    def policy(self) -> Policy:
        return Policy(rate=60, burst=3)

    async def test_a_token_beyond_its_rate_is_told_when_to_come_again(self, site: Site) -> None:
        left = []
        for _ in range(3):
            answer = await site.get("/api/v1/me")
            assert answer.status_code == 200
            assert answer.headers["ratelimit-policy"] == '"token";q=3;w=3'
            left.append(answer.headers["ratelimit"])
        assert left == ['"token";r=2;t=0', '"token";r=1;t=0', '"token";r=0;t=0']
        refused = await site.get("/api/v1/me")
        assert refused.status_code == 429
        assert refused.json()["code"] == "RATE_LIMIT_EXCEEDED"
        assert refused.headers["retry-after"] == "1"
        site.clock.turn(seconds=1)
        assert (await site.get("/api/v1/me")).status_code == 200
        assert (await site.get("/api/v1/me")).status_code == 429

    async def test_each_token_has_a_rate_of_its_own(self, site: Site) -> None:
        for _ in range(4):
            await site.get("/api/v1/me")
        token = await issue(site.store, 9)
        assert (await site.get("/api/v1/me", Authorization=f"Bearer {token}")).status_code == 200

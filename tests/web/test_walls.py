"""What every answer has, and what every request must pass: ids, hosts, versions, bodies, faults."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import pytest
import structlog
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from structlog.testing import capture_logs

from reconciler import errors
from reconciler.errors import ReconcilerError
from reconciler.model.problem import Problem, Severity
from reconciler.model.resource import Origin
from reconciler.web.error_docs import error_docs
from reconciler.web.needs import Policy
from reconciler.web.problems import TABLE, Code
from reconciler.web.route import Access, Route, mount
from reconciler.web.security import Gatekeeper
from reconciler.web.translate import translate
from tests.web.conftest import Site, client_of
from tests.web.making import issue, keep_orders


@pytest.fixture(autouse=True)
def _plain_logs() -> Iterator[None]:
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()


def lay(site: Site, path: str, endpoint: Any, method: str = "GET") -> None:
    """Add a public route to the app."""
    route = Route(method, path, endpoint, Access.PUBLIC, path, path, "test", shown=False)
    rates: Any = None
    keeper = Gatekeeper(site.store, site.services.in_force, site.clock, rates)
    mount(site.app, route, keeper)


def test_every_code_has_an_entry_of_its_own_and_an_error_status() -> None:
    assert set(TABLE) == set(Code)
    assert all(400 <= entry.status < 600 for entry in TABLE.values())
    assert len({entry.title for entry in TABLE.values()}) == len(TABLE)


async def test_the_type_of_a_problem_leads_to_its_part_of_the_page(site: Site) -> None:
    problem = (await site.get("/api/v1/nothing")).json()
    page, _, anchor = problem["type"].partition("#")
    answer = await site.get(page)
    assert answer.headers["content-type"].startswith("text/markdown")
    assert f"\n## {anchor.upper()}\n" in answer.text
    assert answer.text == error_docs()


async def test_a_problem_has_every_member(site: Site) -> None:
    answer = await site.get("/api/v1/nothing", X_Request_Id="mine-1")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {
        "type": "/docs/api-errors#not_found",
        "title": "No such thing",
        "status": 404,
        "detail": "there is nothing at /api/v1/nothing",
        "instance": "/api/v1/nothing",
        "code": "NOT_FOUND",
        "request_id": "mine-1",
        "hint": TABLE[Code.NOT_FOUND].remedy,
    }


def every_error() -> list[ReconcilerError]:
    origin = Origin("acme.yaml", 3, 5)
    special: dict[type[ReconcilerError], ReconcilerError] = {
        errors.SpecInvalid: errors.SpecInvalid(
            [Problem(Severity.ERROR, "R104", "no field 'x'", origin, "did you mean 'y'?")]
        )
    }
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, ReconcilerError)
    ]
    return [special.get(kind) or kind("it went wrong") for kind in kinds]


@pytest.mark.parametrize("error", every_error(), ids=lambda error: type(error).__name__)
async def test_every_error_of_ours_is_a_problem(site: Site, error: ReconcilerError) -> None:
    async def fail() -> Response:
        raise error

    lay(site, "/fail", fail)
    answer = await site.get("/fail")
    problem = translate(error)
    assert answer.status_code == problem.status
    assert answer.json()["code"] == problem.code.value
    hidden = type(error) in {errors.ReconcilerError, errors.StoreUnavailable}
    assert (error.message in answer.json()["detail"]) != hidden


def test_errors_are_told_apart_by_class() -> None:
    expected = {
        errors.NotFound: (404, Code.NOT_FOUND),
        errors.Invalid: (400, Code.INVALID_REQUEST),
        errors.SecretMissing: (422, Code.SECRET_NOT_FOUND),
        errors.PlanStale: (409, Code.PLAN_STALE),
        errors.Conflict: (409, Code.CONFLICT),
        errors.Unreachable: (503, Code.CONNECTION_UNREACHABLE),
        errors.ServerFault: (502, Code.SOURCE_FAULT),
        errors.StoreUnavailable: (503, Code.STORE_UNAVAILABLE),
    }
    for kind, (status, code) in expected.items():
        problem = translate(kind("x"))
        assert (problem.status, problem.code) == (status, code)


def test_a_source_that_refuses_its_credentials_is_no_401_of_ours() -> None:
    for kind in (errors.Unauthorized, errors.Revoked):
        assert translate(kind("refused")).code is Code.CONNECTION_REAUTHORIZATION_REQUIRED
        assert translate(kind("refused")).status == 409


def test_a_wait_that_a_source_asks_for_is_passed_on() -> None:
    asked = errors.RateLimited("slow down", wait=timedelta(seconds=7.2))
    assert translate(asked).headers == {"Retry-After": "8"}
    assert translate(errors.RateLimited("slow down")).headers == {"Retry-After": "30"}


def test_problems_of_specs_are_told_with_their_places() -> None:
    (found,) = [error for error in every_error() if isinstance(error, errors.SpecInvalid)]
    (one,) = translate(found).errors
    assert one["where"] == "acme.yaml:3:5"
    assert one["hint"] == "did you mean 'y'?"


async def test_a_fault_of_ours_is_logged_once_and_told_without_a_trace(site: Site) -> None:
    async def fail() -> Response:
        raise RuntimeError("the secret is plain-as-day")

    lay(site, "/fail", fail)
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logs:
        answer = await site.get("/fail", Authorization="Bearer hidden")
    assert answer.status_code == 500
    problem = answer.json()
    assert problem["code"] == "INTERNAL_ERROR"
    assert "plain-as-day" not in answer.text
    assert "Traceback" not in answer.text
    failed = [entry for entry in logs if entry["event"] == "request_failed"]
    assert len(failed) == 1
    assert failed[0]["request_id"] == problem["request_id"] == answer.headers["x-request-id"]
    assert isinstance(failed[0]["exc_info"], RuntimeError)
    assert "hidden" not in str(logs)


async def test_a_fault_after_the_answer_has_begun_is_logged(site: Site) -> None:
    async def stream() -> AsyncIterator[bytes]:
        yield b"begun"
        raise RuntimeError("late")

    async def begin() -> Response:
        return StreamingResponse(stream())

    lay(site, "/begin", begin)
    sent: list[str] = []

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/begin",
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
    }
    with capture_logs() as logs:
        await site.app(scope, receive, send)
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == ["request_failed"]
    assert sent == ["http.response.start", "http.response.body"], "it is cut, not ended"


class TestTime:
    @pytest.fixture
    def policy(self) -> Policy:
        return Policy(timeout=0.0)

    async def test_a_request_that_takes_too_long_ends(self, site: Site) -> None:
        async def wait() -> Response:
            await asyncio.Event().wait()
            return Response()

        lay(site, "/wait", wait)
        answer = await site.get("/wait")
        assert answer.status_code == 504
        assert answer.json()["code"] == "REQUEST_TIMEOUT"


async def test_a_timeout_of_somebody_else_is_a_fault_of_ours(site: Site) -> None:
    async def fail() -> Response:
        raise TimeoutError

    lay(site, "/fail", fail)
    with capture_logs() as logs:
        answer = await site.get("/fail")
    assert answer.status_code == 500
    assert "request_failed" in {entry["event"] for entry in logs}


async def test_every_answer_has_a_request_id_and_takes_a_good_one(site: Site) -> None:
    first = (await site.get("/healthz")).headers["x-request-id"]
    second = (await site.get("/healthz")).headers["x-request-id"]
    assert first != second
    assert len(first) == 16
    given = await site.get("/healthz", X_Request_Id="client-7.a_b")
    assert given.headers["x-request-id"] == "client-7.a_b"
    for bad in ("x" * 129, "a b", "a\tb", '"', ""):
        assert (await site.get("/healthz", X_Request_Id=bad)).headers["x-request-id"] != bad


@pytest.mark.parametrize(
    "path",
    ["/healthz", "/api/v1/me", "/api/v1/purchase-orders", "/api/v1/nothing", "/docs/api-errors"],
)
async def test_every_answer_is_protected(site: Site, path: str) -> None:
    headers = (await site.get(path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["reconciler-version"] == "2026-11-01"


async def test_a_page_may_set_a_policy_of_its_own(site: Site) -> None:
    async def page() -> Response:
        return Response("x", headers={"Content-Security-Policy": "default-src 'self'"})

    lay(site, "/page", page)
    answer = await site.get("/page")
    assert answer.headers.get_list("content-security-policy") == ["default-src 'self'"]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:8080", 200),
        ("localhost.", 200),
        ("127.0.0.1:1", 200),
        ("[::1]", 200),
        ("[::1]:8080", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("evil.example:80@localhost", 421),
        ("127.0.0.2", 421),
        ("", 421),
    ],
)
async def test_only_known_hosts_are_answered_for(site: Site, host: str, status: int) -> None:
    answer = await site.get("/api/v1/versions", Host=host)
    assert answer.status_code == status
    assert (await site.get("/healthz", Host=host)).status_code == 200


async def test_a_version_may_be_pinned(site: Site) -> None:
    pinned = await site.get("/api/v1/me", Reconciler_Version="2026-11-01")
    assert pinned.status_code == 200
    unknown = await site.get("/api/v1/me", Reconciler_Version="2020-01-01")
    assert unknown.status_code == 400
    assert unknown.json()["code"] == "UNSUPPORTED_VERSION"
    assert "2026-11-01" in unknown.json()["detail"]
    assert unknown.headers["reconciler-version"] == "2026-11-01"


async def test_a_token_bound_to_a_version_that_is_gone_must_pin_one(site: Site) -> None:
    token = await issue(site.store, 9, api_version="2020-01-01")
    async with client_of(site.app, token) as client:
        assert (await client.get("/api/v1/me")).status_code == 400
        pinned = await client.get("/api/v1/me", headers={"Reconciler-Version": "2026-11-01"})
    assert pinned.status_code == 200


class TestBodies:
    @pytest.fixture
    def policy(self) -> Policy:
        return Policy(body=100)

    async def test_a_body_beyond_the_limit_is_refused_by_its_announced_length(
        self, site: Site
    ) -> None:
        answer = await site.client.post("/api/v1/connections/acme/syncs", content=b" " * 101)
        assert answer.status_code == 413
        assert answer.json()["code"] == "PAYLOAD_TOO_LARGE"

    async def test_a_body_beyond_the_limit_is_refused_while_it_comes(self, site: Site) -> None:
        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(11):
                yield b" " * 10

        answer = await site.client.post(
            "/api/v1/connections/acme/syncs",
            content=chunks(),
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code == 413

    async def test_a_body_at_the_limit_is_taken(self, site: Site) -> None:
        answer = await site.client.post(
            "/api/v1/connections/acme/syncs",
            content=b"{" + b" " * 98 + b"}",
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code == 202


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE"])
async def test_a_wrong_method_is_told_the_right_ones(site: Site, method: str) -> None:
    answer = await site.client.request(method, "/api/v1/purchase-orders")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET"
    assert answer.json()["code"] == "METHOD_NOT_ALLOWED"


async def test_the_right_methods_are_those_of_all_routes_of_the_path(site: Site) -> None:
    async def two(request: Request) -> Response:
        return Response(request.method)

    lay(site, "/two", two)
    lay(site, "/two", two, method="PUT")
    assert (await site.client.delete("/two")).headers["allow"] == "GET, PUT"


async def test_large_answers_are_compressed_for_who_takes_it(site: Site) -> None:
    await keep_orders(site.store, *map(str, range(30)))
    packed = await site.get("/api/v1/purchase-orders", Accept_Encoding="gzip")
    plain = await site.get("/api/v1/purchase-orders", Accept_Encoding="identity")
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.json() == plain.json()
    assert "accept-encoding" in packed.headers["vary"].lower()


async def test_the_access_log_says_what_was_asked_and_no_secret(site: Site) -> None:
    token = await issue(site.store, 9)
    with capture_logs() as logs:
        async with client_of(site.app, token) as client:
            await client.get("/api/v1/purchase-orders/po_1?fields=number")
    (line,) = [entry for entry in logs if entry["event"] == "request_answered"]
    assert line["method"] == "GET"
    assert line["path"] == "/api/v1/purchase-orders/po_1"
    assert line["route"] == "/api/v1/purchase-orders/{record_id}"
    assert line["status"] == 404
    assert line["token"] == token.split("_")[1]
    assert token not in str(logs)
    assert "fields=number" not in str(logs)


async def test_readiness_tells_what_fails(site: Site) -> None:
    async def good() -> None:
        return None

    async def bad() -> None:
        raise errors.StoreUnavailable("the disk is full")

    site.services.checks.update(good=good, bad=bad)  # type: ignore[attr-defined]  # a dict here
    answer = await site.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "checks": {"good": "ok", "bad": "the disk is full"}}


async def test_a_path_with_a_slash_at_its_end_is_not_there(site: Site) -> None:
    answer = await site.get("/api/v1/purchase-orders/")
    assert answer.status_code == 404

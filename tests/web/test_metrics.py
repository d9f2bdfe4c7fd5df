"""``GET /metrics``: who may read it, in which form; and that each answer of the API is counted."""

import gzip
from dataclasses import dataclass, field, replace

import httpx
import pytest
from fastapi import FastAPI, Request
from starlette.responses import Response

from reconciler.model.access import Scope
from reconciler.web.app import Services, make_app
from reconciler.web.metrics import PATH
from reconciler.web.needs import Policy
from reconciler.web.route import Access
from tests.fakes import RecordingMeter
from tests.web.conftest import Site, client_of
from tests.web.making import READ, issue

PAGE = b"x 1\n" * 2000
STATUS = frozenset({Scope.READ_STATUS})


@dataclass
class Pages:
    """``needs.Metrics`` that remembers how it was asked."""

    asked: list[tuple[str, bool]] = field(default_factory=list)

    async def page(self, accept: str, *, packed: bool = False) -> tuple[bytes, str]:
        self.asked.append((accept, packed))
        return gzip.compress(PAGE) if packed else PAGE, "text/plain; version=0.0.4; charset=utf-8"


@dataclass
class Scraped:
    """A site with metrics."""

    site: Site
    pages: Pages
    meter: RecordingMeter

    def app(self, *, opened: bool = False) -> FastAPI:
        return make_app(
            replace(
                self.site.services,
                metrics=self.pages,
                meter=self.meter,
                policy=replace(self.site.services.policy, open_metrics=opened),
            )
        )

    async def get(self, token: str | None, **headers: str) -> httpx.Response:
        async with client_of(self.app(), token) as client:
            return await client.get(PATH, headers=headers)


@pytest.fixture
def scraped(site: Site) -> Scraped:
    return Scraped(site, Pages(), RecordingMeter())


async def test_a_token_that_reads_status_of_all_connections_may_read_metrics(
    scraped: Scraped,
) -> None:
    answer = await scraped.get(await issue(scraped.site.store, 9, STATUS))
    assert answer.status_code == 200
    assert answer.text == PAGE.decode()
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("scopes", "of", "status"),
    [
        (frozenset({Scope.ADMIN}), None, 200),
        (frozenset({Scope.READ_RECORDS}), None, 403),
        (frozenset({Scope.RUN_SYNC, Scope.WRITE_SPECS}), None, 403),
        (READ, "acme", 403),
        (frozenset({Scope.ADMIN}), "acme", 403),
    ],
)
async def test_any_other_token_may_not_unless_it_may_do_everything(
    scraped: Scraped, scopes: frozenset[Scope], of: str | None, status: int
) -> None:
    answer = await scraped.get(await issue(scraped.site.store, 9, scopes, of))
    assert answer.status_code == status
    assert bool(scraped.pages.asked) == (status == 200)


async def test_without_a_token_there_is_nothing_to_read(scraped: Scraped) -> None:
    assert (await scraped.get(None)).status_code == 401
    assert (await scraped.get("rcn_nonsense")).status_code == 401
    assert scraped.pages.asked == []


async def test_an_operator_may_open_them(scraped: Scraped) -> None:
    async with client_of(scraped.app(opened=True)) as anybody:
        assert (await anybody.get(PATH)).text == PAGE.decode()


async def test_where_they_are_off_there_is_no_such_path(site: Site) -> None:
    assert (await site.get(PATH)).status_code == 404


async def test_the_scope_stands_beside_the_route(scraped: Scraped) -> None:
    def access(app: FastAPI) -> list[object]:
        return [route.access for route in app.state.routes if route.path == PATH]

    assert access(scraped.app()) == [Scope.READ_STATUS]
    assert access(scraped.app(opened=True)) == [Access.PUBLIC]


async def test_they_are_asked_by_address_with_a_token_and_by_name_when_they_are_open(
    scraped: Scraped,
) -> None:
    token = await issue(scraped.site.store, 9, STATUS)
    assert (await scraped.get(token, Host="10.1.2.3:8080")).status_code == 200
    async with client_of(scraped.app(opened=True)) as anybody:
        assert (await anybody.get(PATH, headers={"Host": "10.1.2.3:8080"})).status_code == 421


async def test_the_form_is_the_one_that_is_asked_for(scraped: Scraped) -> None:
    token = await issue(scraped.site.store, 9, STATUS)
    wish = "application/openmetrics-text;version=1.0.0"
    await scraped.get(token, Accept=wish, **{"Accept-Encoding": "identity"})
    assert scraped.pages.asked == [(wish, False)]


async def test_what_is_packed_already_is_not_packed_once_more(scraped: Scraped) -> None:
    answer = await scraped.get(
        await issue(scraped.site.store, 9, STATUS), **{"Accept-Encoding": "gzip"}
    )
    assert scraped.pages.asked[0][1] is True
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.content == PAGE  # the client unpacks once


async def test_every_answer_is_counted_by_the_template_of_its_route(scraped: Scraped) -> None:
    token = await issue(scraped.site.store, 9, frozenset({Scope.ADMIN}))
    async with client_of(scraped.app(), token) as client:
        await client.get("/api/v1/vendors/ven_secret?fields=name")
        await client.get("/api/v1/connections/acme")
        await client.get("/no/such/path")
        await client.request("BREW", "/api/v1/me")
        await client.get("/healthz", headers={"Authorization": ""})
    told = [(one.method, one.route, one.status) for one in scraped.meter.answers]
    assert told == [
        ("GET", "/api/v1/vendors/{record_id}", 404),
        ("GET", "/api/v1/connections/{name}", 200),
        ("GET", None, 404),
        ("BREW", "/api/v1/me", 405),
        ("GET", "/healthz", 200),
    ]
    assert all(one.took.total_seconds() >= 0 for one in scraped.meter.answers)


async def test_what_a_gate_refuses_and_a_bug_breaks_is_counted_too(scraped: Scraped) -> None:
    app = scraped.app()

    async def broken(request: Request) -> Response:
        raise RuntimeError("a bug")

    app.add_api_route("/broken", broken)
    async with client_of(app) as client:
        await client.get("/api/v1/me", headers={"Host": "evil.example"})
        await client.get("/broken")
    told = [(one.route, one.status) for one in scraped.meter.answers]
    assert told == [(None, 421), ("/broken", 500)]


def test_metrics_need_a_token_unless_somebody_says_otherwise(site: Site) -> None:
    assert Policy().open_metrics is False
    assert Services.__dataclass_fields__["metrics"].default is None

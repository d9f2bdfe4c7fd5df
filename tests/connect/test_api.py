"""Connect links through the API: who makes them, what is told of them, and the token that comes of one."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from reconciler.model.access import Scope
from tests.connect.making import REDIRECTS, Counter, connection
from tests.connect.test_pages import GOOD, Browser

LINKS = "/api/v1/connections/acme/connect-links"
EXCHANGE = "/api/v1/connect-links/exchange"


@pytest.fixture
async def admin(counter: Counter) -> AsyncIterator[httpx.AsyncClient]:
    async with client(counter, await counter.token()) as made:
        yield made


def client(counter: Counter, token: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(counter.app()),
        base_url="http://localhost",
        headers={"Authorization": f"Bearer {token}"},
    )


async def connect(counter: Counter, url: str) -> httpx.Response:
    """Do what a customer does with the address of a link."""
    browser = Browser(counter.app())
    answer = await browser.fill_in(url.rpartition("/")[2], GOOD)
    await browser.client.aclose()
    assert answer.status_code == 200
    return answer


async def test_a_link_is_made_and_its_address_is_answered_once(
    counter: Counter, admin: httpx.AsyncClient
) -> None:
    answer = await admin.post(LINKS, json={"expires": "2h"})
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    made = answer.json()
    assert made["url"].startswith("http://localhost/connect/")
    assert made["state"] == "open"
    listed = (await admin.get(LINKS)).json()["data"]
    assert [one["id"] for one in listed] == [made["id"]]
    assert listed[0]["created_by"].startswith("api:")
    assert "url" not in listed[0]
    assert made["url"].rpartition("/")[2] not in str(listed)


async def test_what_is_told_of_links_is_how_they_stand(
    counter: Counter, admin: httpx.AsyncClient
) -> None:
    first = (await admin.post(LINKS)).json()
    second = (await admin.post(LINKS)).json()
    await connect(counter, second["url"])
    third = (await admin.post(LINKS)).json()
    assert (await admin.delete(f"{LINKS}/{third['id']}")).status_code == 204
    await admin.post(LINKS, json={"expires": "1h"})
    await counter.clock.turn(timedelta(hours=1))
    listed = {one["id"]: one["state"] for one in (await admin.get(LINKS)).json()["data"]}
    assert listed.pop(first["id"]) == "revoked"
    assert listed.pop(second["id"]) == "used"
    assert listed.pop(third["id"]) == "revoked"
    assert list(listed.values()) == ["expired"]


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"expires": "59m"}, "1 hour to 7 days"),
        ({"expires": "8d"}, "1 hour to 7 days"),
        ({"expires": "soon"}, "expires"),
        ({"grace": "8d"}, "7 days"),
        ({"redirect": "https://evil.example/"}, "not sent to https://evil.example/"),
        ({"redirect": "javascript:alert(1)"}, "no address"),
        ({"redirect": REDIRECTS[0], "show_token": True}, "not both"),
        ({"state": "x"}, "without a redirect"),
        ({"redirect": REDIRECTS[0], "state": "a\r\nb"}, "visible ASCII"),
        ({"password": "x"}, "password"),
        ({"show_token": "yes"}, "show_token"),
    ],
)
async def test_a_link_that_may_not_be_is_refused(
    admin: httpx.AsyncClient, body: dict[str, Any], where: str
) -> None:
    answer = await admin.post(LINKS, json=body)
    assert answer.status_code == 422
    assert where in answer.json()["detail"]
    assert (await admin.get(LINKS)).json()["data"] == []


async def test_a_connection_that_is_not_there_has_no_links(admin: httpx.AsyncClient) -> None:
    for method, path in (("POST", ""), ("GET", ""), ("DELETE", "/lnk_1")):
        answer = await admin.request(method, f"/api/v1/connections/nobody/connect-links{path}")
        assert answer.status_code == 404
    assert (await admin.delete(f"{LINKS}/lnk_1")).status_code == 404


async def test_only_an_administrator_of_the_connection_makes_links(counter: Counter) -> None:
    await counter.declare(connection(), connection("beta"))
    link = await counter.link()
    ident = (await counter.newest()).id
    for number, scopes, of, status in (
        (2, (Scope.READ_RECORDS, Scope.READ_STATUS, Scope.RUN_SYNC, Scope.WRITE_SPECS), None, 403),
        (3, (Scope.ADMIN,), "beta", 404),
        (4, (Scope.ADMIN,), "acme", 201),
    ):
        async with client(counter, await counter.token(number, *scopes, name=of)) as made:
            if status != 201:
                assert (await made.get(LINKS)).status_code == status
                assert (await made.delete(f"{LINKS}/{ident}")).status_code == status
            assert (await made.post(LINKS)).status_code == status
    assert link


# ── the token that comes of a link ───────────────────────────────────────────────────────────────


async def test_the_back_end_exchanges_the_code_for_a_token_that_works_once(
    counter: Counter, admin: httpx.AsyncClient
) -> None:
    made = (await admin.post(LINKS, json={"redirect": REDIRECTS[0], "state": "s"})).json()
    page = await connect(counter, made["url"])
    code = page.text.partition("?code=")[2][:43]
    answer = await admin.post(EXCHANGE, json={"code": code})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    assert (told["connection"], told["link"]) == ("acme", made["id"])
    assert told["token"] not in page.text
    async with client(counter, told["token"]) as bearer:
        assert (await bearer.get("/api/v1/me")).json()["connection"] == "acme"
    again = await admin.post(EXCHANGE, json={"code": code})
    assert again.status_code == 404
    assert code not in again.text


async def test_the_token_before_dies_when_the_new_one_is_in_hand(
    counter: Counter, admin: httpx.AsyncClient
) -> None:
    async def token_of(**asked: Any) -> str:
        made = (await admin.post(LINKS, json=asked)).json()
        await connect(counter, made["url"])
        told: dict[str, str] = (await admin.post(EXCHANGE, json={"link": made["id"]})).json()
        return told["token"]

    first = await token_of()
    made = (await admin.post(LINKS)).json()
    await connect(counter, made["url"])
    async with client(counter, first) as old:
        assert (await old.get("/api/v1/me")).status_code == 200
        await admin.post(EXCHANGE, json={"link": made["id"]})
        assert (await old.get("/api/v1/me")).status_code == 401
    second = await token_of()
    await token_of(grace="1h")
    async with client(counter, second) as old:
        assert (await old.get("/api/v1/me")).status_code == 200
        await counter.clock.turn(timedelta(hours=1))
        assert (await old.get("/api/v1/me")).status_code == 401


async def test_a_token_of_another_connection_fetches_nothing(
    counter: Counter, admin: httpx.AsyncClient
) -> None:
    await counter.declare(connection(), connection("beta"))
    made = (await admin.post(LINKS)).json()
    await connect(counter, made["url"])
    async with client(counter, await counter.token(2, name="beta")) as foreign:
        assert (await foreign.post(EXCHANGE, json={"link": made["id"]})).status_code == 404
    async with client(counter, await counter.token(3, name="acme")) as own:
        assert (await own.post(EXCHANGE, json={"link": made["id"]})).status_code == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"code": "x", "link": "y"}, 422),
        ({"code": ""}, 422),
        ({"code": 7}, 422),
        ({"code": "x" * 201}, 422),
        ({"code": "x"}, 404),
        ({"code": "A" * 43}, 404),
        ({"link": "lnk_1"}, 404),
    ],
)
async def test_what_is_no_code_gives_nothing(
    admin: httpx.AsyncClient, body: dict[str, Any], status: int
) -> None:
    answer = await admin.post(EXCHANGE, json=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_locked_link_is_told_as_such(counter: Counter, admin: httpx.AsyncClient) -> None:
    url = (await admin.post(LINKS)).json()["url"]
    for _ in range(10):
        await counter.connecting.offer(url.rpartition("/")[2], {**GOOD, "auth.password": "no"})
        await counter.clock.turn(timedelta(minutes=1))
    told = (await admin.get(LINKS)).json()["data"][0]
    assert (told["state"], told["tries"]) == ("locked", 10)

"""The plant's listings, walked as their own documents would tell: all of it, each record once."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import jmespath
import pytest

from reconciler.sandbox import Sandbox
from reconciler.sandbox.paths import LISTINGS
from reconciler.sandbox.stamps import Stamp, to_ms, write_stamp
from tests.sandbox.conftest import TurnedClock

Records = list[Any]
Step = Callable[[dict[str, str], httpx.Response, Records], dict[str, str] | None]


def token(name: str, where: str) -> Step:
    """Go on with the token that the answer holds."""

    def step(query: dict[str, str], answer: httpx.Response, _: Records) -> dict[str, str] | None:
        following = jmespath.search(where, answer.json())
        return None if following is None else {**query, name: following}

    return step


def link(where: str | None) -> Step:
    """Go on with the link in the answer, or in its header."""

    def step(_: dict[str, str], answer: httpx.Response, __: Records) -> dict[str, str] | None:
        header = answer.links.get("next", {}).get("url")
        url = header if where is None else jmespath.search(where, answer.json())
        return None if url is None else dict(httpx.URL(url).params)

    return step


def counted(name: str, first: int, *, pages: bool) -> Step:
    """Count offsets or pages, until a page is empty."""

    def step(query: dict[str, str], _: httpx.Response, found: Records) -> dict[str, str] | None:
        at = int(query.get(name, first)) + (1 if pages else len(found))
        return {**query, name: str(at)} if found else None

    return step


def behind(name: str, key: str) -> Step:
    """Go on behind the last key, until a page is empty."""

    def step(query: dict[str, str], _: httpx.Response, found: Records) -> dict[str, str] | None:
        return {**query, name: str(jmespath.search(key, found[-1]))} if found else None

    return step


WALKS: dict[str, tuple[str, Step]] = {
    "/api/erp/orders": ("data", token("cursor", "meta.next_cursor")),
    "/api/erp/orders/ids": ("ids", counted("offset", 0, pages=False)),
    "/api/erp/vendors": ("vendors", counted("page", 1, pages=True)),
    "/api/erp/parts": ("@", link(None)),
    "/api/erp/stock": ("rows", behind("after", "join('|', [part, storeroom])")),
    "/api/erp/receipts": ("result.rows", counted("page", 0, pages=True)),
    "/api/erp/invoices": ("invoices", counted("start", 0, pages=False)),
    "/api/cmms/assets": ("items", counted("offset", 0, pages=False)),
    "/api/cmms/workorders": ("value", link('"@nextLink"')),
    "/api/cmms/workorders/ids": ("ids", token("token", "next")),
    "/api/cmms/requests": ("requests", counted("page", 1, pages=True)),
    "/api/cmms/readings": ("readings", behind("after", "seq")),
    "/api/cmms/locations": ("items", token("token", "next")),
    "/api/cmms/users": ("users", counted("page", 1, pages=True)),
    "/api/dms/documents": ("documents", behind("after", "doc_id")),
    "/api/cmms/assets/ids": ("@", link(None)),
    "/api/cmms/sites": ("@", link(None)),
    "/api/cmms/storerooms": ("storerooms", link(None)),
    "/api/cmms/meters": ("meters", link(None)),
    "/api/meta/statuses": ("statuses", link(None)),
}
BY_PATH = {listing.path: listing for listing in LISTINGS}


async def walk(
    client: httpx.AsyncClient, path: str, query: dict[str, str]
) -> AsyncIterator[Records]:
    """Yield the records of each page."""
    where, step = WALKS[path]
    following: dict[str, str] | None = query
    while following is not None:
        answer = await client.get(path, params=following)
        assert answer.status_code == 200, answer.text
        found = jmespath.search(where, answer.json())
        yield found
        following = step(following, answer, found)


async def keys(
    client: httpx.AsyncClient, sandbox: Sandbox, path: str, query: dict[str, str]
) -> list[Any]:
    """Return the keys of all records of a listing, page by page."""
    listing = BY_PATH[path]
    label = sandbox.plant.shelves[listing.shelf].label
    found: list[Any] = []
    async for page in walk(client, path, query):
        found += page if listing.ids else [label.key_of(body) for body in page]
    return found


def test_every_listing_is_walked_here() -> None:
    assert set(WALKS) == set(BY_PATH)


@pytest.mark.parametrize("size", ["1", "7", "1000"])
@pytest.mark.parametrize("path", sorted(WALKS))
async def test_a_walk_meets_every_record_exactly_once(
    client: httpx.AsyncClient, sandbox: Sandbox, path: str, size: str
) -> None:
    listing = BY_PATH[path]
    if size == "1" and len(sandbox.plant.shelves[listing.shelf]) > 100:
        size = "3"
    asked = (
        {}
        if WALKS[path][1].__qualname__.startswith("link") and listing.at == "offset"
        else {listing.size: size}
    )
    found = await keys(client, sandbox, path, asked)
    assert len(found) == len(set(found))
    assert set(found) == {entry.key for entry in sandbox.plant.current(listing.shelf)}


FILTERED = sorted(path for path, listing in BY_PATH.items() if listing.since is not None)


@pytest.mark.parametrize("path", FILTERED)
async def test_a_filter_gives_what_changed_then_or_later_and_nothing_else(
    client: httpx.AsyncClient, sandbox: Sandbox, clock: TurnedClock, path: str
) -> None:
    listing = BY_PATH[path]
    shelf = sandbox.plant.shelves[listing.shelf]
    if shelf.label.stamp is None:
        return
    entries = sorted(shelf, key=lambda entry: entry.changed)
    low = entries[len(entries) // 2].changed
    since = str(write_stamp(shelf.label.style, low))
    found = await keys(client, sandbox, path, {str(listing.since): since, listing.size: "5"})
    assert sorted(map(str, found)) == sorted(str(e.key) for e in entries if e.changed >= low)


async def test_readings_are_asked_for_by_their_number(client: httpx.AsyncClient) -> None:
    first = (await client.get("/api/cmms/readings", params={"min_seq": 490})).json()
    assert [reading["seq"] for reading in first["readings"]] == list(range(490, 501))


@pytest.mark.parametrize(
    ("style", "written"),
    [
        (Stamp.ISO, "2026-03-05T12:00:00Z"),
        (Stamp.EPOCH_MS, "1772712000000"),
        (Stamp.EPOCH, "1772712000"),
        (Stamp.LOCAL, "2026-03-05 13:00:00"),
        (Stamp.ISO_OFFSET, "2026-03-05T13:00:00+01:00"),
    ],
)
def test_one_moment_has_as_many_spellings(style: Stamp, written: str, clock: TurnedClock) -> None:
    assert str(write_stamp(style, to_ms(clock()))) == written


async def test_a_token_carries_the_filter_that_it_goes_on_with(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    since = "2026-02-20T00:00:00Z"
    asked = {"modified_since": since, "limit": "5"}
    with_filter = await keys(client, sandbox, "/api/erp/orders", asked)
    first = (await client.get("/api/erp/orders", params=asked)).json()
    only_token = {"cursor": first["meta"]["next_cursor"], "limit": "5"}
    rest = await keys(client, sandbox, "/api/erp/orders", only_token)
    assert with_filter[5:] == rest


async def test_a_walk_by_token_loses_nothing_to_changes_made_meanwhile(
    client: httpx.AsyncClient, sandbox: Sandbox, clock: TurnedClock
) -> None:
    before = {entry.key for entry in sandbox.plant.current("orders")}
    found: set[str] = set()
    async for page in walk(client, "/api/erp/orders", {"limit": "20"}):
        found |= {order["order_no"] for order in page}
        clock.turn(seconds=1)
        sandbox.advance(1)
    gone = before - {entry.key for entry in sandbox.plant.current("orders")}
    assert before - found <= gone


async def test_a_page_cap_gives_fewer_than_were_asked_for_and_still_all(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.switch(page_cap=4)
    for path in ("/api/erp/orders", "/api/erp/vendors", "/api/cmms/assets", "/api/erp/stock"):
        sizes = [len(page) async for page in walk(client, path, {})]
        assert max(sizes) == 4
        assert sum(sizes) == len(sandbox.plant.shelves[BY_PATH[path].shelf])


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/api/erp/orders", {"modified_since": "yesterday"}),
        ("/api/erp/orders", {"cursor": "%%%"}),
        ("/api/erp/orders", {"cursor": "W251bGwsWzEsMl1d"}),
        ("/api/erp/orders", {"limit": "0"}),
        ("/api/erp/vendors", {"changed_since": "2026-01-01T00:00:00Z"}),
        ("/api/erp/vendors", {"page": "0"}),
        ("/api/cmms/assets", {"since": "0"}),
        ("/api/cmms/readings", {"after": "x"}),
    ],
)
async def test_a_question_that_makes_no_sense_is_refused_in_words(
    client: httpx.AsyncClient, path: str, query: dict[str, str]
) -> None:
    answer = await client.get(path, params=query)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


async def test_one_record_is_shown_by_its_key(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/erp/orders/PO-100007")).json()["order_no"] == "PO-100007"
    assert (await client.get("/api/cmms/workorders/4000101")).json()["wo"] == 4000101
    assert (await client.get("/api/erp/stock/P-2001|ST-01")).json()["part"] == "P-2001"
    assert (await client.get("/api/erp/orders/PO-1")).status_code == 404
    assert (await client.get("/api/erp/nothing")).status_code == 404
    assert (await client.post("/api/erp/orders", json={})).status_code == 405

"""A connector as a whole, against handler functions that are the system."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from reconciler.connectors.connector import HttpConnector
from reconciler.errors import NotFound, RateLimited, ServerFault
from reconciler.model.record import Page
from tests.connectors.conftest import Handler, Open, TurnedClock, manifest, stream

ORDERS = [{"id": n, "at": f"2026-03-0{1 + n % 4}T00:00:00Z"} for n in range(1, 24)]


async def all_pages(
    connector: HttpConnector, entity: str = "purchase-orders", since: str | None = None
) -> list[Page]:
    """Return all pages; more than a hundred are too many."""
    pages = [await connector.read(entity, since=since, page=None)]
    while pages[-1].next is not None:
        assert len(pages) < 100
        pages.append(await connector.read(entity, since=since, page=pages[-1].next))
    return pages


def ids_of(pages: list[Page]) -> list[str]:
    return [key for page in pages for key in page.ids]


def of_orders(**changes: Any) -> dict[str, Any]:
    return manifest(streams={"purchase-orders": stream(**changes)})


def number(request: httpx.Request, name: str, default: int) -> int:
    return int(request.url.params.get(name, default))


def by_offset(request: httpx.Request) -> httpx.Response:
    start, size = number(request, "offset", 0), number(request, "limit", 0)
    return httpx.Response(200, json={"data": ORDERS[start : start + size]})


def by_page(request: httpx.Request) -> httpx.Response:
    start = (number(request, "page", 1) - 1) * 5
    return httpx.Response(200, json={"data": ORDERS[start : start + 5]})


def by_key(request: httpx.Request) -> httpx.Response:
    rest = [order for order in ORDERS if int(str(order["id"])) > number(request, "after", 0)]
    return httpx.Response(200, json={"data": rest[:5]})


def by_token(request: httpx.Request) -> httpx.Response:
    start = int(request.url.params.get("token", "t0")[1:])
    following = f"t{start + 5}" if start + 5 < len(ORDERS) else None
    return httpx.Response(
        200, json={"data": ORDERS[start : start + 5], "meta": {"next": following}}
    )


def by_link(request: httpx.Request) -> httpx.Response:
    start = number(request, "start", 0)
    link = f"/api/orders?start={start + 5}&key=canary-key" if start + 5 < len(ORDERS) else None
    return httpx.Response(200, json={"data": ORDERS[start : start + 5], "next": link})


def by_header(request: httpx.Request) -> httpx.Response:
    start = number(request, "start", 0)
    link = f'<{request.url.copy_with(params={"start": start + 5})}>; rel="next"'
    headers = {"Link": link} if start + 5 < len(ORDERS) else {}
    return httpx.Response(200, json={"data": ORDERS[start : start + 5]}, headers=headers)


def asking(**query: str) -> dict[str, Any]:
    return {"path": "/orders", "query": query}


PAGED: list[tuple[Handler, dict[str, Any]]] = [
    (
        by_offset,
        {
            "request": asking(offset="{{ page.offset }}", limit="{{ page.size }}"),
            "paging": {"type": "offset", "size": 5},
        },
    ),
    (by_page, {"request": asking(page="{{ page.number }}"), "paging": {"type": "page", "size": 5}}),
    (by_key, {"request": asking(after="{{ page.key }}"), "paging": {"type": "keyset", "size": 5}}),
    (
        by_token,
        {
            "request": asking(token="{{ page.token }}"),
            "paging": {"type": "cursor", "next": "meta.next"},
        },
    ),
    (by_link, {"paging": {"type": "next_link", "next": "next"}}),
    (by_header, {"paging": {"type": "next_link", "header": True}}),
]


@pytest.mark.parametrize(("handler", "changes"), PAGED)
async def test_every_kind_of_paging_reads_all_records_once(
    opened: Open, handler: Handler, changes: dict[str, Any]
) -> None:
    pages = await all_pages(opened(handler, of_orders(**changes)))
    assert ids_of(pages) == [str(order["id"]) for order in ORDERS]
    assert len(pages) == 5
    assert [json.loads(raw) for page in pages for raw in page.records] == ORDERS


@pytest.mark.parametrize(("handler", "changes"), PAGED)
async def test_another_process_goes_on_where_one_stopped(
    opened: Open, handler: Handler, changes: dict[str, Any]
) -> None:
    spec = of_orders(**changes)
    first = await opened(handler, spec).read("purchase-orders", since=None, page=None)
    second = await opened(handler, spec).read("purchase-orders", since=None, page=first.next)
    assert ids_of([first, second]) == [str(n) for n in range(1, 11)]


async def test_a_source_with_its_own_smaller_limit_loses_nothing(opened: Open) -> None:
    many = [{"id": n} for n in range(130)]

    def capped(request: httpx.Request) -> httpx.Response:
        start = number(request, "offset", 0)
        return httpx.Response(200, json={"data": many[start : start + 50]})

    changes = {
        "request": asking(offset="{{ page.offset }}"),
        "paging": {"type": "offset", "size": 500},
    }
    assert len(ids_of(await all_pages(opened(capped, of_orders(**changes))))) == 130


async def test_a_page_beyond_the_last_may_be_a_404(opened: Open) -> None:
    def strict(request: httpx.Request) -> httpx.Response:
        if number(request, "page", 1) > 1:
            return httpx.Response(404, json={"detail": "Invalid page."})
        return httpx.Response(200, json={"data": [{"id": n} for n in range(20)]})

    changes = {"request": asking(page="{{ page.number }}"), "paging": {"type": "page", "size": 100}}
    assert len(ids_of(await all_pages(opened(strict, of_orders(**changes))))) == 20


async def test_our_key_in_a_link_of_the_source_is_not_kept(opened: Open) -> None:
    spec = of_orders(paging={"type": "next_link", "next": "next"})
    spec["auth"] = {"key": {"type": "api_key", "query": "key", "fields": {"key": {"secret": True}}}}
    seen: list[list[str]] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.params.get_list("key"))
        return by_link(request)

    connector = opened(handler, spec, auth={"key": {"env": "K"}}, environ={"K": "canary-key"})
    pages = await all_pages(connector)
    assert seen == [["canary-key"]] * 5
    assert not any("canary" in (page.next or "") for page in pages)


async def test_since_is_asked_for_and_reached_is_told(opened: Open) -> None:
    asked: list[str | None] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.params.get("updated_since"))
        rows = [{"id": 1, "at": "2026-03-02T10:00:00Z"}, {"id": 2, "at": "2026-03-01T10:00:00Z"}]
        date = {"Date": "Wed, 04 Mar 2026 11:59:58 GMT"}
        return httpx.Response(200, json={"data": rows}, headers=date)

    spec = of_orders(
        since={"updated_since": "{{ since }}"}, cursor={"value": "at", "lookback": "5m"}
    )
    connector = opened(handler, spec)
    page = await connector.read("purchase-orders", since=None, page=None)
    assert page.reached == "2026-03-02T10:00:00.000000Z"
    assert page.asof == "2026-03-04T11:59:58.000000Z"
    again = connector.resume("purchase-orders", page.reached)
    await connector.read("purchase-orders", since=again, page=None)
    assert asked == [None, "2026-03-02T09:55:00.000000Z"]
    start = connector.start("purchase-orders", datetime(2026, 1, 1, tzinfo=UTC))
    assert start == "2026-01-01T00:00:00.000000Z"


async def test_a_stream_without_cursor_has_no_positions(opened: Open) -> None:
    connector = opened(by_page, manifest())
    assert connector.start("purchase-orders", datetime(2026, 1, 1, tzinfo=UTC)) is None
    assert connector.resume("purchase-orders", "x") == "x"


async def test_records_marked_as_deleted_reach_the_engine(opened: Open) -> None:
    rows = [{"id": 1}, {"id": 2, "state": "deleted"}]
    spec = of_orders(deletions={"type": "flag", "flag": "state == 'deleted'"})
    connector = opened(lambda _: httpx.Response(200, json={"data": rows}), spec)
    page = await connector.read("purchase-orders", since=None, page=None)
    assert (page.ids, page.deleted) == (("1",), ("2",))


async def test_ids_are_listed_by_the_streams_own_request_or_another(opened: Open) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/ids":
            rest = [n for n in range(1, 8) if n > number(request, "after", 0)]
            return httpx.Response(200, json={"keys": rest[:3]})
        return httpx.Response(200, json={"data": [{"id": 1}, {"id": 2}]})

    own = opened(handler, of_orders(deletions={"type": "sweep"}))
    page = await own.ids("purchase-orders", page=None)
    assert (page.ids, page.records) == (("1", "2"), ())
    other = {
        "type": "sweep",
        "ids": {"path": "/ids", "query": {"after": "{{ page.key }}"}},
        "records": "keys",
        "paging": {"type": "keyset", "size": 3, "key": "@"},
    }
    connector = opened(handler, of_orders(deletions=other))
    assert connector.streams["purchase-orders"].sweepable
    found: list[str] = []
    token: str | None = None
    while True:
        page = await connector.ids("purchase-orders", page=token)
        found += page.ids
        token = page.next
        if token is None:
            break
    assert found == [str(n) for n in range(1, 8)]


async def test_another_collection_is_joined_by_the_page(opened: Open) -> None:
    asked: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path != "/api/lines":
            return httpx.Response(200, json={"data": [{"id": 1, "lines": 9}, {"id": 2}, {"no": 3}]})
        asked.append(request.url.params["orders"])
        lines = [{"order": 1, "n": k} for k in range(3)] + [{"order": "7"}, {"x": 1}]
        start = number(request, "offset", 0)
        return httpx.Response(200, json=lines[start : start + 2])

    include = {
        "request": {
            "path": "/lines",
            "query": {"orders": "{{ ids | join(',') }}", "offset": "{{ page.offset }}"},
        },
        "records": "@",
        "parent": "order",
        "key": "id",
        "paging": {"type": "offset", "size": 2},
    }
    connector = opened(handler, of_orders(include={"lines": include}))
    page = await connector.read("purchase-orders", since=None, page=None)
    assert [json.loads(raw) for raw in page.records] == [
        {"id": 1, "lines": [{"order": 1, "n": 0}, {"order": 1, "n": 1}, {"order": 1, "n": 2}]},
        {"id": 2, "lines": []},
    ]
    assert asked == ["1,2"] * 3


async def test_a_stream_may_be_read_for_each_of_a_list(opened: Open) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/places":
            return httpx.Response(200, json={"data": [{"code": "B"}, {"code": "A"}, {"code": "C"}]})
        place = request.url.params["place"]
        rows = [] if place == "B" else [{"id": n, "q": 1} for n in range(3)]
        start = number(request, "offset", 0)
        return httpx.Response(200, json={"data": rows[start : start + 2]})

    changes = {
        "each": {
            "request": {"path": "/places"},
            "records": "data",
            "value": "code",
            "into": "place",
        },
        "request": asking(place="{{ each }}", offset="{{ page.offset }}"),
        "primaryKey": "[place, id]",
        "paging": {"type": "offset", "size": 2},
    }
    spec = of_orders(**changes)
    pages = await all_pages(opened(handler, spec))
    assert ids_of(pages) == ["A|0", "A|1", "A|2", "C|0", "C|1", "C|2"]
    assert json.loads(pages[0].records[0]) == {"id": 0, "q": 1, "place": "A"}
    resumed = await opened(handler, spec).read("purchase-orders", since=None, page=pages[1].next)
    assert resumed.ids == ()
    assert resumed.next is not None


async def test_a_list_without_anything_to_read_for_is_one_empty_page(opened: Open) -> None:
    each = {"request": {"path": "/places"}, "records": "data", "into": "place"}
    connector = opened(lambda _: httpx.Response(200, json={"data": []}), of_orders(each=each))
    assert await connector.read("purchase-orders", since=None, page=None) == Page((), ())
    assert await connector.ids("purchase-orders", page=None) == Page((), ())


async def test_an_unknown_stream_is_told_with_those_there_are(opened: Open) -> None:
    with pytest.raises(NotFound) as caught:
        await opened(by_page).read("assets", since=None, page=None)
    assert "purchase-orders" in caught.value.hint


async def test_faults_and_requests_to_slow_down_are_waited_out(
    opened: Open, clock: TurnedClock
) -> None:
    answers = [
        httpx.Response(500),
        httpx.Response(200, text="<html>maintenance</html>"),
        httpx.Response(429, headers={"Retry-After": "7"}),
        httpx.Response(200, json={"data": [{"id": 1}]}),
    ]
    connector = opened(lambda _: answers.pop(0))
    page = await connector.read("purchase-orders", since=None, page=None)
    assert page.ids == ("1",)
    assert clock.slept == [0.5, 1.0, 7.0]


async def test_html_for_ever_is_a_fault(opened: Open) -> None:
    connector = opened(lambda _: httpx.Response(200, text="<html>Sign in</html>"))
    with pytest.raises(ServerFault, match="HTML where JSON was due"):
        await connector.read("purchase-orders", since=None, page=None)


async def test_an_hours_pause_is_handed_to_the_engine(opened: Open, clock: TurnedClock) -> None:
    connector = opened(lambda _: httpx.Response(429, headers={"Retry-After": "3600"}))
    with pytest.raises(RateLimited) as caught:
        await connector.probe()
    assert caught.value.wait is not None
    assert caught.value.wait.total_seconds() == 3600
    assert clock.slept == []


async def test_a_read_that_is_cancelled_leaves_the_connector_usable(opened: Open) -> None:
    stuck = asyncio.Event()

    async def handler(request: httpx.Request) -> httpx.Response:
        if not stuck.is_set():
            stuck.set()
            await asyncio.Event().wait()
        return httpx.Response(200, json={"data": [{"id": 1}]})

    spec = of_orders()
    spec["rateLimit"] = {"requests": 100, "concurrency": 1}
    connector = opened(handler, spec)
    task = asyncio.create_task(connector.read("purchase-orders", since=None, page=None))
    await stuck.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await connector.read("purchase-orders", since=None, page=None)).ids == ("1",)

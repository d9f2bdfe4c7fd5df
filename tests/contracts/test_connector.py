"""What the engine may rely on, whatever connector it is given.

A case is a name and a maker: given the records of a little world, it returns a connector that reads
them, in pages of ten, as the entity ``purchase-orders``. A record is ``{"id", "at", "gone"}``: its key,
its change time as a position, and whether the source has marked it as deleted. ``MAKERS`` takes more.
"""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx
import pytest

from reconciler.connectors.registry import HttpConnectors
from reconciler.errors import NotFound, Unauthorized
from reconciler.model.record import Page
from reconciler.model.resource import Kind, ResourceKey, make_resource
from reconciler.ports import Connector

Record = Mapping[str, Any]
Maker = Callable[[Sequence[Record], bool], Connector]

ENTITY: Final = "purchase-orders"
NOW: Final = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
SIZE: Final = 10


def position(minutes: int) -> str:
    """Return the position *minutes* before now."""
    return (NOW - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


WORLD: Final[Sequence[Record]] = [
    {"id": n, "at": position(60 * (n % 7)), "gone": n in {4, 20}} for n in range(1, 36)
]
ALIVE: Final = [str(record["id"]) for record in WORLD if not record["gone"]]


class StillClock:
    """A clock that stands still; its sleeps take no time."""

    def now(self) -> datetime:
        """Return always the same time."""
        return NOW

    async def sleep(self, delay: timedelta) -> None:
        """Return at once."""
        del delay


def over_http(
    spec: Mapping[str, Any], handler: Callable[[httpx.Request], httpx.Response]
) -> Connector:
    """Return a connector of *spec* whose system is *handler*."""
    connectors = HttpConnectors(
        StillClock(), {"TOKEN": "good-token"}, transport=lambda: httpx.MockTransport(handler)
    )
    connection = {
        "connector": "world",
        "config": {"base_url": "https://world.example"},
        "auth": {"token": {"env": "TOKEN"}},
    }
    return connectors.open(
        make_resource(ResourceKey(Kind.CONNECTION, "acme"), {"spec": connection}),
        make_resource(ResourceKey(Kind.CONNECTOR, "world"), {"spec": spec}),
    )


def manifest(protocol: str, probe: Mapping[str, Any], stream: Mapping[str, Any]) -> dict[str, Any]:
    """Return a manifest of one stream of the world."""
    common = {
        "cursor": {"value": "at", "lookback": "5m"},
        "deletions": {"type": "flag", "flag": "gone"},
    }
    return {
        "title": "World",
        "family": "other",
        "protocol": protocol,
        "config": {"base_url": {"type": "url", "required": True}},
        "auth": {"bearer": {"type": "bearer", "fields": {"token": {"secret": True}}}},
        "probe": probe,
        "streams": {ENTITY: {**common, **stream}},
    }


def http_json(world: Sequence[Record], good: bool) -> Connector:  # noqa: FBT001 - one of two worlds
    """Return a connector over plain HTTP, paged by offset."""

    def handler(request: httpx.Request) -> httpx.Response:
        if not good:
            return httpx.Response(401, text="no")
        if request.url.path == "/me":
            return httpx.Response(200, json={})
        asked = request.url.params
        rows = [record for record in world if record["at"] >= asked.get("since", "")]
        start = int(asked["offset"])
        return httpx.Response(200, json={"data": rows[start : start + int(asked["limit"])]})

    query = {"offset": "{{ page.offset }}", "limit": "{{ page.size }}"}
    stream = {
        "request": {"path": "/orders", "query": query},
        "since": {"since": "{{ since }}"},
        "records": "data",
        "paging": {"type": "offset", "size": SIZE},
    }
    return over_http(manifest("http-json", {"path": "/me"}, stream), handler)


def jsonrpc(world: Sequence[Record], good: bool) -> Connector:  # noqa: FBT001 - likewise
    """Return a connector over JSON-RPC, paged by key."""

    def handler(request: httpx.Request) -> httpx.Response:
        if not good:
            return httpx.Response(401, text="no")
        call = json.loads(request.content)
        if call["method"] == "me":
            return httpx.Response(200, json={"id": 1, "result": {}})
        since, after, size = call["params"]
        rows = [r for r in world if r["at"] >= (since or "") and r["id"] > after]
        return httpx.Response(200, json={"id": 1, "result": rows[:size]})

    body = ["{{ since }}", "{{ page.key | default(0) }}", "{{ page.size }}"]
    stream = {
        "request": {"call": "orders.read", "body": body},
        "paging": {"type": "keyset", "size": SIZE},
    }
    return over_http(manifest("jsonrpc", {"call": "me"}, stream), handler)


MAKERS: Final[Mapping[str, Maker]] = {"http-json": http_json, "jsonrpc": jsonrpc}


@pytest.fixture(params=sorted(MAKERS))
def make(request: pytest.FixtureRequest) -> Maker:
    """Return the maker of one kind of connector."""
    return MAKERS[request.param]


@pytest.fixture
async def connector(make: Maker) -> AsyncIterator[Connector]:
    """Return a connector to the world."""
    made = make(WORLD, True)
    yield made
    await made.close()


async def pages_of(
    connector: Connector, since: str | None = None, page: str | None = None
) -> list[Page]:
    """Return all pages from *page* on."""
    pages = [await connector.read(ENTITY, since=since, page=page)]
    while pages[-1].next is not None:
        assert len(pages) < 20
        pages.append(await connector.read(ENTITY, since=since, page=pages[-1].next))
    return pages


def ids_of(pages: Sequence[Page]) -> list[str]:
    return [key for page in pages for key in page.ids]


async def test_a_probe_returns_where_the_credentials_are_good(connector: Connector) -> None:
    await connector.probe()


async def test_refused_credentials_are_told_as_such(make: Maker) -> None:
    connector = make(WORLD, False)
    with pytest.raises(Unauthorized):
        await connector.probe()
    await connector.close()


async def test_the_pages_hold_every_live_record_once(connector: Connector) -> None:
    pages = await pages_of(connector)
    assert ids_of(pages) == ALIVE
    assert len(pages) > 1


async def test_a_record_is_json_and_stands_at_the_place_of_its_id(connector: Connector) -> None:
    for page in await pages_of(connector):
        assert [str(json.loads(raw)["id"]) for raw in page.records] == list(page.ids)


async def test_records_marked_as_deleted_are_in_deleted_only(connector: Connector) -> None:
    pages = await pages_of(connector)
    assert [key for page in pages for key in page.deleted] == ["4", "20"]
    assert not {"4", "20"} & set(ids_of(pages))


async def test_a_page_is_a_place_to_go_on_from_for_another_connector(
    connector: Connector, make: Maker
) -> None:
    whole = await pages_of(connector)
    assert connector.streams[ENTITY].resumable
    other = make(WORLD, True)
    assert ids_of(await pages_of(other, page=whole[0].next)) == ids_of(whole[1:])
    await other.close()


async def test_asking_for_a_page_again_gives_it_again(connector: Connector) -> None:
    first = await connector.read(ENTITY, since=None, page=None)
    once = await connector.read(ENTITY, since=None, page=first.next)
    again = await connector.read(ENTITY, since=None, page=first.next)
    assert (once.ids, once.records, once.next) == (again.ids, again.records, again.next)


async def test_what_changed_at_or_after_since_is_not_missed(connector: Connector) -> None:
    since = position(120)
    changed = {str(r["id"]) for r in WORLD if r["at"] >= since and not r["gone"]}
    assert changed <= set(ids_of(await pages_of(connector, since=since)))


async def test_reached_is_the_highest_position_of_the_page(connector: Connector) -> None:
    at = {str(record["id"]): record["at"] for record in WORLD}
    for page in await pages_of(connector):
        assert page.reached == max(at[key] for key in (*page.ids, *page.deleted))


async def test_asof_is_a_position(connector: Connector) -> None:
    for page in await pages_of(connector):
        assert page.asof is not None
        assert connector.resume(ENTITY, page.asof) <= page.asof


async def test_a_start_is_a_position_that_compares_with_those_reached(connector: Connector) -> None:
    start = connector.start(ENTITY, NOW - timedelta(minutes=180))
    assert start is not None
    assert position(181) < start <= position(180)


async def test_a_run_starts_again_at_or_before_its_position(connector: Connector) -> None:
    again = connector.resume(ENTITY, position(0))
    assert again <= position(0)
    assert set(ids_of(await pages_of(connector, since=position(0)))) <= set(
        ids_of(await pages_of(connector, since=again))
    )


async def test_a_world_without_records_is_one_empty_page(make: Maker) -> None:
    connector = make([], True)
    (page,) = await pages_of(connector)
    assert (page.records, page.ids, page.reached) == ((), (), None)
    await connector.close()


async def test_the_ids_that_exist_are_listed_without_records(connector: Connector) -> None:
    found: list[str] = []
    token: str | None = None
    while True:
        page = await connector.ids(ENTITY, page=token)
        assert page.records == ()
        found += page.ids
        token = page.next
        if token is None:
            break
    assert found == ALIVE


async def test_the_facts_of_a_stream_are_those_of_its_entity(connector: Connector) -> None:
    facts = connector.streams[ENTITY]
    assert facts.entity == ENTITY
    assert facts.incremental


async def test_a_stream_that_is_not_there_is_told(connector: Connector) -> None:
    with pytest.raises(NotFound):
        await connector.read("no-such-entity", since=None, page=None)

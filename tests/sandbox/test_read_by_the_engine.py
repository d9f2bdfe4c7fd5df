"""The plant, met as every system is: through its manifest, by the engine's connector and mapper."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.connectors import catalogue
from reconciler.connectors.registry import HttpConnectors
from reconciler.datamodel.reader import entities
from reconciler.errors import RateLimited, ServerFault, SourceError, Unauthorized
from reconciler.mapping.compile import Mapper, compile_rules
from reconciler.mapping.layers import Layer, effective
from reconciler.model.resource import Kind, Resource, ResourceKey, make_resource
from reconciler.ports import Connector
from reconciler.sandbox import Sandbox
from tests.sandbox.conftest import TurnedClock

TREE = yaml.safe_load((Path(catalogue.__path__[0]) / "sandbox.yaml").read_text("utf-8"))
MANIFEST = make_resource(ResourceKey(Kind.CONNECTOR, "sandbox"), TREE)
SHELVES = {
    "purchase-orders": "orders",
    "receivings": "receipts",
    "materials": "parts",
    "stock-levels": "stock",
    "work-orders": "workorders",
    "service-requests": "requests",
    "meter-readings": "readings",
}
ENTITIES = sorted(TREE["spec"]["streams"])


class EngineClock(TurnedClock):
    """A clock for the engine; waiting turns it."""

    def now(self) -> Any:
        return self.at

    async def sleep(self, delay: timedelta) -> None:
        self.at += delay
        await asyncio.sleep(0)


def connection(sandbox: Sandbox, auth: dict[str, Any]) -> Resource:
    spec = {"connector": "sandbox", "config": {"base_url": sandbox.url}, "auth": auth}
    return make_resource(ResourceKey(Kind.CONNECTION, "plant"), {"spec": spec})


def opened(sandbox: Sandbox, auth: dict[str, Any]) -> Connector:
    shown = sandbox.credentials
    environ = {"KEY": shown.api_key, "PASSWORD": shown.password, "TOKEN": shown.token}
    return HttpConnectors(EngineClock(), environ).open(connection(sandbox, auth), MANIFEST)


@pytest.fixture
async def connector(sandbox: Sandbox) -> AsyncIterator[Connector]:
    one = opened(sandbox, {"method": "api_key", "key": {"env": "KEY"}})
    yield one
    await one.close()


def keys(sandbox: Sandbox, entity: str) -> set[str]:
    """Return the keys of what is there and not marked as deleted."""
    shelf = sandbox.plant.shelves[SHELVES.get(entity, entity)]
    field, value = shelf.label.flag or (None, None)
    return {str(one.key) for one in shelf if field is None or one.body[field] != value}


async def read(
    connector: Connector, entity: str, since: str | None = None
) -> tuple[dict[str, bytes], set[str], str | None]:
    """Return all records by id, the ids of deleted ones, and how far the cursor got."""
    records: dict[str, bytes] = {}
    deleted: set[str] = set()
    reached: list[str] = []
    page: str | None = None
    while True:
        given = await connector.read(entity, since=since, page=page)
        assert not given.bad
        assert not set(given.ids) & set(records), "a record came twice"
        records |= dict(zip(given.ids, given.records, strict=True))
        deleted |= set(given.deleted)
        reached += [given.reached] if given.reached is not None else []
        page = given.next
        if page is None:
            return records, deleted, max(reached, default=None)


def mapper(entity: str) -> Mapper:
    stream = TREE["spec"]["streams"][entity]
    layer = Layer("default", "Connector/sandbox", stream["fields"], stream.get("customFields", {}))
    return compile_rules(effective(entity, [layer]), entities()[entity], entities())


@pytest.mark.parametrize(
    "auth",
    [
        {"method": "api_key", "key": {"env": "KEY"}},
        {"method": "password", "username": "integration", "password": {"env": "PASSWORD"}},
        {"method": "bearer", "token": {"env": "TOKEN"}},
        {"method": "session", "username": "integration", "password": {"env": "PASSWORD"}},
    ],
    ids=lambda auth: str(auth["method"]),
)
async def test_each_way_to_log_in_leads_in(sandbox: Sandbox, auth: dict[str, Any]) -> None:
    one = opened(sandbox, auth)
    await one.probe()
    sandbox.switch(refuse=True)
    with pytest.raises(Unauthorized):
        await one.probe()
    await one.close()


async def test_a_session_that_ends_midway_is_opened_again(sandbox: Sandbox) -> None:
    sandbox.switch(session_uses=2)
    secret = {"env": "PASSWORD"}
    one = opened(sandbox, {"method": "session", "username": "integration", "password": secret})
    records, _, _ = await read(one, "work-orders")
    await one.close()
    assert set(records) == keys(sandbox, "work-orders")
    assert sandbox.stats["logins"] > 1


@pytest.mark.parametrize("entity", ENTITIES)
async def test_every_record_is_read_once_and_mapped_without_error(
    sandbox: Sandbox, connector: Connector, entity: str
) -> None:
    records, deleted, _ = await read(connector, entity)
    assert set(records) == keys(sandbox, entity)
    assert not deleted
    mapped = mapper(entity)("uid", list(records.values()))
    assert [error for _, error in mapped if error is not None] == []


@pytest.mark.parametrize("entity", ENTITIES)
async def test_no_page_is_lost_to_a_source_that_gives_fewer_than_it_was_asked_for(
    sandbox: Sandbox, connector: Connector, entity: str
) -> None:
    sandbox.switch(page_cap=10)
    records, _, _ = await read(connector, entity)
    assert set(records) == keys(sandbox, entity)


@pytest.mark.parametrize("entity", ENTITIES)
async def test_a_second_run_reads_what_changed(
    sandbox: Sandbox, connector: Connector, clock: TurnedClock, entity: str
) -> None:
    before, _, reached = await read(connector, entity)
    clock.turn(minutes=30)
    sandbox.advance(40)
    since = None if reached is None else connector.resume(entity, reached)
    after, deleted, _ = await read(connector, entity, since)
    kept = {key: raw for key, raw in {**before, **after}.items() if key not in deleted}
    there = keys(sandbox, entity)
    if connector.streams[entity].sweepable:
        listed: set[str] = set()
        page: str | None = None
        while True:
            given = await connector.ids(entity, page=page)
            listed |= set(given.ids)
            page = given.next
            if page is None:
                break
        assert listed == there
        kept = {key: raw for key, raw in kept.items() if key in listed}
    assert set(kept) == there
    shelf = sandbox.plant.shelves[SHELVES.get(entity, entity)]
    if entity != "work-orders":  # whose records have the labor joined in
        held = {str(entry.key): entry.encoded for entry in shelf if str(entry.key) in there}
        assert kept == held


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "status", "status": 500, "times": None}, ServerFault),
        ({"kind": "throttle", "retry_after": 1, "times": None}, RateLimited),
        ({"kind": "drop", "times": None}, SourceError),
        ({"kind": "truncate", "times": None}, ServerFault),
        ({"kind": "html", "times": None}, ServerFault),
    ],
    ids=lambda given: given["kind"] if isinstance(given, dict) else given.__name__,
)
async def test_trouble_that_lasts_is_an_error_and_no_short_page(
    sandbox: Sandbox, connector: Connector, fault: dict[str, Any], error: type[SourceError]
) -> None:
    sandbox.switch(faults=[fault])
    with pytest.raises(error):
        await read(connector, "purchase-orders")


@pytest.mark.parametrize("kind", ["status", "throttle", "drop", "truncate", "html", "reset"])
async def test_trouble_that_passes_is_not_noticed(
    sandbox: Sandbox, connector: Connector, kind: str
) -> None:
    sandbox.switch(faults=[{"kind": kind, "skip": 1, "times": 1}])
    records, _, _ = await read(connector, "purchase-orders")
    assert set(records) == keys(sandbox, "purchase-orders")


@pytest.mark.parametrize("entity", ["purchase-orders", "work-orders", "materials"])
async def test_an_empty_page_in_the_middle_is_not_the_end(
    sandbox: Sandbox, connector: Connector, entity: str
) -> None:
    path = TREE["spec"]["streams"][entity]["request"]["path"]
    sandbox.switch(faults=[{"kind": "empty", "path": path, "skip": 1}], page_cap=10)
    records, _, _ = await read(connector, entity)
    assert 0 < len(keys(sandbox, entity)) - len(records) <= 10


@pytest.mark.parametrize("entity", ["purchase-orders", "work-orders", "materials"])
async def test_a_listing_that_turns_in_a_circle_is_an_error(
    sandbox: Sandbox, connector: Connector, entity: str
) -> None:
    sandbox.switch(faults=[{"kind": "loop", "times": None}], page_cap=10)
    with pytest.raises(SourceError):
        await read(connector, entity)

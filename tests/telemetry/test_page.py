"""The page of a moment: what was counted, and how it all stands in the store."""

import asyncio
import gzip
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from reconciler.engine.dispatch import Post
from reconciler.engine.outgoing import Outgoing
from reconciler.errors import ReconcilerError, StoreUnavailable, Unauthorized
from reconciler.model.connection import ConnectionStatus
from reconciler.model.resource import Kind, Resource, ResourceKey, make_resource
from reconciler.ports import SyncRequest, Views
from reconciler.telemetry import families
from reconciler.telemetry.meter import PrometheusMeter
from reconciler.telemetry.moment import Lease, Looker, Sources
from reconciler.telemetry.page import MetricsPage
from tests.fakes import RecordingSender, until
from tests.plant import Plant, connection, syncs_of
from tests.telemetry.reading import OPEN, TEXT, read, samples, series_of
from tests.town import route

MINUTE = timedelta(minutes=1)
LAST = families.LAST_SUCCESS


@dataclass
class Watched:
    """A plant whose syncs are counted, and the page of it."""

    plant: Plant
    meter: PrometheusMeter = field(default_factory=PrometheusMeter)
    depths: dict[str, int] = field(default_factory=lambda: {"specs": 1, "remap": 7})
    lease: Lease = field(default_factory=lambda: Lease(held=True, epoch=3))

    def __post_init__(self) -> None:
        plant = self.plant
        self.syncs = syncs_of(plant.store, plant.in_force, plant.system, plant.clock, self.meter)
        self.pages = MetricsPage(self.meter, self.sources(plant.store.views))

    def sources(self, views: Views) -> Sources:
        return Sources(
            views,
            self.plant.in_force,
            self.plant.clock,
            depths=lambda: self.depths,
            jobs=lambda: {"queued": 2, "running": 4},
            lease=lambda: self.lease,
        )

    async def sync(self, name: str = "acme", *entities: str) -> None:
        await self.syncs.run(SyncRequest(name, entities))

    async def now(self, accept: str = OPEN) -> Mapping[str, float]:
        return samples(await self.pages.page(accept))


@pytest.fixture
def watched(plant: Plant) -> Watched:
    return Watched(plant)


def named(name: str, **spec: Any) -> Resource:
    """Return a connection of another name."""
    return replace(connection(**spec), key=ResourceKey(Kind.CONNECTION, name))


async def test_after_a_sync_the_numbers_are_those_of_the_sync(watched: Watched) -> None:
    for key in "abc":
        watched.plant.order(key)
    watched.plant.order("d", state="unheard of", total="no number")
    before = await watched.now()
    assert series_of(before, LAST) == {'connection="acme",entity="purchase-orders"': 0}
    assert series_of(before, families.CONNECTIONS)['status="pending"'] == 1

    await watched.plant.clock.turn(MINUTE)
    await watched.sync()
    at = watched.plant.clock.now().timestamp()
    stream = 'connector="plant",entity="purchase-orders",mode="full"'
    found = await watched.now()
    assert series_of(found, LAST) == {'connection="acme",entity="purchase-orders"': at}
    assert found[f"{families.READ.name}{{{stream}}}"] == 4
    assert found[f'{families.WRITTEN.name}{{action="created",{stream}}}'] == 4
    assert found[f"{families.INVALID.name}{{{stream}}}"] == 1
    assert (
        found[f'{families.RUNS.name}{{{stream},status="failed"}}'] == 1
    )  # one of four is too many
    assert series_of(found, families.CONNECTIONS)['status="online"'] == 1


async def test_a_sync_that_fails_leaves_the_time_of_the_last_success(watched: Watched) -> None:
    await watched.sync()
    at = watched.plant.clock.now().timestamp()
    await watched.plant.clock.turn(60 * MINUTE)
    for _ in range(2):
        watched.plant.system.fail[len(watched.plant.system.reads)] = Unauthorized("refused")
        await watched.sync()
    found = await watched.now()
    assert series_of(found, LAST) == {'connection="acme",entity="purchase-orders"': at}
    statuses = series_of(found, families.CONNECTIONS)
    assert statuses == {
        f'status="{one}"': float(one is ConnectionStatus.NEEDS_REAUTH) for one in ConnectionStatus
    }


async def test_every_connection_in_force_is_told_with_its_entities_and_no_other(
    watched: Watched,
) -> None:
    await watched.sync()
    both = ["purchase-orders", "vendors"]
    await watched.plant.declare(
        named("beta", entities=both), named("gamma", suspend=True), named("delta", connector="gone")
    )
    found = await watched.now()
    assert series_of(found, LAST) == {
        'connection="beta",entity="purchase-orders"': 0,
        'connection="beta",entity="vendors"': 0,
        'connection="delta",entity="purchase-orders"': 0,
    }
    assert series_of(found, families.CONNECTIONS)['status="paused"'] == 1
    assert series_of(found, families.CONNECTIONS)['status="pending"'] == 2
    objects = series_of(found, families.OBJECTS)
    assert (objects['kind="Connection"'], objects['kind="Mapping"']) == (3, 0)
    assert len(objects) == len(Kind)


async def test_deliveries_are_told_until_everybody_knows(watched: Watched) -> None:
    plant = watched.plant
    await plant.declare(connection(), route(match={"events": ["sync.*"]}))
    async with plant.store.begin() as unit:
        await unit.outbox.take(limit=100)
        await unit.commit()
    await watched.sync()
    await plant.clock.turn(5 * MINUTE)
    assert (await watched.now())[families.OLDEST.name] == 300

    sender = RecordingSender(plant.clock, {"ops": [410]})
    post = Post(plant.store, plant.in_force, sender, plant.clock, watched.meter)
    work = asyncio.ensure_future(Outgoing(post).run())
    try:
        await until(lambda: len(sender.sent) == 2)
        async with asyncio.timeout(20):
            while (found := await watched.now())[families.OLDEST.name]:  # noqa: ASYNC110  what is waited for tells nobody
                await asyncio.sleep(0)
    finally:
        work.cancel()
        await asyncio.wait({work})
    assert series_of(found, families.DELIVERIES) == {'state="pending"': 0, 'state="dead"': 1}
    attempts = series_of(found, families.ATTEMPTS)
    assert (attempts['outcome="delivered"'], attempts['outcome="refused"']) == (1, 1)
    assert found[f"{families.LATENCY.name}_sum"] == 300


async def test_what_the_engine_tells_of_itself_is_on_the_page(watched: Watched) -> None:
    found = await watched.now()
    assert series_of(found, families.DEPTH) == {'family="specs"': 1, 'family="remap"': 7}
    assert series_of(found, families.JOBS) == {'state="queued"': 2, 'state="running"': 4}
    assert (found[families.LEASE_HELD.name], found[families.LEASE_EPOCH.name]) == (1, 3)
    assert found[families.STORE_UP.name] == 1
    (build,) = series_of(found, families.BUILD)
    assert 'database="sqlite"' in build
    watched.lease = Lease(held=False, epoch=4)
    assert (await watched.now())[families.LEASE_HELD.name] == 0


async def test_a_store_that_does_not_answer_is_told_and_the_rest_is_still_there(
    watched: Watched,
) -> None:
    class Down:
        """Views of a database that is gone."""

        async def standing(self) -> None:
            raise StoreUnavailable("the disk is full")

    await watched.sync()
    watched.pages = MetricsPage(watched.meter, watched.sources(Down()))  # type: ignore[arg-type]  # one question is asked
    found = await watched.now()
    assert found[families.STORE_UP.name] == 0
    assert families.OLDEST.name not in found
    assert not series_of(found, LAST)
    assert [name for name in found if name.startswith(families.RUNS.name)]


async def test_text_and_openmetrics_say_the_same(watched: Watched) -> None:
    await watched.sync()
    text, opened = await watched.pages.page(TEXT), await watched.pages.page(OPEN)
    assert text[1].startswith("text/plain; version=0.0.4")
    assert opened[1].startswith("application/openmetrics-text; version=1.0.0")
    assert opened[0].endswith(b"# EOF\n")
    ours = [
        {name: value for name, value in samples(page).items() if name.startswith("reconciler_")}
        for page in (text, opened)
    ]
    assert ours[0] == ours[1]
    assert (await watched.pages.page(""))[1] == text[1]


async def test_a_packed_page_is_the_page(watched: Watched) -> None:
    packed, media_type = await watched.pages.page(TEXT, packed=True)
    found = samples((gzip.decompress(packed), media_type))
    assert found[families.STORE_UP.name] == 1


async def test_a_name_that_needs_escaping_breaks_no_line(watched: Watched) -> None:
    odd = 'a"b\\c\nd'
    await watched.plant.declare(named(odd))
    for accept in (TEXT, OPEN):
        metrics = {metric.name: metric for metric in read(await watched.pages.page(accept))}
        assert [one.labels["connection"] for one in metrics[LAST.name].samples] == [odd]


async def test_what_follows_from_the_specs_is_worked_out_once(watched: Watched) -> None:
    looker = Looker(watched.sources(watched.plant.store.views))
    first, again = await looker.look(), await looker.look()
    assert first.stored is not None
    assert again.stored is not None
    assert again.stored.places is first.stored.places
    await watched.plant.declare(connection(), named("beta"))
    later = await looker.look()
    assert later.stored is not None
    assert len(later.stored.places) == 2


async def test_no_secret_nor_an_error_nor_a_record_is_on_the_page(watched: Watched) -> None:
    plant = watched.plant
    secret = {"method": "api_key", "key": {"env": "ACME_KEY"}}
    await plant.declare(named("acme", auth=secret, config={"base_url": "https://erp.acme.example"}))
    plant.order("order-4711", total="98.76")
    await watched.sync()
    plant.system.fail[len(plant.system.reads)] = ReconcilerError("hunter2 at https://x.example")
    await watched.sync()
    page = (await watched.pages.page(TEXT))[0].decode()
    for hidden in ("ACME_KEY", "erp.acme", "4711", "98.76", "hunter2", "x.example", "PO-"):
        assert hidden not in page


async def test_a_page_has_one_series_for_each_entity_of_each_connection_and_no_more(
    watched: Watched,
) -> None:
    async def counted(connections: int) -> int:
        many = [named(f"c{number}") for number in range(connections)]
        extra = make_resource(ResourceKey(Kind.ALERT_ROUTE, "r"), route().body)
        await watched.plant.declare(*many, extra)
        return len(await watched.now())

    few = await counted(3)
    assert await counted(20) - few == 17

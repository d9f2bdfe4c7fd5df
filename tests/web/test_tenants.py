"""A token over some connections: what it sees in lists, and what of specs it may write."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from reconciler.connectors.catalogue import catalogue_files
from reconciler.engine.edits import Edits
from reconciler.engine.inforce import InForce
from reconciler.engine.reader import RecordReader
from reconciler.engine.reading import Reading
from reconciler.engine.turns import SpecsTurn
from reconciler.engine.wish import Wish
from reconciler.model.access import Scope
from reconciler.model.change import Create
from reconciler.model.resource import Kind, ResourceKey, make_resource
from reconciler.model.sync import RunStatus
from reconciler.ports import EditWish
from reconciler.spec.load import load
from reconciler.spec.written import document_of
from reconciler.store.memory import MemoryStore
from reconciler.web.app import Services, make_app
from tests.engine.test_edits import Specs
from tests.fakes import TurnedClock
from tests.web.conftest import AskedSyncs, Site, client_of
from tests.web.making import NOON, READ, declare, issue, keep_orders, keep_run

WRITE = frozenset({Scope.WRITE_SPECS, Scope.READ_STATUS})
CUSTOMER_A = (("customer", "a"),)
MERGE = {"Content-Type": "application/merge-patch+json"}

SPECS = """
apiVersion: reconciler/v1
kind: Connection
metadata: {name: plant-a, labels: {customer: a, plant: one}}
spec: {connector: sandbox, config: {base_url: "http://127.0.0.1:9"}, auth: {method: api_key, key: {env: KEY_A}}}
---
apiVersion: reconciler/v1
kind: Connection
metadata: {name: plant-b, labels: {customer: b, plant: one}}
spec: {connector: sandbox, config: {base_url: "http://127.0.0.1:9"}, auth: {method: api_key, key: {env: KEY_B}}}
---
apiVersion: reconciler/v1
kind: Mapping
metadata: {name: of-a}
spec: {connection: plant-a, entity: vendors, fields: {name: {from: name}}}
---
apiVersion: reconciler/v1
kind: Mapping
metadata: {name: of-b}
spec: {connection: plant-b, entity: vendors, fields: {name: {from: name}}}
---
apiVersion: reconciler/v1
kind: Mapping
metadata: {name: of-customer-a}
spec: {selector: {matchLabels: {customer: a, plant: one}}, entity: materials, fields: {name: {from: name}}}
---
apiVersion: reconciler/v1
kind: Mapping
metadata: {name: of-both}
spec: {selector: {matchLabels: {plant: one}}, entity: purchase-orders, fields: {number: {from: number}}}
---
apiVersion: reconciler/v1
kind: SyncSchedule
metadata: {name: of-a}
spec: {connection: plant-a, every: 15m}
---
apiVersion: reconciler/v1
kind: Expectation
metadata: {name: between}
spec:
  given: {connection: plant-a, entity: purchase-orders}
  expect: {connection: plant-b, match: {number: number}}
---
apiVersion: reconciler/v1
kind: AlertRoute
metadata: {name: ops}
spec: {match: {events: ["sync.failed"], labels: {customer: a}}, to: {webhook: {url: "https://hooks.example.com/in", secret: {env: HOOK}}}}
"""


@dataclass
class Desk:
    """An API over the specs of two customers."""

    store: MemoryStore
    services: Services
    made: int = 10

    @asynccontextmanager
    async def bearer(self, of: str | None = None, **more: Any) -> AsyncIterator[httpx.AsyncClient]:
        """Yield a client that writes specs, of customer a unless it is said of whom."""
        self.made += 1
        if of is None:
            more = {"selector": CUSTOMER_A, **more}
        token = await issue(self.store, self.made, more.pop("scopes", WRITE), of, **more)
        async with client_of(make_app(self.services), token) as client:
            yield client

    async def relabel(self, name: str, customer: str) -> None:
        """Give a connection another customer, as the operator."""
        assert self.services.edits is not None
        state = (await self.services.in_force.look()).state
        document = document_of(state.resources[ResourceKey(Kind.CONNECTION, name)])
        document["metadata"]["labels"]["customer"] = customer
        await self.services.edits.put(EditWish(document, "cli:ada"))


@pytest.fixture
async def desk() -> Desk:
    store, clock, specs = MemoryStore(), TurnedClock(), Specs()
    in_force = InForce(store.views, load({}, catalogue=catalogue_files()).catalogue)
    specs.files = {"all.yaml": SPECS}
    await SpecsTurn(specs, Reading(Wish(), catalogue_files()), store, in_force, clock)()
    assert len((await store.views.state()).resources) == 9

    async def nobody() -> None:
        """Tell nobody."""

    services = Services(
        reader=RecordReader(store.views, in_force),
        syncs=AskedSyncs(),
        store=store,
        clock=clock,
        in_force=in_force,
        edits=Edits(store, in_force, clock, catalogue=catalogue_files(), changed=nobody),
    )
    return Desk(store, services)


def mapping(name: str, **spec: Any) -> dict[str, Any]:
    fields = {"name": {"from": "title"}}
    return {
        "apiVersion": "reconciler/v1",
        "kind": "Mapping",
        "metadata": {"name": name},
        "spec": {"entity": "materials", "fields": fields, **spec},
    }


async def listed(client: httpx.AsyncClient) -> list[str]:
    return [one["address"] for one in (await client.get("/api/v1/specs")).json()["data"]]


# ── what is seen ─────────────────────────────────────────────────────────────────────────────────


async def test_lists_hold_what_matches_when_they_are_asked_for(site: Site) -> None:
    """Connections and records of all entities; one that begins to match is seen at once."""
    await keep_orders(site.store, "1", of="acme")
    await keep_orders(site.store, "2", of="beta")
    token = await issue(site.store, 9, READ, selector=(("customer", "beta"),))
    nobody = await issue(site.store, 8, READ, selector=(("customer", "gamma"),))
    async with client_of(site.app, token) as client, client_of(site.app, nobody) as other:
        for path, name in (("purchase-orders", "connection_id"), ("connections", "name")):
            shown = (await client.get(f"/api/v1/{path}")).json()["data"]
            assert [one[name] for one in shown] == ["beta"], path
            assert (await other.get(f"/api/v1/{path}")).json()["data"] == []
        await declare(site.store, "gamma", base=1)
        await keep_orders(site.store, "3", of="gamma")
        shown = (await other.get("/api/v1/purchase-orders")).json()["data"]
        assert [one["connection_id"] for one in shown] == ["gamma"]
        run = await keep_run(site.store, 1, RunStatus.SUCCEEDED, of="gamma")
        assert (await other.get(f"/api/v1/runs/{run.id}")).status_code == 200
        assert (await client.get(f"/api/v1/runs/{run.id}")).status_code == 404


async def test_a_walk_goes_on_when_a_connection_begins_to_match(site: Site) -> None:
    await keep_orders(site.store, "1", "2", of="beta")
    everyone = await issue(site.store, 9, READ, selector=(("customer", "beta"),))
    async with client_of(site.app, everyone) as client:
        first = (await client.get("/api/v1/purchase-orders?limit=1")).json()
        await declare(site.store, "gamma", base=1)
        query = {"limit": 1, "cursor": first["next_cursor"]}
        second = await client.get("/api/v1/purchase-orders", params=query)
        assert second.status_code == 200
        assert second.json()["data"] != first["data"]


async def test_a_tenant_sees_what_is_about_its_connections_alone(desk: Desk) -> None:
    """Not the mapping that holds for both, the rule between both, nor the operator's route."""
    async with desk.bearer() as client:
        assert await listed(client) == [
            "Connection/plant-a",
            "Mapping/of-a",
            "Mapping/of-customer-a",
            "SyncSchedule/of-a",
        ]
        await desk.relabel("plant-b", "a")
        assert "Expectation/between" in await listed(client)
        await desk.relabel("plant-a", "b")
        assert await listed(client) == [
            "Connection/plant-b",
            "Mapping/of-b",
            "Mapping/of-customer-a",
        ]
    async with desk.bearer("plant-a") as client:
        assert await listed(client) == ["Connection/plant-a", "Mapping/of-a", "SyncSchedule/of-a"]


async def test_connections_are_chosen_by_the_labels_in_force(desk: Desk) -> None:
    async def names(client: httpx.AsyncClient) -> list[str]:
        return [one["name"] for one in (await client.get("/api/v1/connections")).json()["data"]]

    async with desk.bearer() as client, desk.bearer(selector=(("plant", "one"),)) as both:
        assert (await names(client), await names(both)) == (["plant-a"], ["plant-a", "plant-b"])
        assert (await client.get("/api/v1/connections/plant-b")).status_code == 404
        await desk.relabel("plant-b", "a")
        assert await names(client) == ["plant-a", "plant-b"]
        await desk.relabel("plant-a", "c")
        assert await names(client) == ["plant-b"]


async def test_what_is_foreign_is_told_as_what_is_missing(desk: Desk) -> None:
    pairs = (
        ("GET", "Mapping/of-b", "Mapping/of-x"),
        ("GET", "Mapping/of-b/history", "Mapping/of-x/history"),
        ("GET", "Mapping/of-both", "Mapping/of-x"),
        ("GET", "AlertRoute/ops", "AlertRoute/none"),
        ("DELETE", "Mapping/of-b", "Mapping/of-x"),
        ("POST", "Connection/plant-b/revert", "Connection/plant-x/revert"),
    )
    async with desk.bearer() as client:
        for method, foreign, missing in pairs:
            told = []
            for path in (foreign, missing):
                answer = await client.request(method, f"/api/v1/specs/{path}")
                name = path.split("/")[1]
                detail = answer.json()["detail"].replace(name, "X")
                told.append((answer.status_code, detail, answer.json()["hint"]))
            assert told[0] == told[1]
            assert told[0][0] == 404


async def test_drift_and_history_of_others_are_not_told(desk: Desk) -> None:
    await desk.relabel("plant-b", "a")
    async with desk.bearer() as client:
        assert (await client.get("/api/v1/drift")).json()["data"] == [], "git says customer b"
        past = (await client.get("/api/v1/specs/Connection/plant-b/history")).json()["data"]
        assert past == [], "before, it was another's"
    await desk.relabel("plant-a", "a")
    async with desk.bearer(scopes=WRITE) as client:
        patch = {"spec": {"history": "30d"}}
        path = "/api/v1/specs/Connection/plant-a"
        assert (await client.patch(path, json=patch, headers=MERGE)).status_code == 200
        (drift,) = (await client.get("/api/v1/drift")).json()["data"]
        assert drift["address"] == "Connection/plant-a"
        past = (await client.get(f"{path}/history")).json()["data"]
        assert [one["change"] for one in past] == ["edit", "create"]


# ── what is written ──────────────────────────────────────────────────────────────────────────────


async def test_a_tenant_writes_what_is_about_its_connections(desk: Desk) -> None:
    for of in (None, "plant-a"):
        async with desk.bearer(of) as client:
            path = "/api/v1/specs/Mapping/new"
            made = await client.put(path, json=mapping("new", connection="plant-a"))
            assert made.status_code == 201, made.text
            change = {"spec": {"fields": {"name": {"from": "label"}}}}
            assert (await client.patch(path, json=change, headers=MERGE)).status_code == 200
            assert (await client.delete(path)).status_code == 204
    async with desk.bearer() as client:
        chosen = {"matchLabels": {"customer": "a", "line": "two"}}
        document = mapping("chosen", selector=chosen)
        assert (await client.put("/api/v1/specs/Mapping/chosen", json=document)).status_code == 201


async def test_a_tenant_writes_nothing_that_is_or_may_become_about_others(desk: Desk) -> None:
    foreign = mapping("new", connection="plant-b")
    missing = mapping("new", connection="plant-x")
    wide = mapping("new", selector={"matchLabels": {"plant": "one"}})
    broad = mapping("new", selector={"matchLabels": {"customer": "b"}})
    path = "/api/v1/specs/Mapping/new"
    async with desk.bearer() as client:
        answers = [await client.put(path, json=one) for one in (foreign, missing)]
        assert [one.status_code for one in answers] == [404, 404]
        told = [one.json()["detail"].replace("plant-b", "plant-x") for one in answers]
        assert told[0] == told[1]
        for document in (wide, broad):
            assert (await client.put(path, json=document)).status_code == 403
        mine = {"spec": {"connection": "plant-b"}}
        moved = await client.patch("/api/v1/specs/Mapping/of-a", json=mine, headers=MERGE)
        assert moved.status_code == 404
        theirs = mapping("of-b", connection="plant-a")
        stolen = await client.put("/api/v1/specs/Mapping/of-b", json=theirs)
        assert stolen.status_code == 404
        guess = {"If-Match": '"0"'}
        seen = await client.put("/api/v1/specs/Mapping/of-b", json=theirs, headers=guess)
        assert seen.status_code == 404, "a wrong guess of its digest tells nothing"
    async with desk.bearer("plant-a") as client:
        own = mapping("new", selector={"matchLabels": {"customer": "a", "plant": "one"}})
        assert (await client.put(path, json=own)).status_code == 403
    state = (await desk.services.in_force.look()).state
    assert (len(state.resources), state.applied) == (9, {})


async def test_a_connection_is_relabelled_neither_out_of_reach_nor_into_it(desk: Desk) -> None:
    out = {"metadata": {"labels": {"customer": "b"}}}
    beside = {"metadata": {"labels": {"line": "two"}}}
    async with desk.bearer() as client:
        own = "/api/v1/specs/Connection/plant-a"
        assert (await client.patch(own, json=out, headers=MERGE)).status_code == 403
        assert (await client.patch(own, json=beside, headers=MERGE)).status_code == 200
        document = (await client.get(own)).json()["document"]
        document["metadata"]["name"] = "plant-b"
        taken = await client.put("/api/v1/specs/Connection/plant-b", json=document)
        assert taken.status_code == 404
    await desk.relabel("plant-a", "b")
    async with desk.bearer("plant-a") as client:
        assert (await client.post(f"{own}/revert")).status_code == 200, "of one connection: by uid"


async def test_a_revert_that_would_leave_the_reach_is_refused(desk: Desk) -> None:
    await desk.relabel("plant-b", "a")
    async with desk.bearer() as client:
        answer = await client.post("/api/v1/specs/Connection/plant-b/revert")
        assert answer.status_code == 403


@pytest.mark.parametrize(
    "change",
    [
        {"config": {"base_url": "http://127.0.0.1:10"}},
        {"auth": {"key": {"env": "KEY_B"}}},
    ],
)
async def test_a_tenant_sends_no_secret_elsewhere(desk: Desk, change: dict[str, Any]) -> None:
    """A spec may name any secret of the operator: with another address it would go there."""
    for of in (None, "plant-a"):
        async with desk.bearer(of) as client:
            path = "/api/v1/specs/Connection/plant-a"
            answer = await client.patch(path, json={"spec": change}, headers=MERGE)
            assert answer.status_code == 403
            assert f"spec.{next(iter(change))}" in answer.json()["detail"]


async def test_a_tenant_neither_makes_nor_removes_connections(desk: Desk) -> None:
    """A name may have a past: records that were retained come back with it."""
    async with desk.bearer() as client:
        path = "/api/v1/specs/Connection/plant-a"
        document = (await client.get(path)).json()["document"]
        document["metadata"]["name"] = "plant-c"
        made = await client.put("/api/v1/specs/Connection/plant-c", json=document)
        assert made.status_code == 403
        assert (await client.delete(path)).status_code == 403


async def test_an_exception_is_of_what_is_ones_own(desk: Desk) -> None:
    def document(kind: str, name: str) -> dict[str, Any]:
        patch = {"suspend": True} if kind != "Mapping" else {"fields": {"name": {"value": "x"}}}
        spec = {
            "target": {"kind": kind, "name": name},
            "until": "2099-01-01",
            "reason": "because",
            "patch": patch,
        }
        return {
            "apiVersion": "reconciler/v1",
            "kind": "Override",
            "metadata": {"name": "pause"},
            "spec": spec,
        }

    path = "/api/v1/specs/Override/pause"
    async with desk.bearer() as client:
        for kind, name in (
            ("Connection", "plant-b"),
            ("Connection", "plant-x"),
            ("Mapping", "of-b"),
            ("Mapping", "of-both"),
            ("Mapping", "of-x"),
        ):
            answer = await client.put(path, json=document(kind, name))
            assert answer.status_code == 404, name
        assert (await client.put(path, json=document("Connection", "plant-a"))).status_code == 201
        assert (await client.get(path)).status_code == 200
        assert (await client.delete(path)).status_code == 204


async def test_the_operators_kinds_are_not_written(desk: Desk) -> None:
    route = {
        "apiVersion": "reconciler/v1",
        "kind": "AlertRoute",
        "metadata": {"name": "mine"},
        "spec": {
            "match": {"events": ["sync.failed"]},
            "to": {"webhook": {"url": "https://hooks.example.com/x", "secret": {"env": "HOOK"}}},
        },
    }
    async with desk.bearer() as client:
        assert (await client.put("/api/v1/specs/AlertRoute/mine", json=route)).status_code == 403
        assert (await client.post("/api/v1/reconcile")).status_code == 403


async def test_a_connector_is_seen_by_whose_connection_uses_it(site: Site) -> None:
    """The built-in ones are nobody's spec; one that the specs declare is shown to its users alone."""
    async with site.store.begin() as unit:
        await unit.objects.advance_generation(1, revision="r2", at=NOON)
        for name in ("tryton", "sap"):
            key = ResourceKey(Kind.CONNECTOR, name)
            one = make_resource(key, {"spec": {"streams": {}}})
            await unit.objects.put(Create(one), actor="ada", at=NOON)
        await unit.commit()
    token = await issue(site.store, 9, READ, selector=(("customer", "acme"),))
    async with client_of(site.app, token) as client:
        assert await listed(client) == ["Connection/acme", "Connector/tryton"]

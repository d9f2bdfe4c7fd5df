"""Specs in force are read, written and put back one by one; what git does not say is drift."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
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
from reconciler.spec.load import load
from reconciler.store.memory import MemoryStore
from reconciler.web.app import Services, make_app
from tests.engine.test_edits import Specs
from tests.fakes import TurnedClock
from tests.web.conftest import AskedSyncs, client_of
from tests.web.making import issue

ORDERS = "/api/v1/specs/Mapping/orders"


@dataclass
class Looks:
    """Remembers what was asked for, and what a test says was done."""

    asked: list[tuple[str, str]] = field(default_factory=list)
    done: set[str] = field(default_factory=set)

    def look(self, key: str, token: str = "") -> None:
        self.asked.append((key, token))

    def handled(self, key: str, token: str | None = None) -> str | None:
        return token if token in self.done else None


@dataclass
class Desk:
    """An API over specs that are in force, and somebody who may write them."""

    client: httpx.AsyncClient
    store: MemoryStore
    services: Services
    looks: "Looks"

    async def orders(self) -> dict[str, Any]:
        answer = await self.client.get(ORDERS)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def patch(self, status: str, **headers: str) -> httpx.Response:
        body = {"spec": {"fields": {"status": {"values": {"OPEN": status}}}}}
        told = {"Content-Type": "application/merge-patch+json", **headers}
        return await self.client.patch(ORDERS, json=body, headers=told)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    store, clock, specs = MemoryStore(), TurnedClock(), Specs()
    in_force = InForce(store.views, load({}, catalogue=catalogue_files()).catalogue)
    specs.write()
    await SpecsTurn(specs, Reading(Wish(), catalogue_files()), store, in_force, clock)()
    looks = Looks()

    async def look() -> None:
        looks.look("specs")

    services = Services(
        reader=RecordReader(store.views, in_force),
        syncs=AskedSyncs(),
        store=store,
        clock=clock,
        in_force=in_force,
        edits=Edits(store, in_force, clock, catalogue=catalogue_files(), changed=look),
        looks=looks,
    )
    token = await issue(store, 1, frozenset({Scope.WRITE_SPECS, Scope.READ_STATUS}))
    async with client_of(make_app(services), token) as client:
        yield Desk(client, store, services, looks)


async def test_specs_in_force_are_listed_page_by_page(desk: Desk) -> None:
    first = (await desk.client.get("/api/v1/specs?limit=1")).json()
    assert [one["address"] for one in first["data"]] == ["Connection/plant-a"]
    query = {"limit": 1, "cursor": first["next_cursor"]}
    second = (await desk.client.get("/api/v1/specs", params=query)).json()
    assert [one["address"] for one in second["data"]] == ["Mapping/orders"]
    assert second["next_cursor"] is None
    only = (await desk.client.get("/api/v1/specs?kind=Mapping")).json()
    assert [one["source"] for one in only["data"]] == ["b.yaml:1:1"]


async def test_one_spec_is_told_as_a_document_with_its_etag(desk: Desk) -> None:
    answer = await desk.client.get(ORDERS)
    told = answer.json()
    assert answer.headers["etag"] == f'"{told["digest"]}"'
    assert told["document"]["apiVersion"] == "reconciler/v1"
    assert told["document"]["spec"]["fields"]["status"]["values"] == {"OPEN": "approved"}
    assert (told["owner"], told["drifted"], told["conditions"]) == ("git", False, [])


async def test_a_patch_is_in_force_at_once_and_is_drift_by_the_tokens_name(desk: Desk) -> None:
    answer = await desk.patch("sent")
    assert answer.status_code == 200, answer.text
    assert answer.json()["drifted"]
    assert desk.looks.asked == [("specs", "")]
    (drift,) = (await desk.client.get("/api/v1/drift")).json()["data"]
    (field,) = drift["fields"]
    assert (drift["address"], drift["policy"]) == ("Mapping/orders", "report")
    assert field["path"] == "/spec/fields/status/values/OPEN"
    assert (field["applied"], field["observed"]) == ("approved", "sent")
    assert field["actor"].startswith("api:")


async def test_a_writer_says_what_it_has_seen_and_loses_to_who_was_first(desk: Desk) -> None:
    seen = (await desk.client.get(ORDERS)).headers["etag"]
    first = await desk.patch("sent", **{"If-Match": seen})
    assert first.status_code == 200
    second = await desk.patch("closed", **{"If-Match": seen})
    assert (second.status_code, second.json()["code"]) == (409, "CONFLICT")
    third = await desk.patch("closed", **{"If-Match": first.headers["etag"]})
    assert third.status_code == 200


async def test_a_broken_document_is_refused_with_what_is_wrong(desk: Desk) -> None:
    answer = await desk.patch("snet")
    assert (answer.status_code, answer.json()["code"]) == (422, "SPEC_INVALID")
    assert "snet" in str(answer.json()["errors"])
    assert (await desk.orders())["drifted"] is False


async def test_a_document_of_another_name_is_refused(desk: Desk) -> None:
    document = (await desk.orders())["document"]
    answer = await desk.client.put("/api/v1/specs/Mapping/other", json=document)
    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_CONTENT")


async def test_a_new_document_is_made_and_can_be_removed(desk: Desk) -> None:
    spec = {"connection": "plant-a", "entity": "vendors", "fields": {"name": {"from": "name"}}}
    document = {
        "apiVersion": "reconciler/v1",
        "kind": "Mapping",
        "metadata": {"name": "vendors"},
        "spec": spec,
    }
    path = "/api/v1/specs/Mapping/vendors"
    made = await desk.client.put(path, json=document)
    assert (made.status_code, made.json()["owner"]) == (201, "api")
    again = await desk.client.put(path, json=document)
    assert again.status_code == 200
    assert (await desk.client.delete(path)).status_code == 204
    assert (await desk.client.get(path)).status_code == 404


async def test_what_git_declares_is_not_removed_here(desk: Desk) -> None:
    answer = await desk.client.delete(ORDERS)
    assert answer.status_code == 400
    assert "would come back" in answer.json()["detail"]


async def test_a_spec_is_put_back_to_what_git_applied(desk: Desk) -> None:
    await desk.patch("sent")
    answer = await desk.client.post(f"{ORDERS}/revert")
    assert (answer.status_code, answer.json()["drifted"]) == (200, False)
    assert (await desk.client.post(f"{ORDERS}/revert")).status_code == 409
    assert (await desk.client.get("/api/v1/drift")).json()["data"] == []


async def test_history_tells_who_changed_what(desk: Desk) -> None:
    await desk.patch("sent")
    past = (await desk.client.get(f"{ORDERS}/history")).json()["data"]
    assert [one["change"] for one in past] == ["edit", "create"]
    assert past[0]["after"]["spec"]["fields"]["status"]["values"] == {"OPEN": "sent"}


async def test_a_kind_that_does_not_exist_is_not_found(desk: Desk) -> None:
    answer = await desk.client.get("/api/v1/specs/Maping/orders")
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


async def test_a_token_of_one_connection_sees_and_writes_what_is_about_it_alone(
    desk: Desk,
) -> None:
    document = (await desk.client.get("/api/v1/specs/Connection/plant-a")).json()["document"]
    beside = {**document, "metadata": {"name": "plant-b"}}
    await desk.client.put("/api/v1/specs/Connection/plant-b", json=beside)
    scopes = frozenset({Scope.WRITE_SPECS, Scope.READ_STATUS})
    token = await issue(desk.store, 2, scopes, "plant-a")
    other = await issue(desk.store, 3, scopes, "plant-b")
    async with client_of(make_app(desk.services), token) as client:
        listed = (await client.get("/api/v1/specs")).json()["data"]
        assert [one["address"] for one in listed] == ["Connection/plant-a", "Mapping/orders"]
        patch = {"spec": {"fields": {"status": {"values": {"OPEN": "sent"}}}}}
        headers = {"Content-Type": "application/merge-patch+json"}
        assert (await client.patch(ORDERS, json=patch, headers=headers)).status_code == 200
    async with client_of(make_app(desk.services), other) as client:
        listed = (await client.get("/api/v1/specs")).json()["data"]
        assert [one["address"] for one in listed] == ["Connection/plant-b"]
        assert (await client.get(ORDERS)).status_code == 404
        assert (await client.patch(ORDERS, json=patch, headers=headers)).status_code == 404


async def test_a_look_is_asked_for_and_told_as_done_by_its_token(desk: Desk) -> None:
    asked = await desk.client.post("/api/v1/reconcile")
    token = asked.json()["token"]
    assert (asked.status_code, asked.json()["handled"]) == (202, False)
    assert desk.looks.asked == [("specs", token)]
    path = asked.headers["location"]
    assert (await desk.client.get(path)).json()["handled"] is False
    desk.looks.done.add(token)
    assert (await desk.client.get(path)).json()["handled"] is True

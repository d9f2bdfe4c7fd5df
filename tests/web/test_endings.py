"""Connections disconnected and forgotten through the API."""

from collections.abc import AsyncIterator

import httpx
import pytest

from reconciler.connectors.catalogue import catalogue_files
from reconciler.engine.disconnecting import Disconnecting
from reconciler.engine.edits import Edits
from reconciler.engine.reader import RecordReader
from reconciler.model.access import Scope
from reconciler.ports import SyncRequest
from reconciler.web.app import Services, make_app
from tests.plant import Plant
from tests.web.conftest import AskedSyncs, client_of
from tests.web.making import issue

ACME = "/api/v1/connections/acme"


async def nobody() -> None:
    """Tell nobody."""


@pytest.fixture
async def admin(plant: Plant) -> AsyncIterator[httpx.AsyncClient]:
    edits = Edits(
        plant.store, plant.in_force, plant.clock, catalogue=catalogue_files(), changed=nobody
    )
    services = Services(
        reader=RecordReader(plant.store.views, plant.in_force),
        syncs=AskedSyncs(),
        store=plant.store,
        clock=plant.clock,
        in_force=plant.in_force,
        edits=edits,
        endings=Disconnecting(plant.store, plant.in_force, edits, plant.clock),
    )
    token = await issue(plant.store, 1, frozenset({Scope.ADMIN}))
    async with client_of(make_app(services), token) as client:
        yield client


async def test_a_disconnected_connection_is_told_with_what_was_ended(
    admin: httpx.AsyncClient, plant: Plant
) -> None:
    plant.order("a")
    await plant.syncs.run(SyncRequest("acme"))
    answer = await admin.post(f"{ACME}/disconnect", json={"reason": "contract ended"})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "connection": "acme",
        "tokens": 0,
        "credentials": 0,
        "links": 0,
        "records": 0,
        "runs": 0,
    }
    audit = await plant.store.views.audit()
    told = [one for one in audit if one.deed == "connection.disconnected"]
    assert [(one.data["reason"], one.actor[:4]) for one in told] == [("contract ended", "api:")]
    forgotten = (await admin.post(f"{ACME}/forget")).json()
    assert (forgotten["records"], forgotten["runs"]) == (1, 1)


async def test_a_connection_that_is_not_there_is_not_found(admin: httpx.AsyncClient) -> None:
    for word in ("disconnect", "forget"):
        answer = await admin.post(f"/api/v1/connections/nobody/{word}")
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")

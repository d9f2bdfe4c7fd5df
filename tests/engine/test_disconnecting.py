"""Connections that end: access ends at once, records stay or are erased, and a new connect takes it up."""

from datetime import timedelta

import pytest

from reconciler.engine.disconnecting import Disconnected, Disconnecting
from reconciler.engine.edits import Edits
from reconciler.engine.granting import By, Granting
from reconciler.engine.tokens import TokenWish
from reconciler.errors import Locked, NotFound
from reconciler.model.access import Scope
from reconciler.model.connection import ConnectionStatus
from reconciler.model.credential import Sealed
from reconciler.model.link import Link
from reconciler.model.resource import Kind, ResourceKey, make_resource
from reconciler.ports import SyncRequest
from tests.plant import Plant, connection

PAUSE = ResourceKey(Kind.OVERRIDE, "suspend-connection-acme")


async def nobody() -> None:
    """Tell nobody."""


def ending(plant: Plant) -> Disconnecting:
    edits = Edits(plant.store, plant.in_force, plant.clock, catalogue={}, changed=nobody)
    return Disconnecting(plant.store, plant.in_force, edits, plant.clock)


async def acme(plant: Plant) -> str:
    situation = await plant.in_force.look()
    return situation.uid(situation.connection("acme"))


async def connected(plant: Plant) -> str:
    """Give acme a token, a credential and an open link, and sync one order; return its uid."""
    uid, now = await acme(plant), plant.clock.now()
    plant.order("a")
    await plant.syncs.run(SyncRequest("acme"))
    async with plant.store.begin() as unit:
        wish = TokenWish("acme", frozenset({Scope.READ_RECORDS}), "2026-11-01", uid)
        await Granting(unit, By("test", now)).mint(wish)
        await unit.credentials.put(uid, [Sealed("auth.password", "k1", b"x", "f", now, "link:1")])
        await unit.links.put(Link("lnk_1", uid, b"d" * 32, "test", now, now + timedelta(days=1)))
        await unit.commit()
    return uid


async def test_disconnecting_ends_all_access_and_keeps_the_records(plant: Plant) -> None:
    uid = await connected(plant)
    done = await ending(plant).disconnect("acme", actor="cli:ada", reason="contract ended")
    assert done == Disconnected(tokens=1, credentials=1, links=1)
    assert [one.revoked_at for one in await plant.store.views.tokens()] == [plant.clock.now()]
    assert await plant.store.views.credentials(uid) == {}
    assert [one.revoked_at for one in await plant.store.views.links(uid)] == [plant.clock.now()]
    assert dict(await plant.store.views.counts()) == {(uid, "purchase-orders"): 1}
    await plant.looks.look("acme")
    state = await plant.store.views.connection_state(uid)
    assert state is not None
    assert state.status is ConnectionStatus.PAUSED
    deeds = [(one.deed, one.actor) for one in await plant.store.views.audit()]
    assert ("connection.disconnected", "cli:ada") in deeds


async def test_disconnecting_twice_is_as_once(plant: Plant) -> None:
    await connected(plant)
    await ending(plant).disconnect("acme", actor="cli:ada")
    assert await ending(plant).disconnect("acme", actor="cli:ada") == Disconnected(0, 0, 0)


async def test_who_connects_again_ends_the_pause_and_no_other(plant: Plant) -> None:
    await connected(plant)
    ends = ending(plant)
    await ends.disconnect("acme", actor="cli:ada")
    assert PAUSE in (await plant.in_force.look()).state.resources
    await ends.connected("acme", actor="link:2")
    assert PAUSE not in (await plant.in_force.look()).state.resources


async def test_forgetting_erases_records_runs_and_cursors(plant: Plant) -> None:
    uid = await connected(plant)
    done = await ending(plant).forget("acme", actor="cli:ada")
    assert (done.records, done.runs, done.tokens) == (1, 1, 1)
    assert await plant.store.views.runs(uid) == ()
    assert await plant.store.views.cursors(uid) == ()
    assert dict(await plant.store.views.counts()) == {}


async def test_a_connection_that_is_gone_and_was_retained_can_be_forgotten(plant: Plant) -> None:
    await plant.declare(connection(deletionPolicy="retain"))
    uid = await connected(plant)
    await plant.declare(make_resource(ResourceKey(Kind.CONNECTION, "beta"), connection().body))
    assert dict(await plant.store.views.counts()) == {(uid, "purchase-orders"): 1}
    done = await ending(plant).forget("acme", actor="cli:ada")
    assert done.records == 1
    assert dict(await plant.store.views.counts()) == {}


async def test_what_was_never_there_is_not_found(plant: Plant) -> None:
    with pytest.raises(NotFound, match="nothing is kept"):
        await ending(plant).forget("nobody", actor="cli:ada")
    with pytest.raises(NotFound):
        await ending(plant).disconnect("nobody", actor="cli:ada")


async def test_a_sync_under_way_is_waited_for_before_anything_is_erased(plant: Plant) -> None:
    uid = await connected(plant)
    async with plant.store.begin() as unit:
        name = f"sync:{uid}:purchase-orders"
        held = timedelta(minutes=5)
        assert await unit.leases.acquire(name, "run_1", now=plant.clock.now(), lease=held)
        await unit.commit()
    with pytest.raises(Locked, match="under way"):
        await ending(plant).forget("acme", actor="cli:ada")
    assert dict(await plant.store.views.counts()) == {(uid, "purchase-orders"): 1}
    await plant.clock.turn(held)
    assert (await ending(plant).forget("acme", actor="cli:ada")).records == 1

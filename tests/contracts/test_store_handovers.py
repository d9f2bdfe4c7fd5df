"""What every store promises of how tokens that come of links are handed over."""

from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.errors import Conflict
from reconciler.model.change import Create, Delete
from reconciler.model.link import Handover, Link
from reconciler.ports import Store
from tests.store.making import LATER, NOON, connection

ACME = connection()
NEW = Handover("lnk_1", "c1", grace=timedelta(hours=24))


async def keep(store: Store, handover: Handover) -> None:
    async with store.begin() as unit:
        await unit.handovers.put(handover)
        await unit.commit()


async def test_a_handover_is_found_by_its_link_and_by_its_code(store: Store) -> None:
    await keep(store, NEW)
    ready = NEW.ready(NOON, b"c" * 32)
    await keep(store, ready)
    async with store.begin() as unit:
        assert await unit.handovers.of("lnk_1") == ready
        assert await unit.handovers.by_code(b"c" * 32) == ready
        assert await unit.handovers.of("lnk_2") is None
        assert await unit.handovers.by_code(b"d" * 32) is None
    await keep(store, replace(ready.taken(LATER), shown=True))
    async with store.begin() as unit:
        assert await unit.handovers.of("lnk_1") == replace(ready, taken_at=LATER, shown=True)


async def test_a_handover_that_was_not_committed_is_not_there(store: Store) -> None:
    async with store.begin() as unit:
        await unit.handovers.put(NEW)
    async with store.begin() as unit:
        assert await unit.handovers.of("lnk_1") is None


async def test_two_handovers_have_no_code_or_different_ones(store: Store) -> None:
    await keep(store, NEW)
    await keep(store, replace(NEW, link="lnk_2"))
    await keep(store, NEW.ready(NOON, b"c" * 32))
    with pytest.raises(Conflict):
        await keep(store, replace(NEW, link="lnk_2").ready(NOON, b"c" * 32))


async def test_a_link_is_read_by_its_digest_outside_of_a_transaction(store: Store) -> None:
    link = Link("lnk_1", "c1", b"1" * 32, "cli:ada", NOON, LATER, "https://a.example", "s", 3)
    async with store.begin() as unit:
        await unit.links.put(link)
        assert await store.views.link_by_digest(link.digest) is None
        await unit.commit()
    assert await store.views.link_by_digest(link.digest) == link
    assert await store.views.link_by_digest(b"2" * 32) is None


async def test_the_handovers_of_a_connection_go_with_it(store: Store) -> None:
    async with store.begin() as unit:
        await unit.objects.advance_generation(0, revision="r1", at=NOON)
        await unit.objects.put(Create(ACME), actor="ada", at=NOON)
        await unit.commit()
    uid = (await store.views.state()).uids[ACME.key]
    await keep(store, replace(NEW, connection=uid))
    await keep(store, replace(NEW, link="lnk_2"))
    async with store.begin() as unit:
        await unit.objects.advance_generation(1, revision="r2", at=LATER)
        await unit.objects.put(Delete(ACME), actor="ada", at=LATER)
        await unit.commit()
    async with store.begin() as unit:
        assert await unit.handovers.of("lnk_1") is None
        assert await unit.handovers.of("lnk_2") == replace(NEW, link="lnk_2")

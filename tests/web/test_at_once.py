"""A new mapping is in the very next answer, however much is stored; no source is asked, and none is missed."""

from datetime import datetime, timedelta
from typing import Any, Final

import pytest

from reconciler.engine.remap import PAGE, Remap
from reconciler.model.access import Scope
from reconciler.model.identity import record_id
from reconciler.model.record import Batch, RecordQuery, Row
from reconciler.model.value import canonical, digest_of
from tests.plant import connection, mapping
from tests.web.conftest import Api

ORDERS: Final = "purchase-orders"
MANY: Final = 2 * PAGE + PAGE // 2
SENT = mapping(fields={"status": {"from": "state", "values": {"open": "sent", "done": "closed"}}})


async def fill(api: Api, count: int = MANY) -> None:
    """Keep orders as mapped under what is in force; every fourth is done."""
    plant = api.plant
    situation = await plant.in_force.look()
    acme = situation.connection("acme")
    mapper = situation.mapper(acme, ORDERS)
    for start in range(0, count, PAGE):
        keys = [f"{n:05}" for n in range(start, min(start + PAGE, count))]
        raws = [canonical({"no": key, "state": "open" if int(key) % 4 else "done"}) for key in keys]
        rows = [
            Row(key, record_id("po", api.uid, key), raw, _digest(raw), text, error)
            for key, raw, (text, error) in zip(keys, raws, mapper(api.uid, raws), strict=True)
        ]
        async with plant.store.begin() as unit:
            page = Batch(api.uid, ORDERS, mapper.basis, "run", rows, plant.clock.now())
            await unit.records.save(page)
            await unit.commit()


def _digest(raw: bytes) -> bytes:
    return bytes.fromhex(digest_of(raw.decode())[:32])


async def walk(api: Api, token: str, **query: str) -> list[dict[str, Any]]:
    """Return the records of all pages."""
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        asked = {**query, "limit": "500", **({"cursor": cursor} if cursor else {})}
        headers = {"Authorization": f"Bearer {token}"}
        answer = await api.client.get(f"/api/v1/{ORDERS}", params=asked, headers=headers)
        assert answer.status_code == 200, answer.text
        found += answer.json()["data"]
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return found


def statuses(records: list[dict[str, Any]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in records:
        found[one["status"]] = found.get(one["status"], 0) + 1
    return found


async def test_every_page_is_mapped_the_new_way_while_the_remap_is_under_way(api: Api) -> None:
    token = await api.token(Scope.READ_RECORDS)
    await fill(api)
    reads, probes = len(api.plant.system.reads), api.plant.system.probes
    assert statuses(await walk(api, token)) == {"approved": MANY * 3 // 4, "closed": MANY // 4}
    await api.plant.declare(connection(), SENT)
    new = {"sent": MANY * 3 // 4, "closed": MANY // 4}
    first = (await api.get(f"{ORDERS}?limit=5", token)).json()["data"]
    assert {one["status"] for one in first} <= {"sent", "closed"}
    remap = Remap(api.plant.store, api.plant.in_force, api.plant.clock)
    read = []
    for _ in range(4):
        assert statuses(await walk(api, token)) == new
        read += [run.read for run in await remap.connection("acme", pages=1)]
    assert read == [PAGE, PAGE, PAGE // 2]
    assert await remap.stale() == []
    assert (len(api.plant.system.reads), api.plant.system.probes) == (reads, probes)


async def test_one_record_by_its_id_says_under_which_mapping_it_is(api: Api) -> None:
    token = await api.token(Scope.READ_RECORDS)
    await fill(api, 3)
    path = f"{ORDERS}/{record_id('po', api.uid, '00001')}"
    before = (await api.get(path, token)).json()
    await api.plant.declare(connection(), SENT)
    after = (await api.get(path, token)).json()
    assert (before["status"], after["status"]) == ("approved", "sent")
    assert before["_meta"]["mapping_rev"] != after["_meta"]["mapping_rev"]


async def test_who_reads_what_was_modified_misses_nothing_that_a_new_mapping_changes(
    api: Api,
) -> None:
    token = await api.token(Scope.READ_RECORDS)
    await fill(api)
    seen = await walk(api, token)
    place = max((one["updated_at"] for one in seen), key=datetime.fromisoformat)
    await api.plant.clock.turn(timedelta(minutes=1))
    await api.plant.declare(connection(), SENT)
    remap = Remap(api.plant.store, api.plant.in_force, api.plant.clock)
    changed: dict[str, str] = {}
    for _ in range(5):
        news = await walk(api, token, modified_after=place)
        assert all(one["status"] == "sent" for one in news)
        changed |= {one["source_id"]: one["status"] for one in news}
        place = max([place, *(one["updated_at"] for one in news)], key=datetime.fromisoformat)
        await api.plant.clock.turn(timedelta(minutes=1))
        await remap.connection("acme", pages=1)
    due = {one["source_id"] for one in seen if one["status"] == "approved"}
    assert changed == dict.fromkeys(due, "sent")


@pytest.mark.parametrize("remapped", [0, 1, None])
async def test_taken_back_it_is_as_it_was_wherever_the_remap_stood(
    api: Api, remapped: int | None
) -> None:
    token = await api.token(Scope.READ_RECORDS)
    await fill(api, PAGE + 10)
    query = RecordQuery(ORDERS, limit=10_000)
    stored = {one.id: one.mapped for one in await api.plant.store.views.records(query)}
    before = statuses(await walk(api, token))
    await api.plant.declare(connection(), SENT)
    remap = Remap(api.plant.store, api.plant.in_force, api.plant.clock)
    if remapped is None:
        await remap.all()
    elif remapped:
        await remap.connection("acme", pages=remapped)
    assert statuses(await walk(api, token)) != before
    await api.plant.declare(connection())
    assert statuses(await walk(api, token)) == before
    await remap.all()
    assert {one.id: one.mapped for one in await api.plant.store.views.records(query)} == stored
    assert api.plant.system.reads == []

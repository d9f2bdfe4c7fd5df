"""What every store promises of records: nothing written that is as stored, nothing missed that is not."""

from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.errors import Conflict
from reconciler.model.record import RecordQuery, Row, Saved, StoredRecord
from reconciler.ports import Store
from tests.store.making import LATER, NOON, ORDERS, TICK, batch, row, save

ALL = RecordQuery(ORDERS, deleted=True, limit=1000)


async def stored(store: Store, source_id: str = "1") -> StoredRecord:
    found = await store.views.record(row(source_id).id)
    assert found is not None
    return found


async def bury(store: Store, *source_ids: str) -> int:
    async with store.begin() as unit:
        buried = await unit.records.bury("c1", ORDERS, source_ids, at=LATER)
        await unit.commit()
    return buried


async def remap(store: Store, *rows: Row, basis: str = "b2") -> int:
    async with store.begin() as unit:
        differ = await unit.records.remap(batch(*rows, basis=basis, at=LATER))
        await unit.commit()
    return differ


# ── save ─────────────────────────────────────────────────────────────────────────────────────────


async def test_a_record_comes_back_as_it_was_saved(store: Store) -> None:
    one, bad = row("ä/1|2"), row("2", mapped=None, error="field 'status': no such value")
    saved = await save(store, batch(one, bad))
    assert saved == Saved(created=2, changed_ids=(one.id, bad.id))
    assert await store.views.record(one.id) == StoredRecord(
        id=one.id,
        connection="c1",
        entity=ORDERS,
        source_id="ä/1|2",
        raw=b"raw",
        mapped=b"mapped",
        basis="b1",
        error=None,
        created_at=NOON,
        updated_at=NOON,
        deleted_at=None,
        run="run-1",
    )
    found = await store.views.record(bad.id)
    assert found is not None
    assert (found.mapped, found.error) == (None, "field 'status': no such value")
    assert await store.views.record("po_none") is None


async def test_invariant_7_an_unchanged_record_is_not_written(store: Store) -> None:
    page = batch(row("1"), row("2"))
    await save(store, page)
    again = replace(page, at=LATER, run="run-2")
    assert await save(store, again) == Saved(unchanged=2)
    assert (await stored(store)).run == "run-1"


async def test_of_a_page_only_what_differs_is_counted_as_changed(store: Store) -> None:
    await save(store, batch(row("1"), row("2")))
    newer = row("2", "raw 2", "mapped 2")
    saved = await save(store, batch(row("3"), row("1"), newer, at=LATER))
    assert saved == Saved(1, 1, 1, (row("3").id, newer.id))
    after = await stored(store, "2")
    assert (after.raw, after.mapped) == (b"raw 2", b"mapped 2")
    assert (after.created_at, after.updated_at) == (NOON, LATER)


async def test_an_empty_page_does_nothing(store: Store) -> None:
    assert await save(store, batch()) == Saved()


async def test_of_a_source_id_given_twice_the_last_counts(store: Store) -> None:
    saved = await save(store, batch(row("1", "first"), row("1", "last")))
    assert saved == Saved(created=1, changed_ids=(row("1").id,))
    assert (await stored(store)).raw == b"last"


async def test_a_new_raw_that_maps_to_the_same_is_changed_but_not_updated(store: Store) -> None:
    await save(store, batch(row("1")))
    saved = await save(store, batch(row("1", "other raw"), at=LATER))
    assert saved == Saved(updated=1, changed_ids=(row("1").id,))
    after = await stored(store)
    assert (after.raw, after.updated_at) == (b"other raw", NOON)


async def test_a_row_mapped_under_a_new_basis_is_updated_only_if_it_maps_otherwise(
    store: Store,
) -> None:
    await save(store, batch(row("1"), row("2")))
    page = batch(row("1"), row("2", mapped="otherwise"), basis="b2", at=LATER)
    assert await save(store, page) == Saved(updated=1, unchanged=1, changed_ids=(row("2").id,))
    same, other = await stored(store, "1"), await stored(store, "2")
    assert (same.basis, same.updated_at) == ("b2", NOON)
    assert (other.basis, other.updated_at) == ("b2", LATER)


async def test_an_error_that_comes_and_goes_is_an_update(store: Store) -> None:
    await save(store, batch(row("1")))
    failed = row("1", "raw 2", None, error="no number")
    await save(store, batch(failed, at=LATER))
    assert (await stored(store)).updated_at == LATER
    await save(store, batch(row("1"), at=LATER))
    assert ((await stored(store)).error, (await stored(store)).mapped) == (None, b"mapped")


async def test_a_tombstone_that_comes_back_is_alive(store: Store) -> None:
    await save(store, batch(row("1")))
    await bury(store, "1")
    saved = await save(store, batch(row("1"), at=LATER))
    assert saved == Saved(updated=1, changed_ids=(row("1").id,))
    after = await stored(store)
    assert (after.deleted_at, after.created_at) == (None, NOON)
    assert after.updated_at > LATER
    assert dict(await store.views.counts()) == {("c1", ORDERS): 1}


async def test_records_of_other_connections_and_entities_are_others(store: Store) -> None:
    await save(store, batch(row("1")))
    other, vendor = row("1", of="c2"), replace_id(row("1"), "ve_1")
    assert (await save(store, batch(other, of="c2"))).created == 1
    assert (await save(store, batch(vendor, entity="vendors"))).created == 1
    assert dict(await store.views.counts()) == {
        ("c1", ORDERS): 1,
        ("c2", ORDERS): 1,
        ("c1", "vendors"): 1,
    }


async def test_two_records_can_not_have_one_id(store: Store) -> None:
    await save(store, batch(row("1")))
    with pytest.raises(Conflict):
        await save(store, batch(replace_id(row("2"), row("1").id)))
    assert await store.views.source_ids("c1", ORDERS) == ["1"]


def replace_id(one: Row, new: str) -> Row:
    return one._replace(id=new)


async def test_times_rise_with_the_transactions_even_if_the_clock_stands_or_goes_back(
    store: Store,
) -> None:
    for number, at in enumerate((NOON, NOON, NOON - timedelta(hours=1), LATER)):
        await save(store, batch(row(str(number)), at=at))
    found = await store.views.records(ALL)
    assert [(one.source_id, one.updated_at) for one in found] == [
        ("0", NOON),
        ("1", NOON + TICK),
        ("2", NOON + 2 * TICK),
        ("3", LATER),
    ]


async def test_a_large_page_is_kept_whole(store: Store) -> None:
    page = batch(*(row(f"{number:04}") for number in range(2500)))
    assert (await save(store, page)).created == 2500
    assert (await save(store, page)).unchanged == 2500
    assert await bury(store, *(f"{number:04}" for number in range(2000))) == 2000
    assert dict(await store.views.counts()) == {("c1", ORDERS): 500}


# ── remap ────────────────────────────────────────────────────────────────────────────────────────


async def test_a_remap_writes_what_differs_and_leaves_raw_alone(store: Store) -> None:
    await save(store, batch(row("1"), row("2")))
    assert await remap(store, row("1", mapped="new"), row("2")) == 1
    new, same = await stored(store, "1"), await stored(store, "2")
    assert (new.raw, new.mapped, new.basis, new.updated_at) == (b"raw", b"new", "b2", LATER)
    assert (same.mapped, same.basis, same.updated_at) == (b"mapped", "b2", NOON)


async def test_a_remap_leaves_rows_whose_raw_has_moved_on(store: Store) -> None:
    await save(store, batch(row("1", "newer raw")))
    assert await remap(store, row("1", "raw", "from old raw"), row("unknown")) == 0
    after = await stored(store)
    assert (after.mapped, after.basis) == (b"mapped", "b1")


async def test_a_remap_maps_tombstones_and_leaves_them_dead(store: Store) -> None:
    await save(store, batch(row("1")))
    await bury(store, "1")
    assert await remap(store, row("1", mapped="new")) == 1
    after = await stored(store)
    assert after.mapped == b"new"
    assert after.deleted_at is not None
    assert dict(await store.views.counts()) == {}


async def test_bases_tell_under_which_mappings_records_lie_dead_ones_too(store: Store) -> None:
    assert dict(await store.views.bases()) == {}
    await save(store, batch(row("1"), row("2")))
    await save(store, batch(row("1", of="c2"), of="c2"))
    await bury(store, "2")
    assert await remap(store, row("1", mapped="new")) == 1
    both = frozenset({"b1", "b2"})
    assert dict(await store.views.bases("c1")) == {("c1", ORDERS): both}
    assert dict(await store.views.bases()) == {
        ("c1", ORDERS): both,
        ("c2", ORDERS): frozenset({"b1"}),
    }
    await remap(store, row("2"))
    assert dict(await store.views.bases("c1")) == {("c1", ORDERS): frozenset({"b2"})}
    assert dict(await store.views.bases("c3")) == {}


# ── bury, erase ──────────────────────────────────────────────────────────────────────────────────


async def test_burying_counts_the_living_and_tells_pollers(store: Store) -> None:
    await save(store, batch(row("1"), row("2"), row("3")))
    assert await bury(store, "1", "2", "2", "unknown") == 2
    assert await bury(store, "1") == 0
    assert await bury(store) == 0
    dead = await stored(store)
    assert dead.deleted_at == dead.updated_at == LATER
    assert await store.views.source_ids("c1", ORDERS) == ["3"]
    assert dict(await store.views.counts()) == {("c1", ORDERS): 1}


async def test_erasing_leaves_no_trace_of_one_entity_or_of_all(store: Store) -> None:
    await save(store, batch(row("1"), row("2")))
    await save(store, batch(replace_id(row("1"), "ve_1"), entity="vendors"))
    await save(store, batch(row("1", of="c2"), of="c2"))
    async with store.begin() as unit:
        assert await unit.records.erase("c1", ORDERS) == 2
        await unit.commit()
    assert dict(await store.views.counts()) == {("c1", "vendors"): 1, ("c2", ORDERS): 1}
    async with store.begin() as unit:
        assert await unit.records.erase("c1") == 1
        assert await unit.records.erase("c1") == 0
        await unit.commit()
    assert dict(await store.views.counts()) == {("c2", ORDERS): 1}


# ── reading ──────────────────────────────────────────────────────────────────────────────────────


async def filled(store: Store) -> list[StoredRecord]:
    """Save three pages of two connections, one a minute, and bury one record; return all in order."""
    for minute, owner in enumerate(("c1", "c2", "c1")):
        rows = (row(f"{minute}{number}", of=owner) for number in range(4))
        await save(store, batch(*rows, of=owner, at=NOON + timedelta(minutes=minute)))
    async with store.begin() as unit:
        await unit.records.bury("c1", ORDERS, ["01"], at=NOON + timedelta(minutes=9))
        await unit.commit()
    return list(await store.views.records(ALL))


@pytest.mark.parametrize(
    "connections", [None, ("c1",), ("c2", "c1"), tuple(f"c{n}" for n in range(40))]
)
@pytest.mark.parametrize("limit", [1, 3, 5, 100])
async def test_pages_by_updated_at_and_id_give_each_record_once_and_in_order(
    store: Store, connections: tuple[str, ...] | None, limit: int
) -> None:
    wanted = [
        one for one in await filled(store) if connections is None or one.connection in connections
    ]
    assert wanted == sorted(wanted, key=lambda one: (one.updated_at, one.id))
    query, read = replace(ALL, connections=connections, limit=limit), list[StoredRecord]()
    while page := await store.views.records(query):
        read.extend(page)
        query = replace(query, after=(page[-1].updated_at, page[-1].id))
    assert read == wanted


async def test_a_query_without_connections_to_ask_finds_nothing(store: Store) -> None:
    await filled(store)
    assert await store.views.records(replace(ALL, connections=())) == ()


async def test_tombstones_are_shown_on_wish_alone(store: Store) -> None:
    everything = await filled(store)
    assert everything[-1].deleted_at is not None
    living = await store.views.records(replace(ALL, deleted=False))
    assert list(living) == everything[:-1]


async def test_modified_and_created_after_are_later_than_that(store: Store) -> None:
    everything = await filled(store)
    second = NOON + timedelta(minutes=1)
    modified = await store.views.records(replace(ALL, modified_after=second))
    assert list(modified) == [one for one in everything if one.updated_at > second]
    created = await store.views.records(replace(ALL, created_after=NOON))
    assert list(created) == [one for one in everything if one.created_at > NOON]
    both = await store.views.records(
        replace(ALL, created_after=NOON, modified_after=second, after=(NOON, "zz"))
    )
    assert list(both) == [one for one in everything if one.created_at > second]


async def test_records_are_found_by_their_ids(store: Store) -> None:
    await filled(store)
    ids = (row("00").id, row("10", of="c2").id, "po_none")
    found = await store.views.records(replace(ALL, ids=ids))
    assert {one.id for one in found} == set(ids[:2])
    mine = await store.views.records(replace(ALL, ids=ids, connections=("c1",)))
    assert {one.id for one in mine} == {ids[0]}


async def test_stale_rows_come_page_by_page_until_none_is_left(store: Store) -> None:
    await save(store, batch(*(row(str(number)) for number in range(5))))
    await save(store, batch(row("5"), basis="b2"))
    await bury(store, "3")
    read: list[Row] = []
    after = ""
    while page := await store.views.stale("c1", ORDERS, basis="b2", after=after, limit=2):
        read.extend(page)
        after = page[-1].id
    assert sorted(read) == [
        row(str(number))._replace(basis="b1", dead=number == 3) for number in range(5)
    ]
    assert await remap(store, *(one._replace(mapped=b"new") for one in read)) == 5
    assert await store.views.stale("c1", ORDERS, basis="b2", after="", limit=2) == ()
    assert len(await store.views.stale("c1", ORDERS, basis="b3", after="", limit=9)) == 6
    assert await store.views.stale("c2", ORDERS, basis="b3", after="", limit=9) == ()


# ── what failed ──────────────────────────────────────────────────────────────────────────────────


async def with_failures(store: Store) -> list[StoredRecord]:
    """Save records of two connections of which every other one failed, and bury one; return all in order."""
    for minute, owner in enumerate(("c1", "c2", "c1")):
        failed = [row(f"{minute}{n}", mapped=None, error="why", of=owner) for n in range(3)]
        sound = [row(f"{minute}{n}s", of=owner) for n in range(3)]
        page = batch(*failed, *sound, of=owner, at=NOON + timedelta(minutes=minute))
        await save(store, page)
    await bury(store, "00")
    return list(await store.views.records(ALL))


@pytest.mark.parametrize("connections", [None, ("c1",), ("c2", "c1"), ()])
@pytest.mark.parametrize("deleted", [False, True], ids=["living", "all"])
async def test_only_what_failed_is_read_page_by_page(
    store: Store, connections: tuple[str, ...] | None, *, deleted: bool
) -> None:
    wanted = [
        one
        for one in await with_failures(store)
        if one.error is not None
        and (connections is None or one.connection in connections)
        and (deleted or one.deleted_at is None)
    ]
    query = replace(ALL, connections=connections, deleted=deleted, failed=True, limit=2)
    read = list[StoredRecord]()
    while page := await store.views.records(query):
        read.extend(page)
        query = replace(query, after=(page[-1].updated_at, page[-1].id))
    assert read == wanted
    assert len({one.id for one in read}) == len(read)


async def test_what_failed_is_asked_for_by_id_too(store: Store) -> None:
    await with_failures(store)
    ids = (row("10", of="c2").id, row("10s", of="c2").id)
    found = await store.views.records(replace(ALL, ids=ids, failed=True))
    assert [one.source_id for one in found] == ["10"]


async def test_living_records_that_failed_are_counted_where_there_are_any(store: Store) -> None:
    assert dict(await store.views.failures()) == {}
    await with_failures(store)
    assert dict(await store.views.failures()) == {("c1", ORDERS): 5, ("c2", ORDERS): 3}
    await remap(store, row("01"), row("02"))
    assert dict(await store.views.failures()) == {("c1", ORDERS): 3, ("c2", ORDERS): 3}


async def test_a_remap_of_rows_as_they_were_seen_moves_those_that_are_not_the_same(
    store: Store,
) -> None:
    await save(store, batch(*(row(str(number)) for number in range(4))))
    await bury(store, "2", "3")
    seen = await store.views.stale("c1", ORDERS, basis="b2", after="", limit=9)
    assert [(one.source_id, bool(one.dead)) for one in seen] == [
        ("0", False),
        ("1", False),
        ("2", True),
        ("3", True),
    ]
    before = {one.source_id: one for one in await store.views.records(ALL)}
    new = [
        one._replace(same=True) if int(one.source_id) % 2 else one._replace(mapped=b"new")
        for one in seen
    ]
    assert await remap(store, *new) == 2
    after = {one.source_id: one for one in await store.views.records(ALL)}
    assert {one.basis for one in after.values()} == {"b2"}
    assert [after[key].mapped for key in "0123"] == [b"new", b"mapped", b"new", b"mapped"]
    moved = [after[key].updated_at > before[key].updated_at for key in "0123"]
    assert moved == [True, False, True, False]
    assert [after[key].deleted_at for key in "0123"] == [before[key].deleted_at for key in "0123"]
    assert await store.views.bases() == {("c1", ORDERS): frozenset({"b2"})}
    assert dict(await store.views.counts()) == {("c1", ORDERS): 2}


async def test_a_remap_leaves_to_others_what_has_changed_since_it_was_seen(store: Store) -> None:
    await save(store, batch(*(row(str(number)) for number in range(5))))
    seen = await store.views.stale("c1", ORDERS, basis="b2", after="", limit=9)
    await save(store, batch(row("1", raw="newer", mapped="newer")))
    await bury(store, "2")
    await save(store, batch(row("3", mapped="otherwise"), basis="b3"))
    same = [one._replace(same=True) for one in seen]
    assert await remap(store, *same) == 1  # what b3 made of it is not what was seen
    found = {one.source_id: one for one in await store.views.records(ALL)}
    assert [found[key].basis for key in "01234"] == ["b2", "b1", "b2", "b2", "b2"]
    assert (found["1"].raw, found["1"].mapped) == (b"newer", b"newer")
    assert found["2"].deleted_at is not None
    assert found["3"].mapped == b"mapped"
    assert await store.views.bases() == {("c1", ORDERS): frozenset({"b1", "b2"})}
    assert dict(await store.views.counts()) == {("c1", ORDERS): 4}


# ── records to be mapped otherwise ───────────────────────────────────────────────────────────────


async def test_live_records_are_walked_by_source_id_each_once_with_their_basis(
    store: Store,
) -> None:
    bad = row("2", mapped=None, error="status: no")
    await save(store, batch(row("1"), bad, row("3"), row("4")))
    await save(store, batch(row("10"), basis="b2"))
    await save(store, batch(row("1", of="c2"), of="c2"))
    await save(store, batch(replace_id(row("1"), "ve_1"), entity="vendors"))
    await bury(store, "3")
    first = await store.views.mapped("c1", ORDERS, limit=2)
    assert [(one.source_id, one.basis) for one in first] == [("1", "b1"), ("10", "b2")]
    second = await store.views.mapped("c1", ORDERS, after="10", limit=2)
    assert [tuple(one) for one in second] == [
        ("2", bad.id, b"raw", None, "status: no", "b1"),
        ("4", row("4").id, b"raw", b"mapped", None, "b1"),
    ]
    assert await store.views.mapped("c1", ORDERS, after="4", limit=2) == ()


async def test_chosen_records_are_walked_whatever_the_limit_and_never_dead_ones(
    store: Store,
) -> None:
    await save(store, batch(*(row(str(n)) for n in range(5))))
    await bury(store, "3")
    ids = [row(key).id for key in ("4", "3", "1", "none")]
    found = await store.views.mapped("c1", ORDERS, limit=1, ids=ids)
    assert [one.source_id for one in found] == ["1", "4"]
    assert await store.views.mapped("c1", ORDERS, limit=1, ids=[]) == ()


async def test_ids_below_a_bound_are_those_of_live_records_in_their_order(store: Store) -> None:
    await save(store, batch(*(row(str(n)) for n in range(40))))
    await save(store, batch(row("1", of="c2"), of="c2"))
    await bury(store, "3", "4")
    alive = sorted(row(str(n)).id for n in range(40) if n not in {3, 4})
    bound = alive[10]
    assert list(await store.views.ids_below("c1", ORDERS, bound)) == alive[:10]
    assert list(await store.views.ids_below("c1", ORDERS, "po_g")) == alive

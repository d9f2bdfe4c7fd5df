"""What every store promises of transactions, and of the resources in force."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.errors import Conflict, NotFound, PlanStale
from reconciler.model.change import (
    Adopt,
    Change,
    Create,
    Delete,
    Forget,
    Marks,
    Rename,
    Replace,
    State,
    Update,
)
from reconciler.model.connection import ConnectionState, ConnectionStatus
from reconciler.model.identity import connection_uid
from reconciler.model.record import RecordQuery
from reconciler.model.resource import Kind, Origin, Owner, Resource, ResourceKey, with_body
from reconciler.model.sync import Cursor
from reconciler.ports import Store
from tests.store.making import (
    LATER,
    NOON,
    ORDERS,
    batch,
    connection,
    declare,
    event,
    renamed,
    row,
    save,
    schedule,
    token,
)

ACME = connection()


async def apply(store: Store, *changes: Change, base: int) -> State:
    async with store.begin() as unit:
        await unit.objects.advance_generation(base, revision=f"r{base + 1}", at=LATER)
        for change in changes:
            await unit.objects.put(change, actor="bob", at=LATER)
        await unit.commit()
    return await store.views.state()


async def uid_of(store: Store, resource: Resource) -> str:
    return (await store.views.state()).uids[resource.key]


# ── transactions ─────────────────────────────────────────────────────────────────────────────────


async def test_an_empty_store_is_at_generation_nought(store: Store) -> None:
    assert await store.views.state() == State()


def marks_of(state: State) -> Marks:
    found = {(key.kind.value, key.name): one.digest for key, one in state.resources.items()}
    owned = all(one.owner is Owner.GIT for one in state.resources.values())
    return Marks(state.generation, found, plain=owned and not state.applied)


async def test_marks_are_those_of_the_state(store: Store) -> None:
    assert await store.views.marks() == Marks(0, {}, plain=True)
    await apply(store, Create(ACME), Create(schedule()), base=0)
    marks = await store.views.marks()
    assert marks == marks_of(await store.views.state())
    assert (len(marks.digests), marks.plain) == (2, True)
    gone = await apply(store, Forget(ACME), base=1)
    assert await store.views.marks() == marks_of(gone)


async def test_marks_are_not_plain_where_something_was_edited(
    store: Store,
) -> None:
    await apply(store, Create(ACME), base=0)
    async with store.begin() as unit:
        edited = with_body(ACME, {**ACME.body, "spec": {**ACME.spec, "history": "1d"}})
        await unit.objects.edit(ACME, edited, actor="ui:jo", at=LATER)
        await unit.commit()
    marks = await store.views.marks()
    assert not marks.plain
    assert marks == marks_of(await store.views.state())
    assert marks.digests["Connection", ACME.key.name] == edited.digest


async def test_marks_are_not_plain_where_the_api_owns_something(store: Store) -> None:
    await apply(store, Create(replace(ACME, owner=Owner.API)), base=0)
    marks = await store.views.marks()
    assert not marks.plain
    assert marks == marks_of(await store.views.state())


async def test_what_is_not_committed_is_taken_back(store: Store) -> None:
    async with store.begin() as unit:
        await unit.objects.advance_generation(0, revision="r", at=NOON)
        await unit.objects.put(Create(ACME), actor="ada", at=NOON)
        await unit.outbox.emit([event()])
        await unit.records.save(batch(row("1")))
    assert await store.views.state() == State()
    assert await store.views.events() == ()
    assert await store.views.records(RecordQuery(ORDERS)) == ()
    assert dict(await store.views.counts()) == {}


async def test_an_error_inside_takes_everything_back(store: Store) -> None:
    async def failing() -> None:
        async with store.begin() as unit:
            await unit.outbox.emit([event()])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await failing()
    assert await store.views.events() == ()


async def test_work_that_failed_cannot_be_committed_by_half(store: Store) -> None:
    async with store.begin() as unit:
        await unit.outbox.emit([event()])
        with pytest.raises(PlanStale):
            await unit.objects.advance_generation(7, revision="r", at=NOON)
        with pytest.raises(RuntimeError, match="over"):
            await unit.commit()
    assert await store.views.events() == ()


async def test_a_unit_is_over_when_it_is_committed(store: Store) -> None:
    async with store.begin() as unit:
        await unit.commit()
        with pytest.raises(RuntimeError, match="over"):
            await unit.outbox.emit([event()])


async def test_a_unit_reads_what_it_wrote_and_others_do_not_yet(store: Store) -> None:
    async with store.begin() as unit:
        await unit.objects.advance_generation(0, revision="r", at=NOON)
        await unit.objects.put(Create(ACME), actor="ada", at=NOON)
        assert ACME.key in (await unit.objects.state()).resources
        assert await store.views.resource(ACME.key) is None
        await unit.commit()
    assert await store.views.resource(ACME.key) == ACME


async def test_a_cancelled_transaction_is_taken_back_and_the_store_goes_on(store: Store) -> None:
    inside = asyncio.Event()

    async def interrupted() -> None:
        async with store.begin() as unit:
            await unit.outbox.emit([event(1)])
            inside.set()
            await asyncio.get_running_loop().create_future()

    task = asyncio.create_task(interrupted())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with store.begin() as unit:
        await unit.outbox.emit([event(2)])
        await unit.commit()
    assert [one.id for one in await store.views.events()] == ["evt-2"]


async def test_many_transactions_at_once_all_come_to_pass(store: Store) -> None:
    async def one(number: int) -> None:
        async with store.begin() as unit:
            await unit.outbox.emit([event(number)])
            await unit.commit()

    await asyncio.gather(*(one(number) for number in range(12)))
    assert {one.id for one in await store.views.events()} == {f"evt-{n}" for n in range(12)}


# ── the invariants of the house that a store keeps ───────────────────────────────────────────────


async def test_invariant_5_a_plan_applies_whole_or_not_at_all_and_of_two_one_is_stale(
    store: Store,
) -> None:
    async def applying(name: str) -> None:
        async with store.begin() as unit:
            await unit.objects.advance_generation(0, revision=name, at=NOON)
            await unit.objects.put(Create(connection(name)), actor=name, at=NOON)
            await unit.commit()

    ends = await asyncio.gather(applying("a"), applying("b"), return_exceptions=True)
    assert sorted(type(end).__name__ for end in ends) == ["NoneType", "PlanStale"]
    state = await store.views.state()
    assert state.generation == 1
    assert [key.name for key in state.resources] == [state.revision]


async def test_invariant_6_state_and_the_event_that_tells_of_it_are_in_one_transaction(
    store: Store,
) -> None:
    async with store.begin() as unit:
        await unit.objects.advance_generation(0, revision="r", at=NOON)
        await unit.objects.put(Create(ACME), actor="ada", at=NOON)
        await unit.outbox.emit([event()])
        assert await store.views.events() == ()
        assert (await store.views.state()).generation == 0
        await unit.commit()
    assert await store.views.events() == (event(),)
    assert (await store.views.state()).generation == 1


async def test_invariant_7_a_page_is_kept_whole_with_its_cursor_or_thrown_away(
    store: Store,
) -> None:
    stands = Cursor("c1", ORDERS, "b1", position="1", advanced_at=NOON)
    async with store.begin() as unit:
        await unit.runs.move(stands, before=None)
        await unit.commit()
    async with store.begin() as unit:
        await unit.records.save(batch(row("1")))
        moved = replace(stands, position="3")
        with pytest.raises(Conflict, match="moved by another run"):
            await unit.runs.move(moved, before=replace(stands, position="2"))
    assert await store.views.record(row("1").id) is None
    assert await store.views.cursors() == (stands,)


async def test_a_stale_plan_names_both_generations_and_who_moved_the_state_when(
    store: Store,
) -> None:
    await declare(store, ACME)
    async with store.begin() as unit:
        with pytest.raises(PlanStale, match=r"generation 0.* generation 1.* by ada at 2025-06-01"):
            await unit.objects.advance_generation(0, revision="r", at=NOON)


# ── resources ────────────────────────────────────────────────────────────────────────────────────


async def test_a_resource_comes_back_as_it_was_put(store: Store) -> None:
    whole = replace(
        schedule(),
        owner=Owner.API,
        origin=Origin("specs/a.yaml", 3, 5),
        previous_name="before",
        needs=frozenset({ACME.key, ResourceKey(Kind.MAPPING, "m")}),
    )
    await declare(store, ACME, whole)
    state = await store.views.state()
    assert state.resources == {ACME.key: ACME, whole.key: whole}
    assert (state.generation, state.revision) == (1, "r1")
    assert await store.views.resource(whole.key) == whole
    assert await store.views.resource(ResourceKey(Kind.MAPPING, "m")) is None


async def test_the_uid_of_a_connection_is_of_its_name_alone(store: Store) -> None:
    await declare(store, ACME, schedule())
    state = await store.views.state()
    assert state.uids[ACME.key] == connection_uid("acme")
    assert len(set(state.uids.values())) == 2


async def test_an_update_and_an_adoption_keep_the_uid(store: Store) -> None:
    await declare(store, replace(ACME, owner=Owner.API))
    newer = connection(history="30d")
    state = await apply(
        store,
        Update(ACME, replace(newer, owner=Owner.API), ()),
        Adopt(replace(newer, owner=Owner.API), newer),
        base=1,
    )
    assert state.resources == {ACME.key: newer}
    assert state.uids == {ACME.key: connection_uid("acme")}


async def test_a_rename_keeps_the_uid_and_the_old_name_is_free_for_another(store: Store) -> None:
    await declare(store, ACME)
    other = renamed(ACME, "acme-eu")
    state = await apply(store, Rename(ACME, other), Create(connection("acme")), base=1)
    assert state.uids[other.key] == connection_uid("acme")
    assert state.uids[ACME.key] == connection_uid("acme", taken=frozenset({connection_uid("acme")}))


async def test_a_name_that_is_taken_can_not_be_taken_again(store: Store) -> None:
    await declare(store, ACME, connection("other"))
    for change in (Create(ACME), Rename(connection("other"), ACME)):
        with pytest.raises(Conflict, match="Connection/acme is in force already"):
            await apply(store, change, base=1)


async def test_what_is_not_in_force_can_not_be_changed(store: Store) -> None:
    for change in (Update(ACME, ACME, ()), Delete(ACME), Forget(ACME), Replace(ACME, ACME, (), ())):
        with pytest.raises(Conflict, match="not in force any more"):
            await apply(store, change, base=0)


async def owned(store: Store, resource: Resource) -> str:
    """Give a connection everything that it can own, and return its uid."""
    await declare(store, resource)
    uid = await uid_of(store, resource)
    await save(store, batch(row("1", of=uid), of=uid))
    async with store.begin() as unit:
        await unit.runs.move(Cursor(uid, ORDERS, "b1"), before=None)
        await unit.tokens.put(token(of=uid))
        await unit.tokens.put(token(2, of=None))
        state = ConnectionState(resource.key, "b", ConnectionStatus.ONLINE, NOON)
        await unit.health.put(state)
        await unit.commit()
    return uid


async def test_deleting_a_connection_removes_what_it_owns(store: Store) -> None:
    uid = await owned(store, ACME)
    state = await apply(store, Delete(ACME), base=1)
    assert state.resources == {}
    assert await store.views.record(row("1", of=uid).id) is None
    assert await store.views.cursors() == ()
    assert await store.views.connection_states() == {}
    assert {one.id: one.revoked_at for one in await store.views.tokens()} == {
        "tok-1": LATER,
        "tok-2": None,
    }


async def test_deleting_retains_records_where_the_connection_in_force_says_so(
    store: Store,
) -> None:
    kept = connection(policy="retain")
    uid = await owned(store, kept)
    told_otherwise = connection(policy="delete")
    await apply(store, Delete(told_otherwise), base=1)
    assert dict(await store.views.counts()) == {(uid, ORDERS): 1}
    assert await store.views.cursors() == ()


async def test_forgetting_keeps_all_data_and_the_name_finds_it_again(store: Store) -> None:
    uid = await owned(store, ACME)
    state = await apply(store, Forget(ACME), base=1)
    assert state.resources == {}
    assert await store.views.connection_states() == {}
    assert len(await store.views.cursors(uid)) == 1
    assert dict(await store.views.counts()) == {(uid, ORDERS): 1}
    state = await apply(store, Create(ACME), base=2)
    assert state.uids == {ACME.key: uid}
    assert len(await store.views.connection_states()) == 1


async def test_data_of_one_that_was_renamed_and_forgotten_is_not_found_by_its_first_name(
    store: Store,
) -> None:
    uid = await owned(store, ACME)
    other = renamed(ACME, "acme-eu")
    await apply(store, Rename(ACME, other), base=1)
    await apply(store, Forget(other), base=2)
    state = await apply(store, Create(ACME), Create(other), base=3)
    assert state.uids[other.key] == uid
    assert state.uids[ACME.key] != uid


@pytest.mark.parametrize("policy", ["delete", "retain"])
async def test_a_replaced_connection_starts_anew_under_its_uid_and_without_tokens(
    store: Store, policy: str
) -> None:
    """A token read the old system's records: whoever held it is not to read the new one's."""
    before = connection(policy=policy)
    uid = await owned(store, before)
    state = await apply(store, Replace(before, connection(connector="sap"), (), ()), base=1)
    assert state.uids == {before.key: uid}
    assert await store.views.cursors() == ()
    assert await store.views.connection_states() == {}
    assert dict(await store.views.counts()) == {}
    assert (await store.views.record(row("1", of=uid).id) is not None) is (policy == "retain")
    assert {one.id: one.revoked_at for one in await store.views.tokens()} == {
        "tok-1": LATER,
        "tok-2": None,
    }


@pytest.mark.parametrize("policy", ["delete", "retain"])
async def test_a_grace_does_not_outlive_the_connection(store: Store, policy: str) -> None:
    before = connection(policy=policy)
    uid = await owned(store, before)
    hour = timedelta(hours=1)
    ends = {3: LATER + hour, 4: LATER - hour}
    async with store.begin() as unit:
        for number, at in ends.items():
            await unit.tokens.put(replace(token(number, of=uid), revoked_at=at))
        await unit.commit()
    await apply(store, Delete(before), base=1)
    found = {one.id: one.revoked_at for one in await store.views.tokens()}
    assert (found["tok-3"], found["tok-4"]) == (LATER, LATER - hour)


# ── how connections are ──────────────────────────────────────────────────────────────────────────


async def test_the_state_of_a_connection_is_known_by_uid_under_the_name_it_has_now(
    store: Store,
) -> None:
    uid = await owned(store, ACME)
    worse = ConnectionState(
        ACME.key, "b", ConnectionStatus.OFFLINE, NOON + timedelta(hours=1), 3, "no route"
    )
    async with store.begin() as unit:
        await unit.health.put(worse)
        await unit.commit()
    assert await store.views.connection_states() == {uid: worse}
    other = renamed(ACME, "acme-eu")
    await apply(store, Rename(ACME, other), base=1)
    assert await store.views.connection_states() == {uid: replace(worse, key=other.key)}


async def test_the_state_of_a_connection_that_is_not_in_force_is_refused(store: Store) -> None:
    async with store.begin() as unit:
        with pytest.raises(NotFound, match="Connection/acme"):
            await unit.health.put(ConnectionState(ACME.key, "b", ConnectionStatus.ONLINE, NOON))

"""What every store promises of edits beside git, the drift ledger, conditions, the audit log and leases."""

from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.errors import LeaseLost
from reconciler.model.audit import AuditEntry, Pin, broken_link
from reconciler.model.change import ABSENT, Create, Delete, DriftPolicy, FieldDrift, State, Update
from reconciler.model.condition import Condition, Status, Truth
from reconciler.model.drift import Drift, DriftKind, Resolution
from reconciler.model.resource import Resource, with_body
from reconciler.ports import Store
from tests.store.making import LATER, NOON, connection

ACME = connection()
FIELD = FieldDrift(("spec", "history"), "90d", "30d", "ui:jo", NOON)


def edited(resource: Resource, **spec: object) -> Resource:
    body = dict(resource.body)
    return with_body(resource, {**body, "spec": {**resource.spec, **spec}})


async def made(store: Store, resource: Resource = ACME) -> State:
    async with store.begin() as unit:
        await unit.objects.advance_generation(0, revision="r1", at=NOON)
        await unit.objects.put(Create(resource), actor="ada", at=NOON)
        await unit.commit()
    return await store.views.state()


async def edit(store: Store, before: Resource, after: Resource) -> State:
    state = await store.views.state()
    async with store.begin() as unit:
        await unit.objects.advance_generation(state.generation, revision="r1", at=LATER)
        await unit.objects.edit(before, after, actor="ui:jo", at=LATER)
        await unit.commit()
    return await store.views.state()


def drift(uid: str, key: str = "drf_1") -> Drift:
    return Drift(key, DriftKind.CONFIG, ACME.key, uid, (FIELD,), DriftPolicy.REPORT, NOON, NOON)


async def keep(store: Store, one: Drift) -> None:
    async with store.begin() as unit:
        await unit.ledger.keep(one)
        await unit.commit()


async def test_an_edit_is_in_force_and_what_git_applied_is_remembered(store: Store) -> None:
    await made(store)
    other = edited(ACME, history="30d")
    state = await edit(store, ACME, other)
    assert state.resources[ACME.key].body == other.body
    assert state.applied[ACME.key].body == ACME.body
    assert (await store.views.resource(ACME.key)) == state.resources[ACME.key]


async def test_an_edit_back_leaves_nothing_beside(store: Store) -> None:
    await made(store)
    other = edited(ACME, history="30d")
    await edit(store, ACME, other)
    state = await edit(store, other, ACME)
    assert (state.resources[ACME.key].digest, state.applied) == (ACME.digest, {})


async def test_an_update_may_leave_drift_in_force(store: Store) -> None:
    state = await made(store)
    after = edited(ACME, history="1y")
    observed = edited(after, suspend=True)
    async with store.begin() as unit:
        await unit.objects.advance_generation(state.generation, revision="r2", at=LATER)
        change = Update(ACME, after, (), observed=observed)
        await unit.objects.put(change, actor="ada", at=LATER)
        await unit.commit()
    state = await store.views.state()
    assert state.resources[ACME.key].digest == observed.digest
    assert state.applied[ACME.key].digest == after.digest


async def test_settling_makes_what_is_in_force_gits_own(store: Store) -> None:
    await made(store)
    other = edited(ACME, history="30d")
    await edit(store, ACME, other)
    async with store.begin() as unit:
        await unit.objects.settle(other, actor="reconciler", at=LATER)
        await unit.commit()
    state = await store.views.state()
    assert (state.resources[ACME.key].digest, state.applied) == (other.digest, {})


async def test_history_tells_each_change_newest_first(store: Store) -> None:
    await made(store)
    other = edited(ACME, history="30d")
    await edit(store, ACME, other)
    past = await store.views.history(ACME.key)
    told = [(one.change, one.actor, one.generation, one.before, one.after) for one in past]
    assert told == [
        ("edit", "ui:jo", 2, ACME.canonical, other.canonical),
        ("create", "ada", 1, None, ACME.canonical),
    ]


async def test_open_drift_is_in_the_state_until_it_is_over(store: Store) -> None:
    uid = (await made(store)).uids[ACME.key]
    await edit(store, ACME, edited(ACME, history="30d"))
    await keep(store, drift(uid))
    assert (await store.views.state()).edits == {ACME.key: (FIELD,)}
    assert await store.views.drifts() == (drift(uid),)
    await keep(store, drift(uid).over(Resolution.HEALED, LATER))
    assert (await store.views.state()).edits == {}
    assert await store.views.drifts() == ()
    assert [one.resolution for one in await store.views.drifts(ended=True)] == [Resolution.HEALED]
    assert await store.views.healings(NOON) == {uid: [LATER]}
    assert await store.views.healings(LATER) == {}


async def test_a_field_that_is_absent_stays_absent_and_null_stays_null(store: Store) -> None:
    uid = (await made(store)).uids[ACME.key]
    fields = (
        FieldDrift(("spec", "a"), ABSENT, None, "ui:jo", NOON),
        FieldDrift(("spec", "b"), None, ABSENT, "ui:jo", NOON),
    )
    await keep(store, replace(drift(uid), fields=fields))
    (kept,) = await store.views.drifts(key=ACME.key)
    assert kept.fields == fields


async def test_drift_of_what_is_removed_is_over(store: Store) -> None:
    state = await made(store)
    await keep(store, drift(state.uids[ACME.key]))
    async with store.begin() as unit:
        await unit.objects.advance_generation(1, revision="r2", at=LATER)
        await unit.objects.put(Delete(ACME), actor="ada", at=LATER)
        await unit.commit()
    assert await store.views.drifts() == ()


STALLED = Status(Condition.STALLED, Truth.TRUE, "Conflict", "two want it", NOON, 1)


async def test_a_condition_moves_its_time_only_with_its_truth(store: Store) -> None:
    async with store.begin() as unit:
        assert await unit.conditions.put("u1", STALLED)
        later = replace(STALLED, since=LATER, message="still")
        assert not await unit.conditions.put("u1", later)
        assert await unit.conditions.put("u1", replace(later, reason="Other"))
        await unit.commit()
    (kept,) = (await store.views.conditions("u1"))["u1"]
    assert (kept.since, kept.message, kept.reason) == (NOON, "still", "Other")


async def test_a_condition_that_is_cleared_is_said_no_more(store: Store) -> None:
    async with store.begin() as unit:
        await unit.conditions.put("u1", STALLED)
        assert await unit.conditions.clear("u1", Condition.STALLED)
        assert not await unit.conditions.clear("u1", Condition.STALLED)
        await unit.commit()
    assert dict(await store.views.conditions()) == {}


def entry(deed: str) -> AuditEntry:
    return AuditEntry(NOON, "cli:ada", deed, "Connection/acme", {"commit": "4f1c9ab"}, "req-1")


async def test_the_audit_log_is_a_chain_that_shows_what_was_touched(store: Store) -> None:
    for deed in ("plan.applied", "object.edited", "token.created"):
        async with store.begin() as unit:
            await unit.audit.record(entry(deed))
            await unit.commit()
    entries = await store.views.audit()
    assert [one.deed for one in entries] == ["plan.applied", "object.edited", "token.created"]
    assert broken_link(entries) is None
    assert broken_link(await store.views.audit(after=1), entries[0].chain) is None
    touched = [entries[0], replace(entries[1], actor="cli:eve"), entries[2]]
    assert broken_link(touched) == touched[1]
    assert broken_link([entries[0], entries[2]]) == entries[2]


async def test_a_pin_holds_until_its_day_and_can_be_taken_off(store: Store) -> None:
    pin = Pin("prod", "4f1c9ab", "the fix waits", "cli:ada", NOON, LATER)
    async with store.begin() as unit:
        await unit.pins.put(replace(pin, reason="first"))
        await unit.pins.put(pin)
        await unit.commit()
    assert await store.views.pin("prod") == pin
    assert await store.views.pin("dev") is None
    assert (pin.holds(NOON), pin.holds(LATER)) == (True, False)
    async with store.begin() as unit:
        assert await unit.pins.remove("prod")
        assert not await unit.pins.remove("prod")
        await unit.commit()


MINUTE = timedelta(minutes=1)


async def test_a_lease_says_who_holds_it_and_since_when(store: Store) -> None:
    for now in (NOON, LATER):
        async with store.begin() as unit:
            assert await unit.leases.acquire("w", "one", now=now, lease=MINUTE * 600) == 1
            await unit.commit()
    (hold,) = await store.views.holds()
    assert (hold.holder, hold.epoch, hold.acquired_at) == ("one", 1, NOON)


async def test_a_write_under_a_lease_that_another_has_is_refused(store: Store) -> None:
    async with store.begin() as unit:
        await unit.leases.acquire("w", "one", now=NOON, lease=MINUTE)
        await unit.leases.check("w", "one", epoch=1, now=NOON)
        await unit.commit()
    after = NOON + MINUTE
    async with store.begin() as unit:
        with pytest.raises(LeaseLost, match="lapsed"):
            await unit.leases.check("w", "one", epoch=1, now=after)
    async with store.begin() as unit:
        assert await unit.leases.acquire("w", "two", now=after, lease=MINUTE) == 2
        await unit.commit()
    async with store.begin() as unit:
        with pytest.raises(LeaseLost, match="two has it now"):
            await unit.leases.check("w", "one", epoch=1, now=NOON)

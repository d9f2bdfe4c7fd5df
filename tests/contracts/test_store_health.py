"""How connections are: every store keeps states, their history and counts in the same way."""

from dataclasses import replace
from datetime import timedelta

from reconciler.model.condition import Reason
from reconciler.model.connection import (
    Alarm,
    Checks,
    ConnectionState,
    ConnectionStatus,
    StatusChange,
)
from reconciler.ports import Store
from tests.store.making import NOON, connection, declare

ACME = connection()
STATE = ConnectionState(
    ACME.key,
    "b",
    ConnectionStatus.NEEDS_REAUTH,
    NOON,
    3,
    "refused",
    Reason.REAUTHORIZATION_REQUIRED,
    2,
    NOON - timedelta(hours=1),
    frozenset({Alarm.AUTH, Alarm.OFFLINE}),
    NOON + timedelta(days=30),
    7,
)


async def test_a_state_comes_back_as_it_was_put(store: Store) -> None:
    await declare(store, ACME)
    uid = (await store.views.state()).uids[ACME.key]
    async with store.begin() as unit:
        assert await unit.health.state(uid) is None
        await unit.health.put(STATE)
        assert await unit.health.state(uid) == STATE
        await unit.commit()
    assert await store.views.connection_state(uid) == STATE
    plain = replace(STATE, good_at=None, alarms=frozenset(), expires_at=None, warned=None)
    async with store.begin() as unit:
        await unit.health.put(plain)
        await unit.commit()
    assert await store.views.connection_states() == {uid: plain}
    assert await store.views.connection_state("another") is None


async def test_history_is_told_newest_first_of_one_or_all(store: Store) -> None:
    online, offline = ConnectionStatus.ONLINE, ConnectionStatus.OFFLINE
    first = StatusChange("c1", NOON, online, offline, Reason.UNREACHABLE, "no route")
    second = StatusChange("c2", NOON, offline, online, Reason.ANSWERS)
    third = replace(first, at=NOON + timedelta(hours=1))
    async with store.begin() as unit:
        for change in (first, second, third):
            await unit.health.note(change)
        await unit.commit()
    assert list(await store.views.status_changes()) == [third, second, first]
    assert list(await store.views.status_changes("c1", limit=1)) == [third]


async def test_counts_of_an_hour_add_up_and_old_ones_are_let_go(store: Store) -> None:
    later = NOON + timedelta(hours=1)
    one = Checks("c1", NOON, 3, 1, NOON + timedelta(minutes=20))
    for checks in (
        [one, Checks("c2", NOON, 1, 0, NOON)],
        [Checks("c1", NOON, 2, 2, NOON + timedelta(minutes=10)), Checks("c1", later, 1, 0, later)],
        [],
    ):
        async with store.begin() as unit:
            await unit.health.count(checks)
            await unit.commit()
    assert list(await store.views.checks(NOON, "c1")) == [
        replace(one, asked=5, failed=3),
        Checks("c1", later, 1, 0, later),
    ]
    assert [(c.connection, c.asked) for c in await store.views.checks(later)] == [("c1", 1)]
    async with store.begin() as unit:
        assert await unit.health.forget(later) == 2
        await unit.commit()
    assert [c.hour for c in await store.views.checks(NOON)] == [later]

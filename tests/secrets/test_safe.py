"""The safe: what is kept opens again, and is renewed once, whoever asks."""

import asyncio
from datetime import timedelta

import pytest

from reconciler.errors import Invalid, LeaseLost, Locked, RateLimited, Revoked, Unreachable
from reconciler.ports import Obtained, Store
from reconciler.secrets.renewal import INTENT
from reconciler.secrets.safe import StoredSafe
from tests.fakes import TurnedClock
from tests.secrets.making import (
    BOTH,
    GRANT,
    OLD,
    STALE,
    TOKEN,
    Issuer,
    fresh,
    keep,
    ring,
    safe,
    until,
)

LOOK = timedelta(milliseconds=500)


async def given(store: Store, clock: TurnedClock) -> StoredSafe:
    one = safe(store, clock)
    await keep(store, one, STALE, clock.now())
    return one


async def has_intent(store: Store) -> bool:
    return INTENT in await store.views.credentials("c1")


# ── kept and opened ──────────────────────────────────────────────────────────────────────────────


async def test_what_is_kept_opens_again_in_every_process(store: Store, clock: TurnedClock) -> None:
    one = safe(store, clock)
    await keep(store, one, {"auth.password": "hunter2", "auth.username": "jo"}, clock.now())
    await keep(store, one, {"auth.password": "other"}, clock.now(), of="c2")
    assert await safe(store, clock, "two").open("c1") == {
        "auth.password": "hunter2",
        "auth.username": "jo",
    }
    assert await one.open("c3") == {}
    row = (await store.views.credentials("c1"))["auth.password"]
    assert (row.key_id, row.updated_by, row.updated_at) == ("2025", "customer", clock.now())
    assert b"hunter2" not in row.sealed


async def test_a_value_that_is_none_is_dropped_and_others_stay(
    store: Store, clock: TurnedClock
) -> None:
    one = safe(store, clock)
    await keep(store, one, {"a": "1", "b": "2", "c": "3"}, clock.now())
    await keep(store, one, {"a": None, "b": "new", "d": None}, clock.now())
    assert await one.open("c1") == {"b": "new", "c": "3"}


async def test_what_was_not_committed_is_not_kept_and_no_key_is_left_half_made(
    store: Store, clock: TurnedClock
) -> None:
    one = safe(store, clock)
    async with store.begin() as unit:
        await one.keep(unit, "c1", {"a": "1"}, by="customer", at=clock.now())
    assert await one.open("c1") == {}
    await keep(store, one, {"a": "1"}, clock.now())
    await keep(store, safe(store, clock, "two"), {"b": "1"}, clock.now())
    prints = await one.fingerprints("c1")
    assert prints["a"] == prints["b"]


async def test_fingerprints_tell_whether_two_values_are_one_and_nothing_else(
    store: Store, clock: TurnedClock
) -> None:
    one = safe(store, clock)
    await keep(store, one, {"a": "hunter2", "b": "hunter2", "c": "hunter3"}, clock.now())
    await keep(store, one, {"a": "hunter2"}, clock.now(), of="c2")
    prints = await one.fingerprints("c1")
    assert prints["a"] == prints["b"] == (await one.fingerprints("c2"))["a"]
    assert prints["a"] != prints["c"]
    assert all(len(text) == 16 for text in prints.values())


async def test_a_missing_key_is_named(store: Store, clock: TurnedClock) -> None:
    await keep(store, StoredSafe(store, ring({"lost": b"l" * 32}), clock, "x"), STALE, clock.now())
    with pytest.raises(Invalid, match="'lost'"):
        await safe(store, clock).open("c1")
    with pytest.raises(Invalid, match="'lost'"):
        await safe(store, clock).renew("c1", fresh, Issuer().obtain)


# ── renewed ──────────────────────────────────────────────────────────────────────────────────────


async def test_what_is_good_is_not_renewed(store: Store, clock: TurnedClock) -> None:
    one, issuer = safe(store, clock), Issuer()
    await keep(store, one, {TOKEN: "good", GRANT: "g"}, clock.now())
    assert (await one.renew("c1", fresh, issuer.obtain))[TOKEN] == "good"
    assert issuer.asked == []


async def test_three_renewals_in_a_row_each_use_what_the_one_before_got(
    store: Store, clock: TurnedClock
) -> None:
    one, issuer = await given(store, clock), Issuer()
    for _ in range(3):
        await one.renew("c1", lambda _values, _now: False, issuer.obtain)
    assert issuer.asked == ["grant-0", "grant-1", "grant-2"]
    assert await one.open("c1") == {TOKEN: "token-3", GRANT: "grant-3"}
    assert not await has_intent(store)


async def test_many_tasks_of_a_process_renew_once(store: Store, clock: TurnedClock) -> None:
    one, issuer = await given(store, clock), Issuer()
    got = await asyncio.gather(*(one.renew("c1", fresh, issuer.obtain) for _ in range(20)))
    assert issuer.asked == ["grant-0"]
    assert all(values == {TOKEN: "token-1", GRANT: "grant-1"} for values in got)


async def test_two_processes_renew_once_and_the_other_waits(
    store: Store, clock: TurnedClock
) -> None:
    one, issuer = await given(store, clock), Issuer()
    issuer.open.clear()
    first = asyncio.ensure_future(one.renew("c1", fresh, issuer.obtain))
    async with asyncio.timeout(30):
        await issuer.begun.wait()
    assert await has_intent(store)
    other = asyncio.ensure_future(safe(store, clock, "two").renew("c1", fresh, issuer.obtain))
    await clock.turn(LOOK)
    issuer.open.set()
    await until(first, clock, timedelta(0))
    await until(other, clock, LOOK)
    assert issuer.asked == ["grant-0"]
    assert (await first) == (await other) == {TOKEN: "token-1", GRANT: "grant-1"}


async def test_one_that_stays_busy_is_told_as_busy_and_not_as_bad_credentials(
    store: Store, clock: TurnedClock
) -> None:
    await given(store, clock)
    issuer = Issuer()
    async with store.begin() as unit:
        await unit.leases.acquire(
            "refresh:c1", "another", now=clock.now(), lease=timedelta(hours=1)
        )
        await unit.commit()
    waiting = asyncio.ensure_future(safe(store, clock).renew("c1", fresh, issuer.obtain))
    await until(waiting, clock, LOOK)
    with pytest.raises(Locked, match="more than 15 s") as caught:
        await waiting
    assert not isinstance(caught.value, LeaseLost)
    assert "nothing is wrong with the credentials" in caught.value.hint
    assert issuer.asked == []


async def test_a_system_that_gives_nothing_in_time_is_left_and_the_intent_stays(
    store: Store, clock: TurnedClock
) -> None:
    one, issuer = await given(store, clock), Issuer()
    issuer.open.clear()
    waiting = asyncio.ensure_future(one.renew("c1", fresh, issuer.obtain))
    await until(waiting, clock, timedelta(seconds=4))
    with pytest.raises(Unreachable, match="12 s"):
        await waiting
    assert await has_intent(store)
    issuer.open.set()
    assert (await one.renew("c1", fresh, issuer.obtain))[GRANT] == "grant-2"
    assert not await has_intent(store)


async def test_who_asked_may_be_cancelled_and_the_others_get_what_was_obtained(
    store: Store, clock: TurnedClock
) -> None:
    one, issuer = await given(store, clock), Issuer()
    issuer.open.clear()
    first = asyncio.ensure_future(one.renew("c1", fresh, issuer.obtain))
    async with asyncio.timeout(30):
        await issuer.begun.wait()
    second = asyncio.ensure_future(one.renew("c1", fresh, issuer.obtain))
    await asyncio.sleep(0.02)
    first.cancel()
    issuer.open.set()
    assert (await second)[TOKEN] == "token-1"
    assert issuer.asked == ["grant-0"]


async def test_a_refusal_is_told_to_all_and_leaves_no_intent(
    store: Store, clock: TurnedClock
) -> None:
    one, issuer = await given(store, clock), Issuer()
    issuer.fail = [Revoked("the grant is gone")]
    got = await asyncio.gather(
        *(one.renew("c1", fresh, issuer.obtain) for _ in range(5)), return_exceptions=True
    )
    assert [str(error) for error in got] == ["the grant is gone"] * 5
    assert issuer.asked == ["grant-0"]
    assert not await has_intent(store)
    assert await one.open("c1") == STALE


@pytest.mark.parametrize(
    ("error", "stays"),
    [(RateLimited("slow down"), False), (Unreachable("cut"), True), (ValueError("bug"), True)],
    ids=["answered", "no answer", "anything"],
)
async def test_what_nobody_knows_the_end_of_stays_intended(
    store: Store, clock: TurnedClock, error: Exception, *, stays: bool
) -> None:
    one, issuer = await given(store, clock), Issuer()
    issuer.fail = [error]
    with pytest.raises(type(error)):
        await one.renew("c1", fresh, issuer.obtain)
    assert await has_intent(store) is stays
    assert INTENT not in await one.open("c1")
    assert INTENT not in await one.fingerprints("c1")


async def test_a_refusal_after_an_interrupted_renewal_says_what_may_be_the_cause(
    store: Store, clock: TurnedClock
) -> None:
    one, issuer = await given(store, clock), Issuer()
    issuer.fail = [Unreachable("cut"), Revoked("the grant is gone"), Revoked("the grant is gone")]
    with pytest.raises(Unreachable):
        await one.renew("c1", fresh, issuer.obtain)
    for _ in range(2):
        with pytest.raises(
            Revoked, match=r"the grant is gone; a renewal .* was interrupted"
        ) as got:
            await safe(store, clock, "two").renew("c1", fresh, issuer.obtain)
        assert "reconciler connect" in got.value.hint
    await keep(store, one, {GRANT: "anew", TOKEN: None}, clock.now())
    assert not await has_intent(store)
    issuer.fail = [Revoked("the grant is gone")]
    with pytest.raises(Revoked) as plain:
        await one.renew("c1", fresh, issuer.obtain)
    assert "interrupted" not in plain.value.message


async def test_what_a_customer_gave_in_the_meantime_is_not_overwritten(
    store: Store, clock: TurnedClock
) -> None:
    one, issuer = await given(store, clock), Issuer()
    issuer.open.clear()
    waiting = asyncio.ensure_future(one.renew("c1", fresh, issuer.obtain))
    async with asyncio.timeout(30):
        await issuer.begun.wait()
    anew = {TOKEN: "of the customer", GRANT: "of the customer"}
    await keep(store, safe(store, clock, "web"), anew, clock.now())
    issuer.open.set()
    assert await waiting == anew
    assert await one.open("c1") == anew


async def test_one_that_was_asleep_for_too_long_does_not_overwrite_what_the_next_one_got(
    store: Store, clock: TurnedClock
) -> None:
    one = await given(store, clock)
    other, issuer = safe(store, clock, "two"), Issuer()

    async def sleepy(_values: object) -> Obtained:
        async with store.begin() as unit:  # as if this process had been stopped past its lease
            now = clock.now() + timedelta(seconds=16)
            await unit.leases.acquire("refresh:c1", "two", now=now, lease=timedelta(seconds=1))
            await other.keep(unit, "c1", (await issuer.obtain(STALE)).fields, by="two", at=now)
            await unit.commit()
        return Obtained({TOKEN: "late", GRANT: "late"})

    assert await one.renew("c1", fresh, sleepy) == {TOKEN: "token-1", GRANT: "grant-1"}
    assert await one.open("c1") == {TOKEN: "token-1", GRANT: "grant-1"}


async def test_a_token_with_an_end_is_kept_with_it(store: Store, clock: TurnedClock) -> None:
    one = await given(store, clock)
    ends = clock.now() + timedelta(hours=1)

    async def obtain(_values: object) -> Obtained:
        return Obtained({TOKEN: "new"}, ends)

    await one.renew("c1", fresh, obtain)
    rows = await store.views.credentials("c1")
    assert (rows[TOKEN].expires_at, rows[GRANT].expires_at) == (ends, None)
    assert rows[TOKEN].updated_by == "reconciler"


async def test_a_renewal_goes_on_under_new_keys(store: Store, clock: TurnedClock) -> None:
    await given(store, clock)
    one, issuer = StoredSafe(store, ring(BOTH), clock, "x"), Issuer()
    await one.renew("c1", fresh, issuer.obtain)
    assert {row.key_id for row in (await store.views.credentials("c1")).values()} == {"2026"}
    assert OLD

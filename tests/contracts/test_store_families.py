"""What every store promises of runs and cursors, events and deliveries, tokens and leases."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from reconciler.errors import Conflict, NotFound
from reconciler.model.access import ROLES, Role, Scope, Token
from reconciler.model.event import Attempt, Delivery, DeliveryStatus, Lease
from reconciler.model.sync import Cursor, RunStatus, SyncMode
from reconciler.ports import Store
from tests.store.making import LATER, NOON, ORDERS, deliveries, delivery, event, run, token

WAITS = (timedelta(0), timedelta(seconds=5), timedelta(minutes=5))
LEASE = timedelta(seconds=30)
WHOLE = Cursor(
    connection="c1",
    entity=ORDERS,
    basis="b1",
    position="2025-06-01T12:00:00Z",
    page="token",
    mode=SyncMode.FULL,
    since="2025-01-01",
    reached="2025-06-01",
    run="run-1",
    advanced_at=NOON,
)


async def move(store: Store, cursor: Cursor, before: Cursor | None) -> None:
    async with store.begin() as unit:
        await unit.runs.move(cursor, before=before)
        await unit.commit()


# ── cursors and runs ─────────────────────────────────────────────────────────────────────────────


async def test_a_cursor_is_moved_from_where_it_was_seen_to_stand(store: Store) -> None:
    async with store.begin() as unit:
        assert await unit.runs.cursor("c1", ORDERS) is None
        await unit.runs.move(WHOLE, before=None)
        assert await unit.runs.cursor("c1", ORDERS) == WHOLE
        await unit.commit()
    ended = Cursor("c1", ORDERS, "b1", position="3")
    await move(store, ended, WHOLE)
    assert await store.views.cursors() == (ended,)


@pytest.mark.parametrize(
    "seen",
    [
        None,
        replace(WHOLE, position=None),
        replace(WHOLE, page="other"),
        replace(WHOLE, run="run-2"),
        replace(WHOLE, basis="b2"),
        replace(WHOLE, advanced_at=LATER),
    ],
)
async def test_a_cursor_that_another_run_has_moved_stays_where_it_is(
    store: Store, seen: Cursor | None
) -> None:
    await move(store, WHOLE, None)
    with pytest.raises(Conflict, match="moved by another run"):
        await move(store, replace(WHOLE, position="9"), seen)
    assert await store.views.cursors("c1") == (WHOLE,)


async def test_a_cursor_that_is_gone_can_not_be_moved(store: Store) -> None:
    with pytest.raises(Conflict):
        await move(store, WHOLE, WHOLE)
    assert await store.views.cursors() == ()


async def test_cursors_are_listed_by_connection(store: Store) -> None:
    for cursor in (WHOLE, replace(WHOLE, entity="vendors"), replace(WHOLE, connection="c2")):
        await move(store, cursor, None)
    assert [one.entity for one in await store.views.cursors("c1")] == [ORDERS, "vendors"]
    assert len(await store.views.cursors()) == 3


async def test_a_run_is_kept_as_it_is_now_and_the_newest_come_first(store: Store) -> None:
    ended = replace(
        run(1), status=RunStatus.FAILED, finished_at=LATER, pages=2, read=9, error="no route"
    )
    async with store.begin() as unit:
        for one in (run(1), run(2), run(3, of="c2"), run(4, entity="vendors")):
            await unit.runs.put(one)
        await unit.runs.put(ended)
        await unit.commit()
    assert await store.views.run("run-1") == ended
    assert await store.views.run("none") is None
    names = [one.id for one in await store.views.runs()]
    assert names == ["run-4", "run-3", "run-2", "run-1"]
    assert [one.id for one in await store.views.runs("c1", limit=2)] == ["run-4", "run-2"]
    assert [one.id for one in await store.views.runs("c1", entity=ORDERS)] == ["run-2", "run-1"]
    assert [one.id for one in await store.views.runs(entity="vendors")] == ["run-4"]


# ── events and deliveries ────────────────────────────────────────────────────────────────────────


async def test_events_come_back_as_they_were_told_the_newest_first(store: Store) -> None:
    async with store.begin() as unit:
        await unit.outbox.emit([event(1), event(2, "Connection/other")])
        await unit.outbox.emit([event(3)])
        await unit.outbox.emit([])
        await unit.commit()
    assert await store.views.events() == (event(3), event(2, "Connection/other"), event(1))
    assert await store.views.events(subject="Connection/acme", limit=1) == (event(3),)


async def test_an_event_told_twice_is_one(store: Store) -> None:
    async with store.begin() as unit:
        await unit.outbox.emit([event(1)])
        await unit.outbox.emit([event(1), event(2)])
        await unit.commit()
    assert [one.id for one in await store.views.events()] == ["evt-2", "evt-1"]


async def enqueue(store: Store, *wanted: Delivery) -> None:
    async with store.begin() as unit:
        await unit.outbox.enqueue(wanted)
        await unit.commit()


async def claim(
    store: Store, holder: str, now: datetime = NOON, limit: int = 10
) -> Sequence[Delivery]:
    async with store.begin() as unit:
        claimed = await unit.outbox.claim(holder, now=now, lease=LEASE, limit=limit)
        await unit.commit()
    return claimed


async def settle(store: Store, settled: Delivery) -> None:
    async with store.begin() as unit:
        await unit.outbox.settle(settled)
        await unit.commit()


def attempt(status: int, at: datetime = NOON) -> Attempt:
    return Attempt(at, status, timedelta(milliseconds=12), "answer")


async def test_invariant_9_a_delivery_is_claimed_under_a_lease_that_lapses(store: Store) -> None:
    await enqueue(store, delivery())
    held = replace(delivery(), lease=Lease("a", NOON + LEASE))
    assert await claim(store, "a") == (held,)
    assert await claim(store, "b", NOON + LEASE / 2) == ()
    again = await claim(store, "b", NOON + LEASE)
    assert [(one.id, one.lease) for one in again] == [("dlv-1", Lease("b", NOON + LEASE + LEASE))]


async def test_what_is_due_longest_is_claimed_first_and_what_is_not_due_is_left(
    store: Store,
) -> None:
    await enqueue(
        store,
        delivery(1),
        delivery(2, due_at=NOON - LEASE),
        delivery(3, due_at=NOON + LEASE),
        delivery(4),
    )
    await enqueue(store, *deliveries([1]))
    await enqueue(store)
    assert [one.id for one in await claim(store, "a", limit=2)] == ["dlv-2", "dlv-1"]
    assert [one.id for one in await claim(store, "a", limit=2)] == ["dlv-4"]
    assert [one.id for one in await claim(store, "a", LATER)] == [
        "dlv-2",
        "dlv-1",
        "dlv-4",
        "dlv-3",
    ]


async def test_a_claim_that_is_not_committed_claims_nothing(store: Store) -> None:
    await enqueue(store, delivery())
    async with store.begin() as unit:
        assert len(await unit.outbox.claim("a", now=NOON, lease=LEASE, limit=1)) == 1
    assert len(await claim(store, "b")) == 1


async def test_a_settled_delivery_keeps_its_attempts_and_is_due_again_or_done(
    store: Store,
) -> None:
    await enqueue(store, delivery())
    (claimed,) = await claim(store, "a")
    await settle(store, claimed.after(attempt(500), WAITS))
    assert await claim(store, "a", NOON + timedelta(seconds=4)) == ()
    (second,) = await claim(store, "a", LATER)
    assert second.attempts == (attempt(500),)
    assert second.id == claimed.id
    await settle(store, second.after(attempt(200, LATER), WAITS))
    assert await claim(store, "a", LATER + timedelta(days=9)) == ()


async def test_a_dead_delivery_can_be_asked_for_again(store: Store) -> None:
    await enqueue(store, delivery())
    (claimed,) = await claim(store, "a")
    dead = claimed.after(attempt(500), WAITS[:1])
    assert dead.status is DeliveryStatus.DEAD
    await settle(store, dead)
    assert await claim(store, "a", LATER) == ()
    await settle(store, replace(dead, status=DeliveryStatus.PENDING, due_at=LATER))
    (again,) = await claim(store, "a", LATER)
    assert again.attempts == (attempt(500),)


async def test_who_settles_after_a_lapsed_lease_adds_an_attempt_and_takes_nothing_back(
    store: Store,
) -> None:
    await enqueue(store, delivery())
    (slow,) = await claim(store, "slow")
    (quick,) = await claim(store, "quick", LATER)
    await settle(store, quick.after(attempt(500, LATER), WAITS))
    await settle(store, slow.after(attempt(503), WAITS))
    (third,) = await claim(store, "quick", LATER + timedelta(seconds=6))
    assert third.attempts == (attempt(500, LATER), attempt(503))
    await settle(store, slow.after(attempt(200), WAITS))
    assert await claim(store, "quick", LATER + timedelta(days=9)) == ()


async def test_what_is_not_there_can_not_be_settled(store: Store) -> None:
    with pytest.raises(NotFound, match="dlv-1"):
        await settle(store, delivery())


# ── tokens ───────────────────────────────────────────────────────────────────────────────────────


async def test_a_token_is_found_by_the_digest_of_its_text(store: Store) -> None:
    whole = replace(token(2, of=None), expires_at=LATER, scopes=frozenset(Scope))
    async with store.begin() as unit:
        for one in (token(1), whole):
            await unit.tokens.put(one)
        await unit.commit()
    assert await store.views.token_by_digest(whole.digest) == whole
    assert await store.views.token_by_digest(b"none") is None
    assert await store.views.tokens() == (whole, token(1))


async def test_a_token_keeps_its_role_reach_networks_and_origin(store: Store) -> None:
    whole = replace(
        token(3, of=None),
        role=Role.OPERATOR,
        scopes=ROLES[Role.OPERATOR],
        selector=(("customer", "acme"), ("plant", "")),
        networks=("10.0.0.0/8", "2001:db8::/32"),
        description="of the back end, in Köln",
        created_by="cli:ada",
        replaced_by="tok-4",
    )
    async with store.begin() as unit:
        await unit.tokens.put(whole)
        assert await unit.tokens.find("tok-3") == whole
        assert await unit.tokens.find("tok-4") is None
        await unit.commit()
    assert await store.views.token("tok-3") == whole
    assert await store.views.token("tok-4") is None


async def test_the_tokens_of_one_connection_are_found_in_the_order_in_which_they_were_made(
    store: Store,
) -> None:
    mine = [token(number, of="c1") for number in (1, 3)]
    async with store.begin() as unit:
        for one in (mine[1], token(2, of="c2"), token(4, of=None), mine[0]):
            await unit.tokens.put(one)
        assert await unit.tokens.of("c1") == tuple(mine)
        assert await unit.tokens.of("c9") == ()
        await unit.commit()


async def test_tokens_are_read_page_by_page(store: Store) -> None:
    """Three of one moment among five: none is missed or read twice."""
    made = [replace(token(number), created_at=NOON) for number in (1, 2, 3)]
    made += [token(4), token(5)]
    async with store.begin() as unit:
        for one in made:
            await unit.tokens.put(one)
        await unit.commit()
    found: list[Token] = []
    after = None
    while page := await store.views.tokens(after=after, limit=2):
        found += page
        after = (page[-1].created_at, page[-1].id)
    assert [one.id for one in found] == ["tok-5", "tok-4", "tok-3", "tok-2", "tok-1"]
    assert tuple(found) == await store.views.tokens()


async def test_a_token_is_revoked_by_keeping_it_so(store: Store) -> None:
    revoked = replace(token(), revoked_at=LATER)
    async with store.begin() as unit:
        await unit.tokens.put(token())
        await unit.tokens.put(revoked)
        await unit.commit()
    assert await store.views.tokens() == (revoked,)


async def test_the_last_use_of_a_token_only_moves_forward(store: Store) -> None:
    async with store.begin() as unit:
        await unit.tokens.put(token())
        for at in (NOON, LATER, NOON):
            await unit.tokens.touch("tok-1", at=at)
        await unit.tokens.touch("unknown", at=NOON)
        await unit.commit()
    assert await store.views.tokens() == (replace(token(), last_used_at=LATER),)


async def test_two_tokens_can_not_have_one_text(store: Store) -> None:
    async with store.begin() as unit:
        await unit.tokens.put(token(1))
        with pytest.raises(Conflict):
            await unit.tokens.put(replace(token(2), digest=token(1).digest))


# ── leases ───────────────────────────────────────────────────────────────────────────────────────


async def acquire(store: Store, holder: str, now: datetime = NOON) -> int | None:
    async with store.begin() as unit:
        epoch = await unit.leases.acquire("leader", holder, now=now, lease=LEASE)
        await unit.commit()
    return epoch


async def release(store: Store, holder: str) -> None:
    async with store.begin() as unit:
        await unit.leases.release("leader", holder)
        await unit.commit()


async def test_a_lease_is_held_by_one_and_renewed_under_its_epoch(store: Store) -> None:
    assert await acquire(store, "a") == 1
    assert await acquire(store, "b", NOON + LEASE / 2) is None
    assert await acquire(store, "a", NOON + LEASE / 2) == 1
    assert await acquire(store, "b", NOON + LEASE) is None


async def test_invariant_8_a_lapsed_lease_can_be_claimed_by_another_under_a_new_epoch(
    store: Store,
) -> None:
    assert await acquire(store, "a") == 1
    assert await acquire(store, "b", NOON + LEASE) == 2
    assert await acquire(store, "a", NOON + LEASE) is None


async def test_a_lease_is_let_go_of_by_its_holder_alone(store: Store) -> None:
    assert await acquire(store, "a") == 1
    await release(store, "b")
    assert await acquire(store, "b") is None
    await release(store, "a")
    assert await acquire(store, "b") == 2
    await release(store, "b")
    assert await acquire(store, "b") == 3

"""What every store promises of events on their way: taken once, delivered in order, never left behind."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from reconciler.model.event import ORDERED_TRIES, Attempt, Delivery, DeliveryStatus, Event
from reconciler.ports import Store
from reconciler.store.open import open_store
from tests.store.making import LATER, NOON, delivery, event

WAITS = tuple(timedelta(minutes=minutes) for minutes in range(9))
LEASE = timedelta(seconds=30)
ACME = "Connection/acme"


async def emit(store: Store, *events: Event) -> None:
    async with store.begin() as unit:
        await unit.outbox.emit(events)
        await unit.commit()


async def take(store: Store, *, limit: int = 100) -> list[str]:
    async with store.begin() as unit:
        taken = await unit.outbox.take(limit=limit)
        await unit.commit()
    return [one.id for one in taken]


def on_the_way(number: int, *, route: str = "ops", subject: str = ACME) -> Delivery:
    return replace(delivery(number), event_id=f"evt-{number}", route=route, subject=subject)


async def enqueue(store: Store, *wanted: Delivery) -> None:
    async with store.begin() as unit:
        await unit.outbox.enqueue(wanted)
        await unit.commit()


async def claim(
    store: Store, now: datetime = NOON, *, route: str | None = None, holder: str = "a"
) -> Sequence[Delivery]:
    async with store.begin() as unit:
        claimed = await unit.outbox.claim(holder, now=now, lease=LEASE, limit=10, route=route)
        await unit.commit()
    return claimed


async def settle(store: Store, settled: Delivery) -> None:
    async with store.begin() as unit:
        await unit.outbox.settle(settled)
        await unit.commit()


def names(found: Sequence[Delivery]) -> list[str]:
    return [one.id for one in found]


def tried(status: int, at: datetime = NOON, **more: Any) -> Attempt:
    return Attempt(at, status, timedelta(0), "answer", **more)


# ── taking events ────────────────────────────────────────────────────────────────────────────────


async def test_an_event_is_taken_once_and_the_oldest_come_first(store: Store) -> None:
    await emit(store, event(1), event(2))
    await emit(store, event(3), event(1))
    assert await take(store, limit=2) == ["evt-1", "evt-2"]
    assert await take(store) == ["evt-3"]
    assert await take(store) == []
    await emit(store, event(2))
    assert await take(store) == []


async def test_what_was_taken_and_not_committed_is_taken_again(store: Store) -> None:
    await emit(store, event(1))
    async with store.begin() as unit:
        assert len(await unit.outbox.take(limit=9)) == 1
    assert await take(store) == ["evt-1"]


async def test_one_event_can_be_read_and_one_delivery_with_its_attempts(store: Store) -> None:
    await emit(store, event(1))
    assert await store.views.event("evt-1") == event(1)
    assert await store.views.event("none") is None
    await enqueue(store, on_the_way(1))
    (claimed,) = await claim(store)
    settled = claimed.after(tried(429, wait=timedelta(minutes=3)), WAITS)
    await settle(store, settled)
    assert settled.due_at == NOON + timedelta(minutes=3)
    assert await store.views.delivery("dlv-1") == settled
    assert await store.views.delivery("none") is None


async def test_an_event_that_is_committed_behind_a_later_one_is_taken_late_and_not_lost(
    postgres_url: str,
) -> None:
    store = open_store(postgres_url)
    async with store.begin() as slow:
        await slow.outbox.emit([event(1)])  # it has the lower number, and is not seen yet
        await emit(store, event(2))
        assert await take(store) == ["evt-2"]
        await slow.commit()
    assert await take(store) == ["evt-1"]
    newest = [one.id for one in await store.views.events()]
    assert newest == ["evt-2", "evt-1"]  # the numbers are in the order of writing
    await store.close()


async def somebody_waits(postgres_url: str) -> None:
    """Return when a transaction of this database waits for a lock that another holds."""
    waiting = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with asyncio.timeout(20):
        async with await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as looking:
            while (await (await looking.execute(waiting)).fetchone()) == (0,):  # noqa: ASYNC110  the server tells nobody
                await asyncio.sleep(0)


async def test_two_who_take_at_once_take_turns_and_no_event_is_taken_twice(
    postgres_url: str,
) -> None:
    store, other = open_store(postgres_url), open_store(postgres_url)
    await emit(store, event(1), event(2))
    async with store.begin() as unit:
        assert len(await unit.outbox.take(limit=1)) == 1
        second = asyncio.create_task(take(other))
        await emit(store, event(3))  # who writes does not wait for who takes
        await somebody_waits(postgres_url)
        await unit.commit()
    assert await second == ["evt-2", "evt-3"]
    await store.close()
    await other.close()


# ── the order of one subject ─────────────────────────────────────────────────────────────────────


async def test_of_one_subject_a_route_is_told_in_the_order_of_the_events(store: Store) -> None:
    await emit(store, event(1), event(2), event(3))
    await enqueue(store, on_the_way(3), on_the_way(2), on_the_way(1))
    (first,) = await claim(store)
    assert first.id == "dlv-1"
    assert await claim(store) == ()
    await settle(store, first.after(tried(500), WAITS))
    assert await claim(store) == ()
    (first,) = await claim(store, LATER)
    await settle(store, first.after(tried(200, LATER), WAITS))
    assert names(await claim(store, LATER)) == ["dlv-2"]


async def test_other_subjects_and_other_routes_do_not_wait(store: Store) -> None:
    await emit(store, event(1), event(2), event(3))
    await enqueue(store, on_the_way(1), on_the_way(2, subject="Plan"), on_the_way(3, route="other"))
    assert names(await claim(store)) == ["dlv-1", "dlv-2", "dlv-3"]


async def test_when_one_has_failed_three_times_later_ones_no_longer_wait_for_it(
    store: Store,
) -> None:
    await emit(store, event(1), event(2), event(3))
    await enqueue(store, on_the_way(1), on_the_way(2), on_the_way(3))
    now = NOON
    for _ in range(ORDERED_TRIES):
        (first,) = await claim(store, now)
        assert first.id == "dlv-1"
        await settle(store, first.after(tried(500, now), WAITS))
        now += timedelta(hours=1)
    assert sorted(names(await claim(store, now))) == ["dlv-1", "dlv-2", "dlv-3"]


async def test_a_dead_delivery_holds_up_nothing(store: Store) -> None:
    await emit(store, event(1), event(2))
    await enqueue(store, on_the_way(1), on_the_way(2))
    (first,) = await claim(store)
    await settle(store, first.after(tried(410), WAITS))
    dead = await store.views.delivery("dlv-1")
    assert dead is not None
    assert (dead.status, dead.reason[:29]) == (DeliveryStatus.DEAD, "the receiver answered 410 Gon")
    assert names(await claim(store)) == ["dlv-2"]


# ── routes ───────────────────────────────────────────────────────────────────────────────────────


async def test_deliveries_of_one_route_are_claimed_alone(store: Store) -> None:
    await emit(store, event(1), event(2))
    await enqueue(store, on_the_way(1), on_the_way(2, route="other"))
    assert names(await claim(store, route="other")) == ["dlv-2"]
    assert names(await claim(store, route="ops")) == ["dlv-1"]


async def test_each_route_tells_when_it_can_be_served_next(store: Store) -> None:
    assert await store.views.waiting() == {}
    await emit(store, event(1), event(2), event(3))
    late = replace(on_the_way(3, route="other"), due_at=LATER)
    await enqueue(store, on_the_way(1), on_the_way(2), late)
    assert await store.views.waiting() == {"ops": NOON, "other": LATER}
    (first,) = await claim(store)
    assert await store.views.waiting() == {"ops": NOON + LEASE, "other": LATER}
    await settle(store, first.after(tried(500), WAITS))
    again = NOON + WAITS[1]
    assert await store.views.waiting() == {"ops": again, "other": LATER}
    (first,) = await claim(store, again, route="ops")
    await settle(store, first.after(tried(200), WAITS))
    assert await store.views.waiting() == {"ops": NOON, "other": LATER}


async def test_who_stops_lets_go_of_what_it_has_claimed(store: Store) -> None:
    await emit(store, event(1), event(2))
    await enqueue(store, on_the_way(1), on_the_way(2, subject="Plan"))
    assert len(await claim(store, route="ops")) == 2
    async with store.begin() as unit:
        await unit.outbox.release("b")
        await unit.commit()
    assert await claim(store, holder="b") == ()
    async with store.begin() as unit:
        await unit.outbox.release("a")
        await unit.commit()
    assert len(await claim(store, holder="b")) == 2


async def test_what_is_pending_for_a_route_can_be_given_up_with_a_reason(store: Store) -> None:
    await emit(store, event(1), event(2), event(3))
    await enqueue(store, on_the_way(1), on_the_way(2), on_the_way(3, route="other"))
    (first,) = await claim(store, route="ops")
    await settle(store, first.after(tried(200), WAITS))
    async with store.begin() as unit:
        assert await unit.outbox.give_up("ops", reason="the route was deleted", at=NOON) == 1
        assert await unit.outbox.give_up("ops", reason="again", at=NOON) == 0
        await unit.commit()
    found = [await store.views.delivery(f"dlv-{number}") for number in (1, 2, 3)]
    assert [(one.status.value, one.reason) for one in found if one] == [
        ("delivered", ""),
        ("dead", "the route was deleted"),
        ("pending", ""),
    ]


# ── who listens ──────────────────────────────────────────────────────────────────────────────────


async def test_who_listens_hears_of_what_was_committed_and_of_nothing_else(store: Store) -> None:
    heard: list[int] = []
    store.listen(lambda: heard.append(1))
    async with store.begin() as unit:
        await unit.outbox.emit([event(1)])
        assert heard == []
    assert heard == []  # taken back
    async with store.begin() as unit:
        await unit.outbox.emit([])
        await unit.outbox.take(limit=9)
        await unit.commit()
    assert heard == []
    await emit(store, event(1))
    assert len(heard) == 1
    await enqueue(store, on_the_way(1))
    (first,) = await claim(store)
    assert len(heard) == 2
    await settle(store, first.after(tried(500), WAITS))
    assert len(heard) == 3


@pytest.mark.parametrize("rows", [1, 700])
async def test_many_events_at_once_are_taken_in_the_order_in_which_they_were_told(
    store: Store, rows: int
) -> None:
    wanted = [event(number) for number in range(rows)]
    await emit(store, *wanted)
    assert await take(store, limit=1000) == [one.id for one in wanted]

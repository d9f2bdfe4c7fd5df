"""What every store promises of the numbers that monitoring asks for."""

from dataclasses import replace
from datetime import datetime, timedelta

from reconciler.model.change import DriftPolicy
from reconciler.model.connection import ConnectionState, ConnectionStatus
from reconciler.model.drift import Drift, DriftKind, Resolution
from reconciler.model.event import Attempt, Delivery, Event
from reconciler.model.resource import ResourceKey
from reconciler.model.standing import Standing
from reconciler.model.sync import Cursor
from reconciler.ports import Store
from tests.store.making import LATER, NOON, ORDERS, connection, declare, delivery, event

ONCE = (timedelta(0),)


async def emit(store: Store, *events: Event) -> None:
    async with store.begin() as unit:
        await unit.outbox.emit(events)
        await unit.commit()


async def route(store: Store, *wanted: Delivery) -> None:
    """Take all events, and keep what is to be delivered of them."""
    async with store.begin() as unit:
        await unit.outbox.take(limit=100)
        await unit.outbox.enqueue(wanted)
        await unit.commit()


async def settle(store: Store, one: Delivery, status: int) -> None:
    async with store.begin() as unit:
        await unit.outbox.settle(one.after(Attempt(NOON, status, timedelta(0)), ONCE))
        await unit.commit()


def of(number: int) -> Delivery:
    return replace(delivery(number), event_id=f"evt-{number}")


def happened(number: int, at: datetime) -> Event:
    return replace(event(number), occurred_at=at)


async def test_an_empty_store_has_nothing_to_tell(store: Store) -> None:
    assert await store.views.standing() == Standing()


async def test_statuses_and_the_last_reads_to_the_end_are_told_by_uid(store: Store) -> None:
    await declare(store, connection("acme"), connection("beta"))
    uids = {key.name: uid for key, uid in (await store.views.state()).uids.items()}
    key = ResourceKey(connection().key.kind, "beta")
    reached = Cursor(uids["acme"], ORDERS, "b", advanced_at=LATER)
    async with store.begin() as unit:
        await unit.health.put(ConnectionState(key, "b", ConnectionStatus.NEEDS_REAUTH, NOON))
        await unit.runs.move(reached, before=None)
        await unit.runs.move(Cursor(uids["beta"], ORDERS, "b", page="2"), before=None)
        await unit.commit()
    told = await store.views.standing()
    assert told.statuses == {uids["beta"]: ConnectionStatus.NEEDS_REAUTH}
    assert told.successes == {(uids["acme"], ORDERS): LATER}


async def test_open_drift_is_counted_by_kind(store: Store) -> None:
    await declare(store, connection("acme"), connection("beta"))
    state = await store.views.state()
    async with store.begin() as unit:
        for number, (key, uid) in enumerate(sorted(state.uids.items())):
            drift = Drift(
                f"drf_{number}", DriftKind.CONFIG, key, uid, (), DriftPolicy.REPORT, NOON, NOON
            )
            await unit.ledger.keep(drift)
        await unit.commit()
    assert (await store.views.standing()).drifts == {DriftKind.CONFIG: 2}
    async with store.begin() as unit:
        await unit.ledger.keep(drift.over(Resolution.HEALED, LATER))
        await unit.commit()
    assert (await store.views.standing()).drifts == {DriftKind.CONFIG: 1}


async def test_deliveries_are_counted_until_they_are_made_and_those_that_died_stay(
    store: Store,
) -> None:
    await emit(store, *(happened(number, NOON) for number in range(4)))
    await route(store, *(of(number) for number in range(4)))
    await settle(store, of(0), 204)
    await settle(store, of(1), 500)
    told = await store.views.standing()
    assert (told.pending, told.dead) == (2, 1)


async def test_the_oldest_is_the_first_event_that_is_not_told_to_all(store: Store) -> None:
    early, later, latest = NOON, NOON + timedelta(hours=1), NOON + timedelta(hours=2)
    await emit(store, happened(1, early), happened(2, later))
    assert (await store.views.standing()).oldest == early
    await route(store, of(1), of(2))
    await emit(store, happened(3, latest))
    assert (await store.views.standing()).oldest == early
    await settle(store, of(1), 204)
    assert (await store.views.standing()).oldest == later
    await settle(store, of(2), 500)
    assert (await store.views.standing()).oldest == latest
    await route(store)
    assert (await store.views.standing()).oldest is None


async def test_a_delivery_of_an_event_that_is_not_kept_hides_no_other(store: Store) -> None:
    await emit(store, happened(1, NOON))
    await route(store, of(1), replace(of(9), event_id="evt-gone"))
    assert (await store.views.standing()).oldest == NOON

"""What every store promises of alerts, of who was told, and of deliveries that operators look after."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.errors import Conflict
from reconciler.model.alert import Alert, Board, Group, Silence, Telling, alert_of
from reconciler.model.endpoint import Endpoint
from reconciler.model.event import (
    Attempt,
    Delivery,
    DeliveryStatus,
    Event,
    EventSeverity,
    EventType,
)
from reconciler.model.notification import AlertStatus, AlertTold, Notification, Told
from reconciler.model.sought import DeliveryQuery
from reconciler.ports import Store
from tests.store.making import LATER, NOON, event

HOUR = timedelta(hours=1)
FACTS = {"event": "sync.failed", "connection": "acme", "entity": "vendors"}
WAITS = (timedelta(0), timedelta(minutes=1), timedelta(minutes=2))


def failed(number: int = 1, subject: str = "Connection/acme") -> Event:
    data = {"entity": "vendors", "code": "SOURCE_FAULT"}
    return Event(f"evt-{number}", EventType.SYNC_FAILED, subject, NOON + number * HOUR, data)


def alert(number: int = 1, subject: str = "Connection/acme") -> Alert:
    return alert_of(failed(number, subject), FACTS, [{"customer": "ä"}, {}])


def over(number: int = 1) -> Alert:
    done = Event(f"end-{number}", EventType.SYNC_COMPLETED, "Connection/acme", NOON + 9 * HOUR)
    return alert(number).ended(done)


def telling(number: int = 1, group: str = "connection=acme") -> Telling:
    return Telling("ops", alert(number).id, group, NOON, "SOURCE_FAULT")


async def put(store: Store, *alerts: Alert, news: bool = True) -> None:
    async with store.begin() as unit:
        await unit.alerts.put(alerts, news=news)
        await unit.commit()


async def board(store: Store) -> Board:
    return await store.views.board(NOON)


# ── alerts ───────────────────────────────────────────────────────────────────────────────────────


async def test_an_alert_is_kept_as_it_is_and_changed_by_its_id(store: Store) -> None:
    await put(store, alert(1), alert(2, "Plan"))
    assert await store.views.alert(alert(1).id) == alert(1)
    assert list((await store.views.alert(alert(1).id) or alert(2)).facts) == list(FACTS)
    acked = replace(over(1), acked_at=LATER, acked_by="ada", note="n", count=7)
    await put(store, acked)
    assert (await board(store)).alerts == {acked.id: acked, alert(2).id: alert(2, "Plan")}
    assert await store.views.alert("none") is None


async def test_alerts_are_found_by_what_they_are_about_until_they_are_settled(store: Store) -> None:
    await put(store, alert(1), over(2), alert(3, "Plan"))
    async with store.begin() as unit:
        found = await unit.alerts.about(["Connection/acme", "Source", "Connection/acme"])
        assert sorted(one.id for one in found) == sorted([alert(1).id, alert(2).id])
        await unit.alerts.settle([alert(2).id, "none"])
        assert [one.id for one in await unit.alerts.about(["Connection/acme"])] == [alert(1).id]
        assert await unit.alerts.find(alert(3).id) == alert(3, "Plan")
        await unit.commit()
    assert set((await board(store)).alerts) == {alert(1).id, alert(3).id}


async def test_alerts_are_listed_page_by_page_the_newest_first(store: Store) -> None:
    await put(store, *(alert(number) for number in range(5)), over(7))

    async def page(after: Alert | None = None, *, ended: bool = True) -> list[str]:
        place = (after.opened_at, after.id) if after else None
        found = await store.views.alerts(ended=ended, after=place, limit=3)
        return [one.event_id for one in found]

    assert await page() == ["evt-7", "evt-4", "evt-3"]
    assert await page(alert(3)) == ["evt-2", "evt-1", "evt-0"]
    assert await page(ended=False) == ["evt-4", "evt-3", "evt-2"]


async def test_the_board_holds_what_is_still_to_be_told_and_who_knows(store: Store) -> None:
    await put(store, alert(1), over(2))
    group = Group("ops", "connection=acme", {"connection": "acme", "b": "1"}, 1, NOON, "dlv-1")
    async with store.begin() as unit:
        await unit.alerts.tell([telling(1), telling(2)])
        await unit.alerts.flush(group, before=0)
        await unit.alerts.settle([alert(2).id])
        await unit.commit()
    found = await board(store)
    assert found.tellings == {("ops", alert(1).id): telling(1)}
    assert found.groups == {("ops", "connection=acme"): group}
    known = replace(telling(1), resolved_at=NOON, escalated_at=LATER, escalated_to="boss")
    async with store.begin() as unit:
        await unit.alerts.tell([known])
        await unit.commit()
    assert (await board(store)).tellings == {("ops", alert(1).id): known}


async def test_who_tells_of_a_group_that_another_told_of_is_refused(store: Store) -> None:
    group = Group("ops", "g", {}, 1, NOON, "dlv-1")
    async with store.begin() as unit:
        await unit.alerts.flush(group, before=0)
        await unit.commit()
    async with store.begin() as unit:
        with pytest.raises(Conflict):
            await unit.alerts.flush(group, before=0)
    async with store.begin() as unit:
        await unit.alerts.flush(replace(group, number=2), before=1)
        await unit.commit()
    assert [one.number for one in (await board(store)).groups.values()] == [2]


async def test_the_mark_moves_with_what_is_news_and_with_nothing_else(store: Store) -> None:
    marks = [await store.views.board_mark()]

    async def moved() -> bool:
        marks.append(await store.views.board_mark())
        return marks[-1] != marks[-2]

    assert not await moved()
    await put(store, alert(1))
    assert await moved()
    await put(store, replace(alert(1), count=2), news=False)
    assert not await moved()
    await put(store)
    assert not await moved()
    async with store.begin() as unit:
        await unit.alerts.put([alert(2)])
        await unit.alerts.tell([])
        await unit.alerts.settle([])
    assert not await moved()  # taken back
    for deed in ("settle", "tell", "flush", "silence"):
        async with store.begin() as unit:
            match deed:
                case "settle":
                    await unit.alerts.settle([alert(1).id])
                case "tell":
                    await unit.alerts.tell([telling(1)])
                case "flush":
                    await unit.alerts.flush(Group("ops", "g", {}, 1, NOON), before=0)
                case _:
                    await unit.alerts.silence(silence(1))
            await unit.commit()
        assert await moved(), deed
    assert (await board(store)).mark == marks[-1]


async def test_who_listens_hears_of_alerts_that_are_news_and_of_silences(store: Store) -> None:
    heard: list[int] = []
    store.listen(lambda: heard.append(1))
    await put(store, alert(1), news=False)
    assert heard == []
    await put(store, alert(1))
    assert len(heard) == 1
    async with store.begin() as unit:
        await unit.alerts.silence(silence(1))
        await unit.commit()
    assert len(heard) == 2


async def test_more_alerts_than_a_statement_can_name_are_found_and_settled(store: Store) -> None:
    many = [alert(number, f"Connection/{number}") for number in range(1200)]
    await put(store, *many)
    async with store.begin() as unit:
        assert len(await unit.alerts.about([one.subject for one in many])) == 1200
        await unit.alerts.settle([one.id for one in many[:1100]])
        await unit.commit()
    assert len((await board(store)).alerts) == 100


# ── silences ─────────────────────────────────────────────────────────────────────────────────────


def silence(number: int, hours: int = 1) -> Silence:
    ends = NOON + hours * HOUR
    return Silence(f"sil-{number}", {"host": "*"}, "why", "ada", NOON, NOON, ends)


async def test_silences_are_kept_and_those_that_have_ended_are_not_on_the_board(
    store: Store,
) -> None:
    kept = [silence(1, 1), silence(2, 5), silence(3, -1)]
    async with store.begin() as unit:
        for one in kept:
            await unit.alerts.silence(one)
        await unit.alerts.silence(replace(silence(1), comment="another"))
        await unit.commit()
    found = await store.views.silences()
    assert [one.id for one in found] == ["sil-2", "sil-1", "sil-3"]
    assert found[1] == replace(silence(1), comment="another")
    assert {one.id for one in (await board(store)).silences} == {"sil-1", "sil-2"}


async def test_what_is_settled_and_old_is_removed_with_all_that_was_told_of_it(
    store: Store,
) -> None:
    await put(store, *(over(number) for number in (1, 2, 3)), alert(4))
    async with store.begin() as unit:
        await unit.alerts.tell([telling(number, f"g{number}") for number in (1, 2, 3, 4)])
        for number in (1, 2, 3, 4):
            await unit.alerts.flush(Group("ops", f"g{number}", {}, 1, NOON), before=0)
        await unit.alerts.settle([over(number).id for number in (1, 2)])
        await unit.alerts.silence(silence(1))
        await unit.commit()
    async with store.begin() as unit:
        assert await unit.alerts.prune(NOON + 9 * HOUR, limit=10) == 0  # not before it is so old
        assert await unit.alerts.prune(NOON + 10 * HOUR, limit=1) == 1
        assert await unit.alerts.prune(NOON + 10 * HOUR, limit=9) == 1
        await unit.commit()
    left = await board(store)
    assert set(left.alerts) == {alert(3).id, alert(4).id}
    assert {one for _, one in left.tellings} == {alert(3).id, alert(4).id}
    assert {key for _, key in left.groups} == {"g3", "g4"}
    assert len(await store.views.alerts(ended=True)) == 2
    assert await store.views.silences() == ()


# ── receivers ────────────────────────────────────────────────────────────────────────────────────


async def test_how_a_receiver_is_is_kept_until_it_is_well(store: Store) -> None:
    bad = Endpoint("ops", 3, NOON, LATER, LATER, "failing", "basis")
    for one in (Endpoint("other", 1, NOON, NOON), bad):
        async with store.begin() as unit:
            await unit.endpoints.put(one)
            await unit.commit()
    assert (await store.views.endpoints())["ops"] == bad
    async with store.begin() as unit:
        await unit.endpoints.put(Endpoint("ops"))
        await unit.endpoints.put(Endpoint("well"))
        await unit.commit()
    assert set(await store.views.endpoints()) == {"other"}


# ── deliveries for operators ─────────────────────────────────────────────────────────────────────


def notification() -> Notification:
    one = AlertTold(
        id="alt",
        name="sync.failed",
        status=AlertStatus.RESOLVED,
        severity=EventSeverity.ERROR,
        subject="Connection/acme",
        reason="SOURCE_FAULT",
        labels={"entity": "vendors"},
        starts_at=NOON,
        ends_at=LATER,
        count=3,
        acknowledged_by="",
        event=failed(1),
        end=event(2),
    )
    return Notification(
        "ntf",
        Told.NEWS,
        AlertStatus.RESOLVED,
        EventSeverity.ERROR,
        {"connection": "acme"},
        NOON,
        (one,),
        firing=0,
        resolved=1,
        left_out=4,
    )


def made(number: int, route: str = "ops") -> Delivery:
    at = NOON + number * HOUR
    return Delivery(
        f"dlv-{number}",
        f"evt-{number}",
        route,
        at,
        subject=f"s{number}",
        topic="sync.failed",
        made_at=at,
    )


async def enqueue(store: Store, *wanted: Delivery) -> None:
    async with store.begin() as unit:
        await unit.outbox.enqueue(wanted)
        await unit.commit()


async def die(store: Store, *numbers: int, tries: int = 1) -> None:
    """Have the deliveries of these numbers tried, and given up."""
    async with store.begin() as unit:
        for number in numbers:
            one = await store.views.delivery(f"dlv-{number}")
            assert one is not None
            for _ in range(tries):
                one = one.after(Attempt(NOON, 500, timedelta(0), "no"), WAITS)
            await unit.outbox.settle(one.ended("given up", NOON + number * HOUR))
        await unit.commit()


async def listed(store: Store, **query: object) -> list[str]:
    found = await store.views.deliveries(DeliveryQuery(**query))  # type: ignore[arg-type]
    return [one.id.removeprefix("dlv-") for one in found]


async def test_a_notification_is_kept_with_its_delivery_and_survives_attempts(store: Store) -> None:
    await enqueue(store, replace(made(1), notification=notification()))
    async with store.begin() as unit:
        (claimed,) = await unit.outbox.claim("a", now=LATER + HOUR, lease=HOUR, limit=9)
        assert claimed.notification == notification()
        await unit.outbox.settle(claimed.after(Attempt(NOON, 500, timedelta(0), "no"), WAITS))
        await unit.commit()
    kept = await store.views.delivery("dlv-1")
    assert kept is not None
    assert (kept.notification, len(kept.attempts)) == (notification(), 1)


async def test_events_are_read_by_their_ids(store: Store) -> None:
    many = [event(number) for number in range(700)]
    async with store.begin() as unit:
        await unit.outbox.emit(many)
        await unit.commit()
    found = await store.views.events_of([*(one.id for one in many), "none"])
    assert found == {one.id: one for one in many}


async def test_deliveries_are_listed_page_by_page_by_route_status_and_time(store: Store) -> None:
    await enqueue(store, *(made(number, "ops" if number % 2 else "b") for number in range(6)))
    await die(store, 1, 2)
    assert await listed(store) == ["5", "4", "3", "2", "1", "0"]
    assert await listed(store, limit=2, after=(NOON + 4 * HOUR, "dlv-4")) == ["3", "2"]
    assert await listed(store, route="b") == ["4", "2", "0"]
    assert await listed(store, status=DeliveryStatus.DEAD) == ["2", "1"]
    assert await listed(store, since=NOON + 2 * HOUR, until=NOON + 4 * HOUR) == ["3", "2"]
    assert await listed(store, route="none") == []


def states(found: Sequence[Delivery]) -> list[tuple[str, str, int, int]]:
    return [(one.id, one.status.value, len(one.attempts), one.tries) for one in found]


async def test_a_dead_delivery_is_made_once_more_on_a_whole_schedule(store: Store) -> None:
    await enqueue(store, made(1), made(2))
    await die(store, 1, tries=2)
    async with store.begin() as unit:
        assert await unit.outbox.retry(["dlv-1", "dlv-2", "none"], now=LATER) == 1
        await unit.commit()
    again = await store.views.delivery("dlv-1")
    assert again is not None
    assert (again.status, again.due_at, again.reason) == (DeliveryStatus.PENDING, LATER, "")
    assert (len(again.attempts), again.tries, again.ended_at) == (2, 0, None)
    tried = again.after(Attempt(LATER, 500, timedelta(0), "no"), WAITS)
    assert (tried.status, tried.due_at) == (DeliveryStatus.PENDING, LATER + WAITS[1])
    async with store.begin() as unit:
        assert [one.id for one in await unit.outbox.claim("a", now=LATER, lease=HOUR, limit=9)] == [
            "dlv-1"
        ]
        await unit.outbox.settle(tried)
        await unit.commit()
    kept = await store.views.deliveries(DeliveryQuery(limit=1, since=NOON, until=NOON + 2 * HOUR))
    assert states(kept) == [("dlv-1", "pending", 3, 1)]


async def test_what_was_delivered_can_be_made_once_more_too(store: Store) -> None:
    await enqueue(store, made(1))
    async with store.begin() as unit:
        (one,) = await unit.outbox.claim("a", now=NOON + HOUR, lease=HOUR, limit=9)
        await unit.outbox.settle(one.after(Attempt(NOON, 200, timedelta(0)), WAITS))
        await unit.commit()
    async with store.begin() as unit:
        assert await unit.outbox.retry(["dlv-1"], now=LATER) == 1
        assert await unit.outbox.retry(["dlv-1"], now=LATER) == 0  # it is on its way
        await unit.commit()


async def test_all_that_is_dead_in_a_range_is_made_once_more(store: Store) -> None:
    await enqueue(store, *(made(number) for number in range(5)), made(7, "b"))
    await die(store, 0, 1, 2, 7)
    async with store.begin() as unit:
        wanted = DeliveryQuery(route="ops", since=NOON + HOUR)
        assert await unit.outbox.retry_all(wanted, now=LATER) == 2
        await unit.commit()
    assert await listed(store, status=DeliveryStatus.DEAD) == ["7", "0"]


async def test_what_ended_long_ago_is_removed_some_at_a_time(store: Store) -> None:
    await enqueue(store, *(made(number) for number in range(5)))
    await die(store, 0, 1, 2)
    async with store.begin() as unit:
        assert await unit.outbox.prune(NOON + 2 * HOUR, limit=1) == 1
        assert await unit.outbox.prune(NOON + 2 * HOUR, limit=9) == 1
        assert await unit.outbox.prune(NOON + 2 * HOUR, limit=9) == 0
        await unit.commit()
    assert sorted(await listed(store)) == ["2", "3", "4"]

"""Alerts with manners: held, grouped, repeated, resolved; and all of it found again after a crash."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest

from reconciler.engine.muting import GRACE
from reconciler.model.event import EventType
from reconciler.model.resource import Kind, Resource
from reconciler.model.sought import DeliveryQuery
from reconciler.ports import Store
from tests.bell import FAR, Bell
from tests.fakes import NOON
from tests.town import Town, route, thing

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
GROUP = {"by": ["connection"], "wait": "30s", "interval": "5m", "repeat": "4h"}
FAILED, DONE = EventType.SYNC_FAILED, EventType.SYNC_COMPLETED
OFFLINE, ONLINE = EventType.CONNECTION_OFFLINE, EventType.CONNECTION_ONLINE
AUTH, AGAIN = EventType.CONNECTION_AUTH_REQUIRED, EventType.CONNECTION_REAUTHORIZED
ORDERS, VENDORS = "purchase-orders", "vendors"
FIRST = ("news", "firing", 1, 0)
OVER = ("news", "resolved", 0, 1)
STILL = ("repeat", "firing", 1, 0)


def connection(name: str, host: str = "erp.example.com", **labels: str) -> Resource:
    config = {"base_url": f"https://{host}:8000", "database": name}
    return thing(Kind.CONNECTION, name, labels=labels, connector="tryton", config=config)


async def grouped(town: Town, **spec: Any) -> Bell:
    """Declare one route that groups, and return what rings for it."""
    await town.declare(connection("acme"), route(**{"group": GROUP, **spec}))
    return Bell(town)


# ── held and grouped ─────────────────────────────────────────────────────────────────────────────


async def test_a_route_without_manners_is_told_of_each_event_at_once(town: Town) -> None:
    await town.declare(route("plain"), route("polite", group=GROUP))
    bell = Bell(town)
    names = [await town.happen(kind=FAILED, entity=ORDERS) for _ in range(3)]
    await bell.look()
    plain = await bell.deliveries("plain")
    assert [one.event_id for one in plain] == names
    assert {one.due_at for one in plain} == {NOON}
    assert not any(one.notification for one in plain)
    assert await bell.deliveries("polite") == []


async def test_what_happens_within_the_wait_is_one_message(town: Town) -> None:
    bell = await grouped(town)
    await town.happen(kind=FAILED, entity=ORDERS, code="SOURCE_FAULT")
    await bell.wait(29 * SECOND)
    await town.happen(kind=FAILED, entity=VENDORS, code="SOURCE_FAULT")
    assert await bell.said() == []
    await bell.wait(SECOND)
    (told,) = await bell.told()
    assert (told.firing, dict(told.group)) == (2, {"connection": "acme"})
    assert told.at == NOON + 30 * SECOND
    assert [(one.name, one.labels["entity"], one.event.data["code"]) for one in told.alerts] == [
        ("sync.failed", ORDERS, "SOURCE_FAULT"),
        ("sync.failed", VENDORS, "SOURCE_FAULT"),
    ]


async def test_what_is_over_before_the_wait_or_the_hold_ends_is_never_told(town: Town) -> None:
    bell = await grouped(town, **{"for": "2m"})
    await town.happen(kind=OFFLINE, reason="NoAnswer")
    await bell.wait(119 * SECOND)
    await town.happen(kind=ONLINE)
    await bell.wait(FAR)
    assert await bell.said() == []
    assert (await bell.alert()).settled


async def test_what_lasts_as_long_as_the_hold_is_told_after_it_and_the_wait(town: Town) -> None:
    bell = await grouped(town, **{"for": "2m"})
    await town.happen(kind=OFFLINE, reason="NoAnswer")
    await bell.wait(149 * SECOND)
    assert await bell.said() == []
    await bell.wait(SECOND)
    assert await bell.said() == [FIRST]


async def test_the_same_again_is_no_news_and_is_counted(town: Town) -> None:
    bell = await grouped(town)
    for _ in range(5):
        await town.happen(kind=FAILED, entity=ORDERS, code="SOURCE_FAULT")
        await bell.wait(10 * MINUTE)
    assert await bell.said() == [FIRST]
    assert (await bell.alert()).count == 5


async def test_another_reason_is_news_of_the_same_alert(town: Town) -> None:
    bell = await grouped(town)
    await town.happen(kind=FAILED, entity=ORDERS, code="SOURCE_FAULT")
    await bell.wait(MINUTE)
    await town.happen(kind=FAILED, entity=ORDERS, code="SOURCE_FORBIDDEN")
    await bell.wait(4 * MINUTE + 29 * SECOND)
    assert await bell.said() == [FIRST]
    await bell.wait(SECOND)
    first, second = await bell.told()
    assert (first.alerts[0].reason, second.alerts[0].reason) == ("SOURCE_FAULT", "SOURCE_FORBIDDEN")
    assert first.alerts[0].id == second.alerts[0].id


async def test_news_of_a_group_waits_for_its_interval(town: Town) -> None:
    bell = await grouped(town)
    await town.happen(kind=FAILED, entity=ORDERS)
    await bell.wait(30 * SECOND)
    await town.happen(kind=FAILED, entity=VENDORS)
    await bell.wait(5 * MINUTE - SECOND)
    assert len(await bell.told()) == 1
    await bell.wait(SECOND)
    assert await bell.said() == [FIRST, ("news", "firing", 2, 0)]


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        ([], [{}]),
        (["connection"], [{"connection": "acme"}, {"connection": "beta"}]),
        (["event"], [{"event": "connection.auth_required"}, {"event": "sync.failed"}]),
        (["severity"], [{"severity": "critical"}, {"severity": "error"}]),
        (["connector"], [{"connector": "tryton"}]),
        (["host"], [{"host": "one.example.com"}, {"host": "two.example.com"}]),
        (["entity"], [{}, {"entity": ORDERS}]),
    ],
)
async def test_alerts_are_grouped_by_what_they_share(
    town: Town, by: list[str], groups: list[dict[str, str]]
) -> None:
    await town.declare(
        connection("acme", "one.example.com"),
        connection("beta", "two.example.com"),
        route(group={**GROUP, "by": by}),
    )
    bell = Bell(town)
    await town.happen("Connection/acme", FAILED, entity=ORDERS)
    await town.happen("Connection/beta", AUTH, reason="GrantRevoked")
    await bell.wait(MINUTE)
    told = [dict(one.group) for one in await bell.told()]
    assert sorted(told, key=str) == sorted(groups, key=str)


async def test_a_route_is_told_only_of_what_it_matches_and_of_its_end(town: Town) -> None:
    bell = await grouped(town, match={"events": ["sync.failed"], "severity": "error"})
    await town.happen(kind=AUTH, reason="GrantRevoked")
    await town.happen(kind=EventType.DELETES_HELD, entity=VENDORS)
    await town.happen(kind=AGAIN)
    await town.happen(kind=FAILED, entity=ORDERS)
    await bell.wait(MINUTE)
    await town.happen(kind=DONE, entity=ORDERS)
    await bell.wait(HOUR)
    assert await bell.said() == [FIRST, OVER]


# ── repeated and resolved ────────────────────────────────────────────────────────────────────────


async def settle(town: Town, *, well: bool = True) -> None:
    """End all deliveries, as their receivers would."""
    async with town.store.begin() as unit:
        for one in await unit.outbox.claim("test", now=town.clock.now(), lease=SECOND, limit=99):
            told = one.ended("it is dead", town.clock.now())
            await unit.outbox.settle(told if not well else replace(told, status=told.status))
        await unit.commit()


async def test_what_still_holds_is_told_again_until_it_is_over(town: Town) -> None:
    bell = await grouped(town)
    await town.happen(kind=FAILED, entity=ORDERS)
    await bell.wait(MINUTE)
    for _ in range(2):
        await settle(town)
        await bell.wait(4 * HOUR)
    await settle(town)
    await town.happen(kind=DONE, entity=ORDERS)
    await bell.wait(FAR)
    assert await bell.said() == [FIRST, STILL, STILL, OVER]
    assert (await bell.alert()).settled


async def test_nothing_is_repeated_while_the_last_message_is_still_on_its_way(town: Town) -> None:
    bell = await grouped(town)
    await town.happen(kind=FAILED, entity=ORDERS)
    await bell.wait(timedelta(days=3))
    assert await bell.said() == [FIRST]
    await settle(town)
    await bell.wait(5 * MINUTE)
    assert await bell.said() == [FIRST, STILL]


async def test_an_end_is_told_at_the_interval_of_its_group(town: Town) -> None:
    bell = await grouped(town)
    await town.happen(kind=OFFLINE, reason="NoAnswer")
    await bell.wait(MINUTE)
    end = await town.happen(kind=ONLINE)
    await bell.wait(4 * MINUTE + 29 * SECOND)
    assert await bell.said() == [FIRST]
    await bell.wait(SECOND)
    assert await bell.said() == [FIRST, OVER]
    last = (await bell.told())[-1]
    assert last.alerts[0].end is not None
    assert (last.alerts[0].end.id, last.newest.id, last.topic) == (end, end, "alerts.resolved")
    assert (last.alerts[0].starts_at, last.alerts[0].ends_at) == (NOON, NOON + MINUTE)


async def test_who_wants_no_ends_is_told_none_and_of_the_next_beginning(town: Town) -> None:
    bell = await grouped(town, sendResolved=False)
    for _ in range(2):
        await town.happen(kind=OFFLINE, reason="NoAnswer")
        await bell.wait(MINUTE)
        await town.happen(kind=ONLINE)
        await bell.wait(HOUR)
    assert await bell.said() == [FIRST, FIRST]


CLOSED = [
    (AUTH, AGAIN, {}),
    (OFFLINE, ONLINE, {}),
    (FAILED, DONE, {"entity": ORDERS}),
    (EventType.DELETES_HELD, DONE, {"entity": ORDERS, "mode": "full"}),
    (EventType.DRIFT_DETECTED, EventType.DRIFT_RESOLVED, {"kind": "config"}),
    (EventType.SOURCE_INVALID, EventType.SOURCE_RECOVERED, {}),
    (EventType.PLAN_FAILED, EventType.PLAN_APPLIED, {"held": 0}),
    (EventType.PLAN_FAILED, EventType.PLAN_RECOVERED, {}),
    (EventType.ROUTE_DISABLED, EventType.ROUTE_ENABLED, {}),
    (OFFLINE, EventType.RESOURCE_DELETED, {}),
]


@pytest.mark.parametrize(("opens", "closes", "data"), CLOSED)
async def test_each_condition_is_ended_by_its_event(
    town: Town, opens: EventType, closes: EventType, data: dict[str, object]
) -> None:
    bell = await grouped(town, match={"severity": "warning"})
    await town.happen("Connection/acme", opens, more=data)
    await bell.wait(MINUTE)
    await town.happen("Connection/other", closes, more=data)
    await bell.wait(HOUR)
    assert await bell.said() == [FIRST]
    await town.happen("Connection/acme", closes, more=data)
    await bell.wait(HOUR)
    assert await bell.said() == [FIRST, OVER]


@pytest.mark.parametrize(
    ("opens", "closes", "first", "other"),
    [
        (FAILED, DONE, {"entity": ORDERS}, {"entity": VENDORS}),
        (
            EventType.DELETES_HELD,
            DONE,
            {"entity": ORDERS},
            {"entity": ORDERS, "mode": "incremental"},
        ),
        (EventType.DRIFT_DETECTED, EventType.DRIFT_RESOLVED, {"kind": "config"}, {"kind": "data"}),
        (EventType.PLAN_FAILED, EventType.PLAN_APPLIED, {"held": 2}, {"held": 1}),
    ],
)
async def test_a_condition_is_not_ended_by_what_is_about_something_else(
    town: Town,
    opens: EventType,
    closes: EventType,
    first: dict[str, object],
    other: dict[str, object],
) -> None:
    bell = await grouped(town)
    await town.happen(kind=opens, more=first)
    await bell.wait(MINUTE)
    await town.happen(kind=closes, more=other)
    await bell.wait(HOUR)
    assert await bell.said() == [FIRST]
    assert (await bell.alert()).open


async def test_news_without_an_end_is_told_once_in_its_group(town: Town) -> None:
    bell = await grouped(town, match={"events": ["records.changed", "sync.completed"]})
    for entity in (ORDERS, VENDORS, ORDERS):
        await town.happen(kind=EventType.RECORDS_CHANGED, entity=entity)
        await town.happen(kind=DONE, entity=entity)  # ends nothing, and was asked for by name
    await bell.wait(timedelta(days=9))
    (told,) = await bell.told()
    assert (told.status.value, told.notices, told.firing, told.resolved) == ("notice", 4, 0, 0)
    assert sorted((one.name, one.count) for one in told.alerts) == [
        ("records.changed", 1),
        ("records.changed", 2),
        ("sync.completed", 1),
        ("sync.completed", 2),
    ]
    await town.happen(kind=EventType.RECORDS_CHANGED, entity=ORDERS)
    await bell.wait(HOUR)
    assert [one.notices for one in await bell.told()] == [4, 1]


async def test_what_only_ends_something_is_not_told_to_who_asks_for_a_family(town: Town) -> None:
    bell = await grouped(town, match={"events": ["connection.*"]})
    await town.happen(kind=ONLINE)
    await bell.wait(HOUR)
    assert await bell.said() == []


# ── after a crash, and while nothing happens ─────────────────────────────────────────────────────


async def test_who_starts_anew_at_any_moment_tells_the_same_and_nothing_twice(town: Town) -> None:
    bell = await grouped(town)
    await town.happen(kind=FAILED, entity=ORDERS)
    for step in range(40):
        bell.start()
        await bell.wait(MINUTE)
        if step == 20:
            await town.happen(kind=DONE, entity=ORDERS)
    assert await bell.said() == [FIRST, OVER]


async def test_what_became_due_while_nobody_ran_is_told_at_the_start(town: Town) -> None:
    bell = await grouped(town)
    await town.happen(kind=FAILED, entity=ORDERS)
    await bell.look()
    await town.clock.turn(HOUR)
    bell.start()
    await bell.look()
    assert await bell.said() == [FIRST]


async def test_two_who_decide_at_once_tell_it_once(town: Town) -> None:
    bell = await grouped(town)
    other = Bell(town)
    await town.happen(kind=FAILED, entity=ORDERS)
    await bell.look()
    await other.look()
    await town.clock.turn(MINUTE)
    board = await town.store.views.board(town.clock.now())
    await bell.look()

    class Stale:
        """Sees the board as it was before the other told it."""

        def __getattr__(self, name: str) -> object:
            return getattr(town.store.views, name)

        async def board(self, now: object) -> object:
            seen.append(now)
            return board if len(seen) == 1 else await town.store.views.board(town.clock.now())

    seen: list[object] = []

    class Behind:
        """A store that another has written to meanwhile."""

        begin = staticmethod(town.store.begin)
        views = Stale()

    other._alerting._store = cast("Store", Behind())
    await other._alerting.turn()
    assert len(seen) > 1
    assert await bell.said() == [FIRST]


async def test_a_new_route_is_told_of_what_is_open(town: Town) -> None:
    bell = await grouped(town)
    await town.happen(kind=FAILED, entity=ORDERS)
    await bell.wait(HOUR)
    await town.declare(connection("acme"), route(group=GROUP), route("late", group=GROUP))
    await bell.wait()
    assert await bell.said("late") == [FIRST]
    assert await bell.said() == [FIRST]


async def test_a_suspended_route_is_told_of_what_is_still_so_when_it_is_resumed(town: Town) -> None:
    bell = await grouped(town, suspend=True)
    await town.happen(kind=FAILED, entity=ORDERS)
    await town.happen(kind=FAILED, entity=VENDORS)
    await bell.wait(HOUR)
    await town.happen(kind=DONE, entity=VENDORS)
    await bell.wait(HOUR)
    assert await bell.said() == []
    await town.declare(connection("acme"), route(group=GROUP))
    await bell.wait(MINUTE)
    (told,) = await bell.told()
    assert [one.labels["entity"] for one in told.alerts] == [ORDERS]


async def test_while_nothing_is_due_nothing_is_read_but_a_mark(town: Town) -> None:
    bell = await grouped(town)
    await town.happen(kind=FAILED, entity=ORDERS)
    await bell.wait(MINUTE)
    await settle(town)
    await bell.look()
    reads: list[str] = []

    class Counted:
        """Counts what is read of a store."""

        def __getattr__(self, name: str) -> object:
            reads.append(name)
            return getattr(town.store.views, name)

    class Watched:
        """A store whose reads are counted."""

        begin = staticmethod(town.store.begin)
        views = Counted()

    watched = cast("Store", Watched())
    bell._alerting._store = watched
    bell._alerting._receivers._store = watched
    for _ in range(100):
        await bell._alerting.turn()
    assert set(reads) == {"board_mark", "endpoints"}


async def test_what_is_told_of_5000_connections_of_one_host_is_one_alert_and_one_end(
    town: Town,
) -> None:
    names = [f"plant-{number}" for number in range(5000)]
    await town.declare(*(connection(name) for name in names), route(group=GROUP))
    bell = Bell(town)
    for kind in (OFFLINE, ONLINE):
        await town.happen_at_once((f"Connection/{name}" for name in names), kind, reason="NoAnswer")
        await bell.wait(HOUR)
    assert await bell.said() == [("news", "firing", 5000, 0), ("news", "resolved", 0, 5000)]
    first, last = await bell.told()
    assert dict(first.group) == dict(last.group) == {"host": "erp.example.com"}
    assert (len(first.alerts), first.left_out) == (100, 4900)
    assert await town.store.views.alerts() == ()
    await bell.wait(FAR)
    assert len(await bell.deliveries()) == 2


async def test_what_goes_offline_by_and_by_with_its_host_is_no_news(town: Town) -> None:
    names = [f"plant-{number}" for number in range(60)]
    await town.declare(*(connection(name) for name in names), route(group=GROUP))
    bell = Bell(town)
    for kind in (OFFLINE, ONLINE):
        for name in names:  # five at once each minute: the looks at them are spread
            await town.happen(f"Connection/{name}", kind, reason="NoAnswer")
            if int(name.partition("-")[2]) % 5 == 4:
                await bell.wait(MINUTE)
    await bell.wait(HOUR)
    assert [one[:2] for one in await bell.said()] == [("news", "firing"), ("news", "resolved")]
    assert (await bell.said())[-1] == ("news", "resolved", 0, 60)


async def test_few_that_stay_away_after_their_host_is_back_are_told(town: Town) -> None:
    names = [f"plant-{number}" for number in range(20)]
    await town.declare(*(connection(name) for name in names), route(group=GROUP))
    bell = Bell(town)
    for name in names:
        await town.happen(f"Connection/{name}", OFFLINE, reason="NoAnswer")
    await bell.wait(HOUR)
    for name in names[2:]:
        await town.happen(f"Connection/{name}", ONLINE)
    await bell.wait(HOUR)
    assert await bell.said() == [("news", "firing", 20, 0), ("news", "firing", 2, 18)]


async def test_few_connections_of_a_host_are_told_each_alone(town: Town) -> None:
    names = [f"plant-{number}" for number in range(4)]
    await town.declare(*(connection(name) for name in names), route(group=GROUP))
    bell = Bell(town)
    for name in names:
        await town.happen(f"Connection/{name}", OFFLINE, reason="NoAnswer")
    await bell.wait(MINUTE)
    assert await bell.said() == [FIRST] * 4


# ── kept in the store ────────────────────────────────────────────────────────────────────────────


async def test_grace_is_counted_from_the_end_of_the_cause(town: Town) -> None:
    bell = await grouped(town)
    await town.happen(kind=OFFLINE, reason="NoAnswer")
    await town.happen(kind=FAILED, entity=ORDERS, code="CONNECTION_UNREACHABLE")
    await bell.wait(MINUTE)
    (told,) = await bell.told()
    assert [one.name for one in told.alerts] == ["connection.offline"]
    await town.happen(kind=ONLINE)
    await bell.wait(GRACE - SECOND)
    await town.happen(kind=DONE, entity=ORDERS)
    await bell.wait(HOUR)
    names = [one.name for told in await bell.told() for one in told.alerts]
    assert names == ["connection.offline", "connection.offline"]


async def test_a_sync_that_still_fails_once_its_system_answers_is_told(town: Town) -> None:
    bell = await grouped(town)
    await town.happen(kind=OFFLINE, reason="NoAnswer")
    await town.happen(kind=FAILED, entity=ORDERS, code="CONNECTION_UNREACHABLE")
    await bell.wait(MINUTE)
    await town.happen(kind=ONLINE)
    await bell.wait(HOUR)
    assert [one.name for one in (await bell.told())[-1].alerts] == ["sync.failed"]
    assert len(await town.store.views.deliveries(DeliveryQuery())) == 3

"""Receivers that are away: for a while, for good; what is kept, what is given a rest, and what is brought."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.engine.dispatch import WAITS, Limits
from reconciler.engine.granting import By
from reconciler.engine.receivers import enable
from reconciler.engine.tidying import EVERY, KEPT, Tidying
from reconciler.model.endpoint import FAILS_FOR, FORGOTTEN, RESTS, TRIP, Endpoint
from reconciler.model.event import Attempt, EventType
from reconciler.model.resource import Kind, ResourceKey
from reconciler.model.sought import DeliveryQuery
from tests.engine.office import Desk
from tests.fakes import NOON, until
from tests.town import Town, route

SECOND, MINUTE, HOUR, DAY = (
    timedelta(seconds=1),
    timedelta(minutes=1),
    timedelta(hours=1),
    timedelta(days=1),
)
LONGEST_REST = RESTS[-1]
PLANNED = [sum(WAITS[: n + 1], timedelta(0)) for n in range(len(WAITS))]


def away(town: Town, name: str = "ops") -> None:
    """Have a receiver answer with an error until it is back."""
    town.sender.answers[name] = [503] * 100_000


def back(town: Town, name: str = "ops") -> None:
    """Have a receiver take what comes."""
    town.sender.answers.pop(name)


async def counts(town: Town) -> dict[str, int]:
    """Return how many deliveries there are in each status."""
    found = await town.store.views.deliveries(DeliveryQuery(limit=1000))
    return dict(Counter(one.status.value for one in found))


async def test_after_an_outage_of_80_hours_all_is_listed_and_brought_by_one_retry(
    town: Town,
) -> None:
    await town.declare(
        route(match={"severity": "error"}), route("calm", match={"events": ["plan.*"]})
    )
    away(town)
    away(town, "calm")
    await town.happen("Plan", EventType.PLAN_APPLIED)
    names = [await town.happen(f"Connection/plant-{number}") for number in range(20)]
    desk = Desk(town)
    await desk.wait(80 * HOUR)
    assert await counts(town) == {"dead": 21}
    calm, *rest = await town.store.views.deliveries(DeliveryQuery(route=await town.uid("calm")))
    assert [attempt.at - NOON for attempt in calm.attempts] == PLANNED
    assert rest == []
    dead = await town.store.views.deliveries(DeliveryQuery(route=await town.uid()))
    for one in dead:
        assert len(one.attempts) == len(WAITS)
        times = [attempt.at for attempt in one.attempts]
        for wait, start, end in zip(WAITS[1:], times, times[1:], strict=False):
            # Never before its time; later only while others of the same receiver are tried.
            assert wait <= end - start <= wait + len(names) * LONGEST_REST
        assert timedelta(hours=75) < times[-1] - times[0] < timedelta(hours=79)
    back(town)
    back(town, "calm")
    before = len(town.sender.sent)
    async with town.store.begin() as unit:
        assert await unit.outbox.retry_all(DeliveryQuery(), now=town.clock.now()) == 21
        await unit.commit()
    await desk.wait(2 * LONGEST_REST)
    assert await counts(town) == {"delivered": 21}
    brought = [event for name, event, _ in town.sender.sent[before:] if name == "ops"]
    assert sorted(brought) == sorted(names)
    assert len({delivery for _, _, delivery in town.sender.sent}) == 21  # the same ids as before


async def test_who_comes_back_is_found_within_a_minute_of_what_is_due(town: Town) -> None:
    await town.declare(route())
    away(town)
    desk = Desk(town)
    for number in range(60):
        await town.happen(f"Connection/plant-{number}")
        await desk.wait(MINUTE)
    pending = (await counts(town))["pending"]
    tried = len(town.sender.sent)
    assert pending == 60
    assert tried <= 60 + 2 * TRIP  # one a minute while it is away, whatever comes in
    back(town)
    await town.happen("Connection/last")
    await desk.wait(LONGEST_REST)
    assert town.sender.to("ops")[-1] == town.sender.sent[-1][1]
    assert (await counts(town))["delivered"] > 40  # all that was due and only waited


async def test_a_rest_costs_no_attempt(town: Town) -> None:
    await town.declare(route())
    away(town)
    for number in range(30):
        await town.happen(f"Connection/plant-{number}")
    desk = Desk(town, Limits(per_route=1))
    await desk.work()
    assert len(town.sender.sent) == TRIP
    kept = await town.store.views.deliveries(DeliveryQuery())
    assert sum(len(one.attempts) for one in kept) == TRIP
    assert desk.next == NOON + RESTS[0]
    back(town)
    await desk.wait(RESTS[0])
    assert await counts(town) == {"delivered": 30}


async def test_one_dead_receiver_among_100_delays_no_other(town: Town) -> None:
    await town.declare(*(route(f"r{number}") for number in range(100)))
    town.sender.hold["r7"] = asyncio.Event()  # it takes the request, and says nothing
    for number in range(5):
        await town.happen(f"Connection/plant-{number}")
    desk = Desk(town)
    while len(town.sender.sent) < 99 * 5 + 4:
        await desk.start()
        await until(lambda: len(desk.dispatch._tasks) == len(town.sender.to("r7")))
    assert town.clock.now() == NOON  # no time has passed: nobody waited for the dead one
    sent = Counter(name for name, _, _ in town.sender.sent)
    assert sent.pop("r7") == 4
    assert set(sent.values()) == {5}
    await desk.dispatch.close()


# ── disabled ─────────────────────────────────────────────────────────────────────────────────────


async def disabled(town: Town) -> Endpoint:
    return (await town.store.views.endpoints())[await town.uid()]


async def told(town: Town, kind: EventType) -> list[dict[str, object]]:
    events = await town.store.views.events(subject="AlertRoute/ops", limit=1000)
    return [dict(one.data) for one in events if one.type is kind]


async def fail_for(town: Town, desk: Desk, span: timedelta) -> None:
    """Have something happen every twelve hours while the receiver is away."""
    away(town)
    end = town.clock.now() + span
    while town.clock.now() < end:
        await town.happen("Connection/acme")
        await desk.wait(12 * HOUR)


async def test_a_receiver_that_fails_for_five_days_is_disabled_and_that_is_told(
    town: Town,
) -> None:
    await town.declare(route(), route("other", match={"events": ["route.*"]}))
    desk = Desk(town)
    await fail_for(town, desk, FAILS_FOR - 12 * HOUR)
    assert not (await disabled(town)).disabled
    await fail_for(town, desk, DAY)
    endpoint = await disabled(town)
    assert (endpoint.disabled, endpoint.reason) == (True, "failing")
    (data,) = await told(town, EventType.ROUTE_DISABLED)
    assert (data["route"], data["reason"], data["status"]) == ("ops", "failing", 503)
    assert data["dead"]
    assert len(town.sender.to("other")) == 1
    assert set(await counts(town)) == {"dead", "delivered"}
    sent = len(town.sender.sent)
    await town.happen("Connection/later")
    await desk.wait(DAY)
    assert len(town.sender.sent) == sent  # nothing is kept for it, and nothing tried


async def test_a_receiver_that_answers_once_in_five_days_is_not_disabled(town: Town) -> None:
    await town.declare(route())
    desk = Desk(town)
    await fail_for(town, desk, 3 * DAY)
    back(town)
    await town.happen("Connection/new")
    await desk.wait(MINUTE)
    assert await town.store.views.endpoints() == {}
    await fail_for(town, desk, 3 * DAY)
    assert not (await disabled(town)).disabled


async def test_a_receiver_that_is_gone_is_disabled_at_once(town: Town) -> None:
    await town.declare(route())
    town.sender.answers["ops"] = [410]
    for number in range(3):
        await town.happen(f"Connection/plant-{number}")
    desk = Desk(town, Limits(per_route=1))
    await desk.wait(DAY)
    assert (await disabled(town)).reason == "gone"
    assert len(town.sender.sent) == 1
    assert await counts(town) == {"dead": 3}
    (data,) = await told(town, EventType.ROUTE_DISABLED)
    assert (data["reason"], data["dead"], data["failures"]) == ("gone", 2, 1)


async def test_who_is_asked_to_tries_a_disabled_receiver_again(town: Town) -> None:
    await town.declare(route())
    town.sender.answers["ops"] = [410]
    await town.happen()
    desk = Desk(town)
    await desk.work()
    state = await town.store.views.state()
    resource = state.resources[ResourceKey(Kind.ALERT_ROUTE, "ops")]
    async with town.store.begin() as unit:
        await enable(unit, await town.uid(), resource, By("cli:ada", town.clock.now()))
        await unit.commit()
    name = await town.happen()
    await desk.work()
    assert name in town.sender.to("ops")
    assert await told(town, EventType.ROUTE_ENABLED) == [
        {"route": "ops", "reason": "asked", "actor": "cli:ada"}
    ]
    assert [one.deed for one in await town.store.views.audit()][-1] == "route.enabled"


async def test_a_route_that_is_changed_is_tried_again(town: Town) -> None:
    await town.declare(route())
    town.sender.answers["ops"] = [410]
    await town.happen()
    desk = Desk(town)
    await desk.work()
    await town.declare(route(to={"webhook": {"url": "https://hooks.example.com/new"}}))
    name = await town.happen()
    await desk.work()
    assert name in town.sender.to("ops")
    assert await town.store.views.endpoints() == {}
    assert (await told(town, EventType.ROUTE_ENABLED))[0]["reason"] == "changed"


# ── the rule itself ──────────────────────────────────────────────────────────────────────────────


@given(
    st.lists(
        st.tuples(
            st.sampled_from([200, 204, 0, 500, 503, 302]),
            st.timedeltas(timedelta(0), timedelta(days=3)),
        ),
        max_size=40,
    )
)
def test_only_failures_over_five_days_with_no_answer_between_disable(
    answers: list[tuple[int, timedelta]],
) -> None:
    endpoint, now, since, last = Endpoint("ops"), NOON, None, None
    for status, gap in answers:
        now += gap
        attempt = Attempt(now, status, timedelta(0))
        if attempt.well:
            since = last = None
        else:
            since = now if last is None or now - last > FORGOTTEN or since is None else since
            last = now
        endpoint = endpoint.after(attempt, "basis")
        assert endpoint.failing_since == since
        assert endpoint.disabled == (since is not None and now - since >= FAILS_FOR)
        if endpoint.disabled:
            break
        assert (endpoint.rests_until is not None) == (endpoint.failures >= TRIP)
        if endpoint.rests_until is not None:
            assert RESTS[0] <= endpoint.rests_until - now <= RESTS[-1]


@pytest.mark.parametrize(("failures", "rest"), [(4, None), (5, 15), (6, 30), (7, 60), (99, 60)])
def test_rests_grow_to_a_minute(failures: int, rest: int | None) -> None:
    endpoint = Endpoint("ops", failures, NOON, NOON)
    wanted: datetime | None = None if rest is None else NOON + timedelta(seconds=rest)
    assert endpoint.rests_until == wanted


# ── what has ended is kept for 30 days ───────────────────────────────────────────────────────────


async def test_dead_deliveries_are_kept_for_30_days_and_then_removed_some_at_a_time(
    town: Town,
) -> None:
    await town.declare(route())
    town.sender.answers["ops"] = [410]
    await town.happen()
    desk = Desk(town)
    await desk.work()
    (dead,) = await town.store.views.deliveries(DeliveryQuery())
    others = [replace(dead, id=f"dlv-{number}") for number in range(4)]
    async with town.store.begin() as unit:
        await unit.outbox.enqueue(others)
        await unit.commit()
    tidying = Tidying(town.store, town.clock, batch=2)
    await town.clock.turn(KEPT)
    assert await tidying.turn() == town.clock.now() + EVERY
    assert await counts(town) == {"dead": 5}
    await town.clock.turn(EVERY)
    assert await tidying.turn() == town.clock.now()  # there is more
    assert await counts(town) == {"dead": 3}
    assert [await tidying.turn() for _ in range(2)][-1] == town.clock.now() + EVERY
    assert await counts(town) == {}

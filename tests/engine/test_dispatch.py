"""What is due is sent, in order, on its schedule, and no receiver waits for another."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.engine.dispatch import DELETED, LOST, WAITS, Dispatch, Limits, waits
from reconciler.engine.routing import Routing, delivery_of
from reconciler.model.event import (
    LONGEST_ASKED,
    Attempt,
    Delivery,
    DeliveryStatus,
    Event,
    EventType,
)
from tests.fakes import NOON, until
from tests.town import Town, route

SECOND = timedelta(seconds=1)
LEASE = Limits().lease


class Office:
    """A dispatch whose turns a test takes by hand; *chance* 0.5 waits exactly as planned."""

    def __init__(self, town: Town, limits: Limits | None = None, chance: float = 0.5) -> None:
        self.town = town
        self.freed = 0
        self.dispatch = Dispatch(town.post, self._free, limits=limits, chance=lambda: chance)

    def _free(self) -> None:
        self.freed += 1

    async def start(self) -> None:
        """Route what has come in, and start what is due."""
        while await Routing(self.town.store, self.town.in_force, self.town.clock).turn():
            pass
        await self.dispatch.turn()

    async def work(self) -> None:
        """Take turns until nothing more is under way or due."""
        started = -1
        while started != self.freed:
            started = self.freed
            await self.start()
            await until(lambda: not self.dispatch._tasks)

    async def delivery(self, event: str, name: str = "ops") -> Delivery:
        """Return how the delivery of an event to a route stands."""
        found = await self.town.store.views.event(event)
        assert found is not None
        made = delivery_of(found, await self.town.uid(name), now=NOON)
        return await self.town.delivery(made.id)


async def test_what_is_due_is_sent_once_and_is_done(town: Town) -> None:
    await town.declare(route())
    name = await town.happen()
    office = Office(town)
    await office.work()
    await office.work()
    assert town.sender.to("ops") == [name]
    done = await office.delivery(name)
    assert (done.status, [one.status for one in done.attempts]) == (
        DeliveryStatus.DELIVERED,
        [204],
    )


async def test_ten_attempts_are_made_over_75_hours_and_then_it_is_dead(town: Town) -> None:
    await town.declare(route())
    town.sender.answers["ops"] = [500, 302, 404, 0] + [503] * 6
    name = await town.happen()
    office = Office(town)
    await office.work()
    for wait in WAITS[1:]:
        await town.clock.turn(wait - SECOND)
        await office.work()
        before = len(town.sender.sent)
        await town.clock.turn(SECOND)
        await office.work()
        assert len(town.sender.sent) == before + 1
    await town.clock.turn(timedelta(days=9))
    await office.work()
    assert [at - NOON for at in town.sender.at] == [
        sum(WAITS[: n + 1], timedelta(0)) for n in range(10)
    ]
    assert timedelta(hours=75.5) < town.sender.at[-1] - NOON < timedelta(hours=75.7)
    assert {delivery for _, _, delivery in town.sender.sent} == {(await office.delivery(name)).id}
    dead = await office.delivery(name)
    assert dead.status is DeliveryStatus.DEAD
    assert dead.reason == "none of 10 attempts was answered with 2xx"


async def test_410_ends_it_at_once(town: Town) -> None:
    await town.declare(route())
    town.sender.answers["ops"] = [410]
    name = await town.happen()
    office = Office(town)
    await office.work()
    assert (await office.delivery(name)).status is DeliveryStatus.DEAD


@given(chance=st.floats(0, 1))
def test_every_wait_is_within_a_fifth_of_the_plan_and_the_first_is_none(chance: float) -> None:
    for planned, wait in zip(WAITS, waits(chance), strict=True):
        assert abs(wait - planned) <= planned * 0.2 + timedelta(microseconds=1)
    assert waits(chance)[0] == timedelta(0)


asked = st.none() | st.timedeltas(timedelta(0), timedelta(days=1))


@given(
    answers=st.lists(
        st.tuples(st.sampled_from([0, 200, 204, 301, 404, 410, 429, 500, 503]), asked), max_size=12
    ),
    chance=st.floats(0, 1),
    took=st.timedeltas(timedelta(0), timedelta(seconds=10)),
)
def test_a_delivery_goes_on_until_it_is_taken_refused_for_good_or_tried_ten_times(
    answers: list[tuple[int, timedelta | None]], chance: float, took: timedelta
) -> None:
    delivery, schedule = Delivery("dlv", "evt", "ops", NOON), waits(chance)
    for number, (status, wait) in enumerate(answers, 1):
        at = delivery.due_at
        delivery = delivery.after(Attempt(at, status, took, "", wait), schedule)
        assert len(delivery.attempts) == number
        if delivery.status is not DeliveryStatus.PENDING:
            break
        planned = schedule[number]
        least = max(planned, min(wait or timedelta(0), max(2 * planned, LONGEST_ASKED)))
        assert delivery.due_at == at + took + least
        assert delivery.due_at <= at + took + max(2 * planned, LONGEST_ASKED)
    last = delivery.attempts[-1].status if delivery.attempts else 0
    match delivery.status:
        case DeliveryStatus.DELIVERED:
            assert last in {200, 204}
        case DeliveryStatus.DEAD:
            assert last == 410 or len(delivery.attempts) == 10
            assert delivery.reason
        case DeliveryStatus.PENDING:
            assert len(delivery.attempts) < 10


async def test_one_subject_is_told_in_order_and_another_does_not_wait_for_it(town: Town) -> None:
    await town.declare(route())
    town.sender.answers["ops"] = [500]
    first, second = await town.happen("Connection/a"), await town.happen("Connection/a")
    office = Office(town, Limits(per_route=1))
    await office.start()
    await until(lambda: office.freed == 1)
    other = await town.happen("Connection/b")
    await office.work()
    assert town.sender.to("ops") == [first, other]
    await town.clock.turn(WAITS[1])
    await office.work()
    assert town.sender.to("ops") == [first, other, first, second]


async def test_a_dead_endpoint_delays_no_other(town: Town) -> None:
    await town.declare(*(route(name) for name in ("dead-1", "dead-2", "well")))
    for name in ("dead-1", "dead-2"):
        town.sender.hold[name] = asyncio.Event()
    office = Office(town, Limits(at_once=6, per_route=2))
    for number in range(20):
        await town.happen(f"Connection/{number}")
    await office.start()
    await until(lambda: len(town.sender.to("well")) == 2)
    while len(town.sender.to("well")) < 20:
        seen = len(town.sender.to("well"))
        await until(lambda: len(office.dispatch._tasks) == 4)
        await office.dispatch.turn()
        await until(lambda: len(town.sender.to("well")) > seen)  # noqa: B023  called at once
    assert len(town.sender.to("dead-1")) == len(town.sender.to("dead-2")) == 2
    await office.dispatch.close()


async def test_a_route_that_fails_has_one_place_until_it_answers_again(town: Town) -> None:
    await town.declare(route())
    town.sender.answers["ops"] = [500]
    await town.happen("Connection/first")
    office = Office(town)
    await office.work()
    town.sender.hold["ops"] = asyncio.Event()
    for number in range(9):
        await town.happen(f"Connection/{number}")
    await office.start()
    await office.start()
    assert len(office.dispatch._tasks) == 1
    town.sender.hold.pop("ops").set()
    await until(lambda: not office.dispatch._tasks)
    town.sender.hold["ops"] = asyncio.Event()
    await office.start()
    assert len(office.dispatch._tasks) == 4
    await office.dispatch.close()


async def test_who_dies_after_sending_and_before_settling_is_followed_by_another_with_the_same_id(
    town: Town,
) -> None:
    await town.declare(route())
    town.sender.hold["ops"] = asyncio.Event()
    name = await town.happen()
    dead, other = Office(town), Office(town)
    await dead.start()
    await until(lambda: len(town.sender.sent) == 1)  # it has arrived, and nobody knows
    for task in dead.dispatch._tasks:
        task.cancel()
    town.sender.hold.clear()
    await town.clock.turn(LEASE - SECOND)
    await other.work()
    assert len(town.sender.sent) == 1
    assert await other.dispatch.turn() == NOON + LEASE
    await town.clock.turn(SECOND)
    await other.work()
    first, second = town.sender.sent
    assert first == second
    assert (await other.delivery(name)).status is DeliveryStatus.DELIVERED


async def test_who_stops_in_order_leaves_what_is_under_way_to_be_claimed_at_once(
    town: Town,
) -> None:
    await town.declare(route())
    town.sender.hold["ops"] = asyncio.Event()
    await town.happen()
    office, other = Office(town), Office(town)
    await office.start()
    await until(lambda: len(town.sender.sent) == 1)
    await office.dispatch.close()
    town.sender.hold.clear()
    await other.work()
    assert len({delivery for _, _, delivery in town.sender.sent}) == 1
    assert len(town.sender.sent) == 2


async def test_what_waits_for_a_deleted_route_is_dead_with_the_reason(town: Town) -> None:
    await town.declare(route(), route("other"))
    office = Office(town)
    town.sender.answers["ops"] = [500]
    name = await town.happen()
    await office.work()
    made = await office.delivery(name)
    await town.declare(route("other"))
    await office.work()
    dead = await town.delivery(made.id)
    assert (dead.status, dead.reason) == (DeliveryStatus.DEAD, DELETED)
    assert len(dead.attempts) == 1
    await town.clock.turn(timedelta(days=9))
    await office.work()
    assert town.sender.to("ops") == [name]


async def test_a_suspended_route_keeps_what_waits_until_it_is_resumed(town: Town) -> None:
    await town.declare(route())
    town.sender.answers["ops"] = [500]
    name = await town.happen()
    office = Office(town)
    await office.work()
    await town.declare(route(suspend=True))
    await town.clock.turn(timedelta(days=1))
    await office.work()
    assert await office.dispatch.turn() is None
    assert town.sender.to("ops") == [name]
    await town.declare(route(suspend=False))
    await office.work()
    assert town.sender.to("ops") == [name, name]


async def test_an_event_that_is_gone_ends_its_delivery(town: Town) -> None:
    await town.declare(route())
    lost = Event("evt-lost", EventType.SYNC_FAILED, "Connection/a", NOON)
    made = delivery_of(lost, await town.uid(), now=NOON)
    async with town.store.begin() as unit:
        await unit.outbox.enqueue([made])
        await unit.commit()
    await Office(town).work()
    dead = await town.delivery(made.id)
    assert (dead.status, dead.reason, town.sender.sent) == (DeliveryStatus.DEAD, LOST, [])


@pytest.mark.parametrize("chance", [0.0, 1.0])
async def test_the_next_attempt_comes_when_the_jitter_says(town: Town, chance: float) -> None:
    await town.declare(route())
    town.sender.answers["ops"] = [500]
    await town.happen()
    office = Office(town, chance=chance)
    await office.work()
    wait = timedelta(seconds=4 if chance == 0.0 else 6)
    assert await office.dispatch.turn() == NOON + wait

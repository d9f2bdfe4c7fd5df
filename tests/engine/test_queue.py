"""A key waits once, one worker holds it, and asked for while held it runs once more."""

import asyncio
import random
from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.engine.backoff import spread, wait_before
from reconciler.engine.queue import Priority, WorkQueue
from tests.fakes import TurnedClock

SPEC, RETRY, PERSON, RESYNC = Priority.SPEC, Priority.RETRY, Priority.PERSON, Priority.RESYNC
SECOND = timedelta(seconds=1)


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def queue(clock: TurnedClock) -> WorkQueue:
    return WorkQueue(clock)


async def taken(queue: WorkQueue) -> str | None:
    """Return the key that is due first, or ``None``: nothing is."""
    taking = asyncio.ensure_future(queue.take())
    for _ in range(5):
        await asyncio.sleep(0)
    if taking.done():
        return taking.result().key
    taking.cancel()
    await asyncio.wait({taking})
    return None


async def test_a_key_asked_for_ten_times_waits_once(queue: WorkQueue) -> None:
    for _ in range(10):
        queue.add("specs", SPEC)
    assert await taken(queue) == "specs"
    queue.done("specs")
    assert await taken(queue) is None


async def test_a_key_asked_for_while_held_runs_once_more(queue: WorkQueue) -> None:
    queue.add("specs", SPEC)
    assert await taken(queue) == "specs"
    queue.add("specs", SPEC)
    queue.add("specs", SPEC)
    assert await taken(queue) is None
    queue.done("specs")
    assert await taken(queue) == "specs"
    queue.done("specs")
    assert await taken(queue) is None


async def test_keys_are_taken_in_the_order_they_were_asked_for(queue: WorkQueue) -> None:
    for key in "cab":
        queue.add(key, SPEC)
    assert [await taken(queue) for _ in range(3)] == ["c", "a", "b"]


async def test_the_most_urgent_key_goes_first(queue: WorkQueue) -> None:
    for priority in (RETRY, PERSON, RESYNC, SPEC, Priority.DEPENDANT):
        queue.add(priority.name, priority)
    order = ["PERSON", "SPEC", "DEPENDANT", "RETRY", "RESYNC"]
    assert [await taken(queue) for _ in range(5)] == order


async def test_of_two_asks_the_higher_priority_holds(queue: WorkQueue) -> None:
    queue.add("a", RESYNC)
    queue.add("b", SPEC)
    queue.add("a", PERSON)
    queue.add("a", RETRY)
    assert (await queue.take()).priority is PERSON
    assert [await taken(queue), await taken(queue)] == ["b", None]


async def test_a_wait_is_over_when_its_time_has_come_and_not_before(
    queue: WorkQueue, clock: TurnedClock
) -> None:
    queue.add("late", RETRY, after=2 * SECOND)
    queue.add("soon", RETRY, after=SECOND)
    assert await taken(queue) is None
    await clock.turn(SECOND)
    assert [await taken(queue), await taken(queue)] == ["soon", None]
    await clock.turn(SECOND)
    assert await taken(queue) == "late"


async def test_an_ask_at_once_goes_before_the_wait_and_the_wait_is_gone(
    queue: WorkQueue, clock: TurnedClock
) -> None:
    queue.add("a", RETRY, after=SECOND)
    queue.add("a", SPEC)
    assert (await queue.take()).priority is SPEC
    queue.done("a")
    await clock.turn(timedelta(days=1))
    assert await taken(queue) is None


async def test_of_two_waits_the_earlier_holds(queue: WorkQueue, clock: TurnedClock) -> None:
    queue.add("a", RETRY, after=SECOND)
    queue.add("a", RESYNC, after=timedelta(minutes=1))
    queue.add("b", RESYNC, after=timedelta(minutes=1))
    queue.add("b", RETRY, after=SECOND)
    await clock.turn(SECOND)
    assert [await taken(queue), await taken(queue)] == ["a", "b"]


async def test_a_wait_of_a_held_key_begins_when_it_is_asked_for(
    queue: WorkQueue, clock: TurnedClock
) -> None:
    queue.add("a", SPEC)
    await queue.take()
    queue.add("a", RETRY, after=2 * SECOND)
    await clock.turn(SECOND)
    queue.done("a")
    assert await taken(queue) is None
    await clock.turn(SECOND)
    assert await taken(queue) == "a"


class CountedClock(TurnedClock):
    """Counts who sleeps."""

    asleep = 0

    async def sleep(self, delay: timedelta) -> None:
        self.asleep += 1
        try:
            await super().sleep(delay)
        finally:
            self.asleep -= 1


async def test_nothing_sleeps_while_nothing_is_due_and_one_thing_for_many_waits() -> None:
    clock = CountedClock()
    queue = WorkQueue(clock)
    queue.add("now", SPEC)
    assert await taken(queue) == "now"
    assert clock.asleep == 0
    for number in range(100):
        queue.add(f"key-{number}", RESYNC, after=(100 - number) * SECOND)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert clock.asleep == 1
    for number in range(100):
        queue.add(f"key-{number}", PERSON)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert clock.asleep == 0


async def test_a_closed_queue_leaves_its_waits() -> None:
    clock = CountedClock()
    queue = WorkQueue(clock)
    queue.add("a", RETRY, after=SECOND)
    await asyncio.sleep(0)
    queue.close()
    await asyncio.sleep(0)
    assert (clock.asleep, len(queue)) == (0, 1)


async def test_a_taker_that_is_cancelled_takes_no_key_with_it(queue: WorkQueue) -> None:
    taking = asyncio.ensure_future(queue.take())
    await asyncio.sleep(0)
    queue.add("a", SPEC)
    taking.cancel()
    await asyncio.wait({taking})
    assert await taken(queue) == "a"


Act = tuple[str, str, Priority, int]
ACTS = st.tuples(
    st.sampled_from(["add", "take", "done", "turn"]),
    st.sampled_from("abc"),
    st.sampled_from(Priority),
    st.integers(0, 5),
)


class Model:
    """What a queue promises, written down plainly: per key its priority, due second and place."""

    def __init__(self) -> None:
        self.now = 0
        self.count = 0
        self.waits: dict[str, tuple[int, int]] = {}
        self.held: dict[str, tuple[int, int] | None] = {}

    def add(self, key: str, priority: int, after: int) -> None:
        ask = (priority, self.now + after)
        place = self.held if key in self.held else self.waits
        known = place.get(key)
        place[key] = ask if known is None else (max(known[0], ask[0]), min(known[1], ask[1]))

    def due(self) -> set[str]:
        """Return the keys that may be taken now: due, and none of them less urgent than another."""
        ready = {key: ask for key, ask in self.waits.items() if ask[1] <= self.now}
        most = max((ask[0] for ask in ready.values()), default=0)
        return {key for key, ask in ready.items() if ask[0] == most}

    def take(self, key: str) -> None:
        del self.waits[key]
        self.held[key] = None

    def done(self, key: str) -> None:
        again = self.held.pop(key)
        if again is not None:
            self.waits[key] = again


@settings(deadline=None)
@given(st.lists(ACTS, max_size=60))
def test_whatever_is_done_no_key_is_handed_out_twice_and_no_ask_is_lost(acts: list[Act]) -> None:
    asyncio.run(against_the_model(acts))


async def against_the_model(acts: list[Act]) -> None:
    clock, model = TurnedClock(), Model()
    queue = WorkQueue(clock)
    ends: list[Act] = [("turn", "a", RESYNC, 5), *[("done", key, RESYNC, 0) for key in "abc"]]
    for act, key, priority, number in [*acts, *ends, *ends, *[("take", "a", RESYNC, 0)] * 3]:
        if act == "add":
            queue.add(key, priority, after=number * SECOND)
            model.add(key, priority, number)
        elif act == "turn":
            await clock.turn(number * SECOND)
            model.now += number
        elif act == "done" and key in model.held:
            queue.done(key)
            model.done(key)
        elif act == "take":
            found, allowed = await taken(queue), model.due()
            assert found in allowed or (found is None and not allowed)
            if found is not None:
                model.take(found)
    assert not model.due()
    assert len(queue) == len(model.waits)
    queue.close()


class Crowd:
    """Workers over one queue, who note which of the asks of a key they have seen."""

    def __init__(self, seed: int) -> None:
        self.clock, self.chance = TurnedClock(), random.Random(seed)  # noqa: S311  no secret
        self.queue = WorkQueue(self.clock)
        self.held: set[str] = set()
        self.wanted: Counter[str] = Counter()
        self.seen: Counter[str] = Counter()

    async def work(self) -> None:
        while True:
            key = (await self.queue.take()).key
            assert key not in self.held
            self.held.add(key)
            self.seen[key] = self.wanted[key]
            for _ in range(self.chance.randrange(3)):
                await asyncio.sleep(0)
            self.held.discard(key)
            if self.chance.random() < 0.2:
                self.queue.add(key, RETRY, after=self.chance.random() * SECOND)
            self.queue.done(key)

    async def ask(self) -> None:
        key = f"key-{self.chance.randrange(300)}"
        self.wanted[key] += 1
        priority, after = self.chance.choice(list(Priority)), self.chance.choice([0, 0, 1])
        self.queue.add(key, priority, after=after * SECOND)
        if self.chance.random() < 0.3:
            await asyncio.sleep(0)

    async def settle(self) -> None:
        for _ in range(1000):
            if not self.queue and not self.held:
                return
            await self.clock.turn(SECOND)


async def test_under_many_workers_no_key_is_held_twice_and_the_last_ask_is_seen() -> None:
    crowd = Crowd(seed=8)
    workers = [asyncio.ensure_future(crowd.work()) for _ in range(8)]
    for _ in range(5000):
        await crowd.ask()
    await crowd.settle()
    assert (len(crowd.queue), crowd.held) == (0, set())
    assert crowd.seen == crowd.wanted
    for worker in workers:
        assert not worker.done()
        worker.cancel()
    await asyncio.wait(workers)


@pytest.mark.parametrize(("failures", "seconds"), [(1, 1), (2, 2), (4, 8), (30, 900)])
def test_waits_double_up_to_a_quarter_of_an_hour(failures: int, seconds: int) -> None:
    assert wait_before(failures, jitter=1.0) == timedelta(seconds=seconds)
    assert wait_before(failures, jitter=0.0) == timedelta(seconds=seconds) / 2


def test_looks_of_many_keys_are_spread_over_a_fifth_of_the_time() -> None:
    every = timedelta(minutes=10)
    waits = [spread(f"key-{number}", every) for number in range(1000)]
    assert waits == [spread(f"key-{number}", every) for number in range(1000)]
    assert all(every * 0.9 <= wait <= every * 1.1 for wait in waits)
    tenths = Counter(int((wait / every - 0.9) / 0.02) for wait in waits)
    assert min(tenths[tenth] for tenth in range(10)) > 50

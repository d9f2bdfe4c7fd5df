"""Verdicts are obeyed: tried again later, waited for, or left; one broken key never stops the others."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from reconciler import errors
from reconciler.engine.controller import Controller, Limits
from reconciler.engine.judge import judge
from reconciler.engine.queue import Priority, WorkQueue
from reconciler.errors import (
    Invalid,
    Locked,
    PlanStale,
    RateLimited,
    ReconcilerError,
    Recovery,
    Unreachable,
)
from reconciler.model.verdict import Done, Halt, Retry, Verdict, Wait
from tests.fakes import TurnedClock

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
Told = Verdict | BaseException


class Desk:
    """A controller whose turns follow a script, one list a key; without one all is done."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.clock = TurnedClock()
        self.queue = WorkQueue(self.clock)
        self.script: dict[str, list[Told]] = {}
        self.seen: list[str] = []
        self.held: dict[str, asyncio.Event] = {}
        self.controller = Controller(self.queue, self.turn, limits=limits, jitter=lambda: 1.0)

    async def turn(self, key: str) -> Verdict:
        self.seen.append(key)
        if key in self.held:
            await self.held[key].wait()
        script = self.script.get(key)
        told = script.pop(0) if script else Done()
        if isinstance(told, BaseException):
            raise told
        return told

    async def look(self, key: str, *script: Told) -> None:
        """Let one turn of *key* be made, asked for by a spec, which ends as told."""
        self.script[key] = list(script)
        self.queue.add(key, Priority.SPEC)
        await self.controller.step()

    async def due(self) -> bool:
        """Return whether a key is due now; its turn is made."""
        step = asyncio.ensure_future(self.controller.step())
        for _ in range(20):
            await asyncio.sleep(0)
        if step.done():
            step.result()
            return True
        step.cancel()
        await asyncio.wait({step})
        return False

    async def due_after(self, wait: timedelta) -> bool:
        """Return whether the key comes again after *wait*, and not a moment earlier."""
        moment = timedelta(milliseconds=1)
        await self.clock.turn(wait - moment)
        early = await self.due()
        await self.clock.turn(moment)
        return not early and await self.due()


@pytest.mark.parametrize("ended", [Done(), Halt("no"), Invalid("broken by a person")])
async def test_what_is_done_or_halted_does_not_come_again(ended: Told) -> None:
    desk = Desk()
    await desk.look("a", ended)
    await desk.clock.turn(timedelta(days=1))
    assert not await desk.due()


@pytest.mark.parametrize(
    ("ended", "after"),
    [
        (Done(again=5 * MINUTE), 5 * MINUTE),
        (Halt("no", again=5 * MINUTE), 5 * MINUTE),
        (Retry("later", wait=2 * MINUTE), 2 * MINUTE),
        (RateLimited("slow down", wait=3 * MINUTE), 3 * MINUTE),
        (RateLimited("slow down"), SECOND),
        (Unreachable("nobody answers"), SECOND),
        (PlanStale("the state has moved on"), SECOND),
        (Wait("its window is closed", again=7 * SECOND), 7 * SECOND),
        (Locked("another run holds it"), 30 * SECOND),
        (ZeroDivisionError("a bug"), MINUTE),
        (asyncio.CancelledError(), MINUTE),
    ],
)
async def test_what_may_work_later_comes_again_then(ended: Told, after: timedelta) -> None:
    desk = Desk()
    await desk.look("a", ended)
    assert await desk.due_after(after)


async def test_failures_in_a_row_wait_twice_as_long_each_time() -> None:
    desk = Desk()
    await desk.look("a", *[Unreachable("nobody answers")] * 5)
    for seconds in (1, 2, 4, 8):
        assert await desk.due_after(seconds * SECOND)


async def test_a_wait_that_the_source_asks_for_does_not_shorten_the_backoff() -> None:
    desk = Desk()
    await desk.look("a", *[RateLimited("slow down", wait=SECOND)] * 5)
    for seconds in (1, 2, 4, 8):
        assert await desk.due_after(seconds * SECOND)


async def test_after_a_good_turn_failures_are_counted_anew() -> None:
    desk = Desk()
    bad = Unreachable("nobody answers")
    await desk.look("a", bad, bad, Done(again=MINUTE), bad)
    for seconds in (1, 2, 60, 1):
        assert await desk.due_after(seconds * SECOND)


async def test_a_new_ask_ends_the_wait_and_the_failures_before_it_do_not_count() -> None:
    desk = Desk()
    bad = Unreachable("nobody answers")
    await desk.look("a", bad, bad, bad, bad, bad)
    for seconds in (1, 2):
        assert await desk.due_after(seconds * SECOND)
    desk.queue.add("a", Priority.SPEC)
    assert await desk.due()
    assert await desk.due_after(SECOND)


async def test_waiting_is_no_failure_and_is_not_told_as_one() -> None:
    desk = Desk()
    with capture_logs() as told:
        await desk.look("a", *[Locked("another run holds it")] * 20)
        for _ in range(19):
            assert await desk.due_after(30 * SECOND)
    assert {entry["log_level"] for entry in told} == {"debug"}


async def test_what_ends_a_wait_wakes_the_key() -> None:
    desk = Desk()
    await desk.look("a", Wait("for b"))
    desk.queue.add("a", Priority.DEPENDANT)
    assert await desk.due()
    await desk.clock.turn(timedelta(days=1))
    assert not await desk.due()


async def test_a_halted_key_is_stalled_until_a_turn_ends_well_and_is_told_once() -> None:
    desk = Desk()
    with capture_logs() as told:
        await desk.look("a", Halt("no", again=MINUTE), Halt("no", again=MINUTE), Done())
        assert desk.controller.stalled == {"a": "no"}
        assert await desk.due_after(MINUTE)
        assert desk.controller.stalled == {"a": "no"}
        assert await desk.due_after(MINUTE)
    assert [entry["event"] for entry in told] == ["turn_halted"]
    assert desk.controller.stalled == {}


async def test_a_bug_is_told_with_a_trace() -> None:
    desk = Desk()
    with capture_logs() as told:
        await desk.look("a", ZeroDivisionError("a bug"))
    assert isinstance(told[0]["exc_info"], ZeroDivisionError)
    assert told[0]["key"] == "a"


async def test_a_turn_that_takes_too_long_is_stopped_and_tried_again() -> None:
    desk = Desk(Limits(turn=timedelta(milliseconds=1)))
    desk.held["a"] = asyncio.Event()
    with capture_logs() as told:
        await desk.look("a")
    assert told[0]["why"] == "took longer than 0.001 s"
    desk.held["a"].set()
    assert await desk.due_after(SECOND)


async def test_a_key_may_be_given_more_time_than_others() -> None:
    desk = Desk(Limits(turn=timedelta(0), longer={"a": MINUTE}))
    desk.held = {"a": asyncio.Event(), "b": asyncio.Event()}
    asyncio.get_running_loop().call_later(0.01, desk.held["a"].set)
    with capture_logs() as told:
        await desk.look("a")
        await desk.look("b")
    assert [entry["key"] for entry in told] == ["b"]


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110  what is waited for sets no event
            await asyncio.sleep(0)


async def test_broken_and_hanging_keys_do_not_stop_the_others() -> None:
    desk = Desk(Limits(workers=2, stop=timedelta(0)))
    desk.held["hangs"] = asyncio.Event()
    desk.script["broken"] = [ZeroDivisionError("a bug")] * 100
    running = asyncio.ensure_future(desk.controller.run())
    for key in ("hangs", "broken", *"abcdef"):
        desk.queue.add(key, Priority.SPEC)
    await until(lambda: set(desk.seen) >= {"hangs", "broken", *"abcdef"})
    running.cancel()
    await asyncio.wait({running})


async def test_a_stop_takes_no_more_keys_and_lets_the_turn_under_way_end() -> None:
    desk = Desk(Limits(workers=2))
    desk.held["a"] = asyncio.Event()
    running = asyncio.ensure_future(desk.controller.run())
    desk.queue.add("a", Priority.SPEC)
    await until(lambda: desk.seen == ["a"])
    desk.queue.add("later", Priority.RETRY, after=SECOND)
    running.cancel()
    await asyncio.sleep(0)
    desk.queue.add("b", Priority.PERSON)
    await asyncio.sleep(0)
    assert not running.done()
    desk.script["a"] = [Halt("seen to its end")]
    desk.held["a"].set()
    await asyncio.wait({running})
    assert desk.seen == ["a"]
    assert desk.controller.stalled == {"a": "seen to its end"}
    assert len(desk.queue) == 2


async def test_a_turn_that_does_not_end_in_time_is_cut_short_at_a_stop() -> None:
    desk = Desk(Limits(stop=timedelta(milliseconds=1)))
    desk.held["a"] = asyncio.Event()
    running = asyncio.ensure_future(desk.controller.run())
    desk.queue.add("a", Priority.SPEC)
    await until(lambda: desk.seen == ["a"])
    running.cancel()
    async with asyncio.timeout(10):
        await asyncio.wait({running})
    assert running.cancelled()


CLASSES = {
    Recovery.TRANSIENT: {
        "NotTheProduct",
        "PlanStale",
        "RateLimited",
        "ServerFault",
        "StoreUnavailable",
        "TimedOut",
        "Unreachable",
    },
    Recovery.WAITING: {"Locked"},
}


def every_error(root: type[ReconcilerError] = ReconcilerError) -> Iterator[type[ReconcilerError]]:
    yield root
    for below in root.__subclasses__():
        yield from every_error(below)


def test_every_error_of_the_tree_is_in_one_of_three_classes() -> None:
    for error in {one for one in every_error() if one.__module__ == errors.__name__}:
        named = [recovery for recovery, names in CLASSES.items() if error.__name__ in names]
        assert [error.recovery] == (named or [Recovery.PERMANENT]), error.__name__


def test_an_error_that_nobody_foresaw_is_tried_again_slowly() -> None:
    assert judge(KeyError("x")) == Retry("an unexpected error; see the log", wait=MINUTE)

"""A key waits once, one worker holds it, and asked for while held it runs once more."""

import asyncio
from datetime import timedelta

import pytest

from reconciler.engine.backoff import wait_before
from reconciler.engine.controller import Controller
from reconciler.engine.queue import WorkQueue
from reconciler.errors import Invalid, RateLimited, Unreachable
from reconciler.model.verdict import Done, Halt, Retry, Verdict
from tests.fakes import TurnedClock


async def test_a_key_asked_for_ten_times_waits_once() -> None:
    queue = WorkQueue()
    for _ in range(10):
        await queue.add("specs")
    assert await queue.take() == "specs"
    await queue.done("specs")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(queue.take(), 0)


async def test_a_key_asked_for_while_held_runs_once_more() -> None:
    queue = WorkQueue()
    await queue.add("specs")
    held = await queue.take()
    await queue.add("specs")
    await queue.add("specs")
    await queue.done(held)
    assert await queue.take() == "specs"
    await queue.done("specs")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(queue.take(), 0)


async def test_keys_are_taken_in_the_order_they_were_asked_for() -> None:
    queue = WorkQueue()
    for key in "cab":
        await queue.add(key)
    assert [await queue.take() for _ in range(3)] == ["c", "a", "b"]


@pytest.mark.parametrize(("failures", "seconds"), [(1, 1), (2, 2), (4, 8), (30, 900)])
def test_waits_double_up_to_a_quarter_of_an_hour(failures: int, seconds: int) -> None:
    assert wait_before(failures, jitter=1.0) == timedelta(seconds=seconds)
    assert wait_before(failures, jitter=0.0) == timedelta(seconds=seconds) / 2


class Turns:
    """Answers a controller's turns from a script: verdicts, or errors to raise."""

    def __init__(self, *script: Verdict | Exception) -> None:
        self.script = list(script)
        self.keys: list[str] = []

    async def __call__(self, key: str) -> Verdict:
        self.keys.append(key)
        told = self.script.pop(0)
        if isinstance(told, Exception):
            raise told
        return told


async def stepped(*script: Verdict | Exception) -> tuple[WorkQueue, Controller, TurnedClock, Turns]:
    queue, clock, turns = WorkQueue(), TurnedClock(), Turns(*script)
    controller = Controller(queue, turns, clock)
    await queue.add("specs")
    await controller.step()
    await asyncio.sleep(0)
    return queue, controller, clock, turns


async def waits(queue: WorkQueue) -> bool:
    try:
        await asyncio.wait_for(queue.take(), 0.01)
    except TimeoutError:
        return False
    return True


@pytest.mark.parametrize("ended", [Done(), Halt("no"), Invalid("broken by a person")])
async def test_what_is_done_or_halted_does_not_come_again(ended: Verdict | Exception) -> None:
    queue, _, clock, _ = await stepped(ended)
    await clock.turn(timedelta(days=1))
    assert not await waits(queue)


@pytest.mark.parametrize(
    ("ended", "after"),
    [
        (Done(again=timedelta(minutes=5)), timedelta(minutes=5)),
        (Retry("later", wait=timedelta(minutes=2)), timedelta(minutes=2)),
        (RateLimited("slow down", wait=timedelta(minutes=3)), timedelta(minutes=3)),
        (Unreachable("nobody answers"), timedelta(seconds=1)),
        (ZeroDivisionError("a bug"), timedelta(seconds=1)),
    ],
)
async def test_what_may_work_later_comes_again_then(
    ended: Verdict | Exception, after: timedelta
) -> None:
    queue, _, clock, _ = await stepped(ended)
    await clock.turn(after)
    assert await waits(queue)

"""The service looks when it is woken, when something is due, and every few seconds."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

from reconciler.engine.dispatch import WAITS
from reconciler.engine.inforce import InForce, Situation
from reconciler.engine.outgoing import LOOK_EVERY, Outgoing
from reconciler.errors import StoreUnavailable
from reconciler.store.memory import MemoryStore
from tests.fakes import NOON, until
from tests.town import Town, route


@asynccontextmanager
async def running(outgoing: Outgoing) -> AsyncIterator[None]:
    task = asyncio.create_task(outgoing.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()


async def test_what_happens_is_sent_at_once_with_no_time_passing(town: Town) -> None:
    await town.declare(route())
    async with running(Outgoing(town.post)):
        await town.clock.turn(timedelta(0))
        for number in range(3):
            name = await town.happen()
            await until(lambda: len(town.sender.sent) == number + 1)  # noqa: B023  called at once
            assert town.sender.to("ops")[-1] == name


async def test_what_was_left_by_the_last_run_is_sent_at_the_start(town: Town) -> None:
    await town.declare(route())
    name = await town.happen()
    async with running(Outgoing(town.post)):
        await until(lambda: town.sender.to("ops") == [name])


async def test_a_failed_attempt_is_made_again_and_not_before_it_is_due(town: Town) -> None:
    await town.declare(route())
    town.sender.answers["ops"] = [500]
    await town.happen()
    async with running(Outgoing(town.post)):
        await until(lambda: len(town.sender.sent) == 1)
        while len(town.sender.sent) == 1:
            await town.clock.turn(timedelta(milliseconds=250))
    first, second = town.sender.at
    assert second - first >= WAITS[1] * 0.8


async def test_what_another_process_writes_is_found_by_looking() -> None:
    store = MemoryStore()
    town = Town(store)
    await town.declare(route())
    outgoing = Outgoing(town.post)
    store._listeners.clear()  # as if it were written elsewhere
    async with running(outgoing):
        await town.clock.turn(timedelta(0))
        name = await town.happen()
        await town.clock.turn(LOOK_EVERY - timedelta(seconds=1))
        assert town.sender.sent == []
        while not town.sender.sent:
            await town.clock.turn(timedelta(seconds=1))
    assert town.sender.to("ops") == [name]


async def test_what_is_grouped_is_told_when_its_time_comes_and_not_before(town: Town) -> None:
    await town.declare(route(group={"wait": "30s"}))
    async with running(Outgoing(town.post)):
        await town.clock.turn(timedelta(0))
        names = [await town.happen("Connection/a"), await town.happen("Connection/a")]
        while not town.sender.sent:
            await town.clock.turn(timedelta(milliseconds=50))
    assert town.sender.to("ops") == names[-1:]
    assert town.sender.at[0] - NOON >= timedelta(seconds=30)


class Broken(InForce):
    """A store that does not answer, and then a fault of ours, and then all is well."""

    def __init__(self, well: InForce) -> None:
        self._well = well
        self.errors: list[Exception] = [StoreUnavailable("it is away"), ZeroDivisionError("a bug")]

    async def look(self) -> Situation:
        if self.errors:
            raise self.errors.pop(0)
        return await self._well.look()


async def test_what_fails_is_tried_again_later_and_the_service_lives_on(town: Town) -> None:
    await town.declare(route())
    name = await town.happen()
    in_force = Broken(town.in_force)
    async with running(Outgoing(replace(town.post, in_force=in_force))):
        while not town.sender.sent:
            await town.clock.turn(timedelta(milliseconds=500))
    assert in_force.errors == []
    assert town.sender.to("ops") == [name]

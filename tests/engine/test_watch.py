"""All connections looked after beside the loop, and the syncs that wait for those that are not well."""

import asyncio
from datetime import timedelta

from reconciler.engine.schedules import ticks
from reconciler.engine.watch import Watch
from reconciler.errors import Unreachable
from reconciler.model.connection import ConnectionState, ConnectionStatus
from tests.engine.test_runtime import CONNECTION, SCHEDULE, House, situation, until
from tests.plant import Plant


async def state(house: House, name: str = "a") -> ConnectionState | None:
    now = await house.in_force.look()
    return await house.store.views.connection_state(now.uid(now.connection(name)))


async def ended(house: House, job: str) -> None:
    """Return when *job* has ended well."""
    async with asyncio.timeout(20):
        while (found := await house.jobs.status(job)) is None or found.status != "succeeded":  # noqa: ASYNC110  a job sets no event
            await asyncio.sleep(0.001)


async def becomes(house: House, status: ConnectionStatus) -> None:
    """Return when connection a is in *status*, half a minute after another."""
    async with asyncio.timeout(20):
        while (found := await state(house)) is None or found.status is not status:
            await house.clock.turn(timedelta(seconds=30))
            await asyncio.sleep(0.001)


async def test_a_new_connection_is_looked_at_at_once() -> None:
    house = House(watched=True)
    house.specs.write("a.yaml", CONNECTION.format(name="a"))
    async with house.running():
        await situation(house, 1)
        await until(lambda: house.system.probes == 1)
        await becomes(house, ConnectionStatus.ONLINE)


async def test_syncs_of_a_schedule_wait_for_a_connection_and_run_once_when_it_is_well() -> None:
    house = House(watched=True)
    house.specs.write("a.yaml", CONNECTION.format(name="a"))
    async with house.running():
        await situation(house, 1)
        await until(lambda: house.system.probes == 1)
        house.system.fail[0] = Unreachable("no route")
        house.watch.look("a")
        await until(lambda: house.system.probes == 2)
        await becomes(house, ConnectionStatus.OFFLINE)
        house.specs.write("s.yaml", SCHEDULE.format(name="a", every="1m"))
        await until(lambda: len(house.ticks[0].told) == 2)
        (tick,) = ticks(await house.in_force.look())
        for _ in range(3):
            await house.runtime.due(tick)
        assert house.system.reads == []
        await becomes(house, ConnectionStatus.ONLINE)
        await until(lambda: len(house.system.reads) == 1)
        runs = await house.store.views.runs()
        assert [run.trigger for run in runs] == ["schedule"]


async def test_after_a_start_those_that_were_well_have_their_turn_by_and_by(plant: Plant) -> None:
    await plant.looks.look("acme")
    asked = plant.system.probes
    watch = Watch(plant.health, plant.looks, plant.store.views, plant.clock)
    await watch.follow(await plant.in_force.look())
    task = asyncio.create_task(watch.run())
    await plant.clock.turn(timedelta(0))
    assert plant.system.probes == asked
    async with asyncio.timeout(20):
        while plant.system.probes == asked:
            await plant.clock.turn(timedelta(minutes=1))
            await asyncio.sleep(0.001)
    task.cancel()
    await asyncio.wait({task})


async def test_a_connection_that_is_unchanged_is_not_looked_at_with_each_change(
    plant: Plant,
) -> None:
    watch = Watch(plant.health, plant.looks, plant.store.views, plant.clock)
    await watch.follow(await plant.in_force.look())
    await plant.looks.look("acme")
    task = asyncio.create_task(watch.run())
    await until(lambda: plant.system.probes == 2)
    await watch.follow(await plant.in_force.look())
    await plant.clock.turn(timedelta(seconds=1))
    await asyncio.sleep(0.01)
    assert plant.system.probes == 2
    task.cancel()
    await asyncio.wait({task})


async def test_who_has_logged_in_anew_has_all_schedules_run_at_once() -> None:
    house = House(watched=True)
    house.specs.write("a.yaml", CONNECTION.format(name="a"))
    house.specs.write("s.yaml", SCHEDULE.format(name="a", every="1h"))
    async with house.running():
        await situation(house, 1)
        await ended(house, "schedule:a-often/a")
        await becomes(house, ConnectionStatus.ONLINE)
        await house.runtime.recovered("a", False)
        await house.runtime.recovered("a", True)
        await until(lambda: len(house.system.reads) == 2)

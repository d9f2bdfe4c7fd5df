"""What every runner of jobs promises, in six verbs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta

import pytest

from reconciler.errors import ServerFault
from reconciler.jobs.inprocess import InProcessJobs
from reconciler.ports import Job, JobStatus
from tests.fakes import TurnedClock


class Bench:
    """A runner that is listening, and jobs that can be held at a gate."""

    def __init__(self, *, remembered: int = 100) -> None:
        self.clock = TurnedClock()
        self.jobs = InProcessJobs(self.clock, workers=2, remembered=remembered)
        self.started: list[str] = []
        self.ended: list[str] = []
        self.gate = asyncio.Event()
        self.most = 0

    async def work(self, job: Job) -> None:
        self.started.append(job.id)
        self.most = max(self.most, len(self.started) - len(self.ended))
        try:
            if job.arguments.get("held"):
                await self.gate.wait()
            if job.arguments.get("fails"):
                raise ServerFault("the plant says no")
        finally:
            self.ended.append(job.id)

    async def ask(self, ident: str, lane: str = "a", **arguments: bool) -> JobStatus:
        return await self.jobs.enqueue(Job(ident, "work", lane, arguments))

    async def status(self, ident: str) -> str:
        found = await self.jobs.status(ident)
        assert found is not None
        return found.status


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    listening = asyncio.ensure_future(made.jobs.listen({"work": made.work}))
    yield made
    listening.cancel()
    with suppress(asyncio.CancelledError):
        await listening


async def quiet() -> None:
    for _ in range(30):
        await asyncio.sleep(0)


async def test_a_job_runs_and_succeeds(bench: Bench) -> None:
    assert (await bench.ask("1")).status == "queued"
    await bench.jobs.idle()
    assert await bench.status("1") == "succeeded"


async def test_a_second_ask_while_it_runs_is_the_same_job(bench: Bench) -> None:
    await bench.ask("1", held=True)
    await quiet()
    assert (await bench.ask("1", held=True)).status == "running"
    bench.gate.set()
    await bench.jobs.idle()
    assert bench.started == ["1"]


async def test_an_ask_after_it_has_ended_runs_it_again(bench: Bench) -> None:
    for _ in range(2):
        await bench.ask("1")
        await bench.jobs.idle()
    assert bench.started == ["1", "1"]


async def test_one_lane_runs_one_job_at_a_time(bench: Bench) -> None:
    for ident in "123":
        await bench.ask(ident, held=True)
    await quiet()
    assert bench.started == ["1"]
    bench.gate.set()
    await bench.jobs.idle()
    assert (bench.started, bench.most) == (["1", "2", "3"], 1)


async def test_lanes_run_beside_each_other_up_to_the_workers(bench: Bench) -> None:
    for ident in "123":
        await bench.ask(ident, lane=ident, held=True)
    await quiet()
    assert bench.started == ["1", "2"]
    bench.gate.set()
    await bench.jobs.idle()
    assert bench.most == 2


async def test_a_job_that_cannot_be_done_fails_with_its_reason(bench: Bench) -> None:
    await bench.ask("1", fails=True)
    await bench.jobs.idle()
    assert await bench.jobs.status("1") == JobStatus("1", "failed", "the plant says no")


async def test_a_running_job_is_cancelled_and_its_lane_is_free(bench: Bench) -> None:
    await bench.ask("1", held=True)
    await bench.ask("2")
    await quiet()
    await bench.jobs.cancel("1")
    await bench.jobs.idle()
    assert (await bench.status("1"), await bench.status("2")) == ("cancelled", "succeeded")


async def test_a_waiting_job_that_is_cancelled_never_starts(bench: Bench) -> None:
    await bench.ask("1", held=True)
    await bench.ask("2")
    await quiet()
    await bench.jobs.cancel("2")
    bench.gate.set()
    await bench.jobs.idle()
    assert bench.started == ["1"]
    assert await bench.status("2") == "cancelled"


async def test_ended_jobs_are_forgotten_after_a_time(bench: Bench) -> None:
    await bench.ask("1")
    await bench.jobs.idle()
    assert await bench.jobs.retain(timedelta(hours=1)) == 0
    await bench.clock.turn(timedelta(hours=2))
    assert await bench.jobs.retain(timedelta(hours=1)) == 1
    assert await bench.jobs.status("1") is None


async def test_nothing_is_left_to_recover(bench: Bench) -> None:
    assert await bench.jobs.recover() == 0


async def test_a_job_that_runs_again_is_not_forgotten_for_having_ended_before(bench: Bench) -> None:
    await bench.ask("1")
    await bench.jobs.idle()
    await bench.clock.turn(timedelta(hours=2))
    await bench.ask("1", held=True)
    await quiet()
    assert await bench.jobs.retain(timedelta(hours=1)) == 0
    assert await bench.status("1") == "running"
    bench.gate.set()


async def test_only_so_many_ended_jobs_are_remembered() -> None:
    bench = Bench(remembered=3)
    listening = asyncio.ensure_future(bench.jobs.listen({"work": bench.work}))
    for ident in ("1", "2", "3", "1", "4"):
        await bench.ask(ident)
        await bench.jobs.idle()
    known = [ident for ident in "1234" if await bench.jobs.status(ident) is not None]
    assert known == ["1", "3", "4"]
    listening.cancel()
    await asyncio.wait({listening})

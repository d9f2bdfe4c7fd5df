"""Being a good guest, with time that is turned."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from reconciler.connectors.limits import ATTEMPTS, Budget, Lapsed, Limiter, Limiters, Rate, Retries
from reconciler.errors import Forbidden, RateLimited, ReconcilerError, ServerFault, Unreachable
from tests.connectors.conftest import TurnedClock

SECOND = timedelta(seconds=1)


def failing(*errors: ReconcilerError | Lapsed) -> Callable[[], "asyncio.Future[str]"]:
    """Return an attempt that fails with each of *errors* in turn, and then succeeds."""
    left = list(errors)

    async def attempt() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return lambda: asyncio.ensure_future(attempt())


def retries(clock: TurnedClock, rate: Rate | None = None) -> Retries:
    limiter = Limiter(clock, "erp.example", rate or Rate())
    return Retries(clock, limiter, chance=lambda: 1.0)


async def test_a_fault_is_tried_again_with_doubling_waits(clock: TurnedClock) -> None:
    faults = [ServerFault("500"), Unreachable("no"), ServerFault("500"), ServerFault("500")]
    assert await retries(clock).run(failing(*faults)) == "done"
    assert clock.slept == [1, 2, 4, 8]


async def test_the_fifth_failure_is_final(clock: TurnedClock) -> None:
    with pytest.raises(ServerFault, match="fault 4"):
        await retries(clock).run(failing(*[ServerFault(f"fault {n}") for n in range(9)]))
    assert len(clock.slept) == ATTEMPTS - 1


async def test_what_no_second_try_helps_is_not_tried_again(clock: TurnedClock) -> None:
    with pytest.raises(Forbidden):
        await retries(clock).run(failing(Forbidden("no right")))
    assert clock.slept == []


async def test_the_wait_that_a_system_asks_for_is_kept(clock: TurnedClock) -> None:
    asked = RateLimited("slow down", wait=timedelta(seconds=17))
    assert await retries(clock).run(failing(asked)) == "done"
    assert sum(clock.slept) == 17


async def test_a_long_wait_is_handed_to_the_run_and_stops_all_of_the_host(
    clock: TurnedClock,
) -> None:
    limiter = Limiter(clock, "erp.example", Rate())
    with pytest.raises(RateLimited):
        await Retries(clock, limiter).run(failing(RateLimited("later", wait=timedelta(hours=1))))
    with pytest.raises(RateLimited, match=r"erp\.example asked us to pause") as caught:
        await Retries(clock, limiter).run(failing())
    assert caught.value.wait == timedelta(hours=1)
    clock.time += timedelta(hours=1)
    assert await Retries(clock, limiter).run(failing()) == "done"


async def test_no_interval_holds_more_requests_than_allowed(clock: TurnedClock) -> None:
    limiter = Limiter(clock, "erp.example", Rate(requests=3, per=10 * SECOND))
    sent = []
    for _ in range(10):
        async with limiter.turn():
            sent.append(clock.now())
    assert all(
        later - earlier >= 10 * SECOND for earlier, later in zip(sent, sent[3:], strict=False)
    )
    assert sent[-1] - sent[0] == 30 * SECOND


async def test_only_so_many_requests_are_under_way_at_once(clock: TurnedClock) -> None:
    limiter = Limiter(clock, "erp.example", Rate(concurrency=2))
    under_way, most = 0, 0

    async def one() -> None:
        nonlocal under_way, most
        async with limiter.turn():
            under_way += 1
            most = max(most, under_way)
            for _ in range(5):
                await asyncio.sleep(0)
            under_way -= 1

    await asyncio.gather(*[one() for _ in range(8)])
    assert most == 2


async def test_a_request_that_is_cancelled_gives_its_place_back(clock: TurnedClock) -> None:
    limiter = Limiter(clock, "erp.example", Rate(concurrency=1))
    entered = asyncio.Event()

    async def hold() -> None:
        async with limiter.turn():
            entered.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(hold())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with limiter.turn():
        pass


def test_faults_halve_what_is_asked_at_once_and_good_answers_bring_it_back(
    clock: TurnedClock,
) -> None:
    limiter = Limiter(clock, "erp.example", Rate(concurrency=8))
    limiter.slow_down()
    limiter.slow_down()
    assert limiter.concurrency == 2
    for _ in range(40):
        limiter.went_well()
    assert limiter.concurrency == 4
    for _ in range(5):
        limiter.slow_down()
    assert limiter.concurrency == 1


def test_connections_to_one_host_share_its_limiter(clock: TurnedClock) -> None:
    limiters = Limiters(clock)
    first = limiters.of("erp.example", Rate(concurrency=8))
    assert limiters.of("erp.example", Rate(concurrency=2)) is first
    assert first.concurrency == 2
    assert limiters.of("other.example", Rate()) is not first


def test_retries_are_a_tenth_of_the_requests_and_three_a_second(clock: TurnedClock) -> None:
    budget = Budget(clock)
    assert [budget.spend() for _ in range(11)] == [True] * 10 + [False]
    for _ in range(10):
        budget.earn()
    assert [budget.spend(), budget.spend()] == [True, False]
    clock.time += SECOND
    assert [budget.spend() for _ in range(4)] == [True, True, True, False]


async def test_a_spent_budget_ends_the_tries(clock: TurnedClock) -> None:
    patient = Retries(clock, Limiter(clock, "erp.example", Rate()), chance=lambda: 0.0)
    for _ in range(2):
        with pytest.raises(ServerFault):
            await patient.run(failing(*[ServerFault("500")] * 9))
    asked = len(clock.slept)
    with pytest.raises(ServerFault):
        await patient.run(failing(*[ServerFault("500")] * 9))
    assert len(clock.slept) - asked < ATTEMPTS - 1


async def test_what_lapsed_in_its_turn_is_made_ready_again_and_is_no_failed_try(
    clock: TurnedClock,
) -> None:
    patient = Retries(clock, Limiter(clock, "erp.example", Rate()), chance=lambda: 0.0)
    ready: list[int] = []

    async def prepare() -> None:
        ready.append(len(ready))

    assert await patient.run(failing(Lapsed(), ServerFault("500"), Lapsed()), prepare) == "done"
    assert len(ready) == 4
    assert len(clock.slept) == 1


async def test_a_failure_to_make_ready_is_not_tried_again_here(clock: TurnedClock) -> None:
    patient = Retries(clock, Limiter(clock, "erp.example", Rate()), chance=lambda: 0.0)
    asked: list[int] = []

    async def prepare() -> None:
        asked.append(1)
        raise ServerFault("the login's own tries are over")

    with pytest.raises(ServerFault, match="own tries"):
        await patient.run(failing(), prepare)
    assert asked == [1]


async def test_what_always_lapses_ends(clock: TurnedClock) -> None:
    patient = Retries(clock, Limiter(clock, "erp.example", Rate()), chance=lambda: 0.0)
    with pytest.raises(RateLimited, match="lapses faster"):
        await patient.run(failing(*[Lapsed()] * 99))

"""What it costs to have nothing to do: the CPU of a reconciler over many resources in force.

usage: idle.py [--resources 10000] [--seconds 20]

A whole reconciler, with its watcher, its schedules and SQLite, and no web server. When the first apply is
over and the schedules are followed, its CPU time is read over some seconds without a change. The look at
the specs each minute may not fall into them: its cost is measured by itself, and counted in the sum. The
goal: 2 % of one core.
"""

import argparse
import asyncio
import time
from contextlib import suppress

from standing import Standing, standing

TOGETHER = 1


async def idle(count: int, seconds: float) -> None:
    async with standing(count, together=TOGETHER) as here:
        running = asyncio.ensure_future(here.runtime.run())
        await settled(here)
        print(f"{count:,} resources in force, each in a file of its own")
        share = await used(seconds) / seconds
        before = time.process_time()
        await looked(here)
        look = time.process_time() - before
        print(f"  {seconds:g} s without a change   {share:>8.2%} of one core")
        print(
            f"  one look at the specs       {look * 1000:>8.0f} ms of CPU: {look / 60:.2%} once a minute"
        )
        print(f"  together                    {share + look / 60:>8.2%} of one core")
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def settled(here: Standing) -> None:
    """Return when all is in force and five seconds have cost next to nothing."""
    async with asyncio.timeout(300):
        while await here.store.views.generation() < 1 or await used(5) > 0.25:  # noqa: ASYNC110  it is no event
            await asyncio.sleep(0.1)


async def used(seconds: float) -> float:
    before = time.process_time()
    await asyncio.sleep(seconds)
    return time.process_time() - before


async def looked(here: Standing) -> None:
    here.runtime.look("specs", "bench")
    async with asyncio.timeout(60):
        while here.runtime.handled("specs") != "bench":  # noqa: ASYNC110  it is no event
            await asyncio.sleep(0.01)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--resources", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=20)
    given = parser.parse_args()
    asyncio.run(idle(given.resources, given.seconds))


if __name__ == "__main__":
    main()

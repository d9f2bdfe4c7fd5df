"""What a change costs: the turn of a reconciler after one file has changed, and from save to applied.

usage: loop.py [--resources 10000] [--saved 1000] [--saves 40]

First the turn by itself, over *resources* in force, once with each in a file of its own and once with 500
in a file: the *first* one reads, checks and applies all of them; *nothing* is a look at files that have
not changed; *one file* is one after a comment was added to one file, so that there is nothing to apply. Then a whole reconciler over *saved* resources, with
its watcher, database and schedules: a label of a connection is changed in an editor's way (write beside,
rename), and the clock runs until the change is in force. The goals: 300 ms and 500 ms (p95).
"""

import argparse
import asyncio
import gc
import statistics
import time
from contextlib import suppress
from pathlib import Path

from standing import Standing, standing

from reconciler.model.verdict import Done

ROUNDS = 7


async def turns(count: int, together: int) -> None:
    async with standing(count, together=together) as here:
        print(f"{count:,} resources, {together} in a file")
        print(f"  {'first':<14} {await spent(here):>8.0f} ms")
        nothing = [await spent(here) for _ in range(ROUNDS)]
        files = sorted(here.specs.rglob("*.yaml"))
        changed = []
        for file in files[:: len(files) // ROUNDS][:ROUNDS]:
            file.write_text(file.read_text() + "# changed\n")
            changed.append(await spent(here))
        for what, times in (("nothing", nothing), ("one file", changed)):
            print(f"  {what:<14} {statistics.median(times):>8.0f} ms  (most: {max(times):.0f} ms)")
        assert await here.store.views.generation() == 1


async def spent(here: Standing) -> float:
    gc.collect()
    began = time.perf_counter()
    assert await here.turn() == Done()
    return (time.perf_counter() - began) * 1000


async def saves(count: int, number: int) -> None:
    async with standing(count, together=1) as here:
        running = asyncio.ensure_future(here.runtime.run())
        await in_force(here, 1)
        await asyncio.sleep(1)
        files = [
            file
            for file in sorted(here.specs.rglob("*.yaml"))
            if b"kind: Connection" in file.read_bytes()
        ]
        times = []
        for at in range(number):
            await asyncio.sleep(0.5 + 0.013 * at % 0.1)
            edit(files[at % len(files)], at)
            began = time.perf_counter()
            await in_force(here, 2 + at)
            times.append((time.perf_counter() - began) * 1000)
        p95 = statistics.quantiles(times, n=20)[-1]
        print(f"{count:,} resources, from save to applied, {number} times")
        print(
            f"  p50 {statistics.median(times):.0f} ms, p95 {p95:.0f} ms, most {max(times):.0f} ms"
        )
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


def edit(file: Path, at: int) -> None:
    beside = file.with_name(f".{file.name}.swp")
    beside.write_text(file.read_text().replace("tier: t", f"tier: x{at}"))
    beside.replace(file)


async def in_force(here: Standing, generation: int) -> None:
    async with asyncio.timeout(60):
        while await here.store.views.generation() < generation:  # noqa: ASYNC110  it is no event
            await asyncio.sleep(0.005)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--resources", type=int, default=10_000)
    parser.add_argument("--saved", type=int, default=1_000)
    parser.add_argument("--saves", type=int, default=40)
    given = parser.parse_args()
    for together in (1, 500):
        asyncio.run(turns(given.resources, together))
    asyncio.run(saves(given.saved, given.saves))


if __name__ == "__main__":
    main()

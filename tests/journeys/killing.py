"""A program that applies specs, and is killed at some moment of it: told which by lines on its input.

It forks for each apply, so that a start costs next to nothing. A line says the version of the specs, at
which statement it kills itself (0: right after the apply; -1: not at all), and after how many seconds it
is killed from outside (0: not at all).
"""

import asyncio
import os
import select
import signal
import sys
from functools import lru_cache
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from reconciler.connectors.catalogue import catalogue_files
from reconciler.engine.apply import apply
from reconciler.engine.reconcile import consider
from reconciler.engine.wish import Wish
from reconciler.model.change import Plan, State
from reconciler.ports import Clock, Snapshot, Store
from reconciler.spec.load import Loaded, load
from reconciler.store.open import open_store
from tests.engine.test_edits import CONNECTION, MAPPING
from tests.fakes import NOON, TurnedClock

SYSTEMS = 3
ACTOR = "cli:ada"
PARSED: dict[bytes, bytes] = {}
"""The built-in connectors as they were read once, for all processes that are forked after that."""


def files_of(version: int) -> dict[str, bytes]:
    """Return specs in which each version differs from the one before in every object."""
    files: dict[str, bytes] = {}
    for number in range(SYSTEMS):
        name = f"plant-{number}"
        system = CONNECTION.replace("plant-a", name) + f"  history: {version + 1}d\n"
        rules = MAPPING.replace("plant-a", name).replace("orders}", f"orders-{number}}}")
        rules = rules.replace("POLICY", "heal").replace(
            "{OPEN: approved}", f'{{OPEN: approved, "V{version}": closed}}'
        )
        files |= {f"{name}.yaml": system.encode(), f"{name}-m.yaml": rules.encode()}
    return files


@lru_cache(maxsize=4)
def specs_of(version: int) -> tuple[dict[str, bytes], Loaded]:
    """Return a version as files and as what they say."""
    files = files_of(version)
    loaded = load(files, catalogue=catalogue_files(), cache=PARSED)
    assert not loaded.errors
    return files, loaded


def plan_of(version: int, state: State) -> Plan:
    """Return the plan from *state* to a version, with drift put back."""
    files, loaded = specs_of(version)
    wish = Wish(heal=frozenset(state.applied), now=NOON)
    return consider(loaded, Snapshot(f"v{version}", files), state, wish)


async def apply_version(store: Store, version: int, clock: Clock) -> None:
    """Bring a version into force."""
    await apply(plan_of(version, await store.views.state()), store, clock, actor=ACTOR)


def kill_at(statement: int) -> None:
    """Kill this process when it is about to make so many statements more."""
    left = statement

    def count(*_: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "before_cursor_execute", count)
    event.listen(Engine, "commit", count)


async def _work(where: str, version: int, statement: int) -> None:
    store = open_store(where)
    plan = plan_of(version, await store.views.state())
    if statement > 0:
        kill_at(statement)
    await apply(plan, store, TurnedClock(), actor=ACTOR)
    if statement == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    await store.close()


def _forked(where: str, version: int, statement: int, seconds: float) -> int:
    """Apply in a process of its own; return how it ended: 0, or 9 if it was killed."""
    theirs, ours = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            asyncio.run(_work(where, version, statement))
        except BaseException:  # noqa: BLE001  the process ends here, whatever it is
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    os.close(ours)
    if seconds:
        select.select([theirs], [], [], seconds)  # readable when the child is no more
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.close(theirs)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def main(where: str) -> None:
    """Do what the lines say, and answer each with how it ended."""
    specs_of(0)
    for line in sys.stdin:
        version, statement, seconds = line.split()
        print(_forked(where, int(version), int(statement), float(seconds)), flush=True)  # noqa: T201  its answer


if __name__ == "__main__":
    main(sys.argv[1])

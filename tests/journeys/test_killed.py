"""Whoever is killed while it applies leaves the state of before or the one of after, whole, and no lock."""

import asyncio
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.connectors.catalogue import catalogue_files
from reconciler.engine.edits import Edits
from reconciler.engine.inforce import InForce
from reconciler.engine.writer import LEASE, Writer
from reconciler.errors import Locked
from reconciler.model.audit import broken_link
from reconciler.model.resource import Kind, ResourceKey
from reconciler.model.value import canonical
from reconciler.ports import EditWish, Store
from reconciler.spec.load import load
from reconciler.spec.written import document_of
from reconciler.store.memory import MemoryStore
from reconciler.store.open import open_store
from tests.fakes import NOON, TurnedClock
from tests.journeys.killing import apply_version, plan_of

pytestmark = pytest.mark.slow

APPLIES = 200
EDITED = ResourceKey(Kind.MAPPING, "orders-0")
SECOND = timedelta(seconds=1)


class Victim:
    """The program that applies, and how each apply ended."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def applies(self, version: int, statement: int, seconds: float) -> int:
        """Let it apply a version; return 9 if it was killed meanwhile, and 0 if not."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{version} {statement} {seconds}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@contextmanager
def victim(where: Path) -> Iterator[Victim]:
    command = [sys.executable, "-m", "tests.journeys.killing", str(where)]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as process:
        try:
            yield Victim(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait()


def _told(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name != "drift"}  # an id


async def in_force(store: Store) -> dict[str, Any]:
    """Return all that holds now, and how much is told of the past."""
    views = store.views
    state = await views.state()
    return {
        "generation": (state.generation, state.revision, await views.generation()),
        "in force": {str(key): one.digest for key, one in state.resources.items()},
        "applied": {str(key): one.digest for key, one in state.applied.items()},
        "drift": [(one.key, one.fields, one.policy) for one in await views.drifts()],
        "last deed": [one.data for one in await views.audit(after=state.generation - 1)],
        "told": len(await views.events(limit=100_000)),
    }


async def whole(store: Store) -> dict[str, Any]:
    """Return all that was ever written beside that, without ids, which differ from store to store."""
    views = store.views
    audit = await views.audit(limit=100_000)
    assert broken_link(audit) is None
    events = await views.events(limit=100_000)
    drifts = await views.drifts(ended=True, limit=100_000)
    history = await views.history(limit=100_000)
    return {
        "audit": [(one.seq, one.at, one.actor, one.deed, one.subject, one.data) for one in audit],
        "events": sorted(
            repr((one.type, one.subject, one.occurred_at, canonical(_told(one.data))))
            for one in events
        ),
        "drift": sorted(repr((one.key, one.fields, one.resolution)) for one in drifts),
        "history": sorted(
            repr((one.change, one.actor, one.revision, one.generation)) for one in history
        ),
    }


async def edit(store: Store, number: int) -> None:
    """Change a field that no version of the specs changes: drift."""
    in_force = InForce(store.views, load({}, catalogue=catalogue_files()).catalogue)

    async def nobody() -> None:
        """Tell nobody."""

    edits = Edits(store, in_force, TurnedClock(), catalogue=catalogue_files(), changed=nobody)
    document = document_of((await store.views.state()).resources[EDITED])
    fields = {**document["spec"]["fields"], "notes": {"value": f"by hand {number}"}}
    spec = {**document["spec"], "fields": fields}
    await edits.put(EditWish({**document, "spec": spec}, "ui:jo"))


async def begun(store: Store, model: MemoryStore, version: int) -> None:
    """Bring the first of all versions into force in both."""
    for one in (store, model):
        await apply_version(one, version, TurnedClock())


async def test_after_a_kill_at_any_moment_the_state_is_that_of_before_or_of_after(
    tmp_path: Path,
) -> None:
    chance, model, version, ends = random.Random(11), MemoryStore(), 1, []  # noqa: S311  no secret
    store = open_store(tmp_path)
    await begun(store, model, version)
    await store.close()
    with victim(tmp_path) as program:
        for number in range(APPLIES):
            store = open_store(tmp_path)
            if number % 4 == 0:
                await edit(store, number)
                await edit(model, number)
            await store.close()
            moment = (chance.randint(0, 90), 0.0) if number % 2 else (-1, chance.uniform(0.01, 0.3))
            end = await asyncio.to_thread(program.applies, version + 1, *moment)
            assert end in {0, 9}
            before = (await model.views.state()).generation
            store = open_store(tmp_path)
            made = await store.views.generation() > before
            if made:
                version += 1
                await apply_version(model, version, TurnedClock())
            ends.append((end, made))
            if number % 5 == 4 or (end, made) == (9, True):  # reading all that ever was takes long
                assert await whole(store) == await whole(model)
            assert await in_force(store) == await in_force(model)
            plan = plan_of(version + 1, await store.views.state())
            expected = plan_of(version + 1, await model.views.state())
            assert (plan.id, len(plan.changes)) == (expected.id, len(expected.changes))
            assert plan.applyable
            assert plan_of(version, await store.views.state()).empty or not made
            await store.close()
    assert (9, False) in ends  # some were killed before it was true,
    assert (9, True) in ends  # some after that,
    assert (0, True) in ends  # and some were not killed


HOLDING = """
import asyncio, os, signal, sys
from reconciler.engine.writer import Writer
from reconciler.store.open import open_store
from tests.fakes import TurnedClock
from tests.journeys.killing import apply_version, kill_at

async def main(where):
    store, clock = open_store(where), TurnedClock()
    writer = Writer(store, clock, "apply on host-a, pid 7")
    await writer.take()
    kill_at(12)
    await apply_version(writer.store, 1, clock)

asyncio.run(main(sys.argv[1]))
"""


async def test_the_lease_of_a_killed_process_blocks_for_15_seconds_and_no_longer(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-c", HOLDING, str(tmp_path)]
    root = Path(__file__).parents[2]
    done = await asyncio.to_thread(subprocess.run, command, cwd=root, check=False)
    assert done.returncode == -9
    store, clock = open_store(tmp_path), TurnedClock(NOON + LEASE - SECOND)
    with pytest.raises(Locked, match="apply on host-a, pid 7, since 12:00:00Z"):
        await Writer(store, clock, "apply on host-b, pid 9").take()
    await clock.turn(SECOND)
    writer = Writer(store, clock, "apply on host-b, pid 9")
    await writer.take()
    assert await store.views.generation() == 0
    await apply_version(writer.store, 1, clock)
    await writer.release()
    assert plan_of(1, await store.views.state()).empty
    assert not any(one.holder for one in await store.views.holds())
    await store.close()

"""Bugs that other engines have had, planted one by one: the walks tell each of them from ours.

Each is a defect that lost or doubled records elsewhere; reports of it stand beside it.
"""

import contextlib
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import pytest

from reconciler.connectors import connector as reading
from reconciler.connectors.paging import Found, Spot, next_spot
from reconciler.connectors.positions import Positions, position_of
from reconciler.engine import position, sync
from reconciler.engine.sweep import Swept
from reconciler.errors import SourceError
from reconciler.model.record import Page
from reconciler.model.sync import Cursor, RunStatus, SyncMode
from reconciler.ports import Connector
from reconciler.spec.kinds.connector import Paging
from reconciler.store.memory import MemoryStore
from tests.simulation.source import World
from tests.simulation.walk import Walk

pytestmark = pytest.mark.slow

SEEDS: Final = 40
"""Within so many walks a planted bug must show."""

Patch = pytest.MonkeyPatch
CALM: Final = World(busy=0.5, faults=0.0)


@dataclass(frozen=True)
class Bug:
    """What is planted, and the world in which it does harm."""

    plant: Callable[[Patch], None]
    world: World
    last: SyncMode = SyncMode.INCREMENTAL


def no_lookback(patch: Patch) -> None:
    """Late commits are stamped before the position (dlt#2269)."""
    patch.setattr(Positions, "resume", lambda _self, position: position)


def strictly_after(patch: Patch) -> None:
    """Of equal stamps only the first is read (airbyte#15427, #44450)."""

    def resume(_self: Positions, position: str) -> str:
        return position_of(datetime.fromisoformat(position) + timedelta(microseconds=1))

    patch.setattr(Positions, "resume", resume)


def our_clock(patch: Patch) -> None:
    """The position is when the run ended, by our clock (airbyte#85918)."""
    ours = position.closed

    def closed(cursor: Cursor, now: Any) -> Cursor:
        return replace(ours(cursor, now), position=position_of(now))

    patch.setattr(sync, "closed", closed)


def rounded_up(patch: Patch) -> None:
    """The position is rounded to the next hour (airbyte#9915)."""
    ours = Positions.highest

    def highest(self: Positions, values: Sequence[Any]) -> str | None:
        found = ours(self, values)
        return None if found is None else f"{found[:14]}59:59.999999Z"

    patch.setattr(Positions, "highest", highest)


def naive_zone(patch: Patch) -> None:
    """Local times are written as if they were UTC (airbyte#43953, #48492)."""
    ours = Positions.write

    def write(self: Positions, position: str) -> Any:
        zone, self._zone = self._zone, self._zone.__class__("Etc/GMT-14")
        try:
            return ours(self, position)
        finally:
            self._zone = zone

    patch.setattr(Positions, "write", write)


def position_of_the_highest_seen(patch: Patch) -> None:
    """What changed behind the reader is passed over (airbyte#21500, #39105)."""
    ours = position.turned

    def turned(cursor: Cursor, **page: Any) -> Cursor:
        return ours(cursor, **{**page, "asof": None})

    patch.setattr(sync, "turned", turned)


def moves_when_it_fails(patch: Patch) -> None:
    """A run that failed moves the position all the same."""
    ours = sync.StreamRun._fail

    async def fail(self: sync.StreamRun, status: RunStatus, code: str, message: str) -> None:
        await ours(self, status, code, message)
        async with self._store.begin() as unit:
            before = await unit.runs.cursor(self._stream.uid, self._stream.entity)
            if before is not None:
                now = self._clock.now()
                moved = replace(position.closed(before, now), position=position_of(now))
                await unit.runs.move(moved, before=before)
                await unit.commit()

    patch.setattr(sync.StreamRun, "_fail", fail)


def cursor_before_data(patch: Patch) -> None:
    """The cursor is kept first, and the page after it (airbyte#29479, #28415)."""
    ours = sync.StreamRun._keep

    async def keep(self: sync.StreamRun, page: Page, cursor: Cursor, *, before: Cursor) -> None:
        async with self._store.begin() as unit:
            await unit.runs.move(cursor, before=before)
            await unit.commit()
        await ours(self, page, cursor, before=cursor)

    patch.setattr(sync.StreamRun, "_keep", keep)


def deletes_on_a_failed_sweep(patch: Patch) -> None:
    """A sweep that broke off is taken for the whole (nango#1132, airbyte#12782)."""

    async def sweep(
        connector: Connector, entity: str, known: AbstractSet[str], brake: float
    ) -> Swept:
        del brake
        left, page = set(known), None
        with contextlib.suppress(SourceError):
            while True:
                answer = await connector.ids(entity, page=page)
                left.difference_update(answer.ids)
                page = answer.next
                if page is None:
                    break
        return Swept(gone=tuple(left), known=len(known))

    patch.setattr(sync, "sweep", sweep)


def stops_at_a_page_that_is_short(patch: Patch) -> None:
    """A page without records of ours is taken for the last (airbyte-python-cdk#484)."""

    def turned_early(paging: Paging, spot: Spot, found: Found) -> Spot | None:
        return None if found.count <= paging.size else next_spot(paging, spot, found)

    patch.setattr(reading, "next_spot", turned_early)


def counts_every_record_as_changed(patch: Patch) -> None:
    """What did not change is written again, and told as a change."""
    made = iter(range(10**9))
    patch.setattr(sync, "_digest", lambda raw: raw + str(next(made)).encode())


MINUTE: Final = timedelta(minutes=1)
BUGS: Final = {
    "no lookback": Bug(no_lookback, replace(CALM, paging="token", late=True)),
    "strictly after": Bug(strictly_after, replace(CALM, paging="token", grain=MINUTE)),
    "our clock": Bug(our_clock, replace(CALM, skew=timedelta(minutes=-15))),
    "rounded up": Bug(rounded_up, replace(CALM, paging="token")),
    "naive zone": Bug(naive_zone, replace(CALM, zone=0)),
    "highest seen": Bug(
        position_of_the_highest_seen, replace(CALM, size=1, slow=timedelta(minutes=4), busy=0.8)
    ),
    "moves when it fails": Bug(moves_when_it_fails, replace(CALM, faults=0.5)),
    "cursor before data": Bug(cursor_before_data, replace(CALM, size=1)),
    "deletes on a failed sweep": Bug(
        deletes_on_a_failed_sweep, replace(CALM, size=1, faults=0.5), SyncMode.FULL
    ),
    "stops at a short page": Bug(stops_at_a_page_that_is_short, replace(CALM, size=2)),
    "all is changed": Bug(counts_every_record_as_changed, CALM, SyncMode.FULL),
}


@pytest.mark.parametrize("name", BUGS)
async def test_a_planted_bug_shows_within_a_few_walks(name: str, monkeypatch: Patch) -> None:
    bug = BUGS[name]
    bug.plant(monkeypatch)
    for seed in range(SEEDS):
        if await Walk(seed, MemoryStore(), bug.world)(bug.last):
            break
    else:
        pytest.fail(f"{SEEDS} walks did not tell: {bug.plant.__doc__}")
    monkeypatch.undo()
    assert await Walk(seed, MemoryStore(), bug.world)(bug.last) == []

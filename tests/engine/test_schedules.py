"""Schedules become ticks, and a tick asks for what its schedule says at that time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reconciler.engine.inforce import Situation
from reconciler.engine.schedules import Tick, asked, denied, overdue, ticks
from reconciler.model.change import State
from reconciler.model.resource import Kind, Resource, ResourceKey, make_resource
from reconciler.model.sync import Cursor, RunStatus, SyncMode, SyncRun, Trigger
from reconciler.ports import SyncRequest
from tests.fakes import NOON
from tests.plant import CONNECTOR, connection

TICK = Tick("often", "acme", timedelta(minutes=15), None, "UTC", timedelta(0), ("vendors",))


def schedule(name: str = "often", /, **spec: Any) -> Resource:
    body = {"connection": "acme", "every": "15m", "jitter": "0s", **spec}
    return make_resource(ResourceKey(Kind.SYNC_SCHEDULE, name), {"spec": body})


def labelled(name: str, **labels: str) -> Resource:
    key = ResourceKey(Kind.CONNECTION, name)
    return make_resource(key, {"metadata": {"labels": labels}, "spec": dict(connection().spec)})


def situation(*resources: Resource) -> Situation:
    held = {resource.key: resource for resource in resources}
    return Situation(State(1, held, "", {key: key.name for key in held}), {"plant": CONNECTOR})


def test_a_schedule_is_a_tick_of_its_connection() -> None:
    (tick,) = ticks(situation(connection(), schedule(jitter="1m")))
    assert tick == replace(TICK, jitter=timedelta(minutes=1), entities=("purchase-orders",))


def test_a_selector_makes_a_tick_of_each_connection_it_chooses() -> None:
    chosen: dict[str, Any] = {"selector": {"matchLabels": {"plant": "a"}}, "connection": None}
    made = ticks(
        situation(
            labelled("one", plant="a"),
            labelled("two", plant="b"),
            labelled("three", plant="a", line="7"),
            schedule(**chosen),
        )
    )
    assert sorted(tick.connection for tick in made) == ["one", "three"]


def test_a_suspended_schedule_or_connection_has_no_tick() -> None:
    assert ticks(situation(connection(), schedule(suspend=True))) == []
    assert ticks(situation(connection(suspend=True), schedule())) == []


def test_a_tick_asks_for_the_entities_and_mode_of_its_schedule() -> None:
    now = situation(connection(), schedule(entities=["vendors"], mode="full"))
    assert asked(now, TICK, now=NOON, runs={}) == SyncRequest(
        "acme", ("vendors",), SyncMode.FULL, Trigger.SCHEDULE
    )


def test_a_tick_whose_schedule_is_gone_asks_for_nothing() -> None:
    assert asked(situation(connection()), TICK, now=NOON, runs={}) is None


def full_run(age: timedelta) -> SyncRun:
    ended = NOON - age
    return SyncRun(
        "r", "acme", "vendors", SyncMode.FULL, Trigger.PERSON, RunStatus.SUCCEEDED, ended, ended
    )


@pytest.mark.parametrize(
    ("runs", "mode"),
    [
        ({}, SyncMode.FULL),
        ({"vendors": full_run(timedelta(days=8))}, SyncMode.FULL),
        ({"vendors": full_run(timedelta(days=6))}, SyncMode.INCREMENTAL),
    ],
)
def test_once_in_a_while_everything_is_read(runs: dict[str, SyncRun], mode: SyncMode) -> None:
    now = situation(connection(), schedule(mode="incremental", full={"every": "7d"}))
    request = asked(now, TICK, now=NOON, runs=runs)
    assert request is not None
    assert request.mode is mode


NIGHT: dict[str, Any] = {
    "windows": [{"deny": "0 22 * * 5", "for": "8h", "timeZone": "Europe/Amsterdam"}]
}


@pytest.mark.parametrize(
    ("at", "is_denied"),
    [
        (datetime(2026, 11, 27, 20, 59, tzinfo=UTC), False),  # Friday 21:59 in Amsterdam
        (datetime(2026, 11, 27, 21, 0, tzinfo=UTC), True),
        (datetime(2026, 11, 28, 4, 59, tzinfo=UTC), True),
        (datetime(2026, 11, 28, 5, 1, tzinfo=UTC), False),
        (datetime(2026, 11, 26, 22, 0, tzinfo=UTC), False),  # a Thursday
    ],
)
def test_in_a_denied_window_nothing_starts(at: datetime, *, is_denied: bool) -> None:
    assert denied(NIGHT, at) is is_denied
    request = asked(situation(connection(), schedule(**NIGHT)), TICK, now=at, runs={})
    assert (request is None) is is_denied


def cursor(age: timedelta | None) -> dict[str, Cursor]:
    ended = NOON - age if age is not None else None
    return {"vendors": Cursor("acme", "vendors", "b", advanced_at=ended)}


def test_what_was_never_synced_or_is_late_comes_at_once() -> None:
    assert overdue(TICK, {}, now=NOON)
    assert overdue(TICK, cursor(None), now=NOON)
    assert overdue(replace(TICK, entities=("vendors", "sites")), cursor(timedelta(0)), now=NOON)
    assert overdue(TICK, cursor(timedelta(minutes=15)), now=NOON)
    assert not overdue(TICK, cursor(timedelta(minutes=14)), now=NOON)
    assert not overdue(
        replace(TICK, every=None, cron="0 6 * * *"), cursor(timedelta(days=9)), now=NOON
    )

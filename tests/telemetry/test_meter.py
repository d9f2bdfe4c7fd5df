"""What is told to the meter, counted: values in, samples out."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import pytest
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from reconciler.model.change import Create, Delete
from reconciler.model.event import Attempt, Event, EventType
from reconciler.model.resource import Kind, Resource, ResourceKey, make_resource
from reconciler.model.sync import RunStatus, SyncMode, SyncRun, Trigger
from reconciler.model.verdict import Done, Halt, Retry, Verdict, Wait
from reconciler.ports import Answered, Look, LookEnd, Meter
from reconciler.telemetry import families
from reconciler.telemetry.meter import PrometheusMeter
from tests.fakes import NOON
from tests.telemetry.reading import samples

SECOND: Final = timedelta(seconds=1)
LOOKED = families.LOOKS.name
RUN = SyncRun(
    id="run_1",
    connection="c1",
    entity="vendors",
    mode=SyncMode.FULL,
    trigger=Trigger.SCHEDULE,
    status=RunStatus.SUCCEEDED,
    started_at=NOON,
    finished_at=NOON + 20 * SECOND,
    read=10,
    created=4,
    updated=3,
    unchanged=3,
    deleted=2,
    invalid=1,
)


def thing(kind: Kind, name: str) -> Resource:
    return make_resource(ResourceKey(kind, name), {"spec": {}})


def told(meter: PrometheusMeter) -> dict[str, float]:
    return samples((generate_latest(meter.registry), CONTENT_TYPE_PLAIN_0_0_4))


@pytest.fixture
def meter() -> PrometheusMeter:
    return PrometheusMeter()


def looked(meter: Meter, end: LookEnd, at: datetime = NOON, **more: int) -> None:
    meter.looked(Look(end, **more), at, SECOND)  # type: ignore[arg-type]  # held alone


def test_before_the_first_look_nothing_is_ready_and_every_outcome_is_there(
    meter: PrometheusMeter,
) -> None:
    found = told(meter)
    assert found["reconciler_source_ready"] == 0
    assert found["reconciler_specs_last_success_timestamp_seconds"] == 0
    assert [found[f'{LOOKED}_count{{outcome="{end}"}}'] for end in LookEnd] == [0] * 5


def test_a_look_that_applied_something_counts_the_plan_and_its_changes(
    meter: PrometheusMeter,
) -> None:
    made = (
        Create(thing(Kind.CONNECTION, "a")),
        Create(thing(Kind.CONNECTION, "b")),
        Delete(thing(Kind.MAPPING, "m")),
    )
    meter.looked(Look(LookEnd.APPLIED, made, held=2), NOON, 3 * SECOND)
    found = told(meter)
    assert found["reconciler_source_ready"] == 1
    assert found["reconciler_specs_last_success_timestamp_seconds"] == NOON.timestamp()
    assert found["reconciler_plans_applied_total"] == 1
    assert found["reconciler_changes_held"] == 2
    changes = families.CHANGES.name
    assert found[f'{changes}{{action="create",kind="Connection"}}'] == 2
    assert found[f'{changes}{{action="delete",kind="Mapping"}}'] == 1
    assert found[f'{LOOKED}_count{{outcome="applied"}}'] == 1
    assert found[f'{LOOKED}_sum{{outcome="applied"}}'] == 3


@pytest.mark.parametrize("end", [LookEnd.INVALID, LookEnd.UNREADABLE])
def test_a_look_that_finds_no_sound_specs_leaves_the_time_of_the_last_one(
    meter: PrometheusMeter, end: LookEnd
) -> None:
    looked(meter, LookEnd.UNCHANGED, held=1)
    looked(meter, end, NOON + SECOND)
    found = told(meter)
    assert found["reconciler_source_ready"] == 0
    assert found["reconciler_specs_last_success_timestamp_seconds"] == NOON.timestamp()
    assert found["reconciler_changes_held"] == 1
    assert found["reconciler_plans_applied_total"] == 0


def test_a_look_that_failed_says_nothing_of_the_source(meter: PrometheusMeter) -> None:
    looked(meter, LookEnd.UNCHANGED)
    looked(meter, LookEnd.FAILED)
    found = told(meter)
    assert found["reconciler_source_ready"] == 1
    assert found[f'{LOOKED}_count{{outcome="failed"}}'] == 1


@pytest.mark.parametrize(
    ("verdict", "outcome"),
    [
        (Done(), "done"),
        (Retry("down"), "retried"),
        (Wait("locked"), "waiting"),
        (Halt("gone"), "halted"),
    ],
)
def test_a_turn_is_counted_by_family_and_outcome(
    meter: PrometheusMeter, verdict: Verdict, outcome: str
) -> None:
    meter.turned("remap:acme-erp", verdict, waited=2 * SECOND, took=3 * SECOND)
    found = told(meter)
    assert found[f'{families.WAITED.name}_sum{{family="remap"}}'] == 2
    assert found[f'{families.TURNS.name}_sum{{family="remap",outcome="{outcome}"}}'] == 3
    assert "acme" not in str(found)


def test_a_clock_that_was_set_back_makes_no_negative_time(meter: PrometheusMeter) -> None:
    meter.turned("specs", Done(), waited=-SECOND, took=-SECOND)
    assert told(meter)[f'{families.WAITED.name}_sum{{family="specs"}}'] == 0


def test_a_run_is_counted_with_its_records(meter: PrometheusMeter) -> None:
    meter.synced(RUN, "tryton")
    meter.synced(replace(RUN, status=RunStatus.FAILED), "tryton")
    found = told(meter)
    stream = 'connector="tryton",entity="vendors",mode="full"'
    assert found[f'{families.RUNS.name}{{{stream},status="succeeded"}}'] == 1
    assert found[f'{families.RUNS.name}{{{stream},status="failed"}}'] == 1
    assert found[f'{families.RUN_DURATION.name}_sum{{connector="tryton",mode="full"}}'] == 40
    assert found[f"{families.READ.name}{{{stream}}}"] == 20
    assert found[f'{families.WRITTEN.name}{{action="created",{stream}}}'] == 8
    assert found[f'{families.WRITTEN.name}{{action="updated",{stream}}}'] == 6
    assert found[f"{families.DELETED.name}{{{stream}}}"] == 4
    assert found[f"{families.INVALID.name}{{{stream}}}"] == 2


@pytest.mark.parametrize(
    ("status", "outcome"), [(204, "delivered"), (500, "refused"), (0, "unanswered")]
)
def test_an_attempt_is_counted_by_how_it_ended(
    meter: PrometheusMeter, status: int, outcome: str
) -> None:
    event = Event("evt", EventType.SYNC_FAILED, "Connection/acme", NOON)
    meter.attempted(Attempt(NOON + 8 * SECOND, status, 2 * SECOND), event)
    found = told(meter)
    counts = {name: found[f'{families.ATTEMPTS.name}{{outcome="{name}"}}'] for name in OUTCOMES}
    assert counts == {name: float(name == outcome) for name in OUTCOMES}
    made = (1, 10) if outcome == "delivered" else (0, 0)
    latency = families.LATENCY.name
    assert (found[f"{latency}_count"], found[f"{latency}_sum"]) == made


OUTCOMES = ("delivered", "refused", "unanswered")


@pytest.mark.parametrize(
    ("answer", "labels"),
    [
        (
            ("GET", "/api/v1/vendors/{record_id}", 404),
            ("4xx", "GET", "/api/v1/vendors/{record_id}"),
        ),
        (("GET", None, 421), ("4xx", "GET", "unmatched")),
        (("BREW", None, 405), ("4xx", "other", "unmatched")),
        (("POST", "/hooks/git", 0), ("none", "POST", "/hooks/git")),
    ],
)
def test_an_answer_is_counted_by_route_method_and_class(
    meter: PrometheusMeter, answer: tuple[str, str | None, int], labels: tuple[str, str, str]
) -> None:
    meter.answered(Answered(*answer, SECOND))
    status, method, route = labels
    found = told(meter)
    key = f'{{method="{method}",route="{route}",status="{status}"}}'
    assert found[f"{families.REQUESTS.name}{key}"] == 1
    duration = families.REQUEST_DURATION.name
    assert found[f'{duration}_sum{{method="{method}",route="{route}"}}'] == 1


def test_two_meters_in_one_process_are_strangers(meter: PrometheusMeter) -> None:
    other = PrometheusMeter()
    other.synced(RUN, "tryton")
    assert not [name for name in told(meter) if name.startswith(families.RUNS.name)]


def test_whatever_is_told_the_series_are_as_many_as_the_closed_sets_allow(
    meter: PrometheusMeter,
) -> None:
    bare = len(told(meter))
    for number in range(500):
        method = f"M{number}"
        meter.answered(Answered(method, None, 100 + number, number * SECOND))
        meter.turned(f"remap:c{number}", Halt(f"no {number}"), waited=SECOND, took=SECOND)
        event = Event(f"e{number}", EventType.SYNC_FAILED, f"Connection/c{number}", NOON)
        meter.attempted(Attempt(NOON, number, SECOND, answer=f"body {number}"), event)
        meter.synced(replace(RUN, id=f"r{number}", connection=f"c{number}", error="x"), "tryton")
    found = told(meter)
    buckets = sum(
        len(one.buckets) + 3  # +Inf, sum and count
        for one in (
            families.REQUEST_DURATION,
            families.WAITED,
            families.TURNS,
            families.RUN_DURATION,
        )
    )
    classes, runs = 5, 6
    assert len(found) - bare == buckets + classes + runs
    assert not [name for name in found if "M1" in name or "c1" in name or "body" in name]

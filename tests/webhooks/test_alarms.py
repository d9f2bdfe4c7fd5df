"""What begins and ends trouble is one table, in which every event stands at most once on each side."""

import re
from collections import Counter
from pathlib import Path

import pytest

from reconciler.model.event import Event, EventType
from reconciler.webhooks.alarms import ALARMS, begun_by, ended_by
from tests.webhooks.told import event


def test_no_event_begins_two_troubles_and_none_begins_what_it_ends() -> None:
    begun = Counter(kind for alarm in ALARMS for kind in alarm.begun_by)
    assert set(begun.values()) == {1}
    assert not {kind for alarm in ALARMS for kind in alarm.ended_by} & set(begun)
    assert len({alarm.name for alarm in ALARMS}) == len(ALARMS)


@pytest.mark.parametrize(
    ("one", "ended"),
    [
        (event(EventType.CONNECTION_ONLINE), ["ReconcilerConnectionOffline"]),
        (event(EventType.CONNECTION_REAUTHORIZED), ["ReconcilerCredentials"]),
        (event(EventType.SYNC_COMPLETED, mode="incremental"), ["ReconcilerSyncFailed"]),
        (
            event(EventType.SYNC_COMPLETED, mode="full"),
            ["ReconcilerSyncFailed", "ReconcilerDeletesHeld"],
        ),
        (event(EventType.PLAN_APPLIED, held=0), ["ReconcilerPlanFailed"]),
        (event(EventType.PLAN_APPLIED, held=2), []),
        (event(EventType.RECORDS_CHANGED), []),
    ],
    ids=lambda it: it.type.value if isinstance(it, Event) else str(len(it)),
)
def test_an_event_ends_what_it_says_is_over(one: Event, ended: list[str]) -> None:
    assert [alarm.name for alarm in ended_by(one)] == ended
    assert begun_by(one) is None


def test_another_entity_is_another_trouble() -> None:
    failed, done, other = (
        event(EventType.SYNC_FAILED, entity="vendors"),
        event(EventType.SYNC_COMPLETED, entity="vendors"),
        event(EventType.SYNC_FAILED, entity="sites"),
    )
    alarm = begun_by(failed)
    assert alarm is not None
    assert alarm.about(failed) == alarm.about(done) != alarm.about(other)


def test_the_page_shows_the_table() -> None:
    rows = {
        alarm.name: (
            ", ".join(f"`{kind.value}`" for kind in alarm.begun_by),
            ", ".join(
                f"`{kind.value}`" + "".join(f" (`{key}`: `{it}`)" for key, it in wanted.items())
                for kind, wanted in alarm.ended_by.items()
            ),
        )
        for alarm in ALARMS
    }
    page = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text()
    shown = re.findall(r"^\| `(Reconciler\w+)` \| (.+) \| (.+) \|$", page, re.MULTILINE)
    assert {name: (begins, ends) for name, begins, ends in shown} == rows

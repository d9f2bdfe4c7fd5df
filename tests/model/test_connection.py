"""The state machine of health is the table of ``docs/health.md``, line by line."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.condition import Reason
from reconciler.model.connection import (
    Alarm,
    ConnectionState,
    ConnectionStatus,
    Probe,
    new_state,
)
from reconciler.model.resource import Kind, ResourceKey

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
KEY = ResourceKey(Kind.CONNECTION, "acme")
PAGE = Path(__file__).parents[2] / "docs" / "health.md"


def table() -> list[tuple[str, str, str]]:
    """Return what the page says: found, status before, status after."""
    lines = PAGE.read_text().partition("## Transitions")[2].partition("*Throttled*")[0].splitlines()
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in lines if "|" in line[:1]
    ]
    heads = rows[0][1:]
    return [
        (row[0], before, cell)
        for row in rows[2:]
        for before, cell in zip(heads, row[1:], strict=True)
    ]


TABLE = table()


def state(status: ConnectionStatus, *, strikes: int = 0) -> ConnectionState:
    reason = {
        ConnectionStatus.NEEDS_REAUTH: Reason.REAUTHORIZATION_REQUIRED,
        ConnectionStatus.ONLINE: Reason.ANSWERS,
    }.get(status, Reason.NOT_ASKED_YET)
    return ConnectionState(KEY, "b", status, NOON, strikes=strikes, reason=reason)


def test_the_page_has_a_line_for_each_finding_and_a_column_for_each_status() -> None:
    found = {line.partition(",")[0] for line, _, _ in TABLE}
    assert found == {probe.value for probe in Probe}
    assert {before for _, before, _ in TABLE} == set(ConnectionStatus) - {ConnectionStatus.PAUSED}
    assert len(TABLE) == 9 * 5


@pytest.mark.parametrize(("found", "before", "after"), TABLE)
def test_each_transition_is_the_one_of_the_page(found: str, before: str, after: str) -> None:
    last = found.endswith("the last strike") and "not" not in found
    known = state(ConnectionStatus(before), strikes=1 if last else 0)
    moved = known.after(Probe(found.partition(",")[0]), NOON + timedelta(minutes=5), strikes=2)
    expected = before if after == "stays" else after
    assert moved.status == expected
    assert moved.since == (NOON if expected == before else NOON + timedelta(minutes=5))


def test_silence_between_two_refusals_takes_no_strike_back_and_adds_none() -> None:
    now = new_state(KEY, "b", NOON)
    told = []
    for probe in (Probe.REFUSED, Probe.SILENT, Probe.SILENT, Probe.REFUSED):
        now = now.after(probe, NOON)
        told.append((now.status.value, now.strikes))
    assert told == [("degraded", 1), ("offline", 1), ("offline", 1), ("needs_reauth", 2)]


def test_a_good_answer_takes_all_strikes_back() -> None:
    now = new_state(KEY, "b", NOON).after(Probe.REFUSED, NOON).after(Probe.ANSWERED, NOON)
    assert (now.status, now.strikes, now.failures) == (ConnectionStatus.ONLINE, 0, 0)
    assert now.after(Probe.REFUSED, NOON).status is ConnectionStatus.DEGRADED


def test_a_revoked_grant_needs_no_second_look() -> None:
    now = new_state(KEY, "b", NOON).after(Probe.ANSWERED, NOON).after(Probe.REVOKED, NOON)
    assert (now.status, now.reason) == (ConnectionStatus.NEEDS_REAUTH, Reason.GRANT_REVOKED)


def test_other_credentials_open_all_again_but_what_was_told_is_not_over() -> None:
    broken = state(ConnectionStatus.NEEDS_REAUTH, strikes=4)
    broken = broken.under("c", NOON)
    told = ConnectionState(
        KEY, "b", ConnectionStatus.NEEDS_REAUTH, NOON, alarms=frozenset({Alarm.AUTH})
    ).under("c", NOON)
    assert (broken.status, broken.strikes, broken.basis) == (ConnectionStatus.PENDING, 0, "c")
    assert told.alarms == {Alarm.AUTH}


@given(
    st.lists(
        st.sampled_from([Probe.SILENT, Probe.THROTTLED, Probe.FAULTY, Probe.DENIED]), max_size=20
    )
)
def test_trouble_that_is_no_refusal_never_asks_for_credentials(probes: list[Probe]) -> None:
    now = new_state(KEY, "b", NOON)
    for probe in probes:
        now = now.after(probe, NOON)
        assert now.status is not ConnectionStatus.NEEDS_REAUTH


@given(st.lists(st.sampled_from(Probe), max_size=30), st.integers(1, 5))
def test_since_moves_with_the_status_and_only_then(probes: list[Probe], strikes: int) -> None:
    now, at = new_state(KEY, "b", NOON), NOON
    for probe in probes:
        at += timedelta(minutes=1)
        after = now.after(probe, at, strikes=strikes)
        assert (after.since == at) == (after.status is not now.status)
        now = after

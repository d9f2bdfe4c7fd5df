"""Where a run begins, and what its cursor is afterwards."""

from dataclasses import replace
from datetime import timedelta

from reconciler.engine.position import Ask, closed, opened, turned
from reconciler.model.sync import Cursor, SyncMode
from reconciler.ports import StreamFacts
from tests.fakes import NOON, ScriptedConnector, TurnedClock, iso

CONNECTOR = ScriptedConnector(TurnedClock(), {})
FACTS = StreamFacts("vendors", incremental=True, ordered=True, resumable=True, sweepable=True)
ASK = Ask(SyncMode.INCREMENTAL, NOON - timedelta(days=90), "basis", "run_2")
KNOWN = Cursor("uid", "vendors", "basis", position=iso(NOON), advanced_at=NOON)
STOPPED = replace(KNOWN, page="p3", mode=SyncMode.FULL, since="s", reached="r", run="run_1")


def start(cursor: Cursor | None, ask: Ask = ASK, facts: StreamFacts = FACTS) -> Cursor:
    return opened(cursor, ask, facts=facts, connector=CONNECTOR, key=("uid", "vendors"))


def test_a_first_run_reads_the_whole_window() -> None:
    cursor = start(None)
    assert (cursor.mode, cursor.since) == (SyncMode.FULL, iso(NOON - timedelta(days=90)))


def test_a_stream_that_no_window_cuts_is_read_whole() -> None:
    assert start(None, facts=replace(FACTS, windowed=False)).since is None


def test_a_later_run_starts_at_the_position_less_the_lookback() -> None:
    cursor = start(KNOWN)
    assert (cursor.mode, cursor.since) == (SyncMode.INCREMENTAL, iso(NOON - timedelta(minutes=5)))


def test_a_stopped_run_goes_on_at_its_page() -> None:
    assert start(STOPPED) == replace(STOPPED, run="run_2")


def test_a_stopped_run_begins_again_where_page_tokens_do_not_last() -> None:
    assert start(STOPPED, facts=replace(FACTS, resumable=False)).page is None


def test_a_full_run_does_not_go_on_with_a_stopped_incremental_one() -> None:
    stopped = replace(STOPPED, mode=SyncMode.INCREMENTAL)
    cursor = start(stopped, replace(ASK, mode=SyncMode.FULL))
    assert (cursor.mode, cursor.page, cursor.position) == (SyncMode.FULL, None, KNOWN.position)


def test_a_cursor_of_other_settings_is_void() -> None:
    cursor = start(STOPPED, replace(ASK, basis="other"))
    assert (cursor.position, cursor.page, cursor.basis) == (None, None, "other")


def test_an_ordered_stream_reaches_the_highest_value_seen() -> None:
    first = turned(KNOWN, page="p2", reached="b", asof="z", ordered=True)
    second = turned(first, page=None, reached="a", asof="z", ordered=True)
    third = turned(second, page=None, reached=None, asof="z", ordered=True)
    assert (first.reached, second.reached, third.reached) == ("b", "b", "b")


FRESH = replace(KNOWN, position=None)


def test_an_unordered_stream_reaches_no_further_than_the_sources_clock_at_its_first_page() -> None:
    first = turned(FRESH, page="p2", reached="z", asof="c", ordered=False)
    last = turned(first, page=None, reached="b", asof="d", ordered=False)
    assert closed(last, NOON).position == "c"


def test_an_unordered_stream_whose_stamps_lag_behind_its_clock_reaches_the_highest_stamp() -> None:
    first = turned(FRESH, page="p2", reached="a", asof="x", ordered=False)
    last = turned(first, page=None, reached="b", asof="y", ordered=False)
    assert closed(last, NOON).position == "b"


def test_a_run_that_saw_nothing_leaves_the_position_where_it_was() -> None:
    for ordered in (True, False):
        seen = turned(KNOWN, page=None, reached=None, asof="9999", ordered=ordered)
        assert closed(seen, NOON).position == KNOWN.position
        never = turned(FRESH, page=None, reached=None, asof="9999", ordered=ordered)
        assert closed(never, NOON).position is None


def test_the_position_moves_at_the_end_and_never_backwards() -> None:
    ended = closed(replace(STOPPED, reached="0001"), NOON)
    assert (ended.position, ended.page, ended.mode, ended.since) == (
        KNOWN.position,
        None,
        None,
        None,
    )
    assert closed(replace(STOPPED, reached="9999"), NOON).position == "9999"

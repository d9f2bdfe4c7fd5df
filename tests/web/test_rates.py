"""How many requests a token has left."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from reconciler.web.rates import Allowance, Rates

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
gaps = st.lists(st.integers(0, 5_000), min_size=1, max_size=200)


@given(gaps, st.integers(1, 600), st.integers(1, 20))
def test_no_more_pass_than_the_burst_and_what_the_rate_gives_back(
    waits: list[int], rate: int, burst: int
) -> None:
    rates, now, passed = Rates(rate, burst), NOON, 0
    for wait in waits:
        now += timedelta(milliseconds=wait)
        passed += rates.take("t", now).passes
    seconds = (now - NOON).total_seconds()
    assert passed <= burst + seconds * rate / 60 + 1


@given(gaps, st.integers(1, 600), st.integers(1, 20))
def test_who_waits_as_told_passes(waits: list[int], rate: int, burst: int) -> None:
    rates, now = Rates(rate, burst), NOON
    for wait in waits:
        now += timedelta(milliseconds=wait)
        told = rates.take("t", now)
        if not told.passes:
            now += timedelta(seconds=told.wait)
            assert rates.take("t", now).passes


def test_what_is_left_comes_back_with_time() -> None:
    rates = Rates(60, 2)
    assert rates.take("t", NOON) == Allowance(passes=True, left=1, wait=0)
    assert rates.take("t", NOON) == Allowance(passes=True, left=0, wait=0)
    assert rates.take("t", NOON) == Allowance(passes=False, left=0, wait=1)
    assert rates.take("t", NOON + timedelta(seconds=2)).left == 1
    assert rates.policy == '"token";q=2;w=2'


def test_tokens_that_are_full_again_are_forgotten() -> None:
    rates = Rates(60, 2)
    for number in range(10_000):
        rates.take(str(number), NOON)
    rates.take("last", NOON + timedelta(minutes=1))
    assert len(rates._free_at) == 1

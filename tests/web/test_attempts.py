"""Failed authentications by address: told apart, allowed again in time, and forgotten."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.web.attempts import Attempts
from tests.web.making import NOON


def test_each_address_has_an_allowance_of_its_own() -> None:
    attempts = Attempts(2)
    assert [attempts.failed("10.0.0.1", NOON) for _ in range(3)] == [0, 0, 30]
    assert attempts.failed("10.0.0.2", NOON) == 0
    assert attempts.failed("10.0.0.1", NOON + timedelta(seconds=29)) == 1
    assert attempts.failed("10.0.0.1", NOON + timedelta(seconds=30)) == 0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        (None, "nonsense", True),
        ("10.0.0.1", "10.0.0.2", False),
    ],
)
def test_a_network_of_ipv6_is_one_address(one: str | None, other: str, same: bool) -> None:  # noqa: FBT001
    attempts = Attempts(1)
    attempts.failed(one, NOON)
    assert (attempts.failed(other, NOON) > 0) is same


@given(st.lists(st.ip_addresses(), max_size=60))
def test_no_more_addresses_are_remembered_than_are_to_be(peers: list[object]) -> None:
    attempts = Attempts(1, kept=10)
    for peer in peers:
        attempts.failed(str(peer), NOON)
    assert len(attempts) <= 10


def test_the_address_that_was_quiet_for_longest_is_forgotten_first() -> None:
    attempts = Attempts(1, kept=2)
    for peer in ("10.0.0.1", "10.0.0.2", "10.0.0.1", "10.0.0.3"):
        attempts.failed(peer, NOON)
    assert attempts.failed("10.0.0.1", NOON) > 0
    assert attempts.failed("10.0.0.2", NOON) == 0

"""Token texts: made, read, and told apart."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.engine.tokens import (
    CHANCE,
    Refusal,
    TokenWish,
    grant,
    judge,
    mint,
    networks_of,
    parse,
)
from reconciler.model.access import ROLES, Grant, Role, Scope

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
WISH = TokenWish("ci", frozenset({Scope.READ_RECORDS}), "2026-11-01", connection="c1")
chances = st.binary(min_size=CHANCE, max_size=CHANCE)


@given(chances)
def test_a_minted_token_is_read_back_and_granted(chance: bytes) -> None:
    text, kept = mint(WISH, chance=chance, now=NOON)
    presented = parse(text)
    assert presented is not None
    assert presented.id == kept.id
    given_to = grant(presented, kept, now=NOON)
    assert given_to is not None
    assert (given_to.token, given_to.scopes, given_to.connection) == (
        kept.id,
        WISH.scopes,
        WISH.connection,
    )


@given(chances)
def test_what_is_kept_does_not_hold_the_text(chance: bytes) -> None:
    text, kept = mint(WISH, chance=chance, now=NOON)
    assert len(kept.digest) == 32
    secret = text[len("rcn_") + 14 : -9]
    assert len(secret) == 43
    assert secret not in repr(kept)


@given(chances, st.integers(0, 66), st.characters(codec="ascii", categories=["L", "N"]))
def test_a_token_with_one_wrong_character_is_no_token(
    chance: bytes, place: int, other: str
) -> None:
    text, _ = mint(WISH, chance=chance, now=NOON)
    wrong = text[:place] + other + text[place + 1 :]
    assert wrong == text or parse(wrong) is None


@pytest.mark.parametrize(
    "text", ["", "rcn_", "rcn_a_b_c", "Bearer", "rcn_" + "é" * 60, "\x00", "rcn_" + "a" * 10_000]
)
def test_other_text_is_no_token(text: str) -> None:
    assert parse(text) is None


def test_a_token_ends_when_it_expires_or_is_revoked() -> None:
    text, kept = mint(WISH, chance=bytes(CHANCE), now=NOON)
    presented = parse(text)
    assert presented is not None
    hour = timedelta(hours=1)
    ends = replace(kept, expires_at=NOON + hour)
    assert grant(presented, ends, now=NOON + hour - timedelta(microseconds=1)) is not None
    assert grant(presented, ends, now=NOON + hour) is None
    assert grant(presented, replace(kept, revoked_at=NOON), now=NOON) is None
    assert grant(presented, replace(kept, revoked_at=NOON + hour), now=NOON) is not None


def test_a_token_grants_nothing_of_another() -> None:
    text, _ = mint(WISH, chance=bytes(CHANCE), now=NOON)
    _, other = mint(WISH, chance=b"\x01" * CHANCE, now=NOON)
    presented = parse(text)
    assert presented is not None
    assert grant(presented, other, now=NOON) is None
    assert grant(presented, None, now=NOON) is None


@pytest.mark.parametrize(
    ("networks", "peer", "heard"),
    [
        ((), None, True),
        (("10.0.0.0/8",), "10.1.2.3", True),
        (("10.0.0.0/8",), "11.0.0.1", False),
        (("10.0.0.0/8",), "::ffff:10.1.2.3", True),
        (("10.0.0.0/8", "2001:db8::/32"), "2001:db8::1", True),
        (("2001:db8::/32",), "10.1.2.3", False),
        (("fe80::/10",), "fe80::1%eth0", True),
        (("10.0.0.0/8",), None, False),
        (("0.0.0.0/0", "::/0"), "", False),
        (("0.0.0.0/0",), "testclient", False),
    ],
)
def test_a_token_is_heard_from_its_networks_alone(
    networks: tuple[str, ...],
    peer: str | None,
    heard: bool,  # noqa: FBT001
) -> None:
    text, kept = mint(replace(WISH, networks=networks), chance=bytes(CHANCE), now=NOON)
    presented = parse(text)
    assert presented is not None
    judged = judge(presented, kept, now=NOON, peer=peer)
    assert (judged is not Refusal.NETWORK) is heard
    assert (grant(presented, kept, now=NOON, peer=peer) is not None) is heard


def test_why_a_token_grants_nothing_is_told_apart() -> None:
    text, kept = mint(WISH, chance=bytes(CHANCE), now=NOON)
    presented = parse(text)
    assert presented is not None
    assert judge(presented, None, now=NOON) is Refusal.UNKNOWN
    assert judge(presented, replace(kept, revoked_at=NOON), now=NOON) is Refusal.REVOKED
    assert judge(presented, replace(kept, expires_at=NOON), now=NOON) is Refusal.EXPIRED


def test_networks_are_kept_in_one_form() -> None:
    given_so = ["10.0.0.0/8", " 127.0.0.1", "2001:DB8::/32", "10.0.0.0/255.0.0.0"]
    assert networks_of(given_so) == ("10.0.0.0/8", "127.0.0.1/32", "2001:db8::/32")
    for wrong in ("10.0.0.1/8", "10.0.0.0/33", "here", ""):
        with pytest.raises(ValueError, match="no network"):
            networks_of([wrong])


def test_each_role_may_what_the_one_before_it_may() -> None:
    may = [{scope for scope in Scope if Grant("t", ROLES[role]).allows(scope)} for role in Role]
    assert all(less < more for less, more in pairwise(may))
    for role in Role:
        _, kept = mint(
            TokenWish("r", frozenset(), "2026-11-01", role=role), chance=bytes(CHANCE), now=NOON
        )
        assert (kept.role, kept.scopes) == (role, ROLES[role])


def test_too_little_chance_and_no_scope_are_refused() -> None:
    with pytest.raises(ValueError, match="40 random bytes"):
        mint(WISH, chance=bytes(32), now=NOON)
    with pytest.raises(ValueError, match="needs a scope"):
        mint(replace(WISH, scopes=frozenset()), chance=bytes(CHANCE), now=NOON)

"""What is sealed opens in its place, under its key, as it was; and nowhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import Invalid
from reconciler.secrets.keyring import NONCE, KeyRing
from tests.secrets.making import BOTH, OLD, ring

TEXTS = st.text(st.characters(codec="utf-8"), max_size=200)
PARTS = st.text(st.characters(codec="utf-8", exclude_characters="|"), min_size=1, max_size=20)


@given(TEXTS, PARTS, PARTS)
def test_what_is_sealed_opens_in_its_place(value: str, connection: str, field: str) -> None:
    kid, sealed = ring().seal(value, connection, field)
    assert ring().open(kid, sealed, connection, field) == value
    if len(value.encode()) > 3:
        assert value.encode() not in sealed


def test_the_first_key_seals_and_all_open() -> None:
    kid, sealed = ring(OLD).seal("hunter2", "c1", "auth.password")
    both = ring(BOTH)
    assert (both.first, both.ids) == ("2026", ("2026", "2025"))
    assert both.open(kid, sealed, "c1", "auth.password") == "hunter2"
    assert both.seal("x", "c1", "f")[0] == "2026"


@pytest.mark.parametrize("place", [("c2", "auth.password"), ("c1", "auth.username")])
def test_what_was_copied_to_another_place_does_not_open(place: tuple[str, str]) -> None:
    kid, sealed = ring().seal("hunter2", "c1", "auth.password")
    with pytest.raises(Invalid, match="does not open") as caught:
        ring().open(kid, sealed, *place)
    assert "hunter2" not in str(caught.value)


def test_a_key_of_another_id_does_not_open_it_even_if_it_is_the_same_key() -> None:
    kid, sealed = ring({"a": b"k" * 32}).seal("hunter2", "c1", "f")
    with pytest.raises(Invalid, match="does not open"):
        ring({"b": b"k" * 32}).open("b", sealed, "c1", "f")
    assert kid == "a"


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_a_changed_byte_anywhere_is_seen(place: int, change: int) -> None:
    kid, sealed = ring().seal("hunter2", "c1", "f")
    broken = bytearray(sealed)
    broken[place % len(sealed)] ^= change
    with pytest.raises(Invalid):
        ring().open(kid, bytes(broken), "c1", "f")


@pytest.mark.parametrize("cut", [0, 1, NONCE, NONCE + 5])
def test_what_was_cut_short_does_not_open(cut: int) -> None:
    kid, sealed = ring().seal("hunter2", "c1", "f")
    with pytest.raises(Invalid):
        ring().open(kid, sealed[:cut], "c1", "f")


def test_two_of_one_value_are_sealed_differently() -> None:
    assert len({ring().seal("x", "c1", "f")[1] for _ in range(100)}) == 100


def test_a_place_cannot_be_written_as_another() -> None:
    with pytest.raises(Invalid):
        ring().seal("x", "c1|auth", "password")


def test_a_missing_key_is_named_with_what_to_do() -> None:
    with pytest.raises(Invalid, match=r"'2024' \(3 rows\)") as caught:
        ring(BOTH).require({"2024": 3, "2025": 1})
    assert "RECONCILER_KEYS" in caught.value.hint
    ring(BOTH).require({"2026": 1, "2025": 9})
    kid, sealed = ring(BOTH).seal("x", "c1", "f")
    with pytest.raises(Invalid, match="'2026'"):
        ring(OLD).open(kid, sealed, "c1", "f")


def test_a_key_that_was_added_is_found_without_a_restart() -> None:
    keys = [OLD]
    one = KeyRing(lambda: keys[-1])
    assert one.first == "2025"
    kid, sealed = ring(BOTH).seal("hunter2", "c1", "f")
    keys.append(BOTH)
    assert one.open(kid, sealed, "c1", "f") == "hunter2"
    assert one.first == "2026"


def test_keys_are_not_asked_for_before_one_is_needed() -> None:
    asked: list[None] = []

    def load() -> dict[str, bytes]:
        asked.append(None)
        return OLD

    one = KeyRing(load)
    one.require({})
    assert asked == []

"""Each spelling of a source becomes one unified value, or is refused with a glimpse of it."""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.mapping.convert import (
    from_comma,
    scaled,
    to_boolean,
    to_decimal,
    to_integer,
    to_items,
    to_key,
    to_list,
    to_object,
    to_text,
)
from reconciler.mapping.misfit import Misfit, cut, shorten
from reconciler.mapping.references import References
from reconciler.model.identity import record_id

TAKEN: list[tuple[Callable[[Any], Any], Any, Any]] = [
    (to_text, "x", "x"), (to_text, "", ""), (to_text, 7, "7"), (to_text, True, "true"), (to_text, False, "false"),
    (to_text, 1.5, "1.5"), (to_text, 12.0, "12.0"), (to_text, 1e21, "1000000000000000000000"),
    (to_text, 1e-7, "0.0000001"), (to_text, 2**70, str(2**70)), (to_text, "größe", "größe"),
    (to_key, "", None), (to_key, 3, "3"),
    (to_integer, 5, 5), (to_integer, "12", 12), (to_integer, " -12 ", -12), (to_integer, "12.00", 12),
    (to_integer, 12.0, 12), (to_integer, "+7", 7), (to_integer, "", None), (to_integer, "  ", None),
    (to_integer, 2**70, 2**70), (to_integer, "9007199254740993", 9007199254740993), (to_integer, "1e3", 1000),
    (to_decimal, "12.50", "12.50"), (to_decimal, "0", "0"), (to_decimal, "-0.50", "-0.50"),
    (to_decimal, "-0.00", "0.00"), (to_decimal, "-0", "0"), (to_decimal, "+1.0", "1.0"), (to_decimal, "007.10", "7.10"),
    (to_decimal, ".5", "0.5"), (to_decimal, "5.", "5"), (to_decimal, " 1.5 ", "1.5"), (to_decimal, "1.5E3", "1500"),
    (to_decimal, "12e-3", "0.012"), (to_decimal, 12.5, "12.5"), (to_decimal, 12, "12"), (to_decimal, -3, "-3"),
    (to_decimal, 1e22, "10000000000000000000000"), (to_decimal, 1e-7, "0.0000001"), (to_decimal, 0.1, "0.1"),
    (to_decimal, -0.0, "0.0"), (to_decimal, 2**70, str(2**70)), (to_decimal, "", None), (to_decimal, " ", None),
    (to_decimal, "12345678901234567.89", "12345678901234567.89"), (to_decimal, 1.7976931348623157e308, "17976931348623157" + "0" * 292),
    (from_comma(to_decimal), "1.234,50", "1234.50"), (from_comma(to_decimal), "1234,5", "1234.5"),
    (from_comma(to_decimal), "1.234.567", "1234567"), (from_comma(to_decimal), "-1 234,5", "-1234.5"),
    (from_comma(to_decimal), "1\u202f234,5", "1234.5"), (from_comma(to_decimal), "1'234,5", "1234.5"),
    (from_comma(to_decimal), 12.5, "12.5"), (from_comma(to_decimal), "", None), (from_comma(to_decimal), ",5", "0.5"),
    (from_comma(to_integer), "1.234", 1234), (from_comma(to_integer), "1.234,00", 1234),
    (to_boolean, True, True), (to_boolean, 0, False), (to_boolean, 1.0, True), (to_boolean, "Y", True),
    (to_boolean, " yes ", True), (to_boolean, "TRUE", True), (to_boolean, "off", False), (to_boolean, "n", False),
    (to_boolean, "0", False), (to_boolean, "", None),
    (to_list, [1], [1]), (to_object, {"a": 1}, {"a": 1}), (to_items(to_text), [1, None, "x"], ["1", None, "x"]),
    (scaled(to_decimal, Fraction(60), whole=True), "1.5", 90), (scaled(to_decimal, Fraction(1, 60), whole=True), 90, 2),
    (scaled(to_decimal, Fraction(1, 60), whole=False), "90", "1.5"), (scaled(to_decimal, Fraction(1, 60), whole=False), 100, "1.666667"),
    (scaled(to_decimal, Fraction(60), whole=False), "0", "0"), (scaled(to_decimal, Fraction(60), whole=False), "", None),
    (scaled(to_decimal, Fraction(60), whole=False), 100, "6000"), (scaled(to_decimal, Fraction(60), whole=False), -0.5, "-30"),
]  # fmt: skip

REFUSED: list[tuple[Callable[[Any], Any], Any, str]] = [
    (to_text, [1], "[1] is not a text"), (to_text, {}, "{} is not a text"), (to_key, [], "[] is not a text"),
    (to_integer, True, "true is not a whole number"), (to_integer, "1.5", '"1.5" is not a whole number'),
    (to_integer, 1.5, "1.5 is not a whole number"), (to_integer, [], "[] is not a whole number"),
    (to_integer, "x", '"x" is not a whole number'),
    (to_decimal, True, 'true is not a decimal such as "12.50" (for "1.234,50" write format: decimal-comma)'),
    (to_decimal, "1,5", '"1,5" is not a decimal such as "12.50" (for "1.234,50" write format: decimal-comma)'),
    (to_decimal, "1_000", '"1_000" is not a decimal such as "12.50" (for "1.234,50" write format: decimal-comma)'),
    (from_comma(to_decimal), "1,234.50", '"1,234.50" is not a number such as "1.234,50"'),
    (from_comma(to_decimal), "1.23,5", '"1.23,5" is not a number such as "1.234,50"'),
    (to_list, "x", '"x" is not a list'), (to_object, [], "[] is not an object"), (to_items(to_text), 7, "7 is not a list"),
]  # fmt: skip


@pytest.mark.parametrize(("convert", "given_value", "unified"), TAKEN)
def test_a_spelling_becomes_the_unified_value(
    convert: Callable[[Any], Any], given_value: Any, unified: Any
) -> None:
    found = convert(given_value)
    assert found == unified
    assert type(found) is type(unified)


@pytest.mark.parametrize(("convert", "given_value", "said"), REFUSED)
def test_what_does_not_fit_is_told(
    convert: Callable[[Any], Any], given_value: Any, said: str
) -> None:
    with pytest.raises(Misfit) as caught:
        convert(given_value)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    "value",
    [
        "nan",
        "inf",
        ".",
        "-",
        "",
        "1e9999",
        "1e999",
        "9" * 401,
        "1" * 401 + ".0",
        "٣",
        "1 2",
        None,
        "0x1f",
    ],
)
@pytest.mark.parametrize("wrap", [str, lambda text: [text]])
def test_no_text_that_is_no_number_becomes_a_decimal(
    value: Any, wrap: Callable[[Any], Any]
) -> None:
    if value == "" and wrap is str:
        assert to_decimal("") is None
        return
    with pytest.raises(Misfit):
        to_decimal(wrap(value))


@pytest.mark.parametrize("value", ["2", "maybe", 2, -1, 0.5, [], {}])
def test_only_the_closed_list_of_words_is_a_boolean(value: Any) -> None:
    with pytest.raises(Misfit, match="is not a boolean"):
        to_boolean(value)


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, places=4, min_value=-(10**12), max_value=10**12
    )
)
def test_a_decimal_keeps_its_digits(value: Decimal) -> None:
    text = format(value, "f")
    found = to_decimal(text)
    assert Decimal(found) == value
    assert found.lstrip("-") == text.lstrip("-")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_of_json_keeps_its_value_and_has_no_exponent(value: float) -> None:
    found = to_decimal(value)
    assert float(found) == value
    assert set(found) <= set("-0123456789.")
    assert to_decimal(found) == found


@given(st.integers())
def test_a_whole_number_is_the_same_by_text(value: int) -> None:
    assert to_integer(str(value)) == to_integer(value) == value
    assert to_decimal(value) == to_decimal(str(value)) == str(value)


@given(st.integers(0, 10**9), st.integers(0, 99))
def test_a_comma_number_is_read_as_it_is_grouped(whole: int, cents: int) -> None:
    for mark in (".", " ", "'", "\u00a0", "\u2019"):
        text = f"{whole:,}".replace(",", mark) + f",{cents:02}"
        assert from_comma(to_decimal)(text) == f"{whole}.{cents:02}"


@given(st.text(max_size=30))
def test_any_text_is_taken_or_refused_as_a_number(text: str) -> None:
    for convert in (to_decimal, to_integer, from_comma(to_decimal), to_boolean):
        try:
            convert(text)
        except Misfit:
            continue


def test_a_message_shows_eighty_characters_of_a_value_at_most() -> None:
    secret = "s" * 60 + "CANARY-THAT-MUST-NOT-BE-SHOWN" * 50
    for value in (secret, [secret] * 100, {"k": secret}, {str(n): secret for n in range(200)}):
        said = str(Misfit(value, "a date"))
        assert len(said) <= len(" is not a date") + 80
        assert "CANARY-THAT-MUST-NOT-BE-SHOWN" not in said


def test_values_that_json_does_not_have_are_named_by_their_type() -> None:
    assert cut(object()) == "a object"
    assert shorten("x" * 81) == "x" * 79 + "…"


def test_a_key_becomes_the_id_of_the_record_it_names() -> None:
    ids = References("vn", "uid")
    expected = record_id("vn", "uid", "17")
    assert ids["17"] == ids.of(17) == ids.of("17") == expected
    assert ids.all([17, None, "17"]) == [expected, None, expected]
    assert ids.of(["a", 1]) == record_id("vn", "uid", "a|1")
    assert ids.of("") is None


@pytest.mark.parametrize("key", [True, {}, [], [None]])
def test_what_is_no_key_refers_to_nothing(key: Any) -> None:
    with pytest.raises(Misfit, match="is not a key"):
        References("vn", "uid").of(key)


def test_keys_that_are_no_list_are_refused() -> None:
    with pytest.raises(Misfit, match="is not a list of keys"):
        References("vn", "uid").all("17")

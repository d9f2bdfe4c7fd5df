"""Values of sources, in their many spellings, as values of the unified model.

Each function takes a value that is not null and gives the unified one, or raises ``Misfit``. A text of
nothing but spaces counts as null, but where text is wanted.
"""

import re
from collections.abc import Callable
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any, Final

from reconciler.mapping.misfit import Misfit

Convert = Callable[[Any], Any]

DECIMAL_COMMA: Final = "decimal-comma"
LONGEST_NUMBER: Final = 400
"""How many digits a number may have: all that a JSON number of 64 bits can."""

_EXACT: Final = Context(prec=2 * LONGEST_NUMBER)

_TRUE: Final = frozenset({"true", "t", "yes", "y", "on", "1"})
_FALSE: Final = frozenset({"false", "f", "no", "n", "off", "0"})

is_decimal: Final = re.compile(
    r"(?:-(?=[0.]*[1-9]))?(?:0|[1-9][0-9]{0,199})(?:\.[0-9]{1,199})?\Z"
).match
"""Matches a decimal that is written as the model writes it."""
_PLAIN: Final = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?\Z").match
_EXPONENT: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)[eE][+-]?[0-9]{1,3}\Z").match
_COMMA: Final = re.compile(
    r"[+-]?(?:[0-9]+|[0-9]{1,3}(?:([. '\u00a0\u2009\u202f\u2019])[0-9]{3})(?:\1[0-9]{3})*)?"
    r"(?:,[0-9]*)?\Z"
).match
_GROUPING: Final = str.maketrans("", "", ". '\u00a0\u2009\u202f\u2019")

UNITS: Final = {
    "milliseconds": Fraction(1, 1000),
    "seconds": Fraction(1),
    "minutes": Fraction(60),
    "hours": Fraction(3600),
    "days": Fraction(86_400),
}
"""Units that convert into each other, in seconds."""


def to_text(value: Any) -> str:
    """Return a text; numbers and booleans as JSON writes them."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _decimal(value) or repr(value)
    raise Misfit(value, "a text")


def to_key(value: Any) -> str | None:
    """Return the text that a value map is asked for; null for an empty one."""
    return to_text(value) or None


def to_integer(value: Any) -> int | None:
    """Return a whole number."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    text = None if isinstance(value, bool) else _decimal(value)
    if text is None:
        if isinstance(value, str) and not value.strip():
            return None
        raise Misfit(value, "a whole number")
    whole, _, rest = text.partition(".")
    if rest.strip("0"):
        raise Misfit(value, "a whole number")
    return int(whole)


def to_decimal(value: Any) -> Any:
    """Return a decimal as text: the digits that were given, and no exponent."""
    if isinstance(value, str):
        if is_decimal(value):
            return value
        if not value.strip():
            return None
    text = None if isinstance(value, bool) else _decimal(value)
    if text is None:
        raise Misfit(
            value, 'a decimal such as "12.50" (for "1.234,50" write format: decimal-comma)'
        )
    return text


def from_comma(convert: Convert) -> Convert:
    """Return *convert* for texts such as ``1.234,50``; numbers are taken as they are."""

    def converted(value: Any) -> Any:
        if not isinstance(value, str):
            return convert(value)
        text = value.strip()
        if not text:
            return None
        if not _COMMA(text):
            raise Misfit(value, 'a number such as "1.234,50"')
        return convert(text.translate(_GROUPING).replace(",", "."))

    return converted


def to_boolean(value: Any) -> bool | None:
    """Return a boolean: true and false, 1 and 0, and a closed list of words."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float) and value in (0, 1):
        return bool(value)
    if isinstance(value, str):
        word = value.strip().lower()
        if word in _TRUE:
            return True
        if word in _FALSE:
            return False
        if not word:
            return None
    raise Misfit(value, "a boolean (true, yes, y, t, on, 1 or false, no, n, f, off, 0)")


def to_list(value: Any) -> list[Any]:
    """Return a list."""
    if isinstance(value, list):
        return value
    raise Misfit(value, "a list")


def to_object(value: Any) -> dict[str, Any]:
    """Return an object."""
    if isinstance(value, dict):
        return value
    raise Misfit(value, "an object")


def to_items(convert: Convert) -> Convert:
    """Return what converts each item of a list; null items stay."""

    def converted(value: Any) -> list[Any]:
        return [None if item is None else convert(item) for item in to_list(value)]

    return converted


def scaled(convert: Convert, factor: Fraction, *, whole: bool) -> Convert:
    """Return what multiplies by *factor* the decimal that *convert* gives.

    Decimals keep at most six places, whole numbers go to the nearest.
    """

    def converted(value: Any) -> Any:
        text = convert(value)
        if text is None:
            return None
        exact = Fraction(text) * factor
        if whole:
            return round(exact)
        shown = format(Decimal(round(exact * 1_000_000)).scaleb(-6, _EXACT), "f")
        return shown.rstrip("0").rstrip(".")

    return converted


def _decimal(value: Any) -> str | None:
    """Return the canonical text of a number; null for what is none."""
    if isinstance(value, int):
        text = str(value) if value.bit_length() < 3 * LONGEST_NUMBER else ""
        return text or None
    if isinstance(value, float):
        text = repr(value)
    elif isinstance(value, str):
        text = value.strip()
    else:
        return None
    if len(text) > LONGEST_NUMBER:
        return None
    if _EXPONENT(text):
        text = format(Decimal(text), "f")
    return _canonical(text)


def _canonical(text: str) -> str | None:
    match = _PLAIN(text)
    if match is None or len(text) > LONGEST_NUMBER:
        return None
    sign, whole, places = match[1], match[2], match[3]
    if not whole and not places:
        return None
    shown = whole.lstrip("0") or "0"
    if places:
        shown = f"{shown}.{places}"
    return f"-{shown}" if sign == "-" and shown.strip("0.") else shown

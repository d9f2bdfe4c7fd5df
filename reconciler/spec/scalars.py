"""Plain scalars of the YAML 1.2 core schema, and the traps of YAML 1.1 that are refused.

Only ``true``, ``false``, ``null`` and ``~``, whole numbers and decimal numbers are more than text. What
YAML 1.1 readers took for something else (``yes``, ``12:30``, ``010``, ``1_000``) is not guessed at: the
author says which is meant.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

_CONSTANTS: Final[dict[str, Any]] = {
    "": None,
    "~": None,
    "null": None,
    "true": True,
    "false": False,
}
_TRAP_WORDS: Final = {
    "y": "true",
    "yes": "true",
    "on": "true",
    "n": "false",
    "no": "false",
    "off": "false",
}
_CAPITALS: Final = {
    form: word for word in ("true", "false", "null") for form in (word.upper(), word.capitalize())
}
_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_SEXAGESIMAL: Final = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")
_OTHER_BASE: Final = re.compile(r"[-+]?0(?:[0-9]+|o[0-7]+|x[0-9a-fA-F]+|b[01]+)")
_GROUPED: Final = re.compile(r"[-+]?[0-9][0-9_]*_[0-9_]*(?:\.[0-9_]*)?")
_ENDLESS: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_FIRST_OF_NUMBERS: Final = frozenset("+-.0123456789")


@dataclass(frozen=True, slots=True)
class Trap:
    """A plain scalar that is refused: the problem's code, why, and what to write instead."""

    code: str
    message: str
    hint: str


def resolve(text: str) -> Any:
    """Return the value of the plain scalar *text*, or the ``Trap`` that it is."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] in _FIRST_OF_NUMBERS:
        return _number(text)
    if len(text) <= 5:
        return _word(text)
    return text


def _word(text: str) -> Any:
    meant = _CAPITALS.get(text)
    if meant is None and text.lower() in _TRAP_WORDS and text in _forms(text):
        meant = _TRAP_WORDS[text.lower()]
    if meant is None:
        return text
    message = f"'{text}' can be read in two ways: some YAML readers take it for {meant}"
    return Trap("R014", message, f'write {meant}, or "{text}" in quotes if it is a text')


def _forms(text: str) -> tuple[str, str, str]:
    return text.lower(), text.upper(), text.capitalize()


def _number(text: str) -> Any:
    if _INTEGER.fullmatch(text):
        return _integer(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        if number in {float("inf"), float("-inf")}:
            return Trap("R015", "the number is too large", 'write it in quotes: "…"')
        return number
    for form, what, hint in _TRAP_NUMBERS:
        if form.fullmatch(text):
            return Trap("R015", f"'{text}' {what}", hint.format(text=text))
    return text


def _integer(text: str) -> Any:
    if len(text) <= 20:
        number = int(text)
        if -(2**63) <= number < 2**63:
            return number
    return Trap(
        "R015", "the number has more than 64 bits", "write it in quotes, so that it is kept as text"
    )


_TRAP_NUMBERS: Final = (
    (_SEXAGESIMAL, "is a number to base 60 for some YAML readers", 'write "{text}" in quotes'),
    (
        _OTHER_BASE,
        "is a number to another base for some YAML readers",
        'write "{text}" in quotes, or the number without leading zeros',
    ),
    (
        _GROUPED,
        "is a number for some YAML readers and a text for others",
        'write the number without underscores, or "{text}" in quotes',
    ),
    (_ENDLESS, "is not a number that can be kept", 'leave it out, or write "{text}" in quotes'),
)

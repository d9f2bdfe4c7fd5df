"""What templates compute with: look-ups, operators, comparisons and tests, each safe for any value."""

import operator
from collections.abc import Callable, Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Any, Final, TypeAlias

from reconciler.mapping.filters import TemplateInvalid, as_text, bounded, is_number, kind_of
from reconciler.mapping.pattern import compile_pattern

Compute: TypeAlias = Callable[[Mapping[str, Any]], Any]
"""A compiled expression: its context in, its value out."""

MISSING: Final = object()
"""What a name that leads nowhere gives where that is allowed."""


def item_of(value: Any, key: Any, path: tuple[str, ...]) -> Any:
    """Return what stands in *value* under *key*: of a mapping, or by place in a list or text.

    Raises:
        TemplateInvalid: naming *path*, if there is none.
    """
    if isinstance(value, Mapping):
        if isinstance(key, str | int) and key in value:
            return value[key]
    elif isinstance(value, list | tuple | str) and isinstance(key, int):
        with suppress(IndexError):
            return value[key]
    name = ".".join(path)
    if isinstance(value, Mapping | list | tuple):
        msg = f"'{name}' is not defined"
    else:
        msg = f"'{name}' is not defined: '{'.'.join(path[:-1])}' is {kind_of(value)}"
    raise TemplateInvalid(msg, path=path)


def slice_of(value: Any, start: Any, stop: Any) -> Any:
    """Return a part of a text or list."""
    if not isinstance(value, str | list | tuple):
        msg = f"only a text or a list can be sliced, not {kind_of(value)}"
        raise TemplateInvalid(msg)
    if not all(end is None or (isinstance(end, int)) for end in (start, stop)):
        msg = "a slice goes from one whole number to another"
        raise TemplateInvalid(msg)
    return value[start:stop]


def _numbers(sign: str, work: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def apply(left: Any, right: Any) -> Any:
        if not (is_number(left) and is_number(right)):
            msg = f"'{sign}' needs two numbers, not {kind_of(left)} and {kind_of(right)}"
            raise TemplateInvalid(msg)
        if isinstance(left, Decimal) != isinstance(right, Decimal):
            left, right = Decimal(str(left)), Decimal(str(right))
        try:
            return work(left, right)
        except ArithmeticError:
            msg = f"'{sign}' has no result here (a division by zero, or a number too large)"
            raise TemplateInvalid(msg) from None

    return apply


_PLUS: Final = _numbers("+", operator.add)


def _add(left: Any, right: Any) -> Any:
    if isinstance(left, str) and isinstance(right, str):
        return bounded(left + right)
    return _PLUS(left, right)


OPERATORS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "+": _add,
    "-": _numbers("-", operator.sub),
    "/": _numbers("/", operator.truediv),
    "//": _numbers("//", operator.floordiv),
    "%": _numbers("%", operator.mod),
}
"""By sign. Texts can be added; all else is for numbers."""


def _ordered(sign: str, work: Callable[[Any, Any], Any]) -> Callable[[Any, Any], bool]:
    def apply(left: Any, right: Any) -> bool:
        try:
            return bool(work(left, right))
        except TypeError:
            msg = f"'{sign}' cannot compare {kind_of(left)} with {kind_of(right)}"
            raise TemplateInvalid(msg) from None

    return apply


def _within(item: Any, container: Any) -> bool:
    if isinstance(container, str) and not isinstance(item, str):
        return as_text(item) in container
    try:
        return item in container
    except TypeError:
        msg = f"'in' cannot look for {kind_of(item)} in {kind_of(container)}"
        raise TemplateInvalid(msg) from None


def _outside(item: Any, container: Any) -> bool:
    return not _within(item, container)


COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": _ordered("<", operator.lt),
    "lteq": _ordered("<=", operator.le),
    "gt": _ordered(">", operator.gt),
    "gteq": _ordered(">=", operator.ge),
    "in": _within,
    "notin": _outside,
}
"""By Jinja2's own name of the operator."""


def pattern_test(name: str, pattern: Any, *, ignore_case: bool) -> Callable[[Any], bool]:
    """Return the test ``search`` or ``match`` of one pattern; what is no text never fits.

    Raises:
        TemplateInvalid: if the pattern is not a text, or broken.
    """
    if not isinstance(pattern, str):
        msg = f"test '{name}' needs its pattern as a text in quotes"
        raise TemplateInvalid(msg)
    try:
        compiled = compile_pattern(pattern, ignore_case=ignore_case)
    except ValueError as error:
        msg = f"test '{name}': {error}"
        raise TemplateInvalid(msg) from None
    look = compiled.search if name == "search" else compiled.match

    def fits(value: Any) -> bool:
        return isinstance(value, str) and look(value)

    return fits


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping)


TESTS: Final[Mapping[str, tuple[int, Callable[..., bool]]]] = {
    "boolean": (0, lambda value: isinstance(value, bool)),
    "defined": (0, lambda value: value is not MISSING),
    "eq": (1, operator.eq),
    "equalto": (1, operator.eq),
    "even": (0, lambda value: isinstance(value, int) and value % 2 == 0),
    "false": (0, lambda value: value is False),
    "float": (0, lambda value: isinstance(value, float)),
    "ge": (1, COMPARISONS["gteq"]),
    "gt": (1, COMPARISONS["gt"]),
    "in": (1, _within),
    "integer": (0, lambda value: isinstance(value, int) and not isinstance(value, bool)),
    "le": (1, COMPARISONS["lteq"]),
    "lt": (1, COMPARISONS["lt"]),
    "mapping": (0, _is_mapping),
    "ne": (1, operator.ne),
    "none": (0, lambda value: value is None),
    "number": (0, is_number),
    "odd": (0, lambda value: isinstance(value, int) and value % 2 == 1),
    "sequence": (0, lambda value: isinstance(value, str | list | tuple | Mapping)),
    "string": (0, lambda value: isinstance(value, str)),
    "true": (0, lambda value: value is True),
    "undefined": (0, lambda value: value is MISSING),
}
"""By name: how many arguments it takes, and what it finds."""

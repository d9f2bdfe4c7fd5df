"""The closed list of filters of templates. None can take much time or memory: texts are held to a size."""

import base64
import binascii
import math
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote, quote_plus

import msgspec

LONGEST_TEXT: Final = 65_536


class TemplateInvalid(ValueError):
    """A template that cannot be taken, or that cannot be filled in.

    ``path`` names what was not found (``("vars", "region")``); ``line`` counts within the template.
    """

    def __init__(self, message: str, *, path: tuple[str, ...] = (), line: int = 1) -> None:
        super().__init__(message)
        self.path = path
        self.line = line


def bounded(text: str) -> str:
    """Return *text* if it is not too long."""
    if len(text) > LONGEST_TEXT:
        msg = f"the text grows beyond {LONGEST_TEXT} characters"
        raise TemplateInvalid(msg)
    return text


def as_text(value: Any) -> str:
    """Return *value* as templates write it: null as nothing, booleans, lists and objects as JSON."""
    if isinstance(value, str):
        return bounded(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping | list | tuple):
        return _tojson(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    return bounded(str(value))


def kind_of(value: Any) -> str:
    """Return what *value* is, in words: ``a list``."""
    if value is None:
        return "null"
    for kinds, words in _KINDS:
        if isinstance(value, kinds):
            return words
    return f"a {type(value).__name__}"


_KINDS: Final[tuple[tuple[Any, str], ...]] = (
    (str, "a text"),
    (bool, "a boolean"),
    (int | float | Decimal, "a number"),
    (Mapping, "an object"),
    (list | tuple, "a list"),
)


def is_number(value: Any) -> bool:
    """Whether *value* is a number; a boolean is not."""
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _items(value: Any, name: str) -> list[Any]:
    if isinstance(value, str | list | tuple):
        return list(value)
    if isinstance(value, Mapping):
        return list(value)
    msg = f"filter '{name}' needs a list or a text, not {kind_of(value)}"
    raise TemplateInvalid(msg)


def _number(value: Any, name: str) -> Any:
    if is_number(value):
        return value
    msg = f"filter '{name}' needs a number, not {kind_of(value)}; put '| float' before it"
    raise TemplateInvalid(msg)


def _default(value: Any, default_value: Any = "", boolean: Any = False) -> Any:  # noqa: FBT002 - Jinja2's own signature
    return default_value if value is None or (boolean and not value) else value


def _replace(value: Any, old: Any, new: Any, count: int = -1) -> str:
    text, gone, put = as_text(value), as_text(old), as_text(new)
    times = text.count(gone)
    if len(text) + times * max(0, len(put) - len(gone)) > LONGEST_TEXT:
        msg = f"filter 'replace' makes a text longer than {LONGEST_TEXT} characters"
        raise TemplateInvalid(msg)
    return text.replace(gone, put, count)


def _b64encode(value: Any) -> str:
    return base64.b64encode(as_text(value).encode()).decode()


def _b64decode(value: Any) -> str:
    try:
        return base64.b64decode(as_text(value), validate=True).decode()
    except (binascii.Error, ValueError):
        msg = "filter 'b64decode' was given a text that is not base64 of UTF-8"
        raise TemplateInvalid(msg) from None


def _urlencode(value: Any) -> str:
    if isinstance(value, Mapping):
        pairs = (f"{quote_plus(as_text(k))}={quote_plus(as_text(v))}" for k, v in value.items())
        return "&".join(pairs)
    return quote(as_text(value), safe="/")


def _int(value: Any, default: int = 0, base: int = 10) -> int:
    try:
        if isinstance(value, str) and base != 10:
            return int(value, base)
        return int(value if not isinstance(value, str) else value.strip())
    except (ValueError, TypeError, OverflowError, ArithmeticError):
        number = _float(value, math.nan)
        return default if math.isnan(number) else int(number)


def _float(value: Any, default: float = 0.0) -> float:
    try:
        number = float(value)
    except (ValueError, TypeError, OverflowError):
        return default
    return number if math.isfinite(number) else default


def _join(value: Any, d: Any = "", attribute: str | None = None) -> str:
    items: Iterable[Any] = _items(value, "join")
    if attribute is not None:
        items = [item.get(attribute) if isinstance(item, Mapping) else None for item in items]
    return as_text(d).join(map(as_text, items))


def _first(value: Any) -> Any:
    items = _items(value, "first")
    return items[0] if items else None


def _last(value: Any) -> Any:
    items = _items(value, "last")
    return items[-1] if items else None


def _length(value: Any) -> int:
    return len(_items(value, "length"))


def _round(value: Any, precision: Any = 0, method: str = "common") -> Any:
    number = _number(value, "round")
    if not isinstance(precision, int) or not -15 <= precision <= 15:
        msg = "filter 'round' takes a precision between -15 and 15"
        raise TemplateInvalid(msg)
    if method == "common":
        return round(number, precision)
    scale = 10**precision
    if method in {"ceil", "floor"}:
        return (math.ceil if method == "ceil" else math.floor)(number * scale) / scale
    msg = "filter 'round' knows the methods common, ceil and floor"
    raise TemplateInvalid(msg)


def _tojson(value: Any) -> str:
    try:
        return bounded(msgspec.json.encode(value).decode())
    except (TypeError, msgspec.MsgspecError, RecursionError):
        msg = f"{kind_of(value)} cannot be written as JSON"
        raise TemplateInvalid(msg) from None


def _truncate(value: Any, length: int = 255, end: str = "...") -> str:
    text = as_text(value)
    if len(text) <= length:
        return text
    return text[: max(0, length - len(end))] + end


def _text_of(change: Callable[[str], str]) -> Callable[[Any], str]:
    def apply(value: Any) -> str:
        return change(as_text(value))

    return apply


def _trim(value: Any, chars: str | None = None) -> str:
    return as_text(value).strip(chars)


def _abs(value: Any) -> Any:
    return abs(_number(value, "abs"))


FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "abs": _abs,
    "b64decode": _b64decode,
    "b64encode": _b64encode,
    "capitalize": _text_of(str.capitalize),
    "count": _length,
    "d": _default,
    "default": _default,
    "first": _first,
    "float": _float,
    "int": _int,
    "join": _join,
    "last": _last,
    "length": _length,
    "lower": _text_of(str.lower),
    "replace": _replace,
    "round": _round,
    "string": as_text,
    "title": _text_of(str.title),
    "tojson": _tojson,
    "trim": _trim,
    "truncate": _truncate,
    "upper": _text_of(str.upper),
    "urlencode": _urlencode,
}
"""By name. A filter takes the value and then its own arguments; Jinja2's meaning unless said above."""

"""Which type fits all values that were seen of a source field: told by the conversions themselves."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from reconciler.mapping.convert import (
    DECIMAL_COMMA,
    Convert,
    from_comma,
    is_decimal,
    to_boolean,
    to_decimal,
    to_integer,
    to_text,
)
from reconciler.mapping.misfit import Misfit
from reconciler.mapping.times import dates, datetimes, is_day

_NAMES: Final = {
    bool: "boolean", int: "integer", float: "decimal", str: "string", list: "list", dict: "object",
}  # fmt: skip
_SCALARS: Final = frozenset({bool, int, float, str})
_WORDS: Final = frozenset({"true", "false"})
_TIME: Final = re.compile(r"\s*[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]\s*[0-9]{2}|/Date\(").match
_COMPACT: Final = re.compile(r"(?:19|20)[0-9]{6}\Z").match
_DATED: Final = re.compile(r"dat|day|_on$|_at$|tag|when|since|until|from$|to$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Guess:
    """A type (``None``: as the source gives it), how it is written, and what a person should know."""

    type: str | None
    format: str | None = None
    note: str = ""


def _only(shape: Callable[[str], Any], convert: Convert) -> Convert:
    """Return *convert* for texts that *shape* matches; other values do not fit."""

    def converted(value: Any) -> Any:
        if not isinstance(value, str) or not shape(value):
            raise Misfit(value, "of this form")
        return convert(value)

    return converted


def _has_comma(text: str) -> bool:
    return "," in text


_DAY_FIRST: Final = ("%d.%m.%Y", "%d/%m/%Y", "%d-%m-%Y")
_DATE_FORMATS: Final = (*_DAY_FIRST, "%m/%d/%Y", "%m-%d-%Y", "%Y/%m/%d")
_TIME_FORMATS: Final = tuple(
    f"{day} {time}" for day in _DATE_FORMATS for time in ("%H:%M", "%H:%M:%S")
)
_CANDIDATES: Final[Mapping[tuple[str, str | None], Convert]] = {
    ("integer", None): to_integer,
    ("decimal", None): to_decimal,
    ("decimal", "written"): _only(is_decimal, to_decimal),
    ("decimal", DECIMAL_COMMA): _only(_has_comma, from_comma(to_decimal)),
    ("boolean", None): to_boolean,
    ("string", None): to_text,
    ("date", None): _only(is_day, dates()),
    ("date", "%Y%m%d"): _only(_COMPACT, dates("%Y%m%d")),
    ("datetime", None): _only(_TIME, datetimes()),
    **{("date", form): _only(str.strip, dates(form)) for form in _DATE_FORMATS},
    **{("datetime", form): _only(str.strip, datetimes(form)) for form in _TIME_FORMATS},
}  # fmt: skip


@dataclass(slots=True)
class Kinds:
    """The types that were seen at one path, and the conversions that took every value so far."""

    seen: dict[str, int] = field(default_factory=dict)
    dotted: bool = False
    words: bool = True
    _left: dict[tuple[str, str | None], Convert] = field(default_factory=lambda: dict(_CANDIDATES))

    def add(self, values: Sequence[Any]) -> None:
        """Take in the values of a page."""
        for value in values:
            name = _NAMES.get(type(value))
            if name is not None:
                self.seen[name] = self.seen.get(name, 0) + 1
        if self._left:
            told = [value for value in values if value is not None]
            scalars = [value for value in told if type(value) in _SCALARS]
            if len(scalars) < len(told):
                self._left.clear()
            self._try({(type(one), one): one for one in scalars}.values())

    def _try(self, values: Iterable[Any]) -> None:
        for value in values:
            text = value if isinstance(value, str) else None
            if text is not None:
                self.dotted |= "." in text
                self.words &= text.strip().lower() in _WORDS or not text.strip()
            if text is None or text.strip():
                for key in [key for key, one in self._left.items() if not _takes(one, value)]:
                    del self._left[key]

    def guess(self, name: str) -> Guess:
        """Return the type of the field of this *name*: one that takes every value seen."""
        match sorted(self.seen):
            case ["list"] | ["object"]:
                return Guess(next(iter(self.seen)))
            case ["boolean"]:
                return Guess("boolean")
            case ["integer"]:
                return self._if("integer")
            case ["decimal"] | ["decimal", "integer"]:
                return self._if("decimal")
            case ["string"]:
                return self._of_texts(name)
            case several:
                return self._if("string", f"it is {' or '.join(several)} in the source")

    def _if(self, kind: str, note: str = "") -> Guess:
        return Guess(kind, note=note) if (kind, None) in self._left else Guess(None, note=note)

    def _of_texts(self, name: str) -> Guess:
        left = self._left
        if self.words and ("boolean", None) in left:
            return Guess("boolean")
        if self.dotted and ("decimal", "written") in left:
            return Guess("decimal")
        if ("decimal", DECIMAL_COMMA) in left:
            return Guess("decimal", DECIMAL_COMMA)
        times = [key for key in left if key[0] in {"date", "datetime"}]
        if not _DATED.search(name):
            times = [key for key in times if key != ("date", "%Y%m%d")]
        if len(times) == 1:
            return Guess(*times[0])
        if times:
            forms = " or ".join(str(form) for _, form in times)
            return self._if("string", f"a date, but which of its numbers is the day? {forms}")
        return self._if("string")


def _takes(convert: Convert, value: Any) -> bool:
    try:
        convert(value)
    except (ValueError, ArithmeticError):
        return False
    return True

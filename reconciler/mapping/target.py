"""What a value is to become: the unified field and the rule's type, format, zone and unit, as a function."""

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Final

from reconciler.datamodel.entity import Field, FieldType
from reconciler.mapping.convert import (
    DECIMAL_COMMA,
    UNITS,
    Convert,
    from_comma,
    is_decimal,
    scaled,
    to_boolean,
    to_decimal,
    to_integer,
    to_items,
    to_list,
    to_object,
    to_text,
)
from reconciler.mapping.times import FormatInvalid, dates, datetimes, is_day, is_utc, zone_of

Body = Mapping[str, Any]
Tell = Callable[[str, str], None]
"""Tells of a problem: the key of the rule, the message."""

_T: Final = FieldType
_FITTING: Final[Mapping[FieldType, frozenset[FieldType]]] = {
    _T.STRING: frozenset({_T.STRING}),
    _T.INTEGER: frozenset({_T.INTEGER}),
    _T.DECIMAL: frozenset({_T.DECIMAL, _T.INTEGER}),
    _T.BOOLEAN: frozenset({_T.BOOLEAN}),
    _T.DATE: frozenset({_T.DATE}),
    _T.DATETIME: frozenset({_T.DATETIME}),
    _T.ENUM: frozenset({_T.STRING}),
    _T.REFERENCE: frozenset({_T.STRING, _T.INTEGER}),
    _T.LIST: frozenset({_T.LIST}),
    _T.OBJECT: frozenset({_T.OBJECT}),
}
_NUMBERS: Final = frozenset({_T.INTEGER, _T.DECIMAL})
_TIMES: Final = frozenset({_T.DATE, _T.DATETIME})
_SIMPLE: Final[Mapping[FieldType, Convert]] = {
    _T.STRING: to_text,
    _T.INTEGER: to_integer,
    _T.DECIMAL: to_decimal,
    _T.BOOLEAN: to_boolean,
    _T.DATE: dates(),
    _T.DATETIME: datetimes(),
    _T.LIST: to_list,
    _T.OBJECT: to_object,
}
_SEEN: Final = "{0} is not None"
_TESTS: Final[Mapping[FieldType, str]] = {
    _T.STRING: f"type({{0}}) is not str and {_SEEN}",
    _T.INTEGER: f"type({{0}}) is not int and {_SEEN}",
    _T.DECIMAL: f"(type({{0}}) is not str or is_decimal({{0}}) is None) and {_SEEN}",
    _T.BOOLEAN: f"{{0}} is not True and {{0}} is not False and {_SEEN}",
    _T.DATE: f"(type({{0}}) is not str or is_day({{0}}) is None) and {_SEEN}",
    _T.DATETIME: f"(type({{0}}) is not str or is_utc({{0}}) is None) and {_SEEN}",
    _T.LIST: f"type({{0}}) is not list and {_SEEN}",
    _T.OBJECT: f"type({{0}}) is not dict and {_SEEN}",
}
"""Tests, as source, for values that are not written as the model writes them."""

NAMES: Final[Mapping[str, Any]] = {"is_decimal": is_decimal, "is_day": is_day, "is_utc": is_utc}
"""What the tests need to find."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a value becomes: ``convert`` (None: it stays as it is) and, then, what the model asks.

    ``own`` does the same for a value that is written as the model writes it, such as a default.
    ``enum`` are the values of an enum; ``reference`` the prefix of the ids that it refers to, of each
    item if ``many``; ``items`` the fields of an object, or of each object of a list if ``many``;
    ``pattern`` tests, as source, for values that ``convert`` must see.
    """

    convert: Convert | None = None
    own: Convert | None = None
    enum: tuple[str, ...] = ()
    reference: str | None = None
    many: bool = False
    items: Mapping[str, Field] | None = None
    pattern: str = _SEEN

    def test(self, name: str) -> str:
        """Return the test, as source, for values that ``convert`` must see."""
        return self.pattern.format(name)


def target_of(field: Field, body: Body, prefixes: Mapping[str, str], tell: Tell) -> Target:
    """Return what a rule makes for a unified *field*; ``prefixes`` start the ids of each entity."""
    asked = _asked_type(body, tell)
    if asked is not None and asked not in _FITTING[field.type]:
        fitting = " or ".join(sorted(_FITTING[field.type]))
        tell("type", f"{asked} does not fit the field, which is {_a(field.type)}; write {fitting}")
        asked = None
    reference = _prefix(field, prefixes, tell)
    many = field.type is _T.LIST
    convert = own = _own(field)
    if asked not in {None, field.type, _T.STRING} or _says_how(body):
        read = _reader(asked or field.type, body, field.unit, tell)
        convert = _both(read, convert) if asked not in {None, field.type} else read
    pattern = _pattern(field.type, body, convert)
    return Target(convert, own, field.enum, reference, many, field.items or None, pattern)


def _pattern(kind: FieldType, body: Body, convert: Convert | None) -> str:
    """Return the test for values that *convert* would not leave as they are."""
    iso = kind in _TIMES and body.get("format") in {None, "iso"}
    usual = convert is not None and (iso or convert is _SIMPLE.get(kind))
    return _TESTS.get(kind, _SEEN) if usual else _SEEN


def _own(field: Field) -> Convert | None:
    """Return what makes the field's type of a value that is written in the usual way."""
    if field.type is not _T.LIST:
        return _SIMPLE.get(field.type)
    if field.items or field.of is _T.REFERENCE:
        return None
    return to_list if field.of is None else to_items(_SIMPLE[field.of])


def custom_target(body: Body, tell: Tell) -> Target:
    """Return what a rule makes for a custom field, or for a field of its objects."""
    asked = _asked_type(body, tell)
    if asked is None:
        for key in ("format", "timeZone", "unit"):
            if key in body:
                tell(key, f"{key} says how a type is written; write 'type' too")
        return Target()
    convert = _reader(asked, body, None, tell)
    pattern = _pattern(asked, body, convert)
    return Target(convert, _SIMPLE[asked], many=asked is _T.LIST, pattern=pattern)


def near(name: str, known: Iterable[str]) -> str:
    """Return the question whether another name was meant; nothing if none is near."""
    found = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {found[0]!r}?" if found else ""


def _a(kind: FieldType) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def _asked_type(body: Body, tell: Tell) -> FieldType | None:
    asked = body.get("type")
    if asked is None:
        return None
    kinds = [kind.value for kind in _SIMPLE]
    if asked not in kinds:
        tell("type", f"{asked!r} is no type; types are {', '.join(kinds)}")
        return None
    return FieldType(asked)


def _says_how(body: Body) -> bool:
    return bool({"format", "timeZone", "unit"} & body.keys())


def _prefix(field: Field, prefixes: Mapping[str, str], tell: Tell) -> str | None:
    if _T.REFERENCE not in {field.type, field.of}:
        return None
    prefix = prefixes.get(field.reference or "")
    if prefix is None:
        tell("", f"the field refers to {field.reference!r}, which is no entity")
    return prefix


def _both(first: Convert | None, second: Convert | None) -> Convert | None:
    if first is None or second is None:
        return first or second

    def converted(value: Any) -> Any:
        found = first(value)
        return None if found is None else second(found)

    return converted


# ── format, zone and unit ────────────────────────────────────────────────────────────────────────────


def _reader(kind: FieldType, body: Body, unit: str | None, tell: Tell) -> Convert | None:
    if kind in _TIMES:
        _refuse(body, ("unit",), kind, tell)
        return _time_reader(kind, body, tell)
    if kind in _NUMBERS:
        _refuse(body, ("timeZone",), kind, tell)
        return _number_reader(kind, body, unit, tell)
    _refuse(body, ("format", "timeZone", "unit"), kind, tell)
    return _SIMPLE.get(kind)


def _refuse(body: Body, keys: tuple[str, ...], kind: FieldType, tell: Tell) -> None:
    for key in keys:
        if key in body:
            tell(key, f"{_a(kind)} has no {key}")


def _time_reader(kind: FieldType, body: Body, tell: Tell) -> Convert:
    form, zone = body.get("format"), None
    try:
        zone = zone_of(body["timeZone"]) if "timeZone" in body else None
    except FormatInvalid as error:
        tell("timeZone", str(error))
    try:
        return dates(form, zone) if kind is _T.DATE else datetimes(form, zone or UTC)
    except FormatInvalid as error:
        tell("format", str(error))
    return _SIMPLE[kind]


def _number_reader(kind: FieldType, body: Body, unit: str | None, tell: Tell) -> Convert:
    form = body.get("format")
    if form not in {None, DECIMAL_COMMA}:
        tell("format", f"{form!r} is not a format of numbers; there is {DECIMAL_COMMA}")
    factor = None
    if "unit" in body:
        factor = _factor(body["unit"], unit, tell)
    convert = to_decimal if factor is not None else _SIMPLE[kind]
    if form == DECIMAL_COMMA:
        convert = from_comma(convert)
    return convert if factor is None else scaled(convert, factor, whole=kind is _T.INTEGER)


def _factor(given: str, unit: str | None, tell: Tell) -> Any:
    if given == unit:
        return None
    if unit is None:
        tell("unit", "the field has no unit")
    elif given not in UNITS or unit not in UNITS:
        tell("unit", f"{given!r} cannot be converted into {unit}; units are {', '.join(UNITS)}")
    else:
        return UNITS[given] / UNITS[unit]
    return None

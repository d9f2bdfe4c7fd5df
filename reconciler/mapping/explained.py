"""What is said of a value that was explained: its steps, its layers, its error."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from reconciler.mapping.layers import Layer, Rule, rules_of
from reconciler.model.value import Json


class Does(StrEnum):
    """What one step does, by the key of the rule that asks for it."""

    FROM = "from"
    TEMPLATE = "template"
    VALUE = "value"
    EACH = "each"
    VALUES = "values"
    UNKNOWN = "unknown"
    TYPE = "type"
    REFERENCE = "reference"
    DEFAULT = "default"
    RAW = "raw"


@dataclass(frozen=True, slots=True)
class Taken:
    """One step that was taken: what it does, with what of the rule, and the value after it."""

    does: Does
    by: Json
    after: Any


@dataclass(frozen=True, slots=True)
class Explained:
    """How one field came to its value.

    ``place`` is the way to it in the answer (``custom_fields.cost_center``, ``lines[0].quantity``). ``error`` is what
    the mapper says of it; the value is then null. ``items`` are the fields of an object, or of each object of a
    list.
    """

    name: str
    place: str
    value: Any
    steps: tuple[Taken, ...] = ()
    error: str = ""
    items: tuple[tuple["Explained", ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Passed:
    """A rule for the same field that does not count. ``cut``: a layer with ``inherit: false`` left it out."""

    rule: Rule
    cut: bool


@dataclass(frozen=True, slots=True)
class Origins:
    """Whose rule makes a field (``None``: nobody's), and those it stands over, the nearest first."""

    winner: Rule | None
    passed: tuple[Passed, ...] = ()


def origins(layers: Sequence[Layer], name: str, *, custom: bool = False) -> Origins:
    """Return which of *layers* makes the field *name*, and which it overrides."""
    live: list[Rule] = []
    cut: list[Rule] = []
    for layer in layers:
        if not layer.inherit:
            cut, live = [*cut, *live], []
        rule = rules_of(layer, custom=custom).get(name)
        live += [rule] if rule is not None else []
    passed = [Passed(rule, cut=False) for rule in reversed(live[:-1])]
    passed += [Passed(rule, cut=True) for rule in reversed(cut)]
    return Origins(live[-1] if live else None, tuple(passed))


def record_of(explained: Sequence[Explained]) -> dict[str, Any]:
    """Return the record that the explained fields make, as the mapper gives it."""
    own = [one for one in explained if one.place.startswith("custom_fields.")]
    found = {one.name: one.value for one in explained if one not in own}
    return {**found, "custom_fields": {one.name: one.value for one in own}}


def first_error(explained: Sequence[Explained]) -> str:
    """Return the error that the mapper gives for the record; "" for none."""
    return next((one.error for one in explained if one.error), "")

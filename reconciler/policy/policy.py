"""A policy as a value: rules whose expressions are compiled, and windows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from reconciler.model.problem import Severity
from reconciler.model.resource import Kind, Origin


class Over(StrEnum):
    """What a rule looks at: each object that is declared, or each change of a plan."""

    OBJECT = "object"
    CHANGE = "change"


SEEN: Final[Mapping[Over, tuple[str, ...]]] = {
    Over.OBJECT: ("kind", "metadata", "spec"),
    Over.CHANGE: (
        "address",
        "kind",
        "name",
        "actions",
        "reason",
        "effects",
        "source",
        "diff",
        "previous_address",
        "replace_paths",
    ),
}
"""The keys of what an expression is over: of a change, those that say the same wherever it is planned."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Which objects something is about: of these kinds (none: all), with all of these labels."""

    kinds: frozenset[Kind] = frozenset()
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. What ``search`` finds has to be true to be kept (``wanted``), or must not be.

    ``actions`` are words of ``Action``; none: all. ``asked`` is the expression with its key, as written.
    """

    name: str
    over: Over
    reach: Reach
    search: Callable[[Any], Any]
    wanted: bool
    asked: str
    message: str
    severity: Severity
    origin: Origin
    actions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Window:
    """A time in which changes of some objects wait: it begins by cron in *zone*, and lasts so long."""

    deny: str
    lasts: timedelta
    zone: str
    reason: str
    reach: Reach


@dataclass(frozen=True, slots=True)
class Policy:
    """All rules and windows of one file, in its order."""

    rules: tuple[Rule, ...] = ()
    windows: tuple[Window, ...] = ()

    def over(self, what: Over) -> tuple[Rule, ...]:
        """Return the rules that look at *what*."""
        return tuple(rule for rule in self.rules if rule.over is what)


EMPTY: Final = Policy()
"""No rule and no window."""

"""How often something is there, and with which values: counted by the page, within bounds."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from reconciler.mapping.misfit import LONGEST, cut

MOST: Final = 32
"""How many different values of one field are told apart; what comes later is not counted by value."""

_EMPTY: Final[tuple[Any, ...]] = (None, "", [], {})
_CONTAINERS: Final = frozenset({dict, list})
_WIDEST: Final = 64
_Key: TypeAlias = tuple[type, Any]


@dataclass(slots=True)
class Tally:
    """What was counted of one field or path.

    ``of`` are the records, or items of a list, that might have it, ``filled`` those in which there is
    something: neither null nor empty. ``sample`` is one of the values, as JSON cut at 80 characters.
    ``more``: there are more different values than are told apart.
    """

    of: int = 0
    filled: int = 0
    more: bool = False
    sample: str | None = None
    _values: dict[_Key, int] = field(default_factory=dict)

    def add(self, values: Sequence[Any]) -> None:
        """Count the *values* of a page."""
        there = [value for value in values if value not in _EMPTY]
        self.filled += len(there)
        if there and self.sample is None:
            self.sample = cut(there[0])
        scalars = (_key(value) for value in there if type(value) not in _CONTAINERS)
        for key, count in Counter(scalars).items():
            if key in self._values:
                self._values[key] += count
            elif len(self._values) < MOST:
                self._values[key] = count
            else:
                self.more = True

    @property
    def rate(self) -> float:
        """The share that is filled, of 1; 0 of nothing."""
        return round(self.filled / self.of, 4) if self.of else 0.0

    def distinct(self) -> list[tuple[str, int]]:
        """Return the values, the most frequent first, as JSON cut at 80 characters, each with its count."""
        ordered = sorted(self._values.items(), key=lambda item: -item[1])
        return [(value if kind is _Cut else cut(value), count) for (kind, value), count in ordered]


class _Cut:
    """Marks the key of a value that is too large to be kept."""


def _key(value: Any) -> _Key:
    """Return what tells *value* from others: it itself if it is small, else the start of its text."""
    kind = type(value)
    if kind is str:
        return kind, value[: LONGEST + 1]
    if kind is int and value.bit_length() > _WIDEST:
        return _Cut, cut(value)
    return kind, value

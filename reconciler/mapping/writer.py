"""Python source as it is being written: lines, names, constants, and what is already computed."""

import keyword
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

DEEPEST: Final = 12
"""How deep blocks may be nested; Python itself takes 20."""

_PLAIN: Final = re.compile(r"[a-z][a-z0-9_]{0,40}\Z", re.ASCII)


@dataclass(slots=True)
class Writer:
    """Collects the source of one function.

    ``names`` are the constants that the source refers to. Nothing that a user wrote reaches the
    source but as a literal that ``repr`` made.
    """

    names: dict[str, Any] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    place: str = ""
    _depth: int = 0
    _count: int = 0
    _known: list[dict[tuple[str, object], str]] = field(default_factory=lambda: [{}])

    @property
    def depth(self) -> int:
        """How deep the block is that is being written."""
        return self._depth

    @property
    def source(self) -> str:
        """All that is written."""
        return "\n".join(self.lines) + "\n"

    def line(self, text: str) -> None:
        """Write one line."""
        self.lines.append("    " * self._depth + text)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """Write *head* and, indented, what is written meanwhile."""
        self.line(head)
        self._depth += 1
        self._known.append(dict(self._known[-1]))
        try:
            yield
        finally:
            self._known.pop()
            self._depth -= 1

    def mark(self) -> None:
        """Write that what follows is done for the field at hand, so that a failure names it."""
        self.line(f"at = {self.place!r}")

    def fresh(self, stem: str = "v") -> str:
        """Return a variable that is not in use."""
        self._count += 1
        return f"{stem if _PLAIN.match(stem) else 'v'}_{self._count}"

    def assign(self, text: str, stem: str = "v") -> str:
        """Write that a new variable is *text*, and return it."""
        name = self.fresh(stem)
        self.line(f"{name} = {text}")
        return name

    def known(self, of: str, what: object, text: str, stem: str = "v") -> str:
        """Return the variable that holds *what* is at *of*, writing it unless this block has it."""
        key = (of, what)
        found = self._known[-1].get(key)
        if found is None:
            found = self._known[-1][key] = self.assign(text, stem)
        return found

    def constant(self, value: Any, stem: str = "constant") -> str:
        """Return *value* as source: a literal, or the name of a constant."""
        if value is None or isinstance(value, bool | int | str):
            return repr(value)
        if isinstance(value, float) and math.isfinite(value):
            return repr(value)
        return self.bound(value, stem)

    def bound(self, value: Any, stem: str) -> str:
        """Return a name that is bound to *value*."""
        for name, other in self.names.items():
            if other is value:
                return name
        name = self.fresh(stem).upper()
        self.names[name] = value
        return name


def attribute(name: str, number: int) -> str:
    """Return how a struct calls its field *name*."""
    return name if _PLAIN.match(name) and not keyword.iskeyword(name) else f"F_{number}"

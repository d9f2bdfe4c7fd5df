"""One look at all texts of a document: which are templates, and which look like secrets."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from reconciler.mapping.template import is_template
from reconciler.spec.finding import Finding, Way
from reconciler.spec.secrets import (
    SHORTEST,
    is_secret_name,
    secret_by_name,
    secret_by_shape,
    secret_finding,
)

_SHORTEST_SHAPE: Final = 14
_LONGEST_KEPT: Final = 128
_MOST_KEPT: Final = 16_384


class _Answers(dict[str, bool]):
    """Answers to a question about texts, each worked out once; forgotten when there are many."""

    def __init__(self, ask: Callable[[str], object]) -> None:
        super().__init__()
        self._ask = ask

    def __missing__(self, text: str) -> bool:
        answer = bool(self._ask(text))
        if len(self) >= _MOST_KEPT:
            self.clear()
        if len(text) <= _LONGEST_KEPT:
            self[text] = answer
        return answer


_NAMES: Final = _Answers(is_secret_name)
_SHAPES: Final = _Answers(secret_by_shape)


class Templated(NamedTuple):
    """A text that is a template: what holds it, under which key, and where. No text: the key is one."""

    holder: Any
    key: Any
    text: str | None
    path: Way


class Survey:
    """What was found. ``templates`` are in the order of the document."""

    __slots__ = ("secrets", "templates")

    def __init__(self) -> None:
        self.templates: list[Templated] = []
        self.secrets: list[Finding] = []

    def walk(self, value: Any, path: Way = (), name: str = "") -> None:
        """Look at all texts in *value*, which stands at *path*; *name* is the last key of it."""
        names, shapes = _NAMES, _SHAPES
        for key, below in value.items() if value.__class__ is dict else enumerate(value):
            kind = below.__class__
            if key.__class__ is str:
                name = key
                if "{" in key and is_template(key):
                    self.templates.append(Templated(value, key, None, (*path, key)))
            if kind is str:
                if "{" in below and is_template(below):
                    self.templates.append(Templated(value, key, below, (*path, key)))
                length = len(below)
                if length >= SHORTEST and (
                    names[name] or (length >= _SHORTEST_SHAPE and shapes[below])
                ):
                    self._secret(name, below, (*path, key))
            elif kind is dict or kind is list:
                self.walk(below, (*path, key), name)

    def _secret(self, name: str, text: str, path: Way) -> None:
        what = secret_by_shape(text) or secret_by_name(name, text)
        if what:
            self.secrets.append(secret_finding(what, path))


def survey(data: Any) -> Survey:
    """Return the templates and literal secrets of *data*."""
    found = Survey()
    found.walk(data)
    return found

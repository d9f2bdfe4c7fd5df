"""One look at all texts of a document: which are templates, and which look like secrets."""

from functools import lru_cache
from typing import Any, Final, NamedTuple

from reconciler.mapping.template import is_template
from reconciler.spec.finding import Finding, Way
from reconciler.spec.secrets import SHORTEST, secret_by_name, secret_by_shape, secret_finding

_SHORTEST_SHAPE: Final = 14
_LONGEST_KEPT: Final = 128


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
        for key, below in value.items() if value.__class__ is dict else enumerate(value):
            kind = below.__class__
            if key.__class__ is str:
                name = key
                if "{" in key and is_template(key):
                    self.templates.append(Templated(value, key, None, (*path, key)))
            if kind is str:
                if "{" in below and is_template(below):
                    self.templates.append(Templated(value, key, below, (*path, key)))
                if len(below) >= SHORTEST and _looks(name, below):
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


def _looks(name: str, text: str) -> bool:
    """Whether it is worth to look closer. The same names and texts come again and again."""
    if _is_secret_name(name):
        return True
    if len(text) < _SHORTEST_SHAPE:
        return False
    return len(text) > _LONGEST_KEPT or _has_shape(text)


@lru_cache(maxsize=4096)
def _is_secret_name(name: str) -> bool:
    return bool(secret_by_name(name, ""))


@lru_cache(maxsize=16384)
def _has_shape(text: str) -> bool:
    return bool(secret_by_shape(text))

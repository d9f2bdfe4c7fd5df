"""Which objects a plan is about: ``--only``, ``--exclude`` and ``--selector``."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import translate
from functools import cache

from reconciler.model.resource import Resource, ResourceKey


@dataclass(frozen=True, slots=True)
class Scope:
    """A part of all objects; the empty scope is all of them.

    Patterns are ``Kind/name`` with ``*`` and ``?``, the kind in any case; without a slash, a kind or a
    name. An object is in the scope if a pattern of ``only`` (where there are any) and none of ``exclude`` matches it, and
    it has all labels of ``selector``.
    """

    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    selector: Mapping[str, str] = field(default_factory=dict)

    @property
    def partial(self) -> bool:
        """Whether it may leave something out."""
        return bool(self.only or self.exclude or self.selector)

    def covers(self, resource: Resource) -> bool:
        """Return whether *resource* is in the scope."""
        if any(matches(pattern, resource.key) for pattern in self.exclude):
            return False
        if self.only and not any(matches(pattern, resource.key) for pattern in self.only):
            return False
        return not self.selector or self.selector.items() <= resource.labels.items()


def matches(pattern: str, key: ResourceKey) -> bool:
    """Return whether *pattern* (``Connection/acme-*``, ``mapping``, ``acme-erp``) is about *key*."""
    kind, slash, name = pattern.partition("/")
    if not slash:
        return _fits(pattern.lower(), key.kind.lower()) or _fits(pattern, key.name)
    return _fits(kind.lower(), key.kind.lower()) and _fits(name, key.name)


def unmatched(scope: Scope, keys: Iterable[ResourceKey]) -> tuple[str, ...]:
    """Return the patterns of *scope* that are about none of *keys*: most likely slips of the pen."""
    known = list(keys)
    patterns = (*scope.only, *scope.exclude)
    return tuple(one for one in patterns if not any(matches(one, key) for key in known))


def _fits(pattern: str, text: str) -> bool:
    return _compiled(pattern).match(text) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern))

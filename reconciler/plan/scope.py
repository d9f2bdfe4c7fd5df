"""Which objects a plan is about: ``--only``, ``--exclude`` and ``--selector``."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import translate

from reconciler.model.resource import Resource, ResourceKey


@dataclass(frozen=True, slots=True)
class Scope:
    """A part of all objects; the empty scope is all of them.

    Patterns are ``Kind/name`` with ``*`` and ``?``, or a ``Kind`` alone; the kind in any case. An object
    is in the scope if a pattern of ``only`` (where there are any) and none of ``exclude`` matches it, and
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
    """Return whether *pattern* (``Connection/acme-*``, ``mapping``) is about *key*."""
    kind, _, name = pattern.partition("/")
    return _fits(kind.lower(), key.kind.lower()) and (not name or _fits(name, key.name))


def _fits(pattern: str, text: str) -> bool:
    return re.match(translate(pattern), text) is not None

"""Words of secret references: those that are built in, and those that installed plug-ins offer."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from reconciler.model.reference import GROUP, WORDS, word_of
from reconciler.spec.finding import Finding, Way, meant

_OF_ROUTES: Final = frozenset({"url", "secret", "key", "token"})
_GROUPS: Final = frozenset({"headers", "smtp"})
"""Where a route holds several texts, some of which may be references."""


@cache
def installed_words() -> frozenset[str]:
    """Return the words that plug-ins offer; looked up when the first word is met that is not built in."""
    from importlib.metadata import entry_points  # noqa: PLC0415  reads a file of every package

    return frozenset(point.name for point in entry_points(group=GROUP))


def connection_words(spec: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield words in a connection's settings and login that nobody offers."""
    for block in ("config", "auth"):
        for key, value in (spec.get(block) or {}).items():
            yield from _unknown(value, ("spec", block, key))


def route_words(spec: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield words in a route's targets that nobody offers."""
    for target, settings in spec["to"].items():
        for key in _OF_ROUTES & settings.keys():
            yield from _unknown(settings[key], ("spec", "to", target, key))
        for group in _GROUPS & settings.keys():
            for key, value in (settings[group] or {}).items():
                yield from _unknown(value, ("spec", "to", target, group, key))


def _unknown(value: Any, path: Way) -> Iterator[Finding]:
    word = word_of(value)
    if word is None or word in WORDS or word in installed_words():
        return
    hint = meant(word, [*WORDS, *sorted(installed_words())])
    said = f"no provider of secrets is called '{word}'"
    yield Finding("R403", (*path, word), said, hint, on_key=True)

"""The providers of this installation by word: the built-in ones, and those that packages offer.

A package offers one by an entry point in the group ``reconciler.secrets``, named by its word: a callable
``(place, *, what) -> str``.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points

from reconciler.errors import SecretMissing
from reconciler.model.reference import GROUP, WORDS
from reconciler.secrets.programs import Commands, Sops
from reconciler.secrets.providers import Provider
from reconciler.secrets.vault import Vault


def providers_of(
    environ: Mapping[str, str], commands: Mapping[str, Sequence[str]]
) -> Mapping[str, Provider]:
    """Return the providers by word; *commands* are those that the operator has declared for ``exec``."""
    return _Offered(
        {"exec": Commands(commands, environ), "sops": Sops(environ), "vault": Vault(environ)}
    )


class _Offered(Mapping[str, Provider]):
    """Built-in providers, and plug-ins, each loaded when its word is met; none replaces a built-in word."""

    def __init__(self, built_in: Mapping[str, Provider]) -> None:
        self._built_in = built_in
        self._loaded: dict[str, Provider] = {}

    def __getitem__(self, word: str) -> Provider:
        if word in self._built_in:
            return self._built_in[word]
        if word not in self._loaded:
            self._loaded[word] = _load(self._points[word])
        return self._loaded[word]

    def __contains__(self, word: object) -> bool:
        return word in self._built_in or word in self._points

    def __iter__(self) -> Iterator[str]:
        yield from self._built_in
        yield from self._points

    def __len__(self) -> int:
        return len(self._built_in) + len(self._points)

    @cached_property
    def _points(self) -> Mapping[str, list[EntryPoint]]:
        """What packages offer, looked up once: a new one is seen after a restart."""
        found: dict[str, list[EntryPoint]] = {}
        for point in entry_points(group=GROUP):
            if point.name not in WORDS:
                found.setdefault(point.name, []).append(point)
        return found


def _load(points: list[EntryPoint]) -> Provider:
    word = points[0].name
    if len(points) > 1:
        packages = sorted(str(point.dist.name) for point in points if point.dist is not None)
        raise SecretMissing(
            f"several packages offer the provider {word!r}: {', '.join(packages)}",
            hint="uninstall all but one of them",
        )
    try:
        provider: Provider = points[0].load()
    except Exception as error:  # noqa: BLE001  a package of somebody else
        raise SecretMissing(
            f"the plug-in of the provider {word!r} cannot be loaded ({type(error).__name__})",
            hint=f"import {points[0].value.partition(':')[0]} by hand to see why",
        ) from None
    return provider

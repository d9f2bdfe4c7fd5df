"""From any reference to its value: built-in forms, and providers by word.

What is cheap to read (``env``, ``file``) is read at each question, so that a rotated value needs no restart.
What takes a program or a server is kept for a minute at most, by the clock.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from reconciler.errors import ReconcilerError, SecretMissing
from reconciler.model.reference import WORDS, word_of
from reconciler.model.value import canonical
from reconciler.ports import Clock
from reconciler.secrets.references import LARGEST, resolve
from reconciler.secrets.secret import Secret, Unwritten

KEPT: Final = timedelta(seconds=60)
"""How long what a program or a server gave is good."""
FAILED: Final = timedelta(seconds=5)
"""How long it is not asked again after it gave nothing."""

_CHEAP: Final = frozenset({"env", "file", "connect"})


class Resolve(Protocol):
    """Returns the secret that a reference leads to; *what* names it for the message."""

    def __call__(self, reference: Mapping[str, Any], *, what: str) -> Secret:
        """Return the secret, or raise ``SecretMissing``."""
        ...


class Provider(Protocol):
    """Finds the value at a place, under its own word: ``{vault: "kv/acme#password"}``."""

    def __call__(self, place: Any, *, what: str) -> str:
        """Return the value, or raise ``SecretMissing``; it may take its time."""
        ...


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why there is no value, without whose it would be: others may ask for the same."""

    why: str
    hint: str


@dataclass(frozen=True, slots=True)
class _Answer:
    found: Secret | _Failure
    until: datetime


class Providers(Unwritten):
    """Resolves references of every form: ``more`` are the providers beside ``env`` and ``file``, by word.

    Whatever a provider says when it fails is not repeated, unless it is an error of ours: it may hold the
    secret.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        clock: Clock,
        more: Mapping[str, Provider] | None = None,
    ) -> None:
        self._environ = environ
        self._clock = clock
        self._more: Mapping[str, Provider] = more or {}
        self._kept: dict[bytes, _Answer] = {}

    def resolve(self, reference: Mapping[str, Any], *, what: str) -> Secret:
        """Return the secret that *reference* leads to; *what* names it in words for the message.

        Raises:
            SecretMissing: if it leads nowhere.
        """
        if word_of(reference) in _CHEAP:
            return resolve(reference, self._environ, what=what)
        answer = self._known(reference) or self._ask(reference, what)
        if isinstance(answer.found, Secret):
            return answer.found
        raise SecretMissing(f"{what}: {answer.found.why}", hint=answer.found.hint)

    async def fetch(self, value: Any) -> None:
        """Look up what programs and servers have to tell for the references in *value*, on a thread.

        So the event loop does not wait for them when they are resolved right after. What fails is told
        then.
        """
        for path, reference in _references(value, ()):
            word = word_of(reference)
            if word in _CHEAP or (word not in WORDS and word not in self._more):
                continue
            if self._known(reference) is None:
                await asyncio.to_thread(self._ask, reference, ".".join(path))

    def _known(self, reference: Mapping[str, Any]) -> _Answer | None:
        answer = self._kept.get(canonical(reference))
        return answer if answer is not None and answer.until > self._clock.now() else None

    def _ask(self, reference: Mapping[str, Any], what: str) -> _Answer:
        try:
            found: Secret | _Failure = Secret(self._value(reference, what))
            keep = KEPT
        except ReconcilerError as error:
            found = _Failure(error.message.removeprefix(f"{what}: "), error.hint)
            keep = FAILED
        now = self._clock.now()
        answer = _Answer(found, now + keep)
        fresh = {key: one for key, one in self._kept.items() if one.until > now}
        self._kept = {**fresh, canonical(reference): answer}
        return answer

    def _value(self, reference: Mapping[str, Any], what: str) -> str:
        word, place = next(iter(reference.items()))
        provider = self._more.get(word)
        if provider is None:
            known = ", ".join(sorted({*_CHEAP, *self._more}))
            raise SecretMissing(
                f"no provider of secrets is called {word!r}",
                hint=f"known here: {known}; others come with plug-ins, installed beside the reconciler",
            )
        try:
            value = provider(place, what=what)
        except ReconcilerError:
            raise
        except Exception as error:  # noqa: BLE001  what a plug-in raises may hold the secret
            raise SecretMissing(
                f"the provider {word!r} failed ({type(error).__name__})",
                hint="what it said is not shown: it may hold the secret; try it by hand",
            ) from None
        return _checked(value, word)


def _checked(value: object, word: str) -> str:
    if not isinstance(value, str) or not value:
        raise SecretMissing(f"the provider {word!r} gave nothing")
    if len(value.encode(errors="surrogatepass")) > LARGEST:
        raise SecretMissing(f"the provider {word!r} gave more than {LARGEST} bytes")
    return value


def _references(
    value: Any, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """Yield what may be a reference in a body: mappings of one key."""
    if not isinstance(value, Mapping):
        return
    if word_of(value) is not None:
        yield path, value
    for key, below in value.items():
        yield from _references(below, (*path, str(key)))

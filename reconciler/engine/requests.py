"""Requests of people to look at a key now, each with a token that is echoed when it was done."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

KEPT: Final = 1000
"""How many tokens are remembered as handled, the last ones."""


class Requests:
    """A token is handled when a turn that began after it was asked for has ended, however it ended."""

    def __init__(self, *, kept: int = KEPT) -> None:
        self._asked: dict[str, list[str]] = {}
        self._last: dict[str, str] = {}
        self._handled: deque[tuple[str, str]] = deque(maxlen=kept)

    def ask(self, key: str, token: str) -> None:
        """Remember that the next turn of *key* is also for *token*."""
        self._asked.setdefault(key, []).append(token)

    @contextmanager
    def turn(self, key: str) -> Iterator[None]:
        """Hold the tokens that a turn of *key* is for; they are handled at its end.

        A turn that is stopped before its end handles none: the next one is for them.
        """
        tokens = self._asked.pop(key, [])
        try:
            yield
        except Exception:
            self._handle(key, tokens)
            raise
        except BaseException:
            if tokens:
                self._asked[key] = [*tokens, *self._asked.get(key, [])]
            raise
        else:
            self._handle(key, tokens)

    def last(self, key: str) -> str | None:
        """Return the token of *key* that was handled last."""
        return self._last.get(key)

    def handled(self, key: str, token: str) -> bool:
        """Return whether *token* was handled, for one who must not miss it when others ask too."""
        return (key, token) in self._handled

    def _handle(self, key: str, tokens: list[str]) -> None:
        for token in tokens:
            self._last[key] = token
            self._handled.append((key, token))

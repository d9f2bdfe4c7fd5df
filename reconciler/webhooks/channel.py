"""What a way to the outside is given, and what it answers."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol, TypeAlias

from reconciler.model.resource import Resource
from reconciler.webhooks.message import Message

Reveal: TypeAlias = Callable[[Mapping[str, Any], str], str]
"""Returns the value that a reference leads to, told what it is for; raises ``SecretMissing``."""


class Cleaner(Protocol):
    """Takes known secrets out of texts."""

    def learn(self, values: Iterable[str]) -> None:
        """Know *values* from now on."""
        ...

    def clean(self, text: str) -> str:
        """Return *text* without them."""
        ...


@dataclass(frozen=True, slots=True)
class Letter:
    """One message on its way to where one route says; ``id`` is the same at each attempt."""

    id: str
    message: Message
    route: Resource

    def to(self, way: str) -> Mapping[str, Any]:
        """Return what the route says of this way."""
        told: Mapping[str, Any] = self.route.spec["to"][way]
        return told


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: a status as of HTTP or SMTP (0: no answer), and words.

    ``final``: it is refused for good. ``trouble``: it was taken, but not all as the route says, and why.
    """

    status: int
    answer: str
    wait: timedelta | None = None
    final: bool = False
    trouble: str = ""


class Channel(Protocol):
    """One way to the outside."""

    async def send(self, letter: Letter) -> Reply:
        """Send, and return what came back.

        Raises:
            ReconcilerError, TimeoutError, OSError, ValueError: if nothing was sent, or nothing came back.
        """
        ...


@dataclass(frozen=True, slots=True)
class Secrets:
    """Resolves references of routes; what it gives away is known to the cleaner first."""

    reveal: Reveal
    cleaner: Cleaner

    def value(self, given: str | Mapping[str, Any], what: str) -> str:
        """Return what *given* says or refers to; *what* names it for the message.

        Raises:
            SecretMissing: if it leads nowhere.
        """
        if isinstance(given, str):
            return given
        text = self.reveal(given, what)
        self.cleaner.learn([text, text.strip(), *text.split()])
        return text.strip()

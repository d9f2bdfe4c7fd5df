"""What a login is: a pure flow of requests that returns a session, and signing with that session."""

from collections.abc import Awaitable, Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeAlias, TypeVar

from reconciler.connectors.exchange import Answer, Ask

T = TypeVar("T")


@dataclass(frozen=True, slots=True, repr=False)
class Step:
    """One request of a flow. ``read`` makes of the answer what the flow is sent, or raises what it means."""

    ask: Ask
    read: Callable[[Answer], Any]


@dataclass(frozen=True, slots=True, repr=False)
class Session:
    """What a login gave: the answer, the answers to what was asked after it, headers and cookies to send.

    ``renew_at`` is when it has to be made anew; ``None``: when the system refuses it.
    """

    login: Any = None
    answers: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)
    renew_at: datetime | None = None

    def lapsed(self, now: datetime) -> bool:
        """Whether it has to be made anew at *now*."""
        return self.renew_at is not None and self.renew_at <= now

    @property
    def secrets(self) -> tuple[str, ...]:
        """What of it must not be shown."""
        words = (word for text in self.headers.values() for word in (text, text.split(" ", 1)[-1]))
        return (*words, *self.cookies.values(), *_texts(self.login))


Flow: TypeAlias = Generator[Step, Any, T]
Send: TypeAlias = Callable[[Step], Awaitable[Any]]


class Login(Protocol):
    """One way to log in."""

    @property
    def renewable(self) -> bool:
        """Whether logging in again may help after a refusal."""
        ...

    def log_in(self) -> Flow[Session]:
        """Yield the requests that log in; return the session."""
        ...


class Signer(Protocol):
    """Signs requests. It is asked for each attempt anew."""

    def sign(self, ask: Ask, session: Session) -> Ask:
        """Return *ask* with the credentials."""
        ...


class Enclosing:
    """Signs with the headers and cookies of the session."""

    def sign(self, ask: Ask, session: Session) -> Ask:
        """Return *ask* with them."""
        return ask.with_headers(session.headers).with_cookies(session.cookies)


async def run_flow(flow: Flow[T], send: Send) -> T:
    """Return what *flow* returns, with *send* making its requests."""
    try:
        step = next(flow)
        while True:
            step = flow.send(await send(step))
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        flow.close()


def _texts(value: Any) -> list[str]:
    """Return the longer texts in a login's answer: one of them is the token."""
    if isinstance(value, str):
        return [value] if len(value) >= 16 else []
    items = (
        value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    )
    return [text for item in items for text in _texts(item)]

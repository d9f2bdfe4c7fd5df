"""Ways to log in, as pure flows: a flow yields requests, is sent payloads, and returns a session.

Most ways need no request: they only sign what is sent. A session login does; when the system no longer
knows the session, one task logs in again while the others wait for it, and each request is sent once
more. A second refusal is final.
"""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

import msgspec

from reconciler.connectors.exchange import Ask
from reconciler.connectors.questions import Filled, Question, compile_request, compile_value
from reconciler.errors import Invalid, Unauthorized
from reconciler.secrets.redactor import Redactor
from reconciler.spec.kinds.connector import Auth

AskOf: TypeAlias = Callable[[Filled], Ask]
Exchange: TypeAlias = Callable[[Ask], Awaitable[bytes]]


@dataclass(frozen=True, slots=True, repr=False)
class Session:
    """What a login gave: the answer, the answers to what was asked after it, headers to send."""

    login: Any = None
    answers: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


Flow: TypeAlias = Generator[Ask, bytes, Session]


class Login(Protocol):
    """One way to log in."""

    @property
    def renewable(self) -> bool:
        """Whether logging in again may help after a refusal."""
        ...

    def log_in(self) -> Flow:
        """Yield the requests that log in; return the session."""
        ...

    def sign(self, ask: Ask, session: Session) -> Ask:
        """Return *ask* with the credentials."""
        ...


@dataclass(frozen=True, slots=True, repr=False)
class Fixed:
    """Credentials that go along with each request: none, a key, a token, user and password."""

    headers: Mapping[str, str] = field(default_factory=dict)
    query: tuple[tuple[str, str], ...] = ()
    renewable: bool = False

    def log_in(self) -> Flow:
        """Return an empty session; nothing is asked."""
        yield from ()
        return Session()

    def sign(self, ask: Ask, session: Session) -> Ask:
        """Return *ask* with the credentials."""
        del session
        return ask.with_headers(self.headers).with_query(*self.query)


class SessionLogin:
    """A login request, whose answer makes the headers of later ones."""

    renewable = True

    def __init__(
        self, auth: Auth, context: Mapping[str, Any], ask_of: AskOf, question: Question
    ) -> None:
        self._question = question
        self._context = context
        self._ask_of = ask_of
        self._send = compile_value(dict(auth.send), as_text=True)
        self._after = {name: compile_request(request) for name, request in auth.after.items()}

    def log_in(self) -> Flow:
        """Yield the login, then what is asked after it."""
        payload = yield self._ask_of(self._question.fill(self._context))
        login = msgspec.json.decode(payload)
        answers: dict[str, Any] = {}
        context = {**self._context, "login": login, "session": answers}
        headers: Mapping[str, str] = self._send(context)
        for name, question in self._after.items():
            ask = self._ask_of(question.fill(context)).with_headers(headers)
            answers[name] = msgspec.json.decode((yield ask))
        return Session(login, answers, headers)

    def sign(self, ask: Ask, session: Session) -> Ask:
        """Return *ask* with the session's headers."""
        return ask.with_headers(session.headers)


def make_login(
    auth: Auth,
    context: Mapping[str, Any],
    ask_of: AskOf,
    *,
    headers: Mapping[str, str] | None = None,
) -> Login:
    """Return the way to log in that *auth* says; ``context["auth"]`` holds the credentials.

    Raises:
        Invalid: if the manifest leaves out what the way needs.
    """
    given: Mapping[str, str] = context["auth"]
    match auth.type:
        case "none":
            return Fixed()
        case "bearer":
            return Fixed({"authorization": f"Bearer {_given(given, 'token')}"})
        case "basic":
            pair = f"{_given(given, 'username')}:{given.get('password') or ''}"
            return Fixed({"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"})
        case "api_key":
            key = _given(given, "key", "api_key", "token")
            if auth.query is not None:
                return Fixed(query=((auth.query, key),))
            return Fixed({auth.header or "x-api-key": key})
        case "session":
            if auth.login is None:
                raise Invalid("the connector's auth of type session has no 'login' request")
            return SessionLogin(auth, context, ask_of, compile_request(auth.login, headers))


def _given(given: Mapping[str, str], *names: str) -> str:
    """Return the first of *names* that was given; with one field alone, its name is of no matter."""
    found = [given[name] for name in names if given.get(name)]
    if not found and len(given) == 1:
        found = [value for value in given.values() if value]
    if not found:
        raise Invalid(f"auth.{names[0]} is missing", hint="give it in the connection's 'auth'")
    return found[0]


class Keeper:
    """Keeps the session of one connection, and logs in when there is none: one task at a time."""

    def __init__(self, login: Login, exchange: Exchange, redactor: Redactor) -> None:
        self._login = login
        self._exchange = exchange
        self._redactor = redactor
        self._session: Session | None = None
        self._lock = asyncio.Lock()

    async def send(
        self, ask_for: Callable[[Session], Ask], exchange: Callable[[Ask], Awaitable[Any]]
    ) -> Any:
        """Return what *exchange* makes of the request that *ask_for* makes for the session.

        Raises:
            Unauthorized: if the system refuses it, and refuses it again after another login.
        """
        session = await self._after(None)
        try:
            return await exchange(self._login.sign(ask_for(session), session))
        except Unauthorized:
            if not self._login.renewable:
                raise
        session = await self._after(session)
        return await exchange(self._login.sign(ask_for(session), session))

    async def _after(self, stale: Session | None) -> Session:
        """Return a session that is not *stale*."""
        async with self._lock:
            if self._session is None or self._session is stale:
                self._session = None
                self._session = await run_flow(self._login.log_in(), self._exchange)
                self._redactor.learn(self._session.headers.values())
                self._redactor.learn(_texts(self._session.login))
            return self._session


async def run_flow(flow: Flow, exchange: Exchange) -> Session:
    """Return what *flow* returns, with *exchange* answering its requests."""
    try:
        ask = next(flow)
        while True:
            ask = flow.send(await exchange(ask))
    except StopIteration as stop:
        session: Session = stop.value
        return session
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

"""Keeps the session of one connection, and has it made anew when it lapses or is refused."""

import asyncio
from collections.abc import Callable
from typing import Protocol, TypeVar

from reconciler.connectors.auth.flows import Login, Session, Signer, run_flow
from reconciler.connectors.courier import Courier
from reconciler.connectors.exchange import Answer, Ask
from reconciler.connectors.limits import Lapsed
from reconciler.errors import AccountLocked, Revoked, SecondFactorAsked, Unauthorized
from reconciler.ports import Clock
from reconciler.secrets.redactor import Redactor

T = TypeVar("T")
AskFor = Callable[[Session], Ask]
FINAL = (Revoked, AccountLocked, SecondFactorAsked)
"""Refusals after which another login makes nothing better."""


class Source(Protocol):
    """Where sessions come from."""

    @property
    def renewable(self) -> bool:
        """Whether another session may help after a refusal."""
        ...

    async def session(self, refused: Session | None) -> Session:
        """Return a session that has not lapsed and is not *refused*."""
        ...


class Keeping(Protocol):
    """What sends a request with credentials."""

    async def send(self, ask_for: AskFor, read: Callable[[Answer], T]) -> T:
        """Return what *read* finds in the answer to the request that *ask_for* makes for the session."""
        ...


class LoggingIn:
    """Sessions by a login's flow."""

    def __init__(self, login: Login, courier: Courier) -> None:
        self._login = login
        self._courier = courier

    @property
    def renewable(self) -> bool:
        """Whether another login may help after a refusal."""
        return self._login.renewable

    async def session(self, refused: Session | None) -> Session:
        """Return a new session."""
        del refused
        return await run_flow(self._login.log_in(), self._courier.step)


class Keeper:
    """Keeps a session. Of many tasks that need another, one gets it, and the others wait for that."""

    def __init__(
        self, source: Source, signer: Signer, courier: Courier, clock: Clock, redactor: Redactor
    ) -> None:
        self._source = source
        self._signer = signer
        self._courier = courier
        self._clock = clock
        self._redactor = redactor
        self._session: Session | None = None
        self._lock = asyncio.Lock()

    async def send(self, ask_for: AskFor, read: Callable[[Answer], T]) -> T:
        """Return what *read* finds in the answer to the request that *ask_for* makes for the session.

        The session is looked at before each attempt, and the request signed in its turn.

        Raises:
            Unauthorized: if the system refuses it, and refuses it again after another login.
        """
        used: list[Session] = []
        try:
            return await self._attempts(ask_for, read, None, used)
        except FINAL:
            raise
        except Unauthorized:
            if not self._source.renewable or not used:
                raise
        return await self._attempts(ask_for, read, used[-1], used)

    async def _attempts(
        self,
        ask_for: AskFor,
        read: Callable[[Answer], T],
        refused: Session | None,
        used: list[Session],
    ) -> T:
        async def prepare() -> None:
            used.clear()  # a refusal of the login itself is no refusal of a session
            await self._after(refused)

        def make() -> Ask:
            session = self._session
            if session is None or session.lapsed(self._clock.now()):
                raise Lapsed
            ask = self._signer.sign(ask_for(session), session)
            used.append(session)
            return ask

        return await self._courier.send(make, read, prepare)

    async def _after(self, refused: Session | None) -> None:
        """Have a session that is not *refused* and has not lapsed."""
        async with self._lock:
            session = self._session
            if session is None or session is refused or session.lapsed(self._clock.now()):
                self._session = None
                self._session = await self._source.session(refused)
                self._redactor.learn(self._session.secrets)

"""SAP's token against forged requests: fetched before the first request that is not GET, and when asked for.

It goes around another login, whose credentials the fetching needs, and is good together with the
cookies that came with it.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from reconciler.connectors.auth.cookies import cookies_of
from reconciler.connectors.auth.flows import Session
from reconciler.connectors.auth.keeper import AskFor, Keeping
from reconciler.connectors.exchange import Answer, Ask, check_status
from reconciler.errors import Forbidden, SourceInvalid
from reconciler.secrets.redactor import Redactor

T = TypeVar("T")
HEADER: Final = "x-csrf-token"
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True, repr=False)
class Permit:
    """The token, and the cookies that it belongs to."""

    token: str
    cookies: Mapping[str, str]

    def on(self, ask: Ask) -> Ask:
        """Return *ask* with it."""
        return ask.with_headers({HEADER: self.token}).with_cookies(self.cookies)


class PermitAsked(Forbidden):
    """403 with ``x-csrf-token: Required``: there is no permit, or it is no longer good."""


class CsrfKeeper:
    """Sends through another keeper; what is not GET with a permit."""

    def __init__(self, keeper: Keeping, fetch: AskFor, redactor: Redactor) -> None:
        self._keeper = keeper
        self._fetch = fetch
        self._redactor = redactor
        self._permit: Permit | None = None
        self._lock = asyncio.Lock()

    async def send(self, ask_for: AskFor, read: Callable[[Answer], T]) -> T:
        """Return what *read* finds in the answer to the request that *ask_for* makes for the session.

        Raises:
            Forbidden: if the system asks for a permit, and asks again after a new one.
        """
        permit = self._permit
        try:
            return await self._keeper.send(_permitted(ask_for, permit), _watched(read))
        except PermitAsked:
            permit = await self._after(permit)
        return await self._keeper.send(_permitted(ask_for, permit), _watched(read))

    async def _after(self, stale: Permit | None) -> Permit:
        """Return a permit that is not *stale*; of many tasks that need one, one fetches it."""
        async with self._lock:
            if self._permit is None or self._permit is stale:
                self._permit = None
                self._permit = await self._keeper.send(self._fetching, _read)
                self._redactor.learn((self._permit.token, *self._permit.cookies.values()))
            return self._permit

    def _fetching(self, session: Session) -> Ask:
        return self._fetch(session).with_headers({HEADER: "Fetch"})


def _permitted(ask_for: AskFor, permit: Permit | None) -> AskFor:
    def permitted(session: Session) -> Ask:
        ask = ask_for(session)
        if ask.method in SAFE:
            return ask
        if permit is None:
            raise PermitAsked(f"{ask.place} needs a token against forged requests")
        return permit.on(ask)

    return permitted


def _watched(read: Callable[[Answer], T]) -> Callable[[Answer], T]:
    def watched(answer: Answer) -> T:
        if answer.status == 403 and answer.headers.get(HEADER, "").lower() == "required":
            raise PermitAsked(
                f"{answer.place} answered 403: it asks for a token against forged requests",
                hint="check the connector's 'fetch', and that the cookies it sets reach the system",
            )
        return read(answer)

    return watched


def _read(answer: Answer) -> Permit:
    """Return the permit in *answer*; what else is in it is of no matter."""
    token = answer.headers.get(HEADER, "")
    if not token or token.lower() == "required":
        check_status(answer)
        raise SourceInvalid(
            f"{answer.place} answered {answer.status} without {HEADER}",
            hint="write a path as the connector's 'fetch' that gives one, such as the service document",
        )
    return Permit(token, cookies_of(answer.cookies))

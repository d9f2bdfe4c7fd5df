"""Tokens as sessions: taken from where they are kept, renewed early, by one at a time, and not for ever.

They are kept in a ``Safe``: a customer's in the sealed one, a program's in memory. A server that fails is
left alone for a while; a grant that it called gone is not tried again.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from reconciler.connectors.auth.flows import Send, Session, Step, run_flow
from reconciler.connectors.auth.grants import Grant, Moment
from reconciler.connectors.auth.oauth2 import ACCESS, EXPIRES, ISSUED, REFRESH, secrets_of
from reconciler.connectors.courier import Courier
from reconciler.errors import RateLimited, ReconcilerError, Recovery, Revoked, SourceError
from reconciler.ports import Clock, Obtained, Safe
from reconciler.secrets.redactor import Redactor

LEAST_MARGIN: Final = timedelta(seconds=60)
COOL_DOWN: Final = timedelta(seconds=30)
MOST_PAUSES: Final = 10_000


class Pauses:
    """Which token requests of this process are not worth another try, and until when (``None``: ever)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: OrderedDict[str, tuple[datetime | None, SourceError]] = OrderedDict()

    def check(self, key: str) -> None:
        """Return if *key* may be tried; else raise what its last try met."""
        until, error = self._known.get(key, (self._clock.now(), None))
        if error is None or (until is not None and until <= self._clock.now()):
            self._known.pop(key, None)
            return
        raise copy(error)

    def note(self, key: str, error: SourceError) -> None:
        """Know that *key* met *error*."""
        wait = error.wait if isinstance(error, RateLimited) else None
        until = self._clock.now() + max(COOL_DOWN, wait or COOL_DOWN)
        self._known[key] = (None if isinstance(error, Revoked) else until, error)
        while len(self._known) > MOST_PAUSES:
            self._known.popitem(last=False)


@dataclass(frozen=True, slots=True, repr=False)
class Kept:
    """Where the tokens of one login are kept, and what they were when it was opened."""

    safe: Safe
    place: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True, repr=False)
class Surroundings:
    """What a login takes from outside: time, chance, a fresh word, what hides secrets, what to leave alone."""

    clock: Clock
    chance: Callable[[], float]
    nonce: Callable[[], str]
    redactor: Redactor
    pauses: Pauses


class Tokens:
    """Sessions made of tokens."""

    renewable = True

    def __init__(
        self, grant: Grant, kept: Kept, courier: Courier, around: Surroundings, scheme: str
    ) -> None:
        self._grant = grant
        self._kept = kept
        self._courier = courier
        self._around = around
        self._scheme = scheme
        self._values = kept.values
        self._jitter = 1 + around.chance() / 4
        self._refused: str | None = None

    async def session(self, refused: Session | None) -> Session:
        """Return a session of a token that is good and was not refused.

        While the server of tokens does not answer, one that needs renewal is used as long as it is good.

        Raises:
            Revoked: if the grant is gone.
            SourceError: what else kept us from a token.
        """
        if refused is not None:
            self._refused = refused.login
        now = self._around.clock.now()
        if not self._good(self._values, now):
            try:
                self._values = await self._kept.safe.renew(
                    self._kept.place, self._good, self._obtain
                )
            except ReconcilerError as error:
                expires = self._usable_until(now)
                if error.recovery is Recovery.PERMANENT or expires is None:
                    raise
                return self._of(self._values, min(now + COOL_DOWN, expires))
        self._learn(self._values)
        return self._of(self._values, self._renew_at(self._values))

    def _good(self, values: Mapping[str, str], now: datetime) -> bool:
        token = values.get(ACCESS)
        if not token or token == self._refused:
            return False
        renew_at = self._renew_at(values)
        return renew_at is None or now < renew_at

    def _usable_until(self, now: datetime) -> datetime | None:
        """Return when a token that should be renewed ends; ``None`` if it is of no use any more."""
        token, expires = self._values.get(ACCESS), _time(self._values.get(EXPIRES))
        good = token and token != self._refused and expires is not None and now < expires
        return expires if good else None

    def _renew_at(self, values: Mapping[str, str]) -> datetime | None:
        """Return when to renew: 60 s or a tenth of its life before it ends, never before half of it."""
        expires, issued = _time(values.get(EXPIRES)), _time(values.get(ISSUED))
        if expires is None or (self._grant.refreshes and not values.get(REFRESH)):
            return expires
        if issued is None or issued >= expires:
            return expires - LEAST_MARGIN * self._jitter
        life = expires - issued
        return expires - min(max(LEAST_MARGIN, life / 10) * self._jitter, life / 2)

    async def _obtain(self, values: Mapping[str, str]) -> Obtained:
        self._learn(values)
        around = self._around
        key = f"{self._kept.place}:{_digest(values.get(REFRESH, ''))}"
        around.pauses.check(key)
        flow = self._grant.obtain(values, Moment(around.clock.now(), around.nonce()))
        try:
            obtained = await run_flow(flow, sender(self._courier, around.redactor))
        except SourceError as error:
            around.pauses.note(key, error)
            raise
        self._learn({name: value for name, value in obtained.fields.items() if value})
        return obtained

    def _learn(self, values: Mapping[str, str]) -> None:
        self._around.redactor.learn(values[name] for name in (ACCESS, REFRESH) if values.get(name))

    def _of(self, values: Mapping[str, str], renew_at: datetime | None) -> Session:
        token = values[ACCESS]
        headers = {"authorization": f"{self._scheme} {token}"}
        return Session(login=token, headers=headers, renew_at=renew_at)


def sender(courier: Courier, redactor: Redactor) -> Send:
    """Return what sends token requests, each once, and knows what is secret in them."""

    async def send(step: Step) -> Any:
        redactor.learn(secrets_of(step.ask))
        return await courier.once(step)

    return send


def _time(text: str | None) -> datetime | None:
    try:
        at = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()

"""A look at one connection: does its system answer, and take our credentials?"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from reconciler.engine.backoff import spread
from reconciler.engine.health import Health, state_basis
from reconciler.engine.inforce import InForce, Situation
from reconciler.engine.systems import Systems
from reconciler.errors import ReconcilerError, Unreachable
from reconciler.model.condition import Reason
from reconciler.model.connection import STRIKES, ConnectionState, ConnectionStatus
from reconciler.model.duration import parse_duration
from reconciler.model.resource import Kind, Resource, ResourceKey
from reconciler.ports import Clock, Connector

WITHIN: Final = timedelta(seconds=45)
"""How long a look may take; what has not answered by then does not answer."""
SOONEST: Final = timedelta(seconds=30)
"""When a system that does not answer is asked again first; then after twice as long, to its interval."""
PATIENCE: Final = timedelta(minutes=30)
"""How long a refused login rests before it is tried again unchanged; then twice as long, to a day:
each try counts towards the lock of an account."""
A_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Which login was refused, and when it may be tried again."""

    mark: str
    again: datetime


class Looks:
    """Looks at connections one by one, and knows when each is to be looked at again."""

    def __init__(self, health: Health, systems: Systems, in_force: InForce, clock: Clock) -> None:
        self._health = health
        self._systems = systems
        self._in_force = in_force
        self._clock = clock
        self._refusals: dict[str, _Refusal] = {}

    async def look(self, name: str) -> timedelta | None:
        """Look at a connection; return when to look again, ``None``: after the next change.

        What was refused and is still the same is not shown again before its time: the look is cheap then,
        and sees a secret that was changed where it lies.
        """
        situation = await self._in_force.look()
        connection = situation.resources.get(ResourceKey(Kind.CONNECTION, name))
        if connection is None:
            return None
        if connection.spec.get("suspend") is True:
            await self._health.rest(situation, connection)
            return None
        found = await self._ask(situation, connection, patiently=True)
        every = parse_duration(connection.spec["health"]["every"])
        if isinstance(found.error, _Resting):
            return spread(name, every)
        return _next_look(await self._keep(situation, connection, found), name, every)

    async def check(self, name: str) -> None:
        """Return if the system of a connection answers and takes our credentials.

        Raises:
            NotFound: if there is no such connection.
            ReconcilerError: what the look found; it is kept as that of any look is.
        """
        situation = await self._in_force.look()
        connection = situation.connection(name)
        found = await self._ask(situation, connection, patiently=False)
        await self._keep(situation, connection, found)
        if found.error is not None:
            raise found.error

    async def _keep(
        self, situation: Situation, connection: Resource, found: "_Found"
    ) -> ConnectionState | None:
        state = await self._health.learn(situation, connection, found.error)
        if state is not None and found.error is None and state.expires_at != found.expires:
            await self._health.expires(situation, connection, found.expires)
        self._remember(situation.uid(connection), state, found.mark)
        return state

    async def _ask(
        self, situation: Situation, connection: Resource, *, patiently: bool
    ) -> "_Found":
        try:
            connector = await self._systems.open(situation, connection)
        except ReconcilerError as error:
            return _Found(error)
        mark = f"{state_basis(situation, connection)} {connector.mark}"
        try:
            if patiently and self._rests(situation.uid(connection), mark):
                return _Found(_Resting("refused not long ago"), mark)
            await _probe(connector)
        except ReconcilerError as error:
            return _Found(error, mark)
        finally:
            await connector.close()
        return _Found(None, mark, connector.expires)

    def _rests(self, uid: str, mark: str) -> bool:
        """Return whether the same credentials were refused too short a while ago."""
        refused = self._refusals.get(uid)
        return refused is not None and refused.mark == mark and self._clock.now() < refused.again

    def _remember(self, uid: str, state: ConnectionState | None, mark: str) -> None:
        if state is None or state.status is not ConnectionStatus.NEEDS_REAUTH:
            self._refusals.pop(uid, None)
            return
        wait = A_DAY
        if state.reason is not Reason.GRANT_REVOKED:
            wait = min(A_DAY, PATIENCE * (1 << min(max(state.strikes - STRIKES, 0), 10)))
        self._refusals[uid] = _Refusal(mark, self._clock.now() + wait)


@dataclass(frozen=True, slots=True)
class _Found:
    """What the system answers (``None``: it is well), what stands for the login used, and when that ends."""

    error: ReconcilerError | None
    mark: str = ""
    expires: datetime | None = None


class _Resting(ReconcilerError):
    """The system was not asked: it has refused the same credentials not long ago."""


def _next_look(state: ConnectionState | None, name: str, every: timedelta) -> timedelta:
    if state is not None and state.status is ConnectionStatus.OFFLINE:
        return min(every, SOONEST * (1 << min(state.failures - 1, 10)))
    return spread(name, every)


async def _probe(connector: Connector) -> None:
    try:
        async with asyncio.timeout(WITHIN.total_seconds()):
            await connector.probe()
    except TimeoutError:
        raise Unreachable(f"no answer within {WITHIN.total_seconds():g} s") from None

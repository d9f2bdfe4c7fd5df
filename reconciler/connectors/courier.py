"""Sends the requests of one connection: each in its turn at the host, tried again where that helps."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final, TypeVar

from reconciler.connectors.auth.flows import Step
from reconciler.connectors.exchange import Answer, Ask
from reconciler.connectors.http import Wire
from reconciler.connectors.limits import Retries
from reconciler.errors import Obstacle, Unreachable

T = TypeVar("T")
LONGEST_TOKEN_REQUEST: Final = timedelta(seconds=10)
"""How long a server of tokens may take: less than others wait for what it gives."""


class Courier:
    """The wire and the patience."""

    def __init__(
        self, wire: Wire, retries: Retries, *, within: timedelta = LONGEST_TOKEN_REQUEST
    ) -> None:
        self._wire = wire
        self._retries = retries
        self._within = within

    async def step(self, step: Step) -> Any:
        """Return what *step* reads in the answer, tried again where that helps."""
        return await self.send(lambda: step.ask, step.read)

    async def once(self, step: Step) -> Any:
        """Return what *step* reads in the answer: one try, outside the turns at the system's host.

        Raises:
            Unreachable: if it takes longer than others wait for the tokens that it may give.
        """
        try:
            async with asyncio.timeout(self._within.total_seconds()):
                answer = await self._wire.send(step.ask)
        except TimeoutError:
            said = f"{step.ask.place}: no answer within {self._within.total_seconds():g} s"
            raise Unreachable(said, obstacle=Obstacle.TIMEOUT) from None
        return step.read(answer)

    async def send(
        self,
        make: Callable[[], Ask],
        read: Callable[[Answer], T],
        prepare: Callable[[], Awaitable[None]] | None = None,
    ) -> T:
        """Return what *read* finds in the answer to what *make* makes, anew for each attempt.

        *prepare* runs before each attempt, and again if *make* raises ``Lapsed``.
        """

        async def attempt() -> T:
            return read(await self._wire.send(make()))

        return await self._retries.run(attempt, prepare)

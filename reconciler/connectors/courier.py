"""Sends the requests of one connection: each in its turn at the host, tried again where that helps."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from reconciler.connectors.auth.flows import Step
from reconciler.connectors.exchange import Answer, Ask
from reconciler.connectors.http import Wire
from reconciler.connectors.limits import Retries

T = TypeVar("T")


class Courier:
    """The wire and the patience."""

    def __init__(self, wire: Wire, retries: Retries) -> None:
        self._wire = wire
        self._retries = retries

    async def step(self, step: Step) -> Any:
        """Return what *step* reads in the answer, tried again where that helps."""
        return await self.send(lambda: step.ask, step.read)

    async def once(self, step: Step) -> Any:
        """Return what *step* reads in the answer: one try, outside the turns at the system's host."""
        return step.read(await self._wire.send(step.ask))

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

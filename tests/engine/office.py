"""A dispatch whose turns a test takes by hand."""

from datetime import timedelta

from reconciler.engine.dispatch import Dispatch, Limits
from reconciler.engine.routing import Routing
from tests.fakes import until
from tests.town import Town


class Desk:
    """Sends what is due whenever it is; *chance* 0.5 waits exactly as planned."""

    def __init__(self, town: Town, limits: Limits | None = None) -> None:
        self.town = town
        self.freed = 0
        self.dispatch = Dispatch(town.post, self._free, limits=limits, chance=lambda: 0.5)

    def _free(self) -> None:
        self.freed += 1

    async def start(self) -> None:
        """Route what has come in, and start what is due."""
        while await Routing(self.town.store, self.town.in_force, self.town.clock).turn():
            pass
        self.next = await self.dispatch.turn()

    async def work(self) -> None:
        """Take turns until nothing more is under way or due."""
        started = -1
        while started != self.freed:
            started = self.freed
            await self.start()
            await until(lambda: not self.dispatch._tasks)

    async def wait(self, by: timedelta) -> None:
        """Let *by* pass, working whenever something is due."""
        end = self.town.clock.now() + by
        await self.work()
        while self.next is not None and self.next <= end:
            await self.town.clock.turn(self.next - self.town.clock.now())
            await self.work()
        await self.town.clock.turn(end - self.town.clock.now())
        await self.work()

"""What is asked for when a tick's time comes, and what waits for a connection that is not well."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from reconciler.engine.inforce import InForce, Situation
from reconciler.engine.schedules import Tick, asked
from reconciler.model.resource import Kind, ResourceKey
from reconciler.model.sync import RunStatus, SyncMode, SyncRun
from reconciler.ports import Clock, SyncRequest, Views

Ask = Callable[[SyncRequest], Awaitable[object]]


class Due:
    """Ticks as they come. *ask* asks for a sync.

    What could not succeed waits until the connection is well again: one sync, however many ticks. Where
    nobody watches the connections (``watched`` is false) nothing waits: nobody would say that one is well.
    """

    def __init__(
        self, views: Views, in_force: InForce, clock: Clock, ask: Ask, *, watched: bool
    ) -> None:
        self._views = views
        self._in_force = in_force
        self._clock = clock
        self._ask = ask
        self._watched = watched
        self._missed: dict[str, Tick] = {}

    async def __call__(self, tick: Tick) -> None:
        """Ask for what a schedule asks for, now that its time has come."""
        situation = await self._in_force.look()
        if await self._is_broken(situation, tick.connection):
            self._missed[tick.key] = tick
            return
        request = await self.request(situation, tick)
        if request is not None:
            # Missed and doubled ticks are one job while the first has not ended.
            await self._ask(replace(request, key=f"schedule:{tick.key}"))

    async def recovered(self, name: str) -> None:
        """Ask for the syncs that a connection has missed: it is well again."""
        for tick in [one for one in self._missed.values() if one.connection == name]:
            del self._missed[tick.key]
            await self(tick)

    async def request(self, situation: Situation, tick: Tick) -> SyncRequest | None:
        """Return what *tick* asks for now; ``None`` in a denied window, or if it is gone."""
        full = await self._last_full(situation, tick.connection)
        return asked(situation, tick, now=self._clock.now(), runs=full)

    async def _is_broken(self, situation: Situation, name: str) -> bool:
        connection = situation.resources.get(ResourceKey(Kind.CONNECTION, name))
        if connection is None or not self._watched:
            return False
        state = await self._views.connection_state(situation.uid(connection))
        return state is not None and state.broken

    async def _last_full(self, situation: Situation, name: str) -> Mapping[str, SyncRun]:
        connection = situation.connection(name)
        runs = await self._views.runs(situation.uid(connection), limit=500)
        last: dict[str, SyncRun] = {}
        for run in runs:
            if run.mode is SyncMode.FULL and run.status is RunStatus.SUCCEEDED:
                last.setdefault(run.entity, run)
        return last

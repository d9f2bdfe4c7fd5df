"""What is asked for when a tick's time comes, and what waits for a connection that is not well."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace

from reconciler.engine.inforce import InForce, Situation
from reconciler.engine.schedules import Tick, asked, overdue
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
        self._ticks: dict[str, list[Tick]] = {}

    def follow(self, wanted: Iterable[Tick]) -> None:
        """Know *wanted* as the ticks that there are."""
        self._ticks = {}
        for tick in wanted:
            self._ticks.setdefault(tick.connection, []).append(tick)

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

    async def recovered(self, name: str, anew: bool) -> None:  # noqa: FBT001  as it is told
        """Ask for the syncs that a connection has missed or never had: it is well again.

        With another login (*anew*) all of its schedules run at once: who has just logged in waits for it.
        """
        situation = await self._in_force.look()
        connection = situation.resources.get(ResourceKey(Kind.CONNECTION, name))
        if connection is None:
            return
        found = await self._views.cursors(situation.uid(connection))
        cursors = {cursor.entity: cursor for cursor in found}
        now = self._clock.now()
        for tick in self._ticks.get(name, ()):
            if self._missed.pop(tick.key, None) or anew or overdue(tick, cursors, now=now):
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

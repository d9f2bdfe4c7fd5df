"""Looks after all connections: each a key in a queue of its own, so that a slow system delays no other work."""

import hashlib
from datetime import timedelta
from typing import Final

from reconciler.engine.controller import Controller, Limits
from reconciler.engine.health import Health, state_basis
from reconciler.engine.inforce import Situation
from reconciler.engine.looks import Looks
from reconciler.engine.queue import Priority, WorkQueue
from reconciler.model.connection import ConnectionState, ConnectionStatus
from reconciler.model.duration import parse_duration
from reconciler.model.resource import Resource
from reconciler.model.verdict import Done, Verdict
from reconciler.ports import Clock, Views

WORKERS: Final = 16
"""How many systems are asked at a time: they are waited for, not worked for."""
FLUSH: Final = "\x00counts"
"""The key at which counts are kept: no connection is called so."""
FLUSH_EVERY: Final = timedelta(minutes=1)


class Watch:
    """A look at each connection on its own schedule, and at once when something asks for it."""

    def __init__(self, health: Health, looks: Looks, views: Views, clock: Clock) -> None:
        self._health = health
        self._looks = looks
        self._views = views
        self._queue = WorkQueue(clock)
        limits = Limits(workers=WORKERS, turn=timedelta(minutes=2), stop=timedelta(seconds=1))
        self._controller = Controller(self._queue, self._turn, limits=limits)
        self._known: dict[str, tuple[str, str]] = {}

    async def run(self) -> None:
        """Look until cancelled."""
        self._queue.add(FLUSH, Priority.RESYNC, after=FLUSH_EVERY)
        try:
            await self._controller.run()
        finally:
            await self._health.flush()

    def look(self, name: str) -> None:
        """Look at a connection now."""
        self._queue.add(name, Priority.PERSON)

    async def follow(self, situation: Situation) -> None:
        """Look at what is new or has changed; what was well a moment ago has its turn in its time."""
        known, self._known = self._known, {}
        # How they were is of use at the start alone; it is a row for each connection.
        states = {} if known else await self._views.connection_states()
        for connection in situation.connections():
            name = connection.key.name
            mark = self._known[name] = (connection.digest, situation.manifest(connection).digest)
            if known.get(name) == mark:
                continue
            state = states.get(situation.uid(connection))
            wait = timedelta(0) if known else _wait(situation, connection, state)
            self._queue.add(name, Priority.SPEC if not wait else Priority.RESYNC, after=wait)

    async def _turn(self, key: str) -> Verdict:
        if key == FLUSH:
            await self._health.flush()
            return Done(again=FLUSH_EVERY)
        return Done(again=await self._looks.look(key))


def _wait(situation: Situation, connection: Resource, state: ConnectionState | None) -> timedelta:
    """Return when a connection has its first look after a start: those that were well, by and by."""
    if state is None or state.status is not ConnectionStatus.ONLINE:
        return timedelta(0)
    if state.basis != state_basis(situation, connection):
        return timedelta(0)
    share = int.from_bytes(hashlib.sha256(connection.key.name.encode()).digest()[:4]) / 2**32
    return parse_duration(connection.spec["health"]["every"]) * share

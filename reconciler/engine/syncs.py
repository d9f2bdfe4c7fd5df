"""Syncs of a connection: each of its entities in turn, and the connection's state after it."""

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.datamodel.reader import entities
from reconciler.engine.health import Health
from reconciler.engine.inforce import InForce, Situation
from reconciler.engine.sync import Progress, Stream, StreamRun
from reconciler.engine.systems import Systems
from reconciler.errors import (
    Invalid,
    RateLimited,
    ReconcilerError,
    Suspended,
    Unauthorized,
    Unreachable,
)
from reconciler.model.duration import parse_duration
from reconciler.model.resource import Resource
from reconciler.model.sync import SyncRun
from reconciler.ports import SILENT, Clock, Connector, Meter, Store, SyncRequest


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a sync of a connection did; ``error`` is the first that any of its entities met."""

    runs: tuple[SyncRun, ...]
    error: ReconcilerError | None = None


class Syncs:
    """Runs syncs. One instance serves all connections of a process; ``meter`` is told of each run."""

    def __init__(  # noqa: PLR0913, PLR0917  each is another part
        self,
        store: Store,
        in_force: InForce,
        systems: Systems,
        health: Health,
        clock: Clock,
        meter: Meter = SILENT,
    ) -> None:
        self._store = store
        self._in_force = in_force
        self._systems = systems
        self._health = health
        self._clock = clock
        self._meter = meter

    async def run(self, request: SyncRequest, progress: Progress = lambda _: None) -> SyncReport:
        """Sync what *request* names, and return what each entity's run did.

        Raises:
            NotFound: if the connection or an entity of it is not in force.
            Suspended: if nothing is to be read from it for now.
            SecretMissing: if a secret reference leads nowhere.
        """
        situation = await self._in_force.look()
        connection = situation.connection(request.connection)
        _check_rest(situation, connection)
        chosen = _chosen(situation, connection, request.entities)
        connector = await self._open(situation, connection)
        told = self._counted(connection, progress)
        runs: list[SyncRun] = []
        error: ReconcilerError | None = None
        first: ReconcilerError | None = None
        try:
            for entity in chosen:
                stream = self._stream(situation, connection, connector, entity)
                run = StreamRun(stream, self._store, self._clock, told)
                runs.append(await run(request.mode, request.trigger))
                error = run.error
                first = first or error
                if isinstance(error, (Unauthorized, Unreachable, RateLimited)):
                    break  # the other entities would meet the same
        finally:
            await connector.close()
        await self._health.learn(situation, connection, error)
        return SyncReport(tuple(runs), first or _first_failure(runs, connection))

    async def _open(self, situation: Situation, connection: Resource) -> Connector:
        try:
            return await self._systems.open(situation, connection)
        except ReconcilerError as error:
            await self._health.learn(situation, connection, error)
            raise

    def _counted(self, connection: Resource, progress: Progress) -> Progress:
        """Return *progress* that counts each run at its end, too."""
        connector = connection.spec["connector"]

        def told(run: SyncRun) -> None:
            if run.finished_at is not None:
                self._meter.synced(run, connector)
            progress(run)

        return told

    def _stream(
        self, situation: Situation, connection: Resource, connector: Connector, entity: str
    ) -> Stream:
        spec = connection.spec
        facts = connector.streams[entity]
        deletions = spec.get("deletions") or {}
        return Stream(
            uid=situation.uid(connection),
            name=connection.key.name,
            entity=entity,
            prefix=entities()[entity].prefix,
            connector=connector,
            facts=facts,
            mapper=situation.mapper(connection, entity),
            basis=situation.read_basis(connection, entity),
            oldest=self._clock.now() - parse_duration(spec["history"]),
            sweeps=facts.sweepable and deletions.get("strategy", "sweep") == "sweep",
            brake=float(deletions.get("brake", "10%").rstrip("%")) / 100,
        )


def _check_rest(situation: Situation, connection: Resource) -> None:
    """Return unless nothing is to be read from the connection for now."""
    if connection.spec.get("suspend") is not True:
        return
    by = ", ".join(str(key) for key in situation.exceptions.by.get(connection.key, ()))
    name = connection.key.name
    raise Suspended(
        f"{connection.key} is suspended{f' by {by}' if by else ' by its spec'}",
        hint=f"take it up again: reconciler resume {name}" if by else "set suspend: false there",
    )


def _chosen(situation: Situation, connection: Resource, asked: Sequence[str]) -> tuple[str, ...]:
    offered = situation.entities(connection)
    unknown = [entity for entity in asked if entity not in offered]
    if unknown:
        msg = f"{connection.key} does not sync {', '.join(unknown)}"
        raise Invalid(msg, hint=f"it syncs {', '.join(offered)}")
    return tuple(asked) or offered


def _first_failure(runs: Sequence[SyncRun], connection: Resource) -> ReconcilerError | None:
    for run in runs:
        if run.error:
            return ReconcilerError(f"{connection.key.name} {run.entity}: {run.error}")
    return None

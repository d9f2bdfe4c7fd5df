"""How it all stands at the moment of a scrape: gauges made of what store and engine tell, not counted along."""

import asyncio
import platform
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric

from reconciler import __version__
from reconciler.engine.inforce import InForce, Situation
from reconciler.errors import NotFound, ReconcilerError
from reconciler.model.connection import ConnectionStatus
from reconciler.model.drift import DriftKind
from reconciler.model.resource import Kind
from reconciler.model.standing import Standing
from reconciler.ports import Clock, Views
from reconciler.telemetry import families
from reconciler.telemetry.families import Family


@dataclass(frozen=True, slots=True)
class Lease:
    """Whether this process holds the lease of the one writer, and how often that has changed hands."""

    held: bool
    epoch: int


@dataclass(frozen=True, slots=True)
class Sources:
    """What is asked at a scrape: ``depths`` of the queue by family, ``jobs`` by state, the ``lease``."""

    views: Views
    in_force: InForce
    clock: Clock
    depths: Callable[[], Mapping[str, int]]
    jobs: Callable[[], Mapping[str, int]]
    lease: Callable[[], Lease]
    database: str = "sqlite"


Stream: TypeAlias = tuple[tuple[str, str], str]
"""(connection's uid, entity), and the beginning of its line on the page: name and labels."""


@dataclass(frozen=True, slots=True)
class Place:
    """A connection in force, and the streams of which it is told when they were last read."""

    uid: str
    suspended: bool
    streams: tuple[Stream, ...]


@dataclass(frozen=True, slots=True)
class Stored:
    """What the store has told of one moment."""

    standing: Standing
    places: tuple[Place, ...]
    kinds: Mapping[Kind, int]


@dataclass(frozen=True, slots=True)
class Moment:
    """All that a scrape has found out; ``stored`` is ``None`` if the store did not answer."""

    now: datetime
    lease: Lease
    depths: Mapping[str, int]
    jobs: Mapping[str, int]
    database: str
    stored: Stored | None

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of this moment."""
        yield _build(self.database)
        yield _one(families.STORE_UP, self.stored is not None)
        yield _one(families.LEASE_HELD, self.lease.held)
        yield _one(families.LEASE_EPOCH, self.lease.epoch)
        yield _many(families.DEPTH, self.depths)
        yield _many(families.JOBS, self.jobs)
        if self.stored is not None:
            yield from _stored(self.stored, self.now)

    def lines(self) -> bytes:
        """Return the lines of ``LAST_SUCCESS``, which is without samples in what ``collect`` yields.

        There may be tens of thousands: measured, the library takes five times as long to write them.
        """
        if self.stored is None:
            return b""
        successes = self.stored.standing.successes
        return "".join(
            f"{line}{successes[key].timestamp() if key in successes else 0.0}\n"
            for place in self.stored.places
            for key, line in place.streams
        ).encode()


Known: TypeAlias = tuple[Situation, tuple[Place, ...], Mapping[Kind, int]]
"""What follows from a situation: its connections, and how many objects of each kind there are."""


class Looker:
    """Finds out how it all stands; what follows from the specs is kept until they change."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._known: Known | None = None

    async def look(self) -> Moment:
        """Return how it all stands now."""
        sources = self._sources
        try:
            stored = await self._stored()
        except ReconcilerError:
            stored = None
        return Moment(
            sources.clock.now(),
            sources.lease(),
            sources.depths(),
            sources.jobs(),
            sources.database,
            stored,
        )

    async def _stored(self) -> Stored:
        situation = await self._sources.in_force.look()
        if self._known is None or self._known[0] is not situation:
            # Beside the loop: thousands of specs are decoded, once after each change of them.
            self._known = await asyncio.to_thread(_known, situation)
        standing = await self._sources.views.standing()
        return Stored(standing, *self._known[1:])


def _known(situation: Situation) -> Known:
    kinds = Counter(key.kind for key in situation.state.resources)
    return situation, tuple(_places(situation)), kinds


def _places(situation: Situation) -> Iterator[Place]:
    for connection in situation.connections():
        try:
            synced = situation.entities(connection)
        except NotFound:  # its connector is gone: a look at the specs tells of it
            synced = ()
        suspended = connection.spec.get("suspend") is True
        uid, name = situation.uid(connection), connection.key.name
        told = () if suspended else synced
        streams = tuple(((uid, entity), _line(name, entity)) for entity in told)
        yield Place(uid, suspended, streams)


def _line(*values: str) -> str:
    """Return name and labels of a sample of ``LAST_SUCCESS``, as both formats write them."""
    pairs = zip(families.LAST_SUCCESS.labels, values, strict=True)
    labels = ",".join(f'{label}="{_escaped(value)}"' for label, value in pairs)
    return f"{families.LAST_SUCCESS.name}{{{labels}}} "


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _stored(stored: Stored, now: datetime) -> Iterator[Metric]:
    standing = stored.standing
    yield _many(families.OBJECTS, {kind: stored.kinds.get(kind, 0) for kind in Kind})
    yield _many(families.DRIFTS, {kind: standing.drifts.get(kind, 0) for kind in DriftKind})
    statuses = Counter(_status(place, standing) for place in stored.places)
    yield _many(families.CONNECTIONS, {status: statuses[status] for status in ConnectionStatus})
    yield _gauge(families.LAST_SUCCESS)
    deliveries = {"pending": standing.pending, "dead": standing.dead}
    yield _many(families.DELIVERIES, deliveries)
    age = 0.0 if standing.oldest is None else (now - standing.oldest).total_seconds()
    yield _one(families.OLDEST, max(age, 0.0))


def _status(place: Place, standing: Standing) -> ConnectionStatus:
    """Return how a connection is; one that nobody has looked at yet is pending."""
    if place.suspended:
        return ConnectionStatus.PAUSED
    return standing.statuses.get(place.uid, ConnectionStatus.PENDING)


_BUILD: Final = {"version": __version__, "python": platform.python_version()}


def _build(database: str) -> Metric:
    name = families.BUILD.name.removesuffix("_info")
    return InfoMetricFamily(name, families.BUILD.meaning, {**_BUILD, "database": database})


def _gauge(family: Family) -> GaugeMetricFamily:
    return GaugeMetricFamily(family.name, family.meaning, labels=family.labels)


def _one(family: Family, value: float) -> Metric:
    made = _gauge(family)
    made.add_metric((), value)
    return made


def _many(family: Family, values: Mapping[str, int]) -> Metric:
    made = _gauge(family)
    for label, value in values.items():
        made.add_metric((str(label),), value)
    return made

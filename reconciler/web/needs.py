"""What the web room needs of the rooms below, each port as small as its user."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeAlias

from reconciler.editing.suggesting import Suggestion
from reconciler.engine.connecting import Connecting
from reconciler.engine.disconnecting import Disconnected
from reconciler.engine.explanation import Told
from reconciler.engine.handing import Handing
from reconciler.engine.linking import LinkDesk
from reconciler.engine.mapped import MappingSeen
from reconciler.model.change import State
from reconciler.model.event import Attempt, EventType
from reconciler.model.record import RecordQuery, UnifiedRecord
from reconciler.model.resource import Resource
from reconciler.model.selector import Selector
from reconciler.model.sync import SyncJob
from reconciler.ports import SILENT, Clock, Edits, MappingEdits, Meter, Store, SyncRequest

Position: TypeAlias = tuple[datetime, str]
"""The ``(updated_at, id)`` of the last record of a page."""

Check: TypeAlias = Callable[[], Awaitable[None]]
"""Returns if a part of the program is ready to serve, and raises in words of ours if it is not."""


class RecordReader(Protocol):
    """Records as the API gives them."""

    async def page(self, query: RecordQuery) -> tuple[Sequence[UnifiedRecord], Position | None]:
        """Return records in the order of ``(updated_at, id)`` and where the next page starts, if any.

        ``mapped`` is a compact JSON object of *every* unified field of the entity, null where the source
        has nothing, and ``custom_fields``, under the mapping in force.
        """
        ...


class Situation(Protocol):
    """One state of the specs in force, as far as the API tells of it."""

    @property
    def state(self) -> State:
        """All that is in force, and what git has applied where that differs."""
        ...

    def connection(self, name: str) -> Resource:
        """Return the connection of this name, or raise ``NotFound``."""
        ...

    def connections(self) -> Iterable[Resource]:
        """Return all connections, by name."""
        ...

    def uid(self, connection: Resource) -> str:
        """Return the stored identity of a connection."""
        ...

    def name_of(self, uid: str) -> str:
        """Return the name of the connection with this uid; the uid itself if it is gone."""
        ...

    def chosen(self, selector: Selector) -> frozenset[str]:
        """Return the uids of the connections in force that have all labels of *selector*."""
        ...

    def holds(self, uid: str) -> bool:
        """Return whether a connection with this uid is in force."""
        ...

    def entities(self, connection: Resource) -> tuple[str, ...]:
        """Return the entities that a connection syncs, or raise ``NotFound`` without its connector."""
        ...


class InForce(Protocol):
    """What is in force."""

    async def look(self) -> Situation:
        """Return the situation as it is now; cheap when nothing has changed."""
        ...


class Syncs(Protocol):
    """Syncs on demand."""

    async def request(self, request: SyncRequest) -> str:
        """Start the work in the background and return the job's id; the same ``key`` is the same job."""
        ...

    async def job(self, job_id: str) -> SyncJob | None:
        """Return a job that was asked for."""
        ...


class Explaining(Protocol):
    """Where the fields of records come from."""

    async def record(self, record_id: str, wanted: Sequence[str] = ()) -> Told:
        """Return where the fields of a record come from, or raise ``NotFound``."""
        ...


class Schedule(Protocol):
    """When the next syncs are due."""

    async def next_run(self, connection: str, entity: str) -> datetime | None:
        """Return when an entity of a connection (its name) is synced next; ``None``: on demand only."""
        ...


class Endings(Protocol):
    """Connections disconnected and forgotten."""

    async def disconnect(
        self, name: str, *, actor: str, reason: str = "disconnected", request_id: str = ""
    ) -> Disconnected:
        """End the access of a connection and to it; its records stay."""
        ...

    async def forget(self, name: str, *, actor: str, request_id: str = "") -> Disconnected:
        """Disconnect, and erase all records, runs and cursors for good."""
        ...


class Looks(Protocol):
    """A look at the specs on demand."""

    def look(self, key: str, token: str = "") -> None:
        """Look at *key* now; *token* is told as handled when it was done."""
        ...

    def handled(self, key: str, token: str | None = None) -> str | None:
        """Return *token* once it was handled."""
        ...


class Trials(Protocol):
    """Routes tried out."""

    async def send(self, route: str, kind: EventType) -> Attempt:
        """Send a sample of *kind* to the route of this name, and return what came of it."""
        ...


class Mappings(Protocol):
    """How records are mapped."""

    async def look(self, name: str, entity: str) -> MappingSeen:
        """Return how an entity of the connection of this name is mapped, or raise ``NotFound``."""
        ...

    async def suggest(self, name: str, entity: str) -> tuple[MappingSeen, Suggestion]:
        """Return the mapping that is proposed for what nobody maps, and what it comes from."""
        ...


class Metrics(Protocol):
    """What is scraped."""

    async def page(self, accept: str, *, packed: bool = False) -> tuple[bytes, str]:
        """Return the numbers of now and their media type, by an Accept header; *packed* with gzip."""
        ...


@dataclass(frozen=True, slots=True)
class Policy:
    """What an operator may set of the API.

    ``hosts`` are the names it answers for, without port; ``body`` is the largest request body in bytes;
    ``rate`` is how many requests a minute a token has, ``burst`` how many of them at once; ``timeout``
    is how many seconds a request may take; ``failures`` is how many wrong tokens a minute, and at once, an
    address may present before it is told to wait. ``open_metrics``: metrics need no token. ``max_changed`` is how
    many stored records an edit of a mapping may change that does not say it itself: ``10%``, ``250``.
    """

    hosts: frozenset[str] = frozenset({"localhost", "127.0.0.1", "[::1]"})
    body: int = 1_048_576
    rate: int = 1200
    burst: int = 200
    timeout: float = 60.0
    failures: int = 30
    open_metrics: bool = False
    max_changed: str | None = None


@dataclass(frozen=True, slots=True)
class GitHooks:
    """Which *branch* of which *repository* is followed, and what a signed call of its forge does.

    ``secrets`` returns those in use (several while one is rotated) or raises ``SecretMissing``; it is
    asked at each call. ``poke`` asks for a look, and returns the token to wait for.
    """

    repository: str
    branch: str
    secrets: Callable[[], Sequence[str]]
    poke: Callable[[], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class ConnectDesk:
    """What serves customers who connect their systems by a link, and the back ends that make links.

    ``public_url`` is where customers reach this server, without a slash at its end; ``brand`` is who asks
    them; ``frames`` are the origins of pages that may show ours in a frame.
    """

    links: LinkDesk
    connecting: Connecting
    handing: Handing
    public_url: str
    brand: str = ""
    frames: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Services:
    """All that the web room is given. ``checks`` are named parts that ``/readyz`` looks at.

    ``meter`` is told of each answer; without ``metrics`` there is no page of them.
    """

    reader: RecordReader
    syncs: Syncs
    store: Store
    clock: Clock
    in_force: InForce
    schedule: Schedule | None = None
    edits: Edits | None = None
    mapping_edits: MappingEdits | None = None
    endings: Endings | None = None
    looks: Looks | None = None
    explaining: Explaining | None = None
    mappings: Mappings | None = None
    checks: Mapping[str, Check] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)
    hooks: GitHooks | None = None
    meter: Meter = SILENT
    metrics: Metrics | None = None
    trials: Trials | None = None
    connect: ConnectDesk | None = None

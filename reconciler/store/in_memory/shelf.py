"""All that a store without a database holds, and a transaction over a copy of it."""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Concatenate, NamedTuple, ParamSpec, TypeVar

from reconciler.model.access import Token
from reconciler.model.alert import Alert, Group, Silence, Telling
from reconciler.model.audit import AuditEntry, Past, Pin
from reconciler.model.condition import Condition, Status
from reconciler.model.connection import Checks, ConnectionState, StatusChange
from reconciler.model.credential import InstanceSecret, Sealed
from reconciler.model.drift import Drift
from reconciler.model.endpoint import Endpoint
from reconciler.model.event import Delivery, Event
from reconciler.model.link import Handover, Link
from reconciler.model.record import StoredRecord
from reconciler.model.redo import NOT_ASKED, Redo
from reconciler.model.resource import Resource
from reconciler.model.sync import Cursor, SyncRun

P = ParamSpec("P")
R = TypeVar("R")


class Kept(NamedTuple):
    """A resource in force, and what git applied, where that is another.

    ``released_at``: since when (microseconds) it is no longer in force, if only its data is kept.
    ``redo``: what is known of its work done once more.
    """

    resource: Resource
    released_at: int | None = None
    applied: Resource | None = None
    redo: Redo = NOT_ASKED


class Lock(NamedTuple):
    """A named lease."""

    holder: str | None
    epoch: int
    expires_at: int
    acquired_at: int | None = None


class Filed(NamedTuple):
    """A record and the digest of its raw bytes."""

    record: StoredRecord
    digest: bytes


Key = tuple[str, str, str]
"""Connection, entity and source id."""


@dataclass(slots=True)
class Shelf:
    """Everything; its values are frozen, so that a copy of the dictionaries is a copy of it all."""

    generation: int = 0
    revision: str = ""
    moved_at: int | None = None
    objects: dict[str, Kept] = field(default_factory=dict)
    history: list[Past] = field(default_factory=list)
    states: dict[str, ConnectionState] = field(default_factory=dict)
    changes: list[StatusChange] = field(default_factory=list)
    checks: dict[tuple[str, datetime], Checks] = field(default_factory=dict)
    cursors: dict[tuple[str, str], Cursor] = field(default_factory=dict)
    runs: dict[str, SyncRun] = field(default_factory=dict)
    records: dict[Key, Filed] = field(default_factory=dict)
    keys: dict[str, Key] = field(default_factory=dict)
    clocks: dict[str, int] = field(default_factory=dict)
    events: dict[str, Event] = field(default_factory=dict)
    unrouted: dict[str, None] = field(default_factory=dict)
    deliveries: dict[str, Delivery] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    leases: dict[str, Lock] = field(default_factory=dict)
    drifts: dict[str, Drift] = field(default_factory=dict)
    conditions: dict[tuple[str, Condition], Status] = field(default_factory=dict)
    audit: list[AuditEntry] = field(default_factory=list)
    pins: dict[str, Pin] = field(default_factory=dict)
    credentials: dict[tuple[str, str], Sealed] = field(default_factory=dict)
    secrets: dict[str, InstanceSecret] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)
    alerts: dict[str, Alert] = field(default_factory=dict)
    tellings: dict[tuple[str, str], Telling] = field(default_factory=dict)
    groups: dict[tuple[str, str], Group] = field(default_factory=dict)
    silences: dict[str, Silence] = field(default_factory=dict)
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    mark: int = 0
    handovers: dict[str, Handover] = field(default_factory=dict)

    def copy(self) -> "Shelf":
        """Return a shelf that can be changed without this one."""
        other = copy(self)
        for one in fields(self):
            value = getattr(self, one.name)
            if isinstance(value, dict | list):
                setattr(other, one.name, value.copy())
        return other


class Draft:
    """A transaction: a copy of the shelf, which is put in its place on ``commit``."""

    def __init__(self, shelf: Shelf, keep: Callable[[Shelf], None]) -> None:
        self._shelf = shelf.copy()
        self._keep = keep
        self._over = False

    async def do(
        self, work: Callable[Concatenate[Shelf, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Return what *work* returns; after work that raised, the transaction is over."""
        self._check()
        try:
            return work(self._shelf, *args, **kwargs)
        except BaseException:
            self._over = True
            raise

    async def commit(self) -> None:
        """Make it all true."""
        self._check()
        self._over = True
        self._keep(self._shelf)

    def abandon(self) -> None:
        """Take everything back, unless it was committed."""
        self._over = True

    def _check(self) -> None:
        if self._over:
            msg = "the unit of work is over: begin another one"
            raise RuntimeError(msg)

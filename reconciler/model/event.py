"""Events, and their deliveries: facts told to the outside, written with what made them true."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from reconciler.model.notification import Notification


class EventType(StrEnum):
    """The closed set; names are added, never changed."""

    RESOURCE_CREATED = "resource.created"
    RESOURCE_UPDATED = "resource.updated"
    RESOURCE_DELETED = "resource.deleted"
    PLAN_APPLIED = "plan.applied"
    PLAN_FAILED = "plan.failed"
    PLAN_RECOVERED = "plan.recovered"
    DRIFT_DETECTED = "drift.detected"
    DRIFT_RESOLVED = "drift.resolved"
    SOURCE_INVALID = "source.invalid"
    SOURCE_RECOVERED = "source.recovered"
    CONNECTION_AUTH_REQUIRED = "connection.auth_required"
    CONNECTION_REAUTHORIZED = "connection.reauthorized"
    CONNECTION_OFFLINE = "connection.offline"
    CONNECTION_ONLINE = "connection.online"
    CONNECTION_EXPIRING = "connection.expiring"
    SYNC_STARTED = "sync.started"
    SYNC_COMPLETED = "sync.completed"
    SYNC_FAILED = "sync.failed"
    RECORDS_CHANGED = "records.changed"
    DELETES_HELD = "deletes.held"
    ROUTE_DISABLED = "route.disabled"
    ROUTE_ENABLED = "route.enabled"


class EventSeverity(StrEnum):
    """How bad an event is, the mildest first."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"

    def reaches(self, least: "EventSeverity") -> bool:
        """Return whether it is at least as bad as *least*."""
        order = list(EventSeverity)
        return order.index(self) >= order.index(least)


SEVERITIES: Final[Mapping[EventType, EventSeverity]] = {
    EventType.RESOURCE_CREATED: EventSeverity.INFO,
    EventType.RESOURCE_UPDATED: EventSeverity.INFO,
    EventType.RESOURCE_DELETED: EventSeverity.INFO,
    EventType.PLAN_APPLIED: EventSeverity.INFO,
    EventType.PLAN_FAILED: EventSeverity.ERROR,
    EventType.PLAN_RECOVERED: EventSeverity.INFO,
    EventType.DRIFT_DETECTED: EventSeverity.WARNING,
    EventType.DRIFT_RESOLVED: EventSeverity.INFO,
    EventType.SOURCE_INVALID: EventSeverity.ERROR,
    EventType.SOURCE_RECOVERED: EventSeverity.INFO,
    EventType.CONNECTION_AUTH_REQUIRED: EventSeverity.CRITICAL,
    EventType.CONNECTION_REAUTHORIZED: EventSeverity.INFO,
    EventType.CONNECTION_OFFLINE: EventSeverity.ERROR,
    EventType.CONNECTION_ONLINE: EventSeverity.INFO,
    EventType.CONNECTION_EXPIRING: EventSeverity.WARNING,
    EventType.SYNC_STARTED: EventSeverity.INFO,
    EventType.SYNC_COMPLETED: EventSeverity.INFO,
    EventType.SYNC_FAILED: EventSeverity.ERROR,
    EventType.RECORDS_CHANGED: EventSeverity.INFO,
    EventType.DELETES_HELD: EventSeverity.ERROR,
    EventType.ROUTE_DISABLED: EventSeverity.ERROR,
    EventType.ROUTE_ENABLED: EventSeverity.INFO,
}
"""How bad each event is; what is over again (``*.recovered``) is as mild as news."""


@dataclass(frozen=True, slots=True)
class Event:
    """A fact. ``subject`` is what it is about (``Connection/acme-erp``); ``data`` holds no secret."""

    id: str
    type: EventType
    subject: str
    occurred_at: datetime
    data: Mapping[str, Any] = field(default_factory=dict)
    trace: str = ""

    @property
    def severity(self) -> EventSeverity:
        """How bad it is."""
        return SEVERITIES[self.type]


class DeliveryStatus(StrEnum):
    """How a delivery stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to deliver: when, what came back (0: no answer), and how long it took.

    ``answer`` is the beginning of what the receiver said, or why there was no answer. ``wait`` is how
    long it asked us to wait (``Retry-After``). ``final``: no other attempt would end otherwise.
    """

    at: datetime
    status: int
    took: timedelta
    answer: str = ""
    wait: timedelta | None = None
    final: bool = False

    @property
    def well(self) -> bool:
        """Whether the receiver took it: 2xx, and nothing else."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Lease:
    """A claim that lapses by itself: a dead holder's work is free again at ``until``."""

    holder: str
    until: datetime


ORDERED_TRIES: Final = 3
"""So often an event is tried at a route before later ones about its subject no longer wait for it."""

LONGEST_ASKED: Final = timedelta(hours=1)
"""So long a receiver may ask us to wait; or twice the planned wait, where that is longer."""

GONE: Final = 410
"""With this a receiver says that it wants no more."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event on its way to one route; ``id`` never changes, so that a receiver can tell a repeat.

    ``route`` is the route's uid, which a rename keeps. Deliveries with one ``subject`` go to a route in
    the order of their events. ``reason`` says why a dead one is dead.

    With a ``notification`` it tells of several events at once, of which ``event_id`` is the newest.
    ``topic`` is the type that its body has (``sync.failed``, ``alerts.firing``). ``earlier`` is how many
    of its attempts were made before it was asked for again: they count for its schedule no more.
    """

    id: str
    event_id: str
    route: str
    due_at: datetime
    status: DeliveryStatus = DeliveryStatus.PENDING
    attempts: tuple[Attempt, ...] = ()
    lease: Lease | None = None
    subject: str = ""
    reason: str = ""
    topic: str = ""
    notification: "Notification | None" = None
    earlier: int = 0
    made_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def tries(self) -> int:
        """How often it was tried since it was last asked for."""
        return len(self.attempts) - self.earlier

    def after(self, attempt: Attempt, waits: tuple[timedelta, ...]) -> "Delivery":
        """Return the delivery that *attempt* leads to: done, due again after the next wait, or dead.

        The next wait counts from the end of the attempt, and is longer if the receiver asked for it.
        """
        attempts = (*self.attempts, attempt)
        settled = replace(self, attempts=attempts, lease=None)
        at = attempt.at + attempt.took
        if attempt.well:
            return replace(settled, status=DeliveryStatus.DELIVERED, ended_at=at)
        if attempt.status == GONE:
            return settled.ended("the receiver answered 410 Gone: it wants no more", at)
        if attempt.final:
            return settled.ended(f"it is refused for good: {attempt.answer}", at)
        if settled.tries >= len(waits):
            return settled.ended(f"none of {settled.tries} attempts was answered with 2xx", at)
        return replace(settled, due_at=at + _wait(waits[settled.tries], attempt.wait))

    def ended(self, reason: str, at: datetime) -> "Delivery":
        """Return the delivery given up at *at*, for *reason*."""
        return replace(self, status=DeliveryStatus.DEAD, lease=None, reason=reason, ended_at=at)

    def again(self, now: datetime) -> "Delivery":
        """Return it as due at once, with a whole schedule before it; what was tried stays known."""
        return replace(
            self,
            status=DeliveryStatus.PENDING,
            due_at=now,
            lease=None,
            reason="",
            earlier=len(self.attempts),
            ended_at=None,
        )


def _wait(planned: timedelta, asked: timedelta | None) -> timedelta:
    if asked is None:
        return planned
    return min(max(planned, asked), max(2 * planned, LONGEST_ASKED))

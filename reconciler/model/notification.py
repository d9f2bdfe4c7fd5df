"""A notification: what a route is told at once of all alerts of a group. Every sender can render it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from reconciler.model.event import Event, EventSeverity


class Told(StrEnum):
    """Why it is told: something is news, still so, nobody acknowledges it, it is the hour; or a trial."""

    NEWS = "news"
    REPEAT = "repeat"
    ESCALATION = "escalation"
    DIGEST = "digest"
    TEST = "test"


class AlertStatus(StrEnum):
    """How an alert stands, and a group: it is resolved when all of its alerts are."""

    FIRING = "firing"
    RESOLVED = "resolved"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class AlertTold:
    """One alert as it is told. ``event`` is the newest that said so, ``end`` the one that ended it.

    ``name`` is the type of the event that opens it (``connection.offline``); ``count`` is how many events
    said so since. A notice (``records.changed``) has neither begun nor ended: it has happened.
    """

    id: str
    name: str
    status: AlertStatus
    severity: EventSeverity
    subject: str
    reason: str
    labels: Mapping[str, str]
    starts_at: datetime
    ends_at: datetime | None
    count: int
    acknowledged_by: str
    event: Event
    end: Event | None = None


@dataclass(frozen=True, slots=True)
class Notification:
    """What is told of a group, and never changes any more.

    ``group`` are the labels that its alerts share. ``firing``, ``resolved`` and ``notices`` count all of
    them; ``alerts`` lists the worst and oldest, ``left_out`` says how many more there are.
    """

    id: str
    kind: Told
    status: AlertStatus
    severity: EventSeverity
    group: Mapping[str, str]
    at: datetime
    alerts: tuple[AlertTold, ...]
    firing: int
    resolved: int
    notices: int = 0
    left_out: int = 0

    @property
    def topic(self) -> str:
        """The type of its body: ``alerts.firing``, ``alerts.resolved``, ``alerts.digest``."""
        if self.kind is Told.DIGEST:
            return "alerts.digest"
        return f"alerts.{self.status.value}"

    @property
    def newest(self) -> Event:
        """The newest event that it tells of."""
        events = [event for one in self.alerts for event in (one.event, one.end) if event]
        return max(events, key=lambda event: (event.occurred_at, event.id))

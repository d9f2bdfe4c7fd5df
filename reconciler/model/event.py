"""Events, and their deliveries: facts told to the outside, written with what made them true."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any


class EventType(StrEnum):
    """The closed set; names are added, never changed."""

    RESOURCE_CREATED = "resource.created"
    RESOURCE_UPDATED = "resource.updated"
    RESOURCE_DELETED = "resource.deleted"
    PLAN_APPLIED = "plan.applied"
    PLAN_FAILED = "plan.failed"
    DRIFT_DETECTED = "drift.detected"
    DRIFT_RESOLVED = "drift.resolved"
    SOURCE_INVALID = "source.invalid"
    SOURCE_RECOVERED = "source.recovered"
    SYNC_STARTED = "sync.started"
    SYNC_COMPLETED = "sync.completed"
    SYNC_FAILED = "sync.failed"
    RECORDS_CHANGED = "records.changed"
    DELETES_HELD = "deletes.held"


@dataclass(frozen=True, slots=True)
class Event:
    """A fact. ``subject`` is what it is about (``Connection/acme-erp``); ``data`` holds no secret."""

    id: str
    type: EventType
    subject: str
    occurred_at: datetime
    data: Mapping[str, Any] = field(default_factory=dict)
    trace: str = ""


class DeliveryStatus(StrEnum):
    """How a delivery stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to deliver: when, what came back (0: no answer), and how long it took."""

    at: datetime
    status: int
    took: timedelta
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Lease:
    """A claim that lapses by itself: a dead holder's work is free again at ``until``."""

    holder: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event on its way to one route; ``id`` never changes, so that a receiver can tell a repeat."""

    id: str
    event_id: str
    route: str
    due_at: datetime
    status: DeliveryStatus = DeliveryStatus.PENDING
    attempts: tuple[Attempt, ...] = ()
    lease: Lease | None = None

    def after(self, attempt: Attempt, waits: tuple[timedelta, ...]) -> "Delivery":
        """Return the delivery that *attempt* leads to: done, due again after the next wait, or dead."""
        attempts = (*self.attempts, attempt)
        if 200 <= attempt.status < 300:
            return replace(self, status=DeliveryStatus.DELIVERED, attempts=attempts, lease=None)
        if len(attempts) >= len(waits):
            return replace(self, status=DeliveryStatus.DEAD, attempts=attempts, lease=None)
        due = attempt.at + waits[len(attempts)]
        return replace(self, due_at=due, attempts=attempts, lease=None)

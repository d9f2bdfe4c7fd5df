"""Which events begin trouble that lasts, and which end it: the one table that pagers and Alertmanager go by.

An event that is in no row is news: it is told where news is told, and wakes nobody.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from reconciler.model.event import SEVERITIES, Event, EventSeverity, EventType


@dataclass(frozen=True, slots=True)
class Alarm:
    """Trouble that lasts, by the name that Alertmanager shows; what begins it, and what ends it.

    ``ended_by`` are events, each with what its data must hold. ``part`` is a key of an event's data: another
    part of a subject (an entity) is another trouble.
    """

    name: str
    begun_by: tuple[EventType, ...]
    ended_by: Mapping[EventType, Mapping[str, Any]] = field(default_factory=dict)
    part: str = ""

    @property
    def severities(self) -> Sequence[EventSeverity]:
        """How bad it may be, by what has begun it."""
        return tuple(dict.fromkeys(SEVERITIES[kind] for kind in self.begun_by))

    def about(self, event: Event) -> Mapping[str, str]:
        """Return what tells it from others of its name: the same when it begins and when it ends."""
        part = event.data.get(self.part)
        told = {"subject": event.subject}
        return {**told, self.part: part} if isinstance(part, str) and part else told


_ANY: Final[Mapping[str, Any]] = {}

ALARMS: Final = (
    Alarm(
        "ReconcilerCredentials",
        (EventType.CONNECTION_AUTH_REQUIRED, EventType.CONNECTION_EXPIRING),
        {EventType.CONNECTION_REAUTHORIZED: _ANY},
    ),
    Alarm(
        "ReconcilerConnectionOffline",
        (EventType.CONNECTION_OFFLINE,),
        {EventType.CONNECTION_ONLINE: _ANY},
    ),
    Alarm(
        "ReconcilerSyncFailed",
        (EventType.SYNC_FAILED,),
        {EventType.SYNC_COMPLETED: _ANY},
        part="entity",
    ),
    Alarm(
        "ReconcilerDeletesHeld",
        (EventType.DELETES_HELD,),
        {EventType.SYNC_COMPLETED: {"mode": "full"}},
        part="entity",
    ),
    Alarm(
        "ReconcilerDrift",
        (EventType.DRIFT_DETECTED,),
        {EventType.DRIFT_RESOLVED: _ANY},
        part="kind",
    ),
    Alarm(
        "ReconcilerPlanFailed",
        (EventType.PLAN_FAILED,),
        {EventType.PLAN_APPLIED: {"held": 0}, EventType.PLAN_RECOVERED: _ANY},
    ),
    Alarm(
        "ReconcilerRouteDisabled",
        (EventType.ROUTE_DISABLED,),
        {EventType.ROUTE_ENABLED: _ANY},
    ),
    Alarm(
        "ReconcilerSourceInvalid",
        (EventType.SOURCE_INVALID,),
        {EventType.SOURCE_RECOVERED: _ANY},
    ),
)

_BEGUN: Final = {kind: alarm for alarm in ALARMS for kind in alarm.begun_by}


def begun_by(event: Event) -> Alarm | None:
    """Return the trouble that *event* begins, or tells of once more."""
    return _BEGUN.get(event.type)


def ended_by(event: Event) -> Sequence[Alarm]:
    """Return the troubles that *event* ends."""
    found = []
    for alarm in ALARMS:
        wanted = alarm.ended_by.get(event.type)
        if wanted is not None and all(event.data.get(key) == it for key, it in wanted.items()):
            found.append(alarm)
    return found

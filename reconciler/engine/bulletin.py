"""What is said when the health of a connection changes: events for the outside, conditions for who looks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from reconciler.engine.ids import new_id
from reconciler.engine.inforce import Situation
from reconciler.engine.schedules import follows
from reconciler.model.condition import Condition, Reason, Status, Truth
from reconciler.model.connection import Alarm, ConnectionState, ConnectionStatus
from reconciler.model.event import Event, EventType
from reconciler.model.moment import rfc3339
from reconciler.model.resource import Resource

WARN_AT: Final = (30, 7, 1)
"""With so many days left, credentials that end are told; each once."""

_RAISED: Final = {
    ConnectionStatus.NEEDS_REAUTH: (Alarm.AUTH, EventType.CONNECTION_AUTH_REQUIRED),
    ConnectionStatus.OFFLINE: (Alarm.OFFLINE, EventType.CONNECTION_OFFLINE),
}
_OVER: Final = {
    Alarm.AUTH: EventType.CONNECTION_REAUTHORIZED,
    Alarm.OFFLINE: EventType.CONNECTION_ONLINE,
}


def news(
    before: ConnectionState, after: ConnectionState
) -> tuple[ConnectionState, list[EventType]]:
    """Return *after* with the alarms that are open then, and the events that tell of the change.

    What was told is not told again before it was over; who was told of trouble is told of its end.
    """
    raised = _RAISED.get(after.status)
    if raised is not None and raised[0] not in after.alarms:
        return replace(after, alarms=after.alarms | {raised[0]}), [raised[1]]
    if after.status is not ConnectionStatus.ONLINE:
        return after, []
    if not after.alarms and before.status is ConnectionStatus.PENDING and before.good_at is None:
        return after, [EventType.CONNECTION_ONLINE]
    return replace(after, alarms=frozenset()), [_OVER[alarm] for alarm in sorted(after.alarms)]


def warning(state: ConnectionState, now: datetime) -> int | None:
    """Return with how many days left the end of the credentials is to be told now, if it is."""
    if state.expires_at is None:
        return None
    left = state.expires_at - now
    reached = [days for days in WARN_AT if left <= timedelta(days=days)]
    if not reached or (state.warned is not None and state.warned <= min(reached)):
        return None
    return min(reached)


@dataclass(frozen=True, slots=True)
class Subject:
    """The connection that is spoken of, and what was true of it before."""

    situation: Situation
    connection: Resource
    last_sync: datetime | None

    def event(self, kind: EventType, state: ConnectionState, now: datetime, **more: Any) -> Event:
        """Return the event of *kind* with all that its reader needs."""
        connection = self.connection
        data: dict[str, Any] = {
            "connection": connection.key.name,
            "labels": dict(connection.labels),
            "connector": connection.spec["connector"],
            "status": state.status.value,
            "since": told(state.since),
            "reason": state.reason.value,
            "message": state.message,
            "last_good_at": told(state.good_at),
            "last_sync_at": told(self.last_sync),
            "affected": {
                "entities": list(self.situation.entities(connection)),
                "schedules": list(follows(self.situation, connection)),
            },
            **more,
        }
        return Event(new_id("evt", now), kind, str(connection.key), now, data)


def told(at: datetime | None) -> str | None:
    """Return *at* as events write it."""
    return None if at is None else rfc3339(at)


_READY: Final[Mapping[ConnectionStatus, Truth]] = {
    ConnectionStatus.PENDING: Truth.UNKNOWN,
    ConnectionStatus.ONLINE: Truth.TRUE,
    ConnectionStatus.DEGRADED: Truth.TRUE,
    ConnectionStatus.OFFLINE: Truth.FALSE,
    ConnectionStatus.NEEDS_REAUTH: Truth.FALSE,
    ConnectionStatus.PAUSED: Truth.FALSE,
}
_AUTHENTICATED: Final[Mapping[Reason, tuple[Truth, Reason]]] = {
    Reason.ANSWERS: (Truth.TRUE, Reason.TOKEN_VALID),
    Reason.ACCESS_DENIED: (Truth.TRUE, Reason.TOKEN_VALID),
    Reason.CREDENTIALS_REJECTED: (Truth.FALSE, Reason.CREDENTIALS_REJECTED),
    Reason.REAUTHORIZATION_REQUIRED: (Truth.FALSE, Reason.REAUTHORIZATION_REQUIRED),
    Reason.GRANT_REVOKED: (Truth.FALSE, Reason.GRANT_REVOKED),
    Reason.CREDENTIALS_MISSING: (Truth.FALSE, Reason.CREDENTIALS_MISSING),
    Reason.NOT_ASKED_YET: (Truth.UNKNOWN, Reason.NOT_ASKED_YET),
}


def conditions(state: ConnectionState, now: datetime, generation: int) -> Iterator[Status]:
    """Yield what is said of a connection in *state*; of its login nothing new while it cannot be told."""
    ready = _READY[state.status]
    yield Status(Condition.READY, ready, state.reason.value, state.message, now, generation)
    login = _AUTHENTICATED.get(state.reason)
    if login is not None:
        truth, reason = login
        yield Status(Condition.AUTHENTICATED, truth, reason.value, state.message, now, generation)

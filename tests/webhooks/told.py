"""Events and messages that tests tell."""

from datetime import UTC, datetime, timedelta
from typing import Any

from reconciler.model.event import Event, EventType
from reconciler.webhooks.message import Message, message_of

AT = datetime(2026, 11, 24, 12, 0, 0, 250_000, tzinfo=UTC)


def event(
    kind: EventType = EventType.CONNECTION_AUTH_REQUIRED,
    subject: str = "Connection/acme-erp",
    /,
    *,
    after: int = 0,
    **data: Any,
) -> Event:
    """Return an event, *after* seconds past noon."""
    return Event(f"evt_{after}", kind, subject, AT + timedelta(seconds=after), data)


def message(kind: EventType = EventType.CONNECTION_AUTH_REQUIRED, **data: Any) -> Message:
    """Return the message of one event."""
    return message_of(event(kind, **data), "uid")

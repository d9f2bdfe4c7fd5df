"""What a webhook says: ``{"type", "timestamp", "data"}``, the same bytes at each attempt."""

from typing import Any, Final

from reconciler.model.event import Event
from reconciler.model.moment import rfc3339
from reconciler.model.value import canonical

LARGEST: Final = 20_000
"""Bytes that a body has at most, as Standard Webhooks advises: the rest is asked for where it is kept."""


def body_of(event: Event) -> bytes:
    """Return the body of the webhook that tells of *event*.

    One that would be larger than ``LARGEST`` comes without ``details``, and says so.
    """
    body = canonical(_told(event, dict(event.data)))
    return body if len(body) <= LARGEST else canonical(_told(event, None))


def moment(event: Event) -> str:
    """Return when it happened, as webhooks write it."""
    return rfc3339(event.occurred_at, "microseconds")


def _told(event: Event, details: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "type": event.type.value,
        "timestamp": moment(event),
        "data": {
            "id": event.id,
            "subject": event.subject,
            "severity": event.severity.value,
            "details": details,
            "truncated": details is None,
        },
    }

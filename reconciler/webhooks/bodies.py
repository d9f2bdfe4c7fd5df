"""What is posted of a group of alerts; and any body of ours as a CloudEvent."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from reconciler.model.notification import AlertTold, Notification
from reconciler.model.value import canonical
from reconciler.webhooks.payload import LARGEST

JSON: Final = "application/json"
CLOUD_EVENT: Final = "application/cloudevents+json"

_NEXT: Final = 4
"""What does not fit is tried again with so many times fewer alerts."""


def body_of_group(told: Notification) -> bytes:
    """Return the body of the webhook that tells of a group of alerts.

    One that would be larger than ``LARGEST`` comes without details, and then with fewer alerts: the
    counts say how many there are, ``left_out`` how many are not listed, ``truncated`` that it is so.
    """
    for listed, details in _attempts(len(told.alerts)):
        body = canonical(_told(told, listed, details=details))
        if len(body) <= LARGEST:
            return body
    return canonical(_told(told, 0, details=False))


def _attempts(alerts: int) -> Iterator[tuple[int, bool]]:
    yield alerts, True
    while alerts:
        yield alerts, False
        alerts -= max(alerts // _NEXT, 1)


def _told(told: Notification, listed: int, *, details: bool) -> dict[str, Any]:
    return {
        "type": told.topic,
        "timestamp": _time(told.at),
        "data": {
            "id": told.id,
            "kind": told.kind.value,
            "status": told.status.value,
            "severity": told.severity.value,
            "group": dict(told.group),
            "counts": {
                "firing": told.firing,
                "resolved": told.resolved,
                "notices": told.notices,
            },
            "alerts": [_alert(one, details=details) for one in told.alerts[:listed]],
            "left_out": told.left_out + len(told.alerts) - listed,
            "truncated": not details,
        },
    }


def _alert(one: AlertTold, *, details: bool) -> dict[str, Any]:
    event = one.end or one.event
    return {
        "id": one.id,
        "name": one.name,
        "status": one.status.value,
        "severity": one.severity.value,
        "subject": one.subject,
        "reason": one.reason,
        "labels": dict(one.labels),
        "starts_at": _time(one.starts_at),
        "ends_at": None if one.ends_at is None else _time(one.ends_at),
        "count": one.count,
        "acknowledged_by": one.acknowledged_by or None,
        "event": {
            "id": event.id,
            "type": event.type.value,
            "timestamp": _time(event.occurred_at),
            "details": dict(event.data) if details else None,
        },
    }


def cloud_event(delivery_id: str, body: bytes) -> bytes:
    """Return *body*, one of ours, as a structured CloudEvent; its ``id`` is that of the delivery.

    https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
    """
    told: Mapping[str, Any] = msgspec.json.decode(body)
    data = told["data"]
    group = ",".join(f"{name}={text}" for name, text in data.get("group", {}).items())
    return canonical(
        {
            "specversion": "1.0",
            "id": delivery_id,
            "source": "urn:reconciler",
            "type": told["type"],
            "subject": data.get("subject") or group or "all",
            "time": told["timestamp"],
            "datacontenttype": JSON,
            "data": data,
        }
    )


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")

"""Notifications made of what is to be told: the worst first, bounded, with the events that said so."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from reconciler.engine.deciding import Flush
from reconciler.model.alert import Alert
from reconciler.model.event import Delivery, Event, EventSeverity
from reconciler.model.notification import AlertStatus, AlertTold, Notification

MOST: Final = 100
"""So many alerts a notification lists; the others it counts."""

_NOT_LABELS: Final = frozenset({"event", "severity", "subject"})
"""Facts that an alert has fields of its own for."""


def listed(flush: Flush) -> list[Alert]:
    """Return the alerts that are listed: those that hold first, the worst and oldest of them first."""
    order = list(EventSeverity)
    ranked = sorted(
        flush.alerts,
        key=lambda one: (not one.open, -order.index(one.severity), one.opened_at, one.id),
    )
    return ranked[:MOST]


def events_of(alerts: Iterable[Alert]) -> list[str]:
    """Return the ids of the events that *alerts* are told with."""
    return [name for one in alerts for name in (one.event_id, one.closed_by) if name]


def newest_of(flush: Flush) -> str:
    """Return the id of the newest event that *flush* tells of: its place among others."""
    last = max(flush.alerts, key=lambda one: (one.closed_at or one.changed_at, one.id))
    return last.closed_by or last.event_id


def notification_of(flush: Flush, events: Mapping[str, Event], now: datetime) -> Notification:
    """Return what *flush* tells; of *events* those that are missing are not kept any more."""
    shown = listed(flush)
    firing = sum(one.open for one in flush.alerts)
    notices = sum(not one.lasting for one in flush.alerts)
    resolved = len(flush.alerts) - firing - notices
    order = list(EventSeverity)
    return Notification(
        id=f"ntf_{_mark(flush)}",
        kind=flush.kind,
        status=_status(firing, resolved),
        severity=max((one.severity for one in flush.alerts), key=order.index),
        group=flush.group.labels,
        at=now,
        alerts=tuple(_told(one, events) for one in shown),
        firing=firing,
        resolved=resolved,
        notices=notices,
        left_out=len(flush.alerts) - len(shown),
    )


def delivery_of_group(flush: Flush, told: Notification, *, now: datetime) -> Delivery:
    """Return the delivery of *told*; made twice, it is the same one."""
    return Delivery(
        id=f"dlv_{_mark(flush)}",
        event_id=newest_of(flush),
        route=flush.to,
        due_at=now,
        subject=f"{flush.group.route} {flush.group.key}",
        topic=told.topic,
        notification=told,
        made_at=now,
    )


def _mark(flush: Flush) -> str:
    group = flush.group
    text = "\x00".join((group.route, group.key, str(group.number), flush.to))
    return hashlib.blake2b(text.encode(), digest_size=14).hexdigest()


def _status(firing: int, resolved: int) -> AlertStatus:
    if firing:
        return AlertStatus.FIRING
    return AlertStatus.RESOLVED if resolved else AlertStatus.NOTICE


def _told(alert: Alert, events: Mapping[str, Event]) -> AlertTold:
    event = events.get(alert.event_id)
    if event is None:
        event = Event(alert.event_id, alert.type, alert.subject, alert.changed_at)
    labels = {name: text for own in alert.labels[:1] for name, text in own.items()}
    facts = {name: text for name, text in alert.facts.items() if name not in _NOT_LABELS}
    return AlertTold(
        id=alert.id,
        name=alert.type.value,
        status=_status(alert.open, alert.lasting),
        severity=alert.severity,
        subject=alert.subject,
        reason=alert.reason,
        labels={**labels, **facts},
        starts_at=alert.opened_at,
        ends_at=alert.closed_at if alert.lasting else None,
        count=alert.count,
        acknowledged_by=alert.acked_by,
        event=event,
        end=events.get(alert.closed_by),
    )

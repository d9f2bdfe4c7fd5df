"""Rows of alerts, tellings, groups, silences and receivers as values, and values as rows."""

from typing import Any

import msgspec

from reconciler.model.alert import Alert, Group, Silence, Telling
from reconciler.model.endpoint import Endpoint
from reconciler.model.event import EventType
from reconciler.model.value import canonical
from reconciler.store.rows import AnyRow, Fields
from reconciler.store.times import maybe_micros, maybe_moment, micros, moment


def alert_fields(alert: Alert) -> Fields:
    """Return the columns that hold *alert*."""
    return {
        "id": alert.id,
        "type": alert.type.value,
        "subject": alert.subject,
        "part": alert.part,
        "reason": alert.reason,
        "event_id": alert.event_id,
        "opened_at": micros(alert.opened_at),
        "changed_at": micros(alert.changed_at),
        "lasting": int(alert.lasting),
        "count": alert.count,
        "closed_at": maybe_micros(alert.closed_at),
        "closed_by": alert.closed_by or None,
        # As they stand: the order of facts is that in which a group names them.
        "facts": msgspec.json.encode(dict(alert.facts)),
        "labels": canonical([dict(own) for own in alert.labels]),
        "acked_at": maybe_micros(alert.acked_at),
        "acked_by": alert.acked_by or None,
        "note": alert.note or None,
        "settled": int(alert.settled),
    }


def to_alert(row: AnyRow) -> Alert:
    """Return the alert of a row of ``alerts``."""
    return Alert(
        id=row.id,
        type=EventType(row.type),
        subject=row.subject,
        part=row.part,
        reason=row.reason,
        event_id=row.event_id,
        opened_at=moment(row.opened_at),
        changed_at=moment(row.changed_at),
        lasting=bool(row.lasting),
        count=row[_COUNT],  # ``row.count`` is a tuple's own
        closed_at=maybe_moment(row.closed_at),
        closed_by=row.closed_by or "",
        facts=_json(row.facts),
        labels=tuple(_json(row.labels)),
        acked_at=maybe_moment(row.acked_at),
        acked_by=row.acked_by or "",
        note=row.note or "",
        settled=bool(row.settled),
    )


_COUNT = 9


def telling_fields(telling: Telling) -> Fields:
    """Return the columns that hold *telling*."""
    return {
        "route": telling.route,
        "alert": telling.alert,
        "told_group": telling.group,
        "told_at": micros(telling.told_at),
        "said": telling.said,
        "resolved_at": maybe_micros(telling.resolved_at),
        "escalated_at": maybe_micros(telling.escalated_at),
        "escalated_to": telling.escalated_to or None,
    }


def to_telling(row: AnyRow) -> Telling:
    """Return the telling of a row of ``tellings``."""
    return Telling(
        route=row.route,
        alert=row.alert,
        group=row.told_group,
        told_at=moment(row.told_at),
        said=row.said,
        resolved_at=maybe_moment(row.resolved_at),
        escalated_at=maybe_moment(row.escalated_at),
        escalated_to=row.escalated_to or "",
    )


def group_fields(group: Group) -> Fields:
    """Return the columns that hold *group*."""
    return {
        "route": group.route,
        "key": group.key,
        "labels": msgspec.json.encode(dict(group.labels)),
        "number": group.number,
        "flushed_at": maybe_micros(group.flushed_at),
        "delivery": group.delivery,
    }


def to_group(row: AnyRow) -> Group:
    """Return the group of a row of ``alert_groups``."""
    return Group(
        route=row.route,
        key=row.key,
        labels=_json(row.labels),
        number=row.number,
        flushed_at=maybe_moment(row.flushed_at),
        delivery=row.delivery,
    )


def silence_fields(silence: Silence) -> Fields:
    """Return the columns that hold *silence*."""
    return {
        "id": silence.id,
        "matchers": canonical(dict(silence.matchers)),
        "comment": silence.comment,
        "created_by": silence.created_by,
        "created_at": micros(silence.created_at),
        "starts_at": micros(silence.starts_at),
        "ends_at": micros(silence.ends_at),
    }


def to_silence(row: AnyRow) -> Silence:
    """Return the silence of a row of ``silences``."""
    return Silence(
        id=row.id,
        matchers=_json(row.matchers),
        comment=row.comment,
        created_by=row.created_by,
        created_at=moment(row.created_at),
        starts_at=moment(row.starts_at),
        ends_at=moment(row.ends_at),
    )


def endpoint_fields(endpoint: Endpoint) -> Fields:
    """Return the columns that hold *endpoint*."""
    return {
        "route": endpoint.route,
        "failures": endpoint.failures,
        "failing_since_at": maybe_micros(endpoint.failing_since),
        "failed_at": maybe_micros(endpoint.failed_at),
        "disabled_at": maybe_micros(endpoint.disabled_at),
        "reason": endpoint.reason,
        "basis": endpoint.basis,
    }


def to_endpoint(row: AnyRow) -> Endpoint:
    """Return how the receiver of a row of ``endpoints`` is."""
    return Endpoint(
        route=row.route,
        failures=row.failures,
        failing_since=maybe_moment(row.failing_since_at),
        failed_at=maybe_moment(row.failed_at),
        disabled_at=maybe_moment(row.disabled_at),
        reason=row.reason,
        basis=row.basis,
    )


def _json(blob: bytes) -> Any:
    return msgspec.json.decode(blob)

"""Drift, conditions, audit entries, history, pins and leases as rows, and rows as them."""

from typing import Any

import msgspec

from reconciler.model.audit import AuditEntry, Hold, Past, Pin
from reconciler.model.change import ABSENT, DriftPolicy, FieldDrift
from reconciler.model.condition import Condition, Status, Truth
from reconciler.model.drift import Drift, DriftKind, Resolution
from reconciler.model.resource import Kind, ResourceKey
from reconciler.model.value import canonical
from reconciler.store.rows import AnyRow, Fields
from reconciler.store.times import maybe_micros, maybe_moment, micros, moment


def drift_fields(drift: Drift) -> Fields:
    """Return the columns that hold *drift*."""
    return {
        "id": drift.id,
        "uid": drift.uid,
        "kind": drift.kind.value,
        "policy": drift.policy.value,
        "fields": canonical([_field_out(field) for field in drift.fields]),
        "actor": ", ".join(drift.actors),
        "first_seen_at": micros(drift.first_seen_at),
        "last_seen_at": micros(drift.last_seen_at),
        "sightings": drift.sightings,
        "resolved_at": maybe_micros(drift.resolved_at),
        "resolution": None if drift.resolution is None else drift.resolution.value,
    }


def to_drift(row: AnyRow, key: ResourceKey) -> Drift:
    """Return the drift of a row of ``drifts``, of the object that is called *key* now."""
    return Drift(
        id=row.id,
        kind=DriftKind(row.kind),
        key=key,
        uid=row.uid,
        fields=to_field_drifts(row.fields),
        policy=DriftPolicy(row.policy),
        first_seen_at=moment(row.first_seen_at),
        last_seen_at=moment(row.last_seen_at),
        sightings=row.sightings,
        resolved_at=maybe_moment(row.resolved_at),
        resolution=None if row.resolution is None else Resolution(row.resolution),
    )


def to_field_drifts(fields: bytes) -> tuple[FieldDrift, ...]:
    """Return the drifted fields of the column ``fields``."""
    return tuple(
        FieldDrift(
            path=tuple(told["path"]),
            applied=told.get("applied", ABSENT),
            observed=told.get("observed", ABSENT),
            actor=told["actor"],
            at=moment(told["at"]),
        )
        for told in msgspec.json.decode(fields)
    )


def _field_out(field: FieldDrift) -> dict[str, Any]:
    told = {"path": list(field.path), "actor": field.actor, "at": micros(field.at)}
    sides = {"applied": field.applied, "observed": field.observed}
    return {**told, **{side: value for side, value in sides.items() if value is not ABSENT}}


def status_fields(subject: str, status: Status) -> Fields:
    """Return the columns that hold *status* of *subject*."""
    return {
        "subject": subject,
        "condition": status.condition.value,
        "truth": status.truth.value,
        "reason": status.reason,
        "message": status.message,
        "since_at": micros(status.since),
        "generation": status.generation,
    }


def to_status(row: AnyRow) -> Status:
    """Return the status of a row of ``conditions``."""
    return Status(
        condition=Condition(row.condition),
        truth=Truth(row.truth),
        reason=row.reason,
        message=row.message,
        since=moment(row.since_at),
        generation=row.generation,
    )


def audit_fields(entry: AuditEntry) -> Fields:
    """Return the columns that hold *entry*, without its number."""
    return {
        "done_at": micros(entry.at),
        "actor": entry.actor,
        "deed": entry.deed,
        "subject": entry.subject,
        "request_id": entry.request_id or None,
        "data": canonical(dict(entry.data)),
        "chain": bytes.fromhex(entry.chain),
    }


def to_audit(row: AnyRow) -> AuditEntry:
    """Return the entry of a row of ``audit``."""
    return AuditEntry(
        at=moment(row.done_at),
        actor=row.actor,
        deed=row.deed,
        subject=row.subject,
        data=msgspec.json.decode(row.data),
        request_id=row.request_id or "",
        seq=row.seq,
        chain="" if row.chain is None else bytes(row.chain).hex(),
    )


def to_past(row: AnyRow) -> Past:
    """Return the change of a row of ``object_history``."""
    return Past(
        key=ResourceKey(Kind(row.kind), row.name),
        uid=row.uid,
        change=row.change,
        actor=row.actor,
        at=moment(row.changed_at),
        generation=row.generation,
        revision=row.revision,
        before=None if row.before is None else bytes(row.before),
        after=None if row.after is None else bytes(row.after),
    )


def pin_fields(pin: Pin) -> Fields:
    """Return the columns that hold *pin*."""
    return {
        "environment": pin.environment,
        "revision": pin.revision,
        "reason": pin.reason,
        "pinned_by": pin.by,
        "pinned_at": micros(pin.at),
        "until_at": maybe_micros(pin.until),
    }


def to_pin(row: AnyRow) -> Pin:
    """Return the pin of a row of ``pins``."""
    return Pin(
        environment=row.environment,
        revision=row.revision,
        reason=row.reason,
        by=row.pinned_by,
        at=moment(row.pinned_at),
        until=maybe_moment(row.until_at),
    )


def to_hold(row: AnyRow) -> Hold:
    """Return the hold of a row of ``leases``."""
    return Hold(
        name=row.name,
        holder=row.holder or "",
        epoch=row.epoch,
        acquired_at=maybe_moment(row.acquired_at),
        expires_at=moment(row.expires_at),
    )

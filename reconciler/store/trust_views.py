"""Reading the drift ledger, conditions, history, the audit log, pins and leases."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, or_, select

from reconciler.model.audit import AuditEntry, Hold, Past, Pin
from reconciler.model.condition import Status
from reconciler.model.drift import Drift, DriftKind, Resolution
from reconciler.model.resource import Kind, ResourceKey
from reconciler.store.tables import objects
from reconciler.store.times import micros, moment
from reconciler.store.trust_rows import (
    to_audit,
    to_drift,
    to_hold,
    to_past,
    to_pin,
    to_status,
)
from reconciler.store.trust_tables import audit, conditions, drifts, leases, object_history, pins

_DRIFTS = select(drifts, objects.c.kind.label("object_kind"), objects.c.name).join(
    objects, objects.c.uid == drifts.c.uid
)


def read_drifts(
    database: Connection, key: ResourceKey | None, *, ended: bool, limit: int
) -> Sequence[Drift]:
    """Return drift, the newest first."""
    wanted = _DRIFTS.order_by(drifts.c.last_seen_at.desc(), drifts.c.id.desc()).limit(limit)
    if not ended:
        wanted = wanted.where(drifts.c.resolved_at.is_(None))
    if key is not None:
        wanted = wanted.where(objects.c.kind == key.kind.value, objects.c.name == key.name)
    return tuple(
        to_drift(row, ResourceKey(Kind(row.object_kind), row.name))
        for row in database.execute(wanted)
    )


def read_open(database: Connection) -> Sequence[Drift]:
    """Return the drift of objects that is not over, oldest first."""
    wanted = _DRIFTS.where(
        drifts.c.resolved_at.is_(None), drifts.c.kind == DriftKind.CONFIG.value
    ).order_by(drifts.c.first_seen_at, drifts.c.id)
    return tuple(
        to_drift(row, ResourceKey(Kind(row.object_kind), row.name))
        for row in database.execute(wanted)
    )


def read_healings(database: Connection, since: datetime) -> Mapping[str, Sequence[datetime]]:
    """Return when drift of each object (uid) was healed after *since*, oldest first."""
    wanted = (
        select(drifts.c.uid, drifts.c.resolved_at)
        .where(drifts.c.resolved_at > micros(since), drifts.c.resolution == Resolution.HEALED.value)
        .order_by(drifts.c.resolved_at, drifts.c.id)
    )
    found: dict[str, list[datetime]] = {}
    for uid, at in database.execute(wanted):
        found.setdefault(uid, []).append(moment(at))
    return found


def read_conditions(database: Connection, subject: str | None) -> Mapping[str, Sequence[Status]]:
    """Return what is said of each subject, or of one."""
    wanted = select(conditions).order_by(conditions.c.subject, conditions.c.condition)
    if subject is not None:
        wanted = wanted.where(conditions.c.subject == subject)
    found: dict[str, list[Status]] = {}
    for row in database.execute(wanted):
        found.setdefault(row.subject, []).append(to_status(row))
    return found


def read_history(database: Connection, key: ResourceKey | None, limit: int) -> Sequence[Past]:
    """Return changes that were made, the newest first; of *key* under any of its names."""
    wanted = select(object_history).order_by(object_history.c.seq.desc()).limit(limit)
    if key is not None:
        named = select(objects.c.uid).where(
            objects.c.kind == key.kind.value, objects.c.name == key.name
        )
        wanted = wanted.where(
            or_(
                object_history.c.uid.in_(named),
                (object_history.c.kind == key.kind.value) & (object_history.c.name == key.name),
            )
        )
    return tuple(to_past(row) for row in database.execute(wanted))


def read_audit(database: Connection, after: int, limit: int) -> Sequence[AuditEntry]:
    """Return entries after the one of number *after*, the oldest first."""
    wanted = select(audit).where(audit.c.seq > after).order_by(audit.c.seq).limit(limit)
    return tuple(to_audit(row) for row in database.execute(wanted))


def read_pin(database: Connection, environment: str) -> Pin | None:
    """Return where the source of specs stays, if it does."""
    row = database.execute(select(pins).where(pins.c.environment == environment)).one_or_none()
    return None if row is None else to_pin(row)


def read_holds(database: Connection) -> Sequence[Hold]:
    """Return who holds which lease."""
    return tuple(to_hold(row) for row in database.execute(select(leases).order_by(leases.c.name)))

"""Rows of the database as values, and values as rows: the one place where types are taken on trust."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, TypeAlias

import msgspec
from sqlalchemy import Row as DatabaseRow

from reconciler.model.access import ROLES, Role, Scope, Token
from reconciler.model.condition import Reason
from reconciler.model.connection import Alarm, ConnectionState, ConnectionStatus
from reconciler.model.event import Attempt, Delivery, DeliveryStatus, Event, EventType, Lease
from reconciler.model.record import StoredRecord
from reconciler.model.redo import NOT_ASKED, Redo
from reconciler.model.resource import Kind, Origin, Owner, Resource, ResourceKey
from reconciler.model.selector import format_selector, parse_selector
from reconciler.model.sync import Cursor, RunStatus, SyncMode, SyncRun, Trigger
from reconciler.model.value import canonical
from reconciler.store.times import maybe_micros, maybe_moment, micros, moment

Fields: TypeAlias = dict[str, Any]
"""Column to value."""
AnyRow: TypeAlias = DatabaseRow[*tuple[Any, ...]]
"""A row of whatever columns."""


_MICROSECOND = timedelta(microseconds=1)

# ── resources ────────────────────────────────────────────────────────────────────────────────────


def resource_fields(resource: Resource, observed: Resource | None = None) -> Fields:
    """Return the columns that hold *resource* as git applied it, and what is in force, if that differs."""
    origin = resource.origin
    return {**_applied_fields(resource, origin), **observed_fields(resource, observed)}


def observed_fields(applied: Resource, observed: Resource | None) -> Fields:
    """Return the columns that hold what is in force beside *applied*; ``None``: that itself is."""
    now = observed or applied
    return {
        "observed": None if observed is None else observed.canonical,
        "observed_digest": None if observed is None else observed.digest,
        "needs": canonical(sorted(str(key) for key in now.needs)),
        "labels": canonical(now.labels),
    }


def _applied_fields(resource: Resource, origin: Origin | None) -> Fields:
    return {
        "kind": resource.key.kind.value,
        "name": resource.key.name,
        "owner": resource.owner.value,
        "applied": resource.canonical,
        "applied_digest": resource.digest,
        "previous_name": resource.previous_name,
        "origin_file": origin.file if origin else None,
        "origin_line": origin.line if origin else None,
        "origin_column": origin.column if origin else None,
    }


def redo_fields(redo: Redo) -> Fields:
    """Return the columns that hold what is known of work done once more."""
    return {"redo": redo.value or None, "redo_at": maybe_micros(redo.asked_at)}


def to_redo(row: AnyRow) -> Redo:
    """Return what is known of work done once more, of a row of ``objects``."""
    if row.redo is None and row.redo_at is None:
        return NOT_ASKED
    return Redo(row.redo or "", maybe_moment(row.redo_at))


def to_resource(row: AnyRow) -> Resource:
    """Return what is in force, of a row of ``objects``."""
    if row.observed is not None:
        return _to_resource(row, bytes(row.observed), row.observed_digest)
    return _to_resource(row, bytes(row.applied), row.applied_digest)


def to_applied(row: AnyRow) -> Resource | None:
    """Return what git applied, of a row of ``objects`` of which something else is in force."""
    if row.observed is None:
        return None
    return _to_resource(row, bytes(row.applied), row.applied_digest)


def _to_resource(row: AnyRow, text: bytes, digest: str) -> Resource:
    return Resource(
        key=ResourceKey(Kind(row.kind), row.name),
        canonical=text,
        digest=digest,
        needs=frozenset(_key(text) for text in msgspec.json.decode(row.needs)),
        owner=Owner(row.owner),
        origin=None
        if row.origin_file is None
        else Origin(row.origin_file, row.origin_line, row.origin_column),
        previous_name=row.previous_name,
    )


def _key(text: str) -> ResourceKey:
    kind, _, name = text.partition("/")
    return ResourceKey(Kind(kind), name)


def state_fields(state: ConnectionState) -> Fields:
    """Return the columns that hold how a connection is, without its uid."""
    return {
        "basis": state.basis,
        "status": state.status.value,
        "since_at": micros(state.since),
        "failures": state.failures,
        "reason": state.reason.value,
        "message": state.message,
        "strikes": state.strikes,
        "good_at": maybe_micros(state.good_at),
        "alarms": " ".join(sorted(state.alarms)),
        "expires_at": maybe_micros(state.expires_at),
        "warned": state.warned,
    }


def to_state(row: AnyRow) -> ConnectionState:
    """Return how a connection is, of a row of ``connection_states`` with the ``name`` it has now."""
    return ConnectionState(
        key=ResourceKey(Kind.CONNECTION, row.name),
        basis=row.basis,
        status=ConnectionStatus(row.status),
        since=moment(row.since_at),
        failures=row.failures,
        message=row.message,
        reason=Reason(row.reason),
        strikes=row.strikes,
        good_at=maybe_moment(row.good_at),
        alarms=frozenset(Alarm(word) for word in row.alarms.split()),
        expires_at=maybe_moment(row.expires_at),
        warned=row.warned,
    )


# ── syncs and records ────────────────────────────────────────────────────────────────────────────


def cursor_fields(cursor: Cursor) -> Fields:
    """Return the columns that hold *cursor*."""
    return {
        "connection": cursor.connection,
        "entity": cursor.entity,
        "basis": cursor.basis,
        "position": cursor.position,
        "page": cursor.page,
        "mode": None if cursor.mode is None else cursor.mode.value,
        "since": cursor.since,
        "reached": cursor.reached,
        "run": cursor.run,
        "advanced_at": maybe_micros(cursor.advanced_at),
    }


def to_cursor(row: AnyRow) -> Cursor:
    """Return the cursor of a row of ``cursors``."""
    return Cursor(
        connection=row.connection,
        entity=row.entity,
        basis=row.basis,
        position=row.position,
        page=row.page,
        mode=None if row.mode is None else SyncMode(row.mode),
        since=row.since,
        reached=row.reached,
        run=row.run,
        advanced_at=maybe_moment(row.advanced_at),
    )


_RUN_COUNTS = ("pages", "read", "created", "updated", "unchanged", "deleted", "invalid")


def run_fields(run: SyncRun) -> Fields:
    """Return the columns that hold *run*."""
    return {
        "id": run.id,
        "connection": run.connection,
        "entity": run.entity,
        "mode": run.mode.value,
        "trigger": run.trigger.value,
        "status": run.status.value,
        "started_at": micros(run.started_at),
        "finished_at": maybe_micros(run.finished_at),
        "error": run.error,
        **{name: getattr(run, name) for name in _RUN_COUNTS},
    }


def to_run(row: AnyRow) -> SyncRun:
    """Return the run of a row of ``sync_runs``."""
    return SyncRun(
        id=row.id,
        connection=row.connection,
        entity=row.entity,
        mode=SyncMode(row.mode),
        trigger=Trigger(row.trigger),
        status=RunStatus(row.status),
        started_at=moment(row.started_at),
        finished_at=maybe_moment(row.finished_at),
        error=row.error,
        **{name: getattr(row, name) for name in _RUN_COUNTS},
    )


def to_record(row: AnyRow) -> StoredRecord:
    """Return the record of a row of ``records``."""
    return StoredRecord(
        id=row.id,
        connection=row.connection,
        entity=row.entity,
        source_id=row.source_id,
        raw=row.raw,
        mapped=row.mapped,
        basis=row.basis,
        error=row.error,
        created_at=moment(row.created_at),
        updated_at=moment(row.updated_at),
        deleted_at=maybe_moment(row.deleted_at),
        run=row.run,
    )


# ── events and deliveries ────────────────────────────────────────────────────────────────────────


def event_fields(event: Event) -> Fields:
    """Return the columns that hold *event*."""
    return {
        "id": event.id,
        "type": event.type.value,
        "subject": event.subject,
        "occurred_at": micros(event.occurred_at),
        "trace": event.trace,
        "data": canonical(event.data),
    }


def to_event(row: AnyRow) -> Event:
    """Return the event of a row of ``events``."""
    data: Mapping[str, Any] = msgspec.json.decode(row.data)
    return Event(
        id=row.id,
        type=EventType(row.type),
        subject=row.subject,
        occurred_at=moment(row.occurred_at),
        data=data,
        trace=row.trace,
    )


def delivery_fields(delivery: Delivery) -> Fields:
    """Return the columns that hold *delivery*, without its attempts."""
    lease = delivery.lease
    return {
        "id": delivery.id,
        "event_id": delivery.event_id,
        "route": delivery.route,
        "status": delivery.status.value,
        "due_at": micros(delivery.due_at),
        "lease_holder": lease.holder if lease else None,
        "lease_until": micros(lease.until) if lease else None,
        "subject": delivery.subject,
        "tries": len(delivery.attempts),
        "reason": delivery.reason or None,
    }


def to_delivery(row: AnyRow, attempts: Iterable[Attempt] = ()) -> Delivery:
    """Return the delivery of a row of ``deliveries``."""
    return Delivery(
        id=row.id,
        event_id=row.event_id,
        route=row.route,
        due_at=moment(row.due_at),
        status=DeliveryStatus(row.status),
        attempts=tuple(attempts),
        lease=None
        if row.lease_holder is None
        else Lease(row.lease_holder, moment(row.lease_until)),
        subject=row.subject,
        reason=row.reason or "",
    )


def attempt_fields(delivery_id: str, number: int, attempt: Attempt) -> Fields:
    """Return the columns that hold the attempt of that *number*, counted from 0."""
    return {
        "delivery_id": delivery_id,
        "number": number,
        "tried_at": micros(attempt.at),
        "status": attempt.status,
        "took": attempt.took // _MICROSECOND,
        "answer": attempt.answer,
        "wait": None if attempt.wait is None else attempt.wait // _MICROSECOND,
    }


def to_attempt(row: AnyRow) -> Attempt:
    """Return the attempt of a row of ``attempts``."""
    return Attempt(
        at=moment(row.tried_at),
        status=row.status,
        took=timedelta(microseconds=row.took),
        answer=row.answer,
        wait=None if row.wait is None else row.wait * _MICROSECOND,
    )


# ── tokens ───────────────────────────────────────────────────────────────────────────────────────


def token_fields(token: Token) -> Fields:
    """Return the columns that hold *token*: its role, and the scopes beside those of the role."""
    beside = token.scopes - (ROLES[token.role] if token.role else frozenset())
    return {
        "id": token.id,
        "name": token.name,
        "digest": token.digest,
        "scopes": " ".join(sorted(scope.value for scope in beside)),
        "connection": token.connection,
        "api_version": token.api_version,
        "created_at": micros(token.created_at),
        "expires_at": maybe_micros(token.expires_at),
        "revoked_at": maybe_micros(token.revoked_at),
        "last_used_at": maybe_micros(token.last_used_at),
        "role": None if token.role is None else token.role.value,
        "selector": format_selector(token.selector) or None,
        "networks": " ".join(token.networks) or None,
        "description": token.description or None,
        "created_by": token.created_by or None,
        "replaced_by": token.replaced_by,
    }


def to_token(row: AnyRow) -> Token:
    """Return the token of a row of ``tokens``; it may what its role may in this program."""
    role = None if row.role is None else Role(row.role)
    named = frozenset(Scope(text) for text in row.scopes.split())
    return Token(
        id=row.id,
        name=row.name,
        digest=bytes(row.digest),
        scopes=named if role is None else named | ROLES[role],
        connection=row.connection,
        api_version=row.api_version,
        created_at=moment(row.created_at),
        expires_at=maybe_moment(row.expires_at),
        revoked_at=maybe_moment(row.revoked_at),
        last_used_at=maybe_moment(row.last_used_at),
        role=role,
        selector=parse_selector(row.selector) if row.selector else (),
        networks=tuple((row.networks or "").split()),
        description=row.description or "",
        created_by=row.created_by or "",
        replaced_by=row.replaced_by,
    )

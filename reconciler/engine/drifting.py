"""The drift ledger kept up: what an edit, an apply or a healing makes of it, and who is told."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, assert_never

from reconciler.engine.ids import new_id
from reconciler.model.change import (
    ABSENT,
    Adopt,
    Change,
    Create,
    Delete,
    DriftPolicy,
    FieldDrift,
    Forget,
    Heal,
    Rename,
    Replace,
    Update,
)
from reconciler.model.drift import Drift, DriftKind, Resolution
from reconciler.model.event import Event, EventType
from reconciler.model.moment import rfc3339
from reconciler.model.resource import Resource, ResourceKey
from reconciler.plan.diff import same
from reconciler.plan.drift import Sighting, field_drifts, ignored_of, policy_of
from reconciler.plan.merge import under, value_at
from reconciler.plan.outcome import in_force_after
from reconciler.plan.paths import dotted
from reconciler.ports import Ledger

Open = Mapping[ResourceKey, Drift]


@dataclass(frozen=True, slots=True)
class Edited:
    """An object as git applied it and as it was made, and its identity."""

    uid: str
    applied: Resource
    observed: Resource


async def open_drifts(ledger: Ledger) -> Open:
    """Return the open drift of objects, by key."""
    return {drift.key: drift for drift in await ledger.open()}


async def note_edit(
    ledger: Ledger, known: Drift | None, edited: Edited, seen: Sighting
) -> list[Event]:
    """Keep what an edit outside of git makes of the ledger; return what is to be told of it."""
    fields = field_drifts(known.fields if known else (), edited.applied, edited.observed, seen)
    if not fields:
        if known is None:
            return []
        await ledger.keep(known.over(Resolution.REVERTED, seen.at))
        return [_resolved(known, Resolution.REVERTED, seen)]
    drift = _seen(known, edited, fields, seen.at)
    await ledger.keep(drift)
    ignored = ignored_of(edited.applied, seen.at)
    told = [field for field in fields if not under(field.path, ignored)]
    if not told or drift.policy.value == "ignore" or (known and known.fields == fields):
        return []
    return [_detected(drift, told, seen)]


async def note_applied(
    ledger: Ledger, known: Open, changes: Iterable[Change], seen: Sighting
) -> list[Event]:
    """Keep what *changes*, made by *seen*, make of the ledger; return what is to be told of it."""
    events = []
    for change in changes:
        drift = known.get(_old_key(change))
        if drift is None:
            continue
        resolution = _resolution(change, drift)
        left = _left(change, drift, seen)
        if left and not isinstance(change, Heal):
            await ledger.keep(replace(drift, key=change.key, fields=left))
            continue
        await ledger.keep(drift.over(resolution, seen.at))
        events.append(_resolved(replace(drift, key=change.key), resolution, seen))
        if left:  # what a rule leaves alone goes on as an entry of its own
            key, at = new_id("drf", seen.at), seen.at
            await ledger.keep(replace(drift, id=key, key=change.key, fields=left, first_seen_at=at))
    return events


async def note_settled(
    ledger: Ledger, known: Open, settled: Iterable[Resource], seen: Sighting
) -> list[Event]:
    """Keep that git has come to say what is in force; return what is to be told of it."""
    events = []
    for resource in settled:
        drift = known.get(resource.key)
        if drift is not None:
            await ledger.keep(drift.over(Resolution.ADOPTED, seen.at))
            events.append(_resolved(drift, Resolution.ADOPTED, seen))
    return events


async def note_exception(
    ledger: Ledger,
    about: tuple[ResourceKey, str],
    fields: tuple[FieldDrift, ...],
    seen: Sighting,
) -> list[Event]:
    """Keep that an exception (its key and uid) makes *fields* otherwise; return what is to be told."""
    key, uid = about
    known = (await open_drifts(ledger)).get(key)
    if known is None:
        first = last = seen.at
        drift = Drift(
            new_id("drf", first),
            DriftKind.CONFIG,
            key,
            uid,
            fields,
            DriftPolicy.REPORT,
            first,
            last,
        )
    else:
        again = known.sightings + 1
        drift = replace(known, fields=fields, last_seen_at=seen.at, sightings=again)
    await ledger.keep(drift)
    if known is not None and known.fields == fields:
        return []
    return [_detected(drift, list(fields), seen)]


async def note_end(
    ledger: Ledger, key: ResourceKey, resolution: Resolution, seen: Sighting
) -> list[Event]:
    """Keep that the drift of *key*, if there is any, is over; return what is to be told of it."""
    known = (await open_drifts(ledger)).get(key)
    if known is None:
        return []
    await ledger.keep(known.over(resolution, seen.at))
    return [_resolved(known, resolution, seen)]


def _old_key(change: Change) -> ResourceKey:
    return change.before.key if isinstance(change, Rename) else change.key


def _left(change: Change, drift: Drift, seen: Sighting) -> tuple[FieldDrift, ...]:
    """Return the drift that is there after *change*."""
    if isinstance(change, (Create, Delete, Forget, Replace)):
        return ()
    return field_drifts(drift.fields, change.after, in_force_after(change), seen)


def _resolution(change: Change, drift: Drift) -> Resolution:
    match change:
        case Heal():
            return Resolution.HEALED
        case Create() | Delete() | Forget() | Replace():
            return Resolution.REMOVED
        case Update() | Rename() | Adopt():
            body = change.after.body
            says = all(same(value_at(body, field.path), field.observed) for field in drift.fields)
            return Resolution.ADOPTED if says else Resolution.OVERWRITTEN
        case _:
            assert_never(change)


def _seen(
    known: Drift | None, edited: Edited, fields: tuple[FieldDrift, ...], at: datetime
) -> Drift:
    policy = policy_of(edited.applied)
    if known is not None:
        again = known.sightings + 1
        return replace(known, fields=fields, policy=policy, last_seen_at=at, sightings=again)
    return Drift(
        new_id("drf", at),
        DriftKind.CONFIG,
        edited.applied.key,
        edited.uid,
        fields,
        policy,
        first_seen_at=at,
        last_seen_at=at,
    )


def _detected(drift: Drift, fields: list[FieldDrift], seen: Sighting) -> Event:
    data = {
        "drift": drift.id,
        "kind": drift.kind.value,
        "policy": drift.policy.value,
        "actor": seen.actor,
        "fields": [_told(field) for field in fields],
    }
    return _event(EventType.DRIFT_DETECTED, drift, data, seen.at)


def _resolved(drift: Drift, resolution: Resolution, seen: Sighting) -> Event:
    data = {
        "drift": drift.id,
        "kind": drift.kind.value,
        "resolution": resolution.value,
        "actor": seen.actor,
        "fields": [dotted(field.path) for field in drift.fields],
        "since": rfc3339(drift.first_seen_at, "milliseconds"),
    }
    return _event(EventType.DRIFT_RESOLVED, drift, data, seen.at)


def _event(kind: EventType, drift: Drift, data: Mapping[str, Any], at: datetime) -> Event:
    return Event(new_id("evt", at), kind, str(drift.key), at, data, trace=drift.id)


def _told(field: FieldDrift) -> dict[str, Any]:
    told: dict[str, Any] = {
        "path": dotted(field.path),
        "actor": field.actor,
        "at": rfc3339(field.at, "milliseconds"),
    }
    sides = {"applied": field.applied, "observed": field.observed}
    return {**told, **{side: value for side, value in sides.items() if value is not ABSENT}}

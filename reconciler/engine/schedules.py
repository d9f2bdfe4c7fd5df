"""Schedules as ticks of a clock, and what a tick asks for when it comes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from reconciler.engine.inforce import Situation, chooses
from reconciler.model.duration import parse_duration
from reconciler.model.resource import Kind, Resource, ResourceKey
from reconciler.model.sync import Cursor, SyncMode, SyncRun, Trigger
from reconciler.ports import SyncRequest
from reconciler.spec.cron import parse_cron


@dataclass(frozen=True, slots=True)
class Tick:
    """When to look at one schedule of one connection: every so often, or by cron in a zone."""

    schedule: str
    connection: str
    every: timedelta | None
    cron: str | None
    zone: str
    jitter: timedelta
    entities: tuple[str, ...]

    @property
    def key(self) -> str:
        """The name of this tick in queue and log."""
        return f"{self.schedule}/{self.connection}"


def ticks(situation: Situation) -> list[Tick]:
    """Return the ticks of all schedules in force that are not suspended."""
    return [
        Tick(
            schedule=schedule.key.name,
            connection=connection.key.name,
            every=parse_duration(spec["every"]) if spec.get("every") else None,
            cron=spec.get("cron"),
            zone=spec.get("timeZone") or "UTC",
            jitter=parse_duration(spec.get("jitter") or "0s"),
            entities=tuple(spec.get("entities") or situation.entities(connection)),
        )
        for schedule, spec in _schedules(situation)
        if not spec.get("suspend")
        for connection in _chosen(situation, spec)
        if not connection.spec.get("suspend")
    ]


def follows(situation: Situation, connection: Resource) -> Iterator[str]:
    """Yield the names of the schedules in force that sync *connection*."""
    for schedule, spec in _schedules(situation):
        if chooses(spec, connection):
            yield schedule.key.name


def asked(
    situation: Situation, tick: Tick, *, now: datetime, runs: Mapping[str, SyncRun]
) -> SyncRequest | None:
    """Return what *tick* asks for at *now*; ``None`` in a denied window, or if it is gone.

    ``runs`` are the last full runs that succeeded, by entity: where one is older than ``full.every``,
    the sync is a full one.
    """
    schedule = situation.resources.get(ResourceKey(Kind.SYNC_SCHEDULE, tick.schedule))
    if schedule is None or denied(schedule.spec, now):
        return None
    spec = schedule.spec
    mode = SyncMode(spec.get("mode") or "incremental")
    if mode is SyncMode.INCREMENTAL and _full_is_due(spec, now, runs):
        mode = SyncMode.FULL
    return SyncRequest(tick.connection, tuple(spec.get("entities") or ()), mode, Trigger.SCHEDULE)


def denied(spec: Mapping[str, Any], now: datetime) -> bool:
    """Return whether *now* lies in one of the schedule's denied windows."""
    for window in spec.get("windows") or ():
        cron = parse_cron(window["deny"], window.get("timeZone") or "UTC")
        opened = cron.last_at_or_before(now, within=parse_duration(window["for"]))
        if opened is not None:
            return True
    return False


def overdue(tick: Tick, cursors: Mapping[str, Cursor], *, now: datetime) -> bool:
    """Return whether *tick* should come at once: an entity was never synced, or its interval is over.

    ``cursors`` are those of the tick's connection, by entity. This is the catch-up after a stop: one
    run, however many ticks were missed.
    """
    known = [cursors.get(entity) for entity in tick.entities]
    ended = [cursor.advanced_at for cursor in known if cursor and cursor.advanced_at]
    if len(ended) < len(known):
        return True
    return tick.every is not None and now - min(ended, default=now) >= tick.every


def _schedules(situation: Situation) -> Iterator[tuple[Resource, Mapping[str, Any]]]:
    for key in sorted(situation.resources):
        if key.kind is Kind.SYNC_SCHEDULE:
            resource = situation.resources[key]
            yield resource, resource.spec


def _chosen(situation: Situation, spec: Mapping[str, Any]) -> list[Resource]:
    if spec.get("connection"):
        named = situation.resources.get(ResourceKey(Kind.CONNECTION, spec["connection"]))
        return [named] if named is not None else []
    return [one for one in situation.connections() if chooses(spec, one)]


def _full_is_due(spec: Mapping[str, Any], now: datetime, runs: Mapping[str, SyncRun]) -> bool:
    full = spec.get("full") or {}
    if not full.get("every"):
        return False
    every = parse_duration(full["every"])
    ended = [run.finished_at for run in runs.values() if run.finished_at]
    return not ended or now - min(ended) >= every

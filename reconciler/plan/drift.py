"""Drift of objects: what is in force and was not applied by git, what is told of it, and how it ends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reconciler.model.change import Drifted, DriftPolicy, FieldDrift, State
from reconciler.model.resource import Resource, ResourceKey
from reconciler.model.value import Path
from reconciler.plan.diff import diff, same
from reconciler.plan.merge import under


@dataclass(frozen=True, slots=True)
class Sighting:
    """Who has changed something just now."""

    actor: str
    at: datetime


def policy_of(applied: Resource) -> DriftPolicy:
    """Return what is to be done about drift of a resource: as it was applied, not as it was edited."""
    return DriftPolicy(applied.spec.get("drift", DriftPolicy.REPORT))


def ignored_of(applied: Resource, now: datetime | None) -> tuple[Path, ...]:
    """Return the paths whose drift is left alone at *now* (``None``: whatever the date)."""
    rules: Sequence[Mapping[str, Any]] = applied.spec.get("ignore", ())
    paths: list[Path] = []
    for rule in rules:
        until = rule.get("until")
        if now is None or until is None or datetime.fromisoformat(until) > now:
            paths += [_parsed(pointer) for pointer in rule["paths"]]
    return tuple(paths)


def field_drifts(
    known: Sequence[FieldDrift], applied: Resource, observed: Resource, seen: Sighting
) -> tuple[FieldDrift, ...]:
    """Return the fields in which *observed* is not as *applied*.

    A field that *known* holds with the same value keeps who changed it and when; any other was changed
    as *seen*.
    """
    before = {drift.path: drift for drift in known}
    found = []
    for change in diff(applied.body, observed.body):
        drift = before.get(change.path)
        if drift is not None and same(drift.observed, change.after):
            actor, at = drift.actor, drift.at
        else:
            actor, at = seen.actor, seen.at
        found.append(FieldDrift(change.path, change.before, change.after, actor, at))
    return tuple(found)


def drifted(
    key: ResourceKey, state: State, now: datetime | None, conflicts: Sequence[Path] = ()
) -> Drifted:
    """Return how the object of *key*, which *state* says has drifted, stands."""
    applied = state.applied[key]
    ignored = ignored_of(applied, now)
    edits = state.edits.get(key, ())
    return Drifted(
        key,
        policy_of(applied),
        tuple(drift for drift in edits if not under(drift.path, ignored)),
        tuple(drift for drift in edits if under(drift.path, ignored)),
        tuple(conflicts),
    )


def _parsed(pointer: str) -> Path:
    """Return a JSON pointer (RFC 6901) as a path; ``name=x`` is an item of a named list."""
    parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    return tuple(f"[{part}]" if part.startswith("name=") else part for part in parts)

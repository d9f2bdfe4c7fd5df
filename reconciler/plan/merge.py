"""Three ways at once: what git applied, what git says now, and what is there; field by field."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from reconciler.model.change import ABSENT, FieldChange
from reconciler.model.resource import Resource, with_body
from reconciler.model.value import Path
from reconciler.plan.diff import NATURAL_KEY, diff, same


@dataclass(frozen=True, slots=True)
class Merged:
    """What is in force once git's fields are applied and drift is left where git says nothing new.

    ``kept`` is the drift that stays; ``conflicts`` are paths that both have moved, to different values.
    """

    observed: Resource
    kept: tuple[FieldChange, ...]
    conflicts: tuple[Path, ...]


def merge(
    applied: Resource, desired: Resource, observed: Resource, ignored: Sequence[Path] = ()
) -> Merged:
    """Return *desired* with the drift from *applied* to *observed* that it does not speak of.

    Under *ignored* paths what is there always stays.
    """
    old, new = applied.body, desired.body
    moved = [change.path for change in diff(old, new)]
    kept: list[FieldChange] = []
    conflicts: list[Path] = []
    for drift in diff(old, observed.body):
        if same(value_at(new, drift.path), drift.after):
            continue  # git has come to say the same
        if under(drift.path, ignored) or not any(overlap(drift.path, path) for path in moved):
            kept.append(drift)
        else:
            conflicts.append(drift.path)
    if not kept:
        return Merged(desired, (), tuple(conflicts))
    body = msgspec.json.decode(desired.canonical)
    for drift in kept:
        put_at(body, drift.path, drift.after)
    return Merged(with_body(desired, body), tuple(kept), tuple(conflicts))


def overlap(one: Path, other: Path) -> bool:
    """Return whether one of the paths leads to, or through, what the other leads to."""
    short = min(len(one), len(other))
    return one[:short] == other[:short]


def under(path: Path, places: Iterable[Path]) -> bool:
    """Return whether *path* is one of *places* or lies below one."""
    return any(path[: len(place)] == place for place in places)


def value_at(body: Any, path: Path) -> Any:
    """Return what is at *path*, or ``ABSENT``."""
    for part in path:
        body = _step(body, part)
        if body is ABSENT:
            return ABSENT
    return body


def put_at(body: Any, path: Path, value: Any) -> None:
    """Put *value* at *path* of the decoded *body*; ``ABSENT`` takes the field out."""
    *way, last = path
    for part in way:
        inside = _step(body, part)
        if inside is ABSENT:
            if value is ABSENT:
                return
            inside = {}
            _put(body, part, inside)
        body = inside
    _put(body, last, value)


def _name(part: str) -> str | None:
    """Return the name in ``[name=x]``, a path's part that is an item of a list."""
    start = f"[{NATURAL_KEY}="
    return part[len(start) : -1] if part.startswith(start) and part.endswith("]") else None


def _step(body: Any, part: str) -> Any:
    name = _name(part)
    if isinstance(body, Mapping):
        return body.get(part, ABSENT)
    if name is not None and isinstance(body, list):
        return next((item for item in body if item.get(NATURAL_KEY) == name), ABSENT)
    return ABSENT


def _put(body: Any, part: str, value: Any) -> None:
    name = _name(part)
    if name is None or isinstance(body, dict):
        fields = cast("dict[str, Any]", body)
        if value is ABSENT:
            fields.pop(part, None)
        else:
            fields[part] = value
        return
    items = cast("list[Any]", body)
    at = next((n for n, item in enumerate(items) if item.get(NATURAL_KEY) == name), None)
    if at is None:
        if value is not ABSENT:
            items.append({NATURAL_KEY: name, **value})
    elif value is ABSENT:
        del items[at]
    else:
        items[at] = value

"""Overrides: what holds instead, as long as an exception lasts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from reconciler.model.resource import Kind, Resource, ResourceKey, with_body
from reconciler.model.value import merge_patch

_TIMES: Final = frozenset({"every", "cron", "timeZone"})
"""When a schedule runs: an override that says one of these says all of it."""


@dataclass(frozen=True, slots=True)
class Exceptions:
    """The resources that are otherwise for now, by which overrides, and when the next of them ends."""

    resources: Mapping[ResourceKey, Resource]
    by: Mapping[ResourceKey, tuple[ResourceKey, ...]]
    next_end: datetime | None


def exceptions(resources: Mapping[ResourceKey, Resource], now: datetime | None) -> Exceptions:
    """Return what the overrides among *resources* make of their targets at *now* (``None``: whenever)."""
    changed: dict[ResourceKey, Resource] = {}
    by: dict[ResourceKey, tuple[ResourceKey, ...]] = {}
    ends = []
    for key in sorted(key for key in resources if key.kind is Kind.OVERRIDE):
        spec = resources[key].spec
        until = datetime.fromisoformat(spec["until"])
        if now is not None and until <= now:
            continue
        ends.append(until)
        target = ResourceKey(Kind(spec["target"]["kind"]), spec["target"]["name"])
        if target in resources:
            changed[target] = _changed(changed.get(target, resources[target]), spec["patch"])
            by[target] = (*by.get(target, ()), key)
    return Exceptions(changed, by, min(ends, default=None))


def _changed(resource: Resource, patch: Mapping[str, Any]) -> Resource:
    body = dict(resource.body)
    spec = dict(body["spec"])
    if _TIMES & patch.keys():
        spec = {name: value for name, value in spec.items() if name not in _TIMES}
    return with_body(resource, {**body, "spec": merge_patch(spec, patch)})

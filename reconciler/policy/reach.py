"""Which objects a rule or window is about: by kind, by their labels, or by those of their connections."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Final

from reconciler.model.resource import Kind, Resource, ResourceKey
from reconciler.policy.policy import Reach

Labels = Mapping[str, str]

_FURTHEST: Final = 3


class World:
    """Objects that are there together: what one of them is about is found among the others."""

    def __init__(self, resources: Mapping[ResourceKey, Resource]) -> None:
        self._resources = resources

    def reaches(self, reach: Reach, resource: Resource) -> bool:
        """Return whether *reach* holds *resource*.

        Labels are looked for on the object itself, and on each connection that it is about: the one it
        names, those that it selects, and those of what it is an exception of.
        """
        if reach.kinds and resource.key.kind not in reach.kinds:
            return False
        if not reach.labels:
            return True
        return any(reach.labels.items() <= labels.items() for labels in self._labels(resource))

    def _labels(self, resource: Resource, steps: int = 0) -> Iterator[Labels]:
        body = resource.body
        yield body["metadata"]["labels"]
        spec = body["spec"]
        if resource.key.kind is Kind.EXPECTATION:
            spec = spec.get("given", {})
        yield from self._chosen(spec)
        target = self._resources.get(_target(resource.key.kind, spec))
        if target is not None and steps < _FURTHEST:
            yield from self._labels(target, steps + 1)

    def _chosen(self, spec: Mapping[str, Any]) -> Iterator[Labels]:
        """Yield the labels of the connections that a selector chooses, and those that it asks for."""
        selector = spec.get("selector")
        if not isinstance(selector, Mapping):
            return
        wanted: Labels = selector.get("matchLabels", {})
        yield wanted
        for labels in self._connections:
            if wanted.items() <= labels.items():
                yield labels

    @cached_property
    def _connections(self) -> list[Labels]:
        return [
            resource.labels
            for key, resource in self._resources.items()
            if key.kind is Kind.CONNECTION
        ]


def _target(kind: Kind, spec: Mapping[str, Any]) -> ResourceKey:
    """Return the object that one of *kind* is about; one of no name where there is none."""
    if kind is Kind.OVERRIDE:
        return ResourceKey(Kind(spec["target"]["kind"]), spec["target"]["name"])
    if kind in {Kind.MAPPING, Kind.SYNC_SCHEDULE, Kind.EXPECTATION}:
        return ResourceKey(Kind.CONNECTION, spec.get("connection") or "")
    return ResourceKey(Kind.CONNECTION, "")

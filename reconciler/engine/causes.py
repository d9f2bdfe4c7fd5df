"""Which changes of a plan bear on how one entity of one connection is mapped."""

from collections.abc import Iterator, Sequence
from typing import Final

from reconciler.engine.inforce import Situation, chooses
from reconciler.model.change import Change, Effect, Plan, Rename, Replace
from reconciler.model.resource import Kind, Resource, ResourceKey

_NEAREST: Final = {Kind.MAPPING: 0, Kind.OVERRIDE: 1, Kind.CONNECTION: 2, Kind.CONNECTOR: 3}
_REMAPS: Final = frozenset({Effect.REMAP, Effect.REDO})


class Causes:
    """The changes of *plan* that decide over mappings, found by what they are about."""

    def __init__(self, plan: Plan, before: Situation, after: Situation) -> None:
        self._sides = (before, after)
        self._about: dict[tuple[Kind, str], list[Change]] = {}
        self._mappings: dict[tuple[str | None, str], list[tuple[Change, Resource]]] = {}
        for change in plan.changes:
            if change.key.kind in _NEAREST and _remaps(change):
                self._note(change)

    def of(self, old: Resource, new: Resource, entity: str) -> tuple[ResourceKey, ...]:
        """Return the keys of those that bear on *entity* of a connection, the nearest first.

        *old* and *new* are the connection before and after.
        """
        found = dict.fromkeys(change.key for change in self._found((old, new), entity))
        return tuple(sorted(found, key=lambda key: (_NEAREST[key.kind], key)))

    def _note(self, change: Change) -> None:
        for resource in _both(change):
            if change.key.kind is Kind.MAPPING:
                self._note_mapping(change, resource)
            elif change.key.kind is Kind.OVERRIDE:
                self._note_override(change, resource)
            else:
                place = (change.key.kind, resource.key.name)
                self._about.setdefault(place, []).append(change)

    def _note_mapping(self, change: Change, mapping: Resource) -> None:
        spec = mapping.spec
        place = (spec.get("connection"), spec["entity"])
        self._mappings.setdefault(place, []).append((change, mapping))

    def _note_override(self, change: Change, override: Resource) -> None:
        """Note what an override is about: the mapping that it changes, or entities of a connection."""
        spec = override.spec
        target = ResourceKey(Kind(spec["target"]["kind"]), spec["target"]["name"])
        if target.kind is Kind.MAPPING:
            for side in self._sides:
                mapping = side.resources.get(target)
                if mapping is not None:
                    self._note_mapping(change, mapping)
        for entity in spec["patch"].get("mappings", {}):
            place = (target.name, entity)
            self._mappings.setdefault(place, []).append((change, override))

    def _found(self, both: Sequence[Resource], entity: str) -> Iterator[Change]:
        for one in both:
            for place in ((one.key.name, entity), (None, entity)):
                for change, resource in self._mappings.get(place, ()):
                    if resource.key.kind is Kind.OVERRIDE or chooses(resource.spec, one):
                        yield change
            yield from self._about.get((Kind.CONNECTION, one.key.name), ())
            for change in self._about.get((Kind.CONNECTOR, one.spec["connector"]), ()):
                if _maps_otherwise(change, entity):
                    yield change


def maps(mapping: Resource, connection: Resource, entity: str) -> bool:
    """Return whether *mapping* is about *entity* of *connection*."""
    spec = mapping.spec
    return bool(spec["entity"] == entity) and chooses(spec, connection)


def _both(change: Change) -> list[Resource]:
    sides = (getattr(change, side, None) for side in ("before", "after"))
    return [one for one in sides if one is not None]


def _remaps(change: Change) -> bool:
    """Return whether *change* asks for records to be mapped otherwise, or once more."""
    effects: frozenset[Effect] | None = getattr(change, "effects", None)
    if effects is None or isinstance(change, (Replace, Rename)):
        return True
    return not effects.isdisjoint(_REMAPS)


def _maps_otherwise(change: Change, entity: str) -> bool:
    """Return whether a connector's default mapping of *entity* is another, there or gone."""
    said = [
        [one.spec["streams"].get(entity, {}).get(part) for part in ("fields", "customFields")]
        for one in _both(change)
    ]
    return len(said) == 1 or said[0] != said[1]

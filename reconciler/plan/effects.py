"""Which field asks for which effect: one table, read forward to explain a plan, backward as a basis.

A basis is the digest of exactly the fields that ask for an effect. What was done is kept with the basis
it was done under; a controller that finds another one does it again. So an effect is never a command
that a crash could lose, but a difference that anybody sees at any time.

``TABLE`` names each field, by kind; ``*`` stands for any name. A field that is not named asks for what
the nearest one above it asks for, and for nothing if there is none.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from reconciler.model.change import ABSENT, Effect, FieldChange
from reconciler.model.resource import Kind, Resource
from reconciler.model.value import Path, digest_of
from reconciler.plan.diff import same

RECHECK, RESCHEDULE = Effect.RECHECK, Effect.RESCHEDULE
REMAP, RESYNC = Effect.REMAP, Effect.RESYNC
NOTHING: Final[frozenset[Effect]] = frozenset()

TABLE: Final[Mapping[Kind, Mapping[str, tuple[Effect, ...]]]] = {
    Kind.CONNECTION: {
        "metadata.labels": (REMAP, RESCHEDULE),  # selectors of mappings and schedules look at them
        "metadata.annotations": (),
        "spec.connector": (RECHECK, REMAP, RESYNC),
        "spec.config": (RECHECK, RESYNC),  # it may be another database behind the same name
        "spec.auth": (RECHECK,),
        "spec.entities": (RESYNC,),
        "spec.history": (RESYNC,),
        "spec.deletions": (),  # the next sweep takes it up
        "spec.health": (RESCHEDULE,),
        "spec.suspend": (RESCHEDULE,),
        "spec.drift": (),
        "spec.ignore": (),
        "spec.retention": (),
        "spec.deletionPolicy": (),
        "spec.protect": (),
    },
    Kind.CONNECTOR: {
        "metadata": (),
        "spec.title": (),
        "spec.family": (),
        "spec.proof": (),
        "spec.docs": (),
        "spec.protocol": (RECHECK, RESYNC),
        "spec.dialect": (RECHECK, RESYNC),
        "spec.endpoint": (RECHECK, RESYNC),
        "spec.config": (),
        "spec.config.*.default": (RECHECK, RESYNC),
        "spec.auth": (RECHECK,),
        "spec.headers": (RECHECK, RESYNC),  # some systems choose the company by a header
        "spec.probe": (RECHECK,),
        "spec.expires": (RECHECK,),
        "spec.signals": (RECHECK,),
        "spec.rateLimit": (),
        "spec.timeout": (),
        "spec.streams.*": (RESYNC,),
        "spec.streams.*.title": (),
        "spec.streams.*.fields": (REMAP,),
        "spec.streams.*.customFields": (REMAP,),
    },
    Kind.MAPPING: {
        "metadata": (),
        "spec": (REMAP,),
        "spec.drift": (),
        "spec.ignore": (),
        "spec.tests": (),
    },
    Kind.SYNC_SCHEDULE: {
        "metadata": (),
        "spec": (RESCHEDULE,),
        "spec.drift": (),
        "spec.ignore": (),
    },
    Kind.OVERRIDE: {
        "metadata": (),
        "spec": (REMAP, RESCHEDULE),  # it may pin a mapping's field as well as a schedule
        "spec.reason": (),
    },
    Kind.ALERT_ROUTE: {},
    Kind.CONNECTION_SET: {},
    Kind.ENVIRONMENT: {},
    Kind.EXPECTATION: {},
}

_OF_ONE_ENTITY: Final[Mapping[Kind, Path]] = {
    Kind.CONNECTION: ("spec", "entities"),
    Kind.SYNC_SCHEDULE: ("spec", "entities"),
    Kind.CONNECTOR: ("spec", "streams"),
}
"""Where a resource says something entity by entity: as a list of names, or as a key of an object."""


def effects_of(kind: Kind, fields: Iterable[FieldChange]) -> frozenset[Effect]:
    """Return what the changes of *fields* ask of the controllers."""
    found: set[Effect] = set()
    for change in fields:
        found |= _effects_of_one(_TREES[kind], change)
    return frozenset(found)


def basis(resource: Resource, effect: Effect, *, entity: str | None = None) -> str:
    """Return the digest of exactly those fields of *resource* that ask for *effect*.

    With *entity*, what the resource says of other entities is left out, so that a cursor or record of
    this one stays good when another is added.
    """
    units = _units(_TREES[resource.key.kind], resource.body, (), NOTHING)
    seen = [unit for unit in units if effect in unit.effects]
    if entity is not None:
        seen = list(_of_entity(resource.key.kind, seen, entity))
    return digest_of(sorted((list(unit.path), unit.value) for unit in seen))


@dataclass(slots=True)
class _Node:
    """A part of the table: what stands below it, and what a field here asks for (``None``: as above)."""

    below: dict[str, "_Node"] = field(default_factory=dict)
    effects: frozenset[Effect] | None = None

    def child(self, part: str) -> "_Node | None":
        return self.below.get(part) or self.below.get("*")


@dataclass(frozen=True, slots=True)
class _Unit:
    """A field at the finest grain the table knows: all of its value asks for the same effects."""

    path: Path
    value: Any
    effects: frozenset[Effect]


def _tree(rows: Mapping[str, tuple[Effect, ...]]) -> _Node:
    root = _Node()
    for pattern, effects in rows.items():
        node = root
        for part in pattern.split("."):
            node = node.below.setdefault(part, _Node())
        node.effects = frozenset(effects)
    return root


_TREES: Final = {kind: _tree(rows) for kind, rows in TABLE.items()}


def _units(
    node: _Node | None, value: Any, at: Path, inherited: frozenset[Effect]
) -> Iterator[_Unit]:
    """Yield the units of *value*; together they hold all of it, and nothing twice."""
    effects = inherited if node is None or node.effects is None else node.effects
    if node is not None and node.below and isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _units(node.child(name), inner, (*at, name), effects)
    elif value is not ABSENT:
        yield _Unit(at, value, effects)


def _effects_of_one(root: _Node, change: FieldChange) -> frozenset[Effect]:
    """Return the effects of the units that *change* lies in, or that differ within it."""
    node: _Node | None = root
    effects = NOTHING
    for part in change.path:
        effects = effects if node is None or node.effects is None else node.effects
        node = None if node is None else node.child(part)
    before = {unit.path: unit for unit in _units(node, change.before, change.path, effects)}
    after = {unit.path: unit for unit in _units(node, change.after, change.path, effects)}
    return NOTHING.union(
        *(
            unit.effects
            for path, unit in (before | after).items()
            if path not in before or path not in after or not same(before[path].value, unit.value)
        )
    )


def _of_entity(kind: Kind, units: Iterable[_Unit], entity: str) -> Iterator[_Unit]:
    where = _OF_ONE_ENTITY.get(kind)
    for unit in units:
        if where is None or unit.path[: len(where)] != where:
            yield unit
        elif len(unit.path) > len(where):
            if unit.path[len(where)] == entity:
                yield unit
        elif isinstance(unit.value, list) and unit.value and entity not in unit.value:
            yield _Unit(unit.path, False, unit.effects)

"""What is in force, as the engine asks it: state, manifests, and the mapper of each entity."""

import difflib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from reconciler.datamodel.reader import entities
from reconciler.errors import NotFound
from reconciler.mapping.layers import Layer, LayerName, Rules, effective
from reconciler.model.change import Effect, State
from reconciler.model.redo import NOT_ASKED
from reconciler.model.resource import Kind, Resource, ResourceKey
from reconciler.model.selector import Selector, chosen_by
from reconciler.model.sync import basis_for
from reconciler.model.value import digest_of
from reconciler.plan.effects import basis
from reconciler.plan.overrides import exceptions
from reconciler.ports import Clock, Views

if TYPE_CHECKING:
    from reconciler.mapping.compile import Mapper


class InForce:
    """The state in force, read again only when its generation has moved, and what follows from it.

    ``catalogue`` are the built-in connectors; one that the specs declare under the same name wins.
    Without a ``clock`` overrides hold whatever the time.
    """

    def __init__(
        self, views: Views, catalogue: Mapping[str, Resource], clock: Clock | None = None
    ) -> None:
        self._views = views
        self._catalogue = catalogue
        self._clock = clock
        self._now: Situation | None = None

    async def look(self) -> "Situation":
        """Return the situation as it is now."""
        generation = await self._views.generation()
        now = self._clock.now() if self._clock else None
        known = self._now
        if known is None or known.state.generation != generation or known.over(now):
            compiled = known.compiled if known else {}
            known = Situation(await self._views.state(), self._catalogue, compiled, now=now)
            self._now = known
        return known


class Situation:
    """One state, and what follows from it; computed when asked for, then kept.

    ``state`` is what is in force, ``resources`` that as overrides make it at ``now``.
    """

    def __init__(
        self,
        state: State,
        catalogue: Mapping[str, Resource],
        compiled: "dict[str, Mapper] | None" = None,
        *,
        now: datetime | None = None,
    ) -> None:
        self.state = state
        self.now = now
        self.exceptions = exceptions(state.resources, now)
        self.resources: Mapping[ResourceKey, Resource] = state.resources
        if self.exceptions.resources:
            self.resources = {**state.resources, **self.exceptions.resources}
        self.catalogue = catalogue
        self.compiled: dict[str, Mapper] = {} if compiled is None else compiled
        self._mappers: dict[tuple[str, str], Mapper] = {}
        self._bases: dict[str, str] = {}
        self._names: dict[str, str] | None = None
        self._chosen: dict[Selector, frozenset[str]] = {}
        self._declared: dict[tuple[str | None, str], list[Declared]] | None = None

    def over(self, now: datetime | None) -> bool:
        """Return whether an override has ended at *now* that holds in this situation."""
        ends = self.exceptions.next_end
        return now is not None and ends is not None and ends <= now

    def at(self, now: datetime) -> "Situation":
        """Return it as it is at *now*: other overrides may hold."""
        return (
            self
            if self.now == now
            else Situation(self.state, self.catalogue, self.compiled, now=now)
        )

    def of(self, state: State) -> "Situation":
        """Return the situation of another state at the same time."""
        return Situation(state, self.catalogue, dict(self.compiled), now=self.now)

    def connection(self, name: str) -> Resource:
        """Return the connection of this name, or raise ``NotFound`` with the nearest name."""
        found = self.resources.get(ResourceKey(Kind.CONNECTION, name))
        if found is None:
            known = [key.name for key in self.resources if key.kind is Kind.CONNECTION]
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else "reconciler get connections lists them"
            msg = f"no connection {name!r} is in force"
            raise NotFound(msg, hint=hint)
        return found

    def connections(self) -> Iterable[Resource]:
        """Return all connections in force, by name."""
        keys = sorted(key for key in self.resources if key.kind is Kind.CONNECTION)
        return [self.resources[key] for key in keys]

    def uid(self, connection: Resource) -> str:
        """Return the stored identity of a connection."""
        return self.state.uids[connection.key]

    def name_of(self, uid: str) -> str:
        """Return the name of the connection with this uid; the uid itself if it is gone."""
        return self._by_uid().get(uid, uid)

    def holds(self, uid: str) -> bool:
        """Return whether the connection with this uid is in force."""
        return uid in self._by_uid()

    def manifest(self, connection: Resource) -> Resource:
        """Return the connector of a connection: of the specs, or built in."""
        name = connection.spec["connector"]
        declared = self.resources.get(ResourceKey(Kind.CONNECTOR, name))
        if declared is not None:
            return declared
        try:
            return self.catalogue[name]
        except KeyError:
            msg = f"{connection.key}: no connector {name!r} is known"
            raise NotFound(msg, hint="declare it in the specs, or choose a built-in one") from None

    def entities(self, connection: Resource) -> tuple[str, ...]:
        """Return the entities that a connection syncs: those it names, or all of its connector's."""
        named = connection.spec.get("entities")
        if named:
            return tuple(named)
        return tuple(self.manifest(connection).spec["streams"])

    def rules(self, connection: Resource, entity: str) -> Rules:
        """Return the rules of one entity of a connection, of all layers in force."""
        return effective(entity, self.layers(connection, entity))

    def rules_for_tests(self, connection: Resource, entity: str, mapping: Resource | None) -> Rules:
        """Return the rules that tests of *mapping* are run on (``spec.trials``): of one that selects, few layers."""
        if mapping is None or mapping.spec.get("connection"):
            return self.rules(connection, entity)
        manifest = self.manifest(connection)
        default = manifest.spec["streams"].get(entity, {})
        layers = (
            _layer("default", manifest.key, default),
            _layer("selector", mapping.key, mapping.spec),
        )
        return effective(entity, layers)

    def maps(self, connection: Resource, entity: str) -> bool:
        """Return whether records of *entity* of a connection are mapped: its connector knows them.

        Raises:
            NotFound: if its connector is not known.
        """
        return entity in entities() and entity in self.manifest(connection).spec["streams"]

    def mapping_basis(self, connection: Resource, entity: str) -> str:
        """Return the ``basis`` of ``mapper``, without compiling one."""
        from reconciler.mapping.compile import basis_of  # noqa: PLC0415  not every plan maps

        rules = self.rules(connection, entity)
        if rules.basis not in self._bases:
            model = entities()
            self._bases[rules.basis] = basis_of(rules, model[entity], model)
        return self._bases[rules.basis]

    def mapper(self, connection: Resource, entity: str) -> "Mapper":
        """Return the compiled mapping of one entity of a connection, of all layers in force."""
        from reconciler.mapping.compile import compile_rules  # noqa: PLC0415  not every plan maps

        key = (connection.key.name, entity)
        if key not in self._mappers:
            rules = self.rules(connection, entity)
            if rules.basis not in self.compiled:
                model = entities()
                self.compiled[rules.basis] = compile_rules(rules, model[entity], model)
            self._mappers[key] = self.compiled[rules.basis]
        return self._mappers[key]

    def read_basis(self, connection: Resource, entity: str) -> str:
        """Return the digest of all settings that a cursor of this entity depends on."""
        stream = self.manifest(connection).spec["streams"].get(entity, {})
        reading = {k: v for k, v in stream.items() if k not in _NOT_READING}
        settings = digest_of([basis(connection, Effect.RESYNC, entity=entity), reading])[:32]
        return basis_for(settings, redo=self.redo_mark(connection.key))

    def redo_mark(self, key: ResourceKey) -> str:
        """Return the part of a basis that says for which redo of *key* something is done; "" for none."""
        redo = self.state.redo.get(key, NOT_ASKED)
        if redo.asked_at is None:
            return ""
        return digest_of([redo.value, redo.asked_at.isoformat(timespec="microseconds")])[:16]

    def chosen(self, selector: Selector) -> frozenset[str]:
        """Return the uids of the connections in force that have all labels of *selector*."""
        if selector not in self._chosen:
            self._chosen[selector] = frozenset(
                self.uid(one) for one in self.connections() if chosen_by(selector, one.labels)
            )
        return self._chosen[selector]

    def _by_uid(self) -> Mapping[str, str]:
        if self._names is None:
            self._names = {
                uid: key.name for key, uid in self.state.uids.items() if key.kind is Kind.CONNECTION
            }
        return self._names

    def layers(self, connection: Resource, entity: str) -> list[Layer]:
        """Return the rules of each resource for one entity of a connection, the later winning."""
        manifest = self.manifest(connection)
        default = manifest.spec["streams"].get(entity, {})
        layers = [_layer("default", manifest.key, default)]
        declared = self._mappings()
        layers += [
            _layer("selector", key, spec, self.redo_mark(key))
            for key, spec in declared.get((None, entity), ())
            if chooses(spec, connection)
        ]
        layers += [
            _layer("connection", key, spec, self.redo_mark(key))
            for key, spec in declared.get((connection.key.name, entity), ())
        ]
        excepted = connection.spec.get("mappings", {}).get(entity)
        if excepted is not None:  # only an override says so
            layers.append(_layer("override", self._excepting(connection.key, entity), excepted))
        return layers

    def _excepting(self, key: ResourceKey, entity: str) -> ResourceKey:
        """Return the last of the overrides of a connection that map *entity* otherwise."""
        by = self.exceptions.by.get(key, ())
        found = [
            one
            for one in by
            if entity in self.state.resources[one].spec["patch"].get("mappings", {})
        ]
        return found[-1] if found else key

    def _mappings(self) -> "Mapping[tuple[str | None, str], list[Declared]]":
        """Return the mappings in force by (connection's name, entity); by ``None`` those that select."""
        if self._declared is None:
            self._declared = {}
            for key in sorted(key for key in self.resources if key.kind is Kind.MAPPING):
                spec = self.resources[key].spec
                place = (spec.get("connection"), spec["entity"])
                self._declared.setdefault(place, []).append((key, spec))
        return self._declared


Declared: TypeAlias = tuple[ResourceKey, Mapping[str, Any]]
"""A mapping's key and its spec."""

_NOT_READING: Final = frozenset({"title", "fields", "customFields"})
"""The parts of a stream that say what records become, not which are read."""


def _layer(name: LayerName, key: ResourceKey, spec: Mapping[str, Any], redo: str = "") -> Layer:
    return Layer(
        name=name,
        source=str(key),
        fields=spec.get("fields", {}),
        custom_fields=spec.get("customFields", {}),
        inherit=spec.get("inherit", True),
        redo=redo,
    )


def chooses(spec: Mapping[str, Any], connection: Resource) -> bool:
    """Return whether a spec is about *connection*: by its name, or by labels that are all on it."""
    if spec.get("connection"):
        return bool(spec["connection"] == connection.key.name)
    if not spec.get("selector"):
        return False
    wanted: Mapping[str, str] = spec["selector"]["matchLabels"]
    return wanted.items() <= connection.labels.items()

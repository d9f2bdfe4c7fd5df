"""How the records of one entity of one connection are mapped, and what of them nobody maps."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from reconciler.datamodel.reader import entities
from reconciler.editing.suggesting import Subject, Suggestion, name_for, suggestion
from reconciler.engine.inforce import InForce, Situation
from reconciler.errors import NotFound
from reconciler.mapping.coverage import Coverage, Coverer, FieldSeen
from reconciler.mapping.layers import LayerName, Rule
from reconciler.model.identity import record_id
from reconciler.model.record import RecordQuery
from reconciler.model.resource import Kind, Origin, Resource, ResourceKey
from reconciler.ports import Views

LIMIT: Final = 10_000
"""How many records are looked at; of more, so many at most, spread evenly over the source's keys."""
PAGE: Final = 500
AT_A_TIME: Final = 2
"""How many looks go on beside each other."""


@dataclass(frozen=True, slots=True)
class Winner:
    """The layer that a field's rule comes from; where the object that says it is written, and since which revision."""

    layer: LayerName
    key: ResourceKey
    origin: Origin | None
    revision: str


@dataclass(frozen=True, slots=True)
class MappingSeen:
    """The mapping of *entity* of *connection* (its name), over *stored* live records.

    ``winners`` are by (whether custom, field of the entity).
    """

    connection: str
    entity: str
    stored: int
    coverage: Coverage
    winners: Mapping[tuple[bool, str], Winner]

    @property
    def sampled(self) -> bool:
        """Whether not all records were looked at."""
        return self.coverage.looked_at < self.stored

    def winner(self, field: FieldSeen) -> Winner | None:
        """Return whose rule makes *field*; ``None``: nobody maps it."""
        return self.winners.get((field.custom, field.top)) if field.rule is not None else None


class MappingReader:
    """Looks at stored raw records under the mapping in force."""

    def __init__(self, views: Views, in_force: InForce, *, limit: int = LIMIT) -> None:
        self._views = views
        self._in_force = in_force
        self._limit = limit
        self._gate = asyncio.Semaphore(AT_A_TIME)

    async def look(self, name: str, entity: str) -> MappingSeen:
        """Return how *entity* of the connection *name* is mapped, over all its records or a sample.

        Raises:
            NotFound: if there is no such connection, or its connector has no such entity.
            MappingInvalid: if its rules cannot be compiled.
        """
        return await self._look(await self._in_force.look(), name, entity)

    async def suggest(
        self, name: str, entity: str, *, called: str | None = None
    ) -> tuple[MappingSeen, Suggestion]:
        """Return the mapping that is proposed for what nobody maps, *called* so, and what it comes from.

        Raises:
            NotFound, MappingInvalid: as ``look``.
        """
        situation = await self._in_force.look()
        seen = await self._look(situation, name, entity)
        custom = situation.rules(situation.connection(name), entity).custom_fields
        taken = {*entities()[entity].fields, *custom, *(f"{one}_raw" for one in custom)}
        chosen = called or name_for(name, entity, situation.state.resources.keys())
        subject = Subject(chosen, name, entity, frozenset(taken), seen.stored)
        return seen, suggestion(subject, seen.coverage)

    async def _look(self, situation: Situation, name: str, entity: str) -> MappingSeen:
        connection = situation.connection(name)
        streams = situation.manifest(connection).spec["streams"]
        model = entities()
        if entity not in streams or entity not in model:
            raise NotFound(f"{name} has no {entity!r}", hint=f"it has {', '.join(streams)}")
        uid, rules = situation.uid(connection), situation.rules(connection, entity)
        mapper = situation.mapper(connection, entity)
        coverer = Coverer(rules, model[entity], model, mapper, _read_by_connector(streams[entity]))
        stored = (await self._views.counts()).get((uid, entity), 0)
        async with self._gate:
            async for raws in self._raws(uid, entity, stored):
                await asyncio.to_thread(coverer.add, uid, raws)
        winners = await self._winners(
            situation,
            {
                **{(False, field): rule for field, rule in rules.fields.items()},
                **{(True, field): rule for field, rule in rules.custom_fields.items()},
            },
            entity,
        )
        return MappingSeen(name, entity, stored, coverer.result(), winners)

    async def _raws(self, uid: str, entity: str, stored: int) -> AsyncIterator[list[bytes]]:
        """Yield the raw records by the page: all, or so many as are looked at."""
        if stored > self._limit:
            async for ids in self._spread(uid, entity):
                query = RecordQuery(entity, (uid,), limit=len(ids), ids=ids)
                yield [record.raw for record in await self._views.records(query)]
            return
        query = RecordQuery(entity, (uid,), limit=PAGE)
        while page := await self._views.records(query):
            yield [record.raw for record in page]
            query = replace(query, after=(page[-1].updated_at, page[-1].id))

    async def _spread(self, uid: str, entity: str) -> AsyncIterator[tuple[str, ...]]:
        """Yield ids by the page: of every second record, or third, so that they are no more than wanted."""
        keys = await self._views.source_ids(uid, entity)
        chosen = keys[:: -(-len(keys) // self._limit) or 1]
        prefix = entities()[entity].prefix
        for at in range(0, len(chosen), PAGE):
            yield tuple(record_id(prefix, uid, key) for key in chosen[at : at + PAGE])

    async def _winners(
        self, situation: Situation, rules: Mapping[tuple[bool, str], Rule], entity: str
    ) -> Mapping[tuple[bool, str], Winner]:
        known: dict[ResourceKey, tuple[Origin | None, str]] = {}
        winners = {}
        for field, rule in rules.items():
            layer, key = _layer_of(situation, field, rule, entity)
            if key not in known:
                known[key] = await self._written(situation, key)
            winners[field] = Winner(layer, key, *known[key])
        return winners

    async def _written(self, situation: Situation, key: ResourceKey) -> tuple[Origin | None, str]:
        """Return where an object is written, and at which revision it last changed; a built-in one has none."""
        resource = situation.state.resources.get(key)
        if resource is None:
            found = situation.catalogue.get(key.name)
            return found.origin if found is not None else None, ""
        past = await self._views.history(key, limit=1)
        return resource.origin, past[0].revision if past else situation.state.revision


def _layer_of(
    situation: Situation, field: tuple[bool, str], rule: Rule, entity: str
) -> tuple[LayerName, ResourceKey]:
    """Return the layer and object of a rule: of an override, where one says it for now."""
    kind, _, name = rule.source.partition("/")
    key = ResourceKey(Kind(kind), name)
    overrides = situation.exceptions.by.get(key, ())
    if overrides:
        before = _body(situation.state.resources[key], field, entity)
        if before != _body(situation.resources[key], field, entity):
            return "override", overrides[-1]
    return rule.layer, key


def _body(resource: Resource, field: tuple[bool, str], entity: str) -> Any:
    custom, name = field
    spec = resource.spec
    if resource.key.kind is Kind.CONNECTOR:
        spec = spec["streams"].get(entity, {})
    return spec.get("customFields" if custom else "fields", {}).get(name)


def _read_by_connector(stream: Mapping[str, Any]) -> list[str]:
    """Return the expressions by which the connector itself reads a record: key, cursor, mark of deletion."""
    found = [
        stream.get("primaryKey"),
        (stream.get("cursor") or {}).get("value"),
        (stream.get("deletions") or {}).get("flag"),
    ]
    return [text for text in found if isinstance(text, str)]

"""Where the fields of one stored record come from, under the mapping in force."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec

from reconciler.datamodel.reader import entities
from reconciler.engine.explanation import Field, Source, Told, key_of
from reconciler.engine.inforce import InForce, Situation
from reconciler.errors import NotFound
from reconciler.mapping.explain import explain
from reconciler.mapping.explained import Does, Explained, first_error, origins
from reconciler.mapping.layers import Layer, Rule, effective
from reconciler.model.audit import Past
from reconciler.model.record import StoredRecord
from reconciler.model.resource import Kind, Resource, ResourceKey
from reconciler.model.value import Path
from reconciler.ports import Views

MOST_CHANGES: Final = 200
"""How many changes of one object are looked through for the one that made its rule what it is."""


class Explaining:
    """Explains stored records; reads, and changes nothing."""

    def __init__(self, views: Views, in_force: InForce) -> None:
        self._views = views
        self._in_force = in_force

    async def record(self, record_id: str, wanted: Sequence[str] = ()) -> Told:
        """Return where the fields of a record come from: all, or those *wanted* (``lines[0].quantity``).

        Raises:
            NotFound: if there is no such record or field, or its connection is no longer in force.
        """
        record = await self._views.record(record_id)
        if record is None:
            hint = "reconciler records CONNECTION ENTITY lists ids"
            raise NotFound(f"there is no record {record_id[:64]!r}", hint=hint)
        situation = await self._in_force.look()
        connection = _connection_of(situation, record)
        layers = list(_with_overrides(situation, situation.layers(connection, record.entity)))
        rules = effective(record.entity, layers)
        model = entities()
        found = explain(rules, model[record.entity], model, record.connection, record.raw)
        histories = _Histories(self._views, situation, record.entity)
        fields = [await _field(one, layers, histories) for one in _chosen(found, wanted)]
        return Told(
            record=record,
            connection=connection.key.name,
            basis=situation.mapping_basis(connection, record.entity),
            run=await self._views.run(record.run),
            fields=tuple(fields),
            error=first_error(found),
        )


def _connection_of(situation: Situation, record: StoredRecord) -> Resource:
    key = ResourceKey(Kind.CONNECTION, situation.name_of(record.connection))
    connection = situation.resources.get(key)
    if connection is None:
        msg = f"the connection of {record.id} is not in force: no rules are there to explain it"
        raise NotFound(msg, hint="bring the connection back into force, or look at the raw record")
    return connection


def _chosen(found: Sequence[Explained], wanted: Sequence[str]) -> Iterator[Explained]:
    """Yield what stands at each of *wanted*: a place, or the name of a field; all if none is named."""
    if not wanted or not found[0].place:
        yield from found
        return
    places = {one.place: one for one in _deep(found)}
    names = {one.name: one for one in found}
    for name in wanted:
        one = places.get(name) or names.get(name)
        if one is None:
            near = difflib.get_close_matches(name, places, n=1)
            hint = f"did you mean {near[0]!r}?" if near else "leave the field out to see all"
            raise NotFound(f"the record has no field {name[:64]!r}", hint=hint)
        yield one


def _deep(found: Sequence[Explained]) -> Iterator[Explained]:
    for one in found:
        yield one
        for item in one.items:
            yield from _deep(item)


# ── whose rule it is ─────────────────────────────────────────────────────────────────────────────────


def _with_overrides(situation: Situation, layers: Sequence[Layer]) -> Iterator[Layer]:
    """Yield *layers*; what overrides change of a mapping for now, as layers of their own."""
    for layer in layers:
        key = key_of(layer.source)
        overrides = situation.exceptions.by.get(key, ()) if key.kind is Kind.MAPPING else ()
        if not overrides:
            yield layer
            continue
        spec = situation.state.resources[key].spec
        fields = _kept(spec.get("fields", {}), layer.fields)
        custom = _kept(spec.get("customFields", {}), layer.custom_fields)
        yield replace(layer, fields=fields, custom_fields=custom)
        for override in overrides:
            patch = situation.state.resources[override].spec["patch"]
            yield Layer(
                name="override",
                source=str(override),
                fields=_patched(layer.fields, fields, patch.get("fields")),
                custom_fields=_patched(layer.custom_fields, custom, patch.get("customFields")),
            )


def _kept(own: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping's own rules, but those that an override takes away."""
    return {name: body for name, body in own.items() if name in now}


def _patched(now: Mapping[str, Any], own: Mapping[str, Any], patch: Any) -> dict[str, Any]:
    """Return the rules that *patch* makes other than they are by themselves."""
    names = patch if isinstance(patch, Mapping) else {}
    return {name: now[name] for name in names if name in now and now[name] != own.get(name)}


async def _field(one: Explained, layers: Sequence[Layer], histories: "_Histories") -> Field:
    name, custom = _rule_of(one)
    found = origins(layers, name, custom=custom)
    sources = [
        (await histories.source(other.rule, name, custom=custom), other.cut)
        for other in found.passed
    ]
    winner = found.winner
    source = None if winner is None else await histories.source(winner, name, custom=custom)
    return Field(one, source, tuple(sources))


def _rule_of(one: Explained) -> tuple[str, bool]:
    """Return the field of the record whose rule makes *one*, and whether it is a custom one.

    The text beside an enum comes of the enum's rule.
    """
    custom = one.place.startswith("custom_fields.")
    place = one.place.removeprefix("custom_fields.")
    name = place.split(".")[0].split("[")[0]
    kept = [step for step in one.steps if step.does is Does.RAW]
    return str(kept[0].by) if kept and place == name else name, custom


class _Histories:
    """What was changed of which object; each is asked for once."""

    def __init__(self, views: Views, situation: Situation, entity: str) -> None:
        self._views = views
        self._situation = situation
        self._entity = entity
        self._known: dict[ResourceKey, Sequence[Past]] = {}

    async def source(self, rule: Rule, name: str, *, custom: bool) -> Source:
        """Return where the *rule* of the field *name* is written, and what made it as it is."""
        key, state = key_of(rule.source), self._situation.state
        path = self._path(key, name, custom=custom)
        resource = state.resources.get(key)
        if resource is None:
            return Source(rule, path, built_in=True)
        change = _made(await self._history(key), path)
        return Source(
            rule,
            path,
            place=resource.origin,
            drifted=key in state.applied,
            change=change,
        )

    def _path(self, key: ResourceKey, name: str, *, custom: bool) -> Path:
        """Return the way to a rule in the document of *key*; of a text beside an enum, to the enum's."""
        kind = "customFields" if custom else "fields"
        match key.kind:
            case Kind.OVERRIDE:
                return ("spec", "patch", kind, name)
            case Kind.CONNECTOR:
                return ("spec", "streams", self._entity, kind, name)
            case _:
                return ("spec", kind, name)

    async def _history(self, key: ResourceKey) -> Sequence[Past]:
        if key not in self._known:
            self._known[key] = await self._views.history(key, limit=MOST_CHANGES)
        return self._known[key]


def _made(history: Sequence[Past], path: Path) -> Past | None:
    """Return the newest change of what stands at *path*; ``None`` if it is not among these."""
    for past in history:
        if past.after is not None and _at(past.before, path) != _at(past.after, path):
            return past
    return None


def _at(body: bytes | None, path: Path) -> Any:
    value = None if body is None else msgspec.json.decode(body)
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value

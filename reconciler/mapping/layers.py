"""Layers of rules, the later winning field by field, and the one name of what is then in force."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from reconciler.datamodel.value_maps import value_maps
from reconciler.model.value import Json, digest_of

ENGINE: Final = 1
"""Goes up when the same rules over the same record would give another result than before: stored
records are then mapped again."""

LayerName: TypeAlias = Literal["default", "selector", "connection", "override"]


@dataclass(frozen=True, slots=True)
class Layer:
    """The rules of one resource for one entity.

    ``source`` names the resource (``Mapping/acme-po``). Without ``inherit`` the layers below it are
    left out. ``redo`` is another each time that the resource asks for its records to be mapped once more.
    """

    name: LayerName
    source: str
    fields: Mapping[str, Json]
    custom_fields: Mapping[str, Json]
    inherit: bool = True
    redo: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule in force, and the layer and resource it comes from."""

    body: Mapping[str, Json]
    layer: LayerName
    source: str


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules in force for one entity of one connection.

    ``basis`` is 32 hexadecimal digits. Equal rules have an equal one, whatever layers they came from
    and whatever the order of their keys, unless one of the layers asks for it all once more.
    """

    entity: str
    fields: Mapping[str, Rule]
    custom_fields: Mapping[str, Rule]
    basis: str


def effective(entity_name: str, layers: Sequence[Layer]) -> Rules:
    """Return the rules in force when *layers* are laid over each other, the later winning."""
    fields: dict[str, Rule] = {}
    custom_fields: dict[str, Rule] = {}
    redo: list[str] = []
    for layer in layers:
        if not layer.inherit:
            fields.clear()
            custom_fields.clear()
            redo.clear()
        redo += [layer.redo] if layer.redo else []
        fields |= rules_of(layer)
        custom_fields |= rules_of(layer, custom=True)
    basis = digest_of(
        {
            "engine": ENGINE,
            "entity": entity_name,
            "fields": {name: rule.body for name, rule in fields.items()},
            "customFields": {name: rule.body for name, rule in custom_fields.items()},
            **({"redo": redo} if redo else {}),
        }
    )
    return Rules(entity_name, fields, custom_fields, basis[:32])


def rules_of(layer: Layer, *, custom: bool = False) -> dict[str, Rule]:
    """Return the rules of one layer by field: for fields of the entity, or for *custom* ones."""
    bodies = layer.custom_fields if custom else layer.fields
    return {
        name: Rule(_without_nulls(body), layer.name, layer.source) for name, body in bodies.items()
    }


def _without_nulls(body: Json) -> Mapping[str, Json]:
    """Return a rule without keys that say nothing; a constant ``value`` may be null and says so."""
    if not isinstance(body, Mapping):
        return {}
    has_origin = body.get("from") is not None or body.get("template") is not None
    told = {
        key: value
        for key, value in body.items()
        if value is not None or (key == "value" and not has_origin)
    }
    _with_named_values(told)
    each = told.get("each")
    if isinstance(each, Mapping):
        told["each"] = {name: _without_nulls(rule) for name, rule in each.items()}
    return told


def _with_named_values(told: dict[str, Json]) -> None:
    """Put the value map that a rule names beneath its own; one that there is not is left for others to tell."""
    if "valuesFrom" not in told:
        return
    named = value_maps().get(str(told["valuesFrom"]))
    own = told.get("values")
    if named is not None:
        told["values"] = {**named.values, **(own if isinstance(own, Mapping) else {})}

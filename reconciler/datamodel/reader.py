"""Reads the unified model from its files, strictly: what is not understood is an error, not a guess.

``entities/NAME.yaml`` holds one entity; ``types.yaml`` what several share; ``values`` is read by
``value_maps``. A field is written as
``{type, doc}`` and, by its type, ``values`` (enum), ``to`` (reference), ``of`` (list of scalars),
``items`` (fields of an object, or of each object of a list), ``use`` (a shared object; ``items``
beside it are added to its fields), ``unit`` and ``example``.

Two things are added by the reader, so that no file has to say them: the common fields (``number``,
``display``, ``source_created_at``, ``source_updated_at``) stand first in every entity, and beside each
enum stands ``<field>_raw``, a string that keeps the source's own text where it matched no value.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import yaml

from reconciler.datamodel.entity import Entity, Field, FieldType
from reconciler.errors import NotFound

FOLDER: Final = Path(__file__).parent

_ENTITY_KEYS: Final = ("name", "singular", "prefix", "title", "doc", "fields")
_FIELD_KEYS: Final = {
    FieldType.ENUM: {"values"},
    FieldType.REFERENCE: {"to"},
    FieldType.LIST: {"of", "to", "items", "use"},
    FieldType.OBJECT: {"items", "use"},
}
_SHARED_KEYS: Final = {"standard", "common", "types"}

Tree = Mapping[str, Any]


class Model(Mapping[str, Entity]):
    """All entities by name, in the order of their files; each is read when it is asked for."""

    def __getitem__(self, name: str) -> Entity:
        if name not in names():
            raise KeyError(name)
        return entity(name)

    def __iter__(self) -> Iterator[str]:
        return iter(names())

    def __len__(self) -> int:
        return len(names())

    @cached_property
    def fingerprint(self) -> str:
        """A digest of all files of the model: what was checked against another has to be checked again."""
        files = [FOLDER / "types.yaml", *(FOLDER / "entities" / f"{name}.yaml" for name in self)]
        files += sorted((FOLDER / "values").glob("*.yaml"))
        return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


@cache
def entities() -> Model:
    """Return all entities by name.

    A shipped file that is not sound raises ``ValueError`` when its entity is asked for; the message
    names file and field.
    """
    return Model()


def check_prefixes(all_entities: Iterable[Entity]) -> None:
    """Raise ``ValueError`` if two entities would give their records the same kind of id."""
    owners: dict[str, str] = {}
    for one in all_entities:
        other = owners.setdefault(one.prefix, one.name)
        if other != one.name:
            raise ValueError(f"{one.name}: the id prefix {one.prefix!r} is taken by {other}")


@cache
def entity(name: str) -> Entity:
    """Return one entity; only its own file is read.

    Raises:
        NotFound: if the model has no entity of that name.
    """
    if name not in names():
        raise NotFound(
            f"the unified model has no entity {name!r}",
            hint=f"entities are {', '.join(names())}",
        )
    return read_entity(_load(FOLDER / "entities" / f"{name}.yaml"), f"{name}.yaml", expected=name)


@cache
def names() -> tuple[str, ...]:
    """Return the names of all entities, in the order of their files."""
    return tuple(sorted(path.stem for path in (FOLDER / "entities").glob("*.yaml")))


def read_entity(tree: Tree, file: str, *, expected: str) -> Entity:
    """Return the entity that *tree*, the content of *file*, describes."""
    _keys(tree, set(_ENTITY_KEYS), file)
    missing = [key for key in _ENTITY_KEYS if key not in tree]
    if missing:
        raise ValueError(f"{file}: {', '.join(missing)} missing")
    if tree["name"] != expected:
        raise ValueError(f"{file}: the name {tree['name']!r} is not the file's")
    common = read_fields(_SHARED["common"], "types.yaml: common")
    own = read_fields(tree["fields"], file)
    double = [name for name in own if name in common or name in STANDARD]
    if double:
        raise ValueError(f"{file}: {', '.join(double)}: every entity has it already")
    return Entity(
        tree["name"],
        tree["singular"],
        tree["prefix"],
        tree["title"],
        tree["doc"],
        MappingProxyType({**common, **own}),
    )


def read_fields(tree: Tree, place: str) -> Mapping[str, Field]:
    """Return the fields that *tree* describes, each enum with its ``_raw`` beside it."""
    fields: dict[str, Field] = {}
    for name, entry in tree.items():
        for one in _read_field(name, entry, f"{place}: {name}"):
            if one.name in fields:
                raise ValueError(f"{place}: {one.name}: given twice")
            fields[one.name] = one
    return MappingProxyType(fields)


def _read_field(name: str, entry: Any, place: str) -> Iterator[Field]:
    if not isinstance(entry, dict):
        raise TypeError(f"{place}: a mapping is due")
    field_type = _type(entry.get("type"), place)
    _keys(entry, {"type", "doc", "unit", "example", *_FIELD_KEYS.get(field_type, ())}, place)
    if not entry.get("doc"):
        raise ValueError(f"{place}: doc missing")
    of = _type(entry["of"], place) if "of" in entry else None
    values = tuple(entry.get("values", ()))
    _sound_type(field_type, of, entry, place)
    yield Field(
        name,
        field_type,
        entry["doc"],
        enum=values,
        reference=_reference(entry, place),
        of=of,
        unit=entry.get("unit"),
        items=_items(entry, place),
        example=entry.get("example"),
    )
    if field_type is FieldType.ENUM:
        yield raw_of(name, values)


def raw_of(name: str, values: tuple[str, ...]) -> Field:
    """Return the string that stands beside the enum *name*, for text that matched none of *values*."""
    became = "`other`" if "other" in values else "null"
    doc = f"The source's own text where it matched no value of `{name}`, which then is {became}."
    return Field(f"{name}_raw", FieldType.STRING, doc)


def _sound_type(field_type: FieldType, of: FieldType | None, entry: Tree, place: str) -> None:
    """Raise if the keys that belong together do not stand together."""
    refers = FieldType.REFERENCE in (field_type, of)
    if refers != ("to" in entry):
        raise ValueError(f"{place}: a reference, and nothing else, says where it leads 'to'")
    if field_type is FieldType.ENUM and not entry.get("values"):
        raise ValueError(f"{place}: an enum names its 'values'")
    inside = "items" in entry or "use" in entry
    if field_type is FieldType.LIST and inside == (of is not None):
        raise ValueError(f"{place}: a list is either 'of' scalars or of objects ('items', 'use')")
    if of in (FieldType.LIST, FieldType.OBJECT, FieldType.ENUM):
        raise ValueError(f"{place}: 'of' names a scalar, or reference")


def _reference(entry: Tree, place: str) -> str | None:
    target: str | None = entry.get("to")
    if target is not None and target not in names():
        raise ValueError(f"{place}: no entity {target!r} to refer to")
    return target


def _items(entry: Tree, place: str) -> Mapping[str, Field]:
    shared: Mapping[str, Field] = {}
    if "use" in entry:
        if entry["use"] not in _SHARED["types"]:
            raise ValueError(f"{place}: no shared type {entry['use']!r}")
        shared = _shared_type(entry["use"])
    own = read_fields(entry.get("items", {}), place)
    double = [name for name in own if name in shared]
    if double:
        raise ValueError(f"{place}: {', '.join(double)}: the shared type has it already")
    return MappingProxyType({**shared, **own})


@cache
def _shared_type(name: str) -> Mapping[str, Field]:
    return read_fields(_SHARED["types"][name], f"types.yaml: {name}")


def _type(text: Any, place: str) -> FieldType:
    try:
        return FieldType(text)
    except ValueError:
        known = ", ".join(FieldType)
        raise ValueError(f"{place}: no type {text!r}; types are {known}") from None


def _keys(tree: Tree, known: set[str], place: str) -> None:
    unknown = sorted(set(tree) - known)
    if unknown:
        raise ValueError(f"{place}: unknown key {', '.join(map(repr, unknown))}")


def _load(path: Path) -> Tree:
    tree: Tree = yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)
    return tree


_SHARED: Final = _load(FOLDER / "types.yaml")
_keys(_SHARED, _SHARED_KEYS, "types.yaml")

STANDARD: Final = read_fields(_SHARED["standard"], "types.yaml: standard")
"""The fields of every record that the store's columns hold; mappings do not set them."""

"""Value maps that ship with the product: what well-known systems call a status, and what the model calls it.

``values/FILE.yaml`` holds maps by name, each with ``title``, ``for`` (``ENTITY.FIELD``) and ``values``. A rule takes one
by ``valuesFrom: NAME``; its own ``values`` count before it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import yaml

FOLDER: Final = Path(__file__).parent / "values"

_KEYS: Final = {"title", "for", "values"}


@dataclass(frozen=True, slots=True)
class ValueMap:
    """What a system's texts become in the enum ``field`` of ``entity``."""

    name: str
    title: str
    entity: str
    field: str
    values: Mapping[str, str]


@cache
def value_maps() -> Mapping[str, ValueMap]:
    """Return all value maps by name, in the order of their names.

    A shipped file that is not sound raises ``ValueError``; the message names file and map.
    """
    found: dict[str, ValueMap] = {}
    for path in sorted(FOLDER.glob("*.yaml")):
        tree = yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)
        for one in read_value_maps(tree, path.name):
            if one.name in found:
                raise ValueError(f"{path.name}: {one.name}: another file has a map of this name")
            found[one.name] = one
    return MappingProxyType(dict(sorted(found.items())))


def read_value_maps(tree: Mapping[str, Any], file: str) -> Iterator[ValueMap]:
    """Yield the maps that *tree*, the content of *file*, describes."""
    for name, entry in tree.items():
        if set(entry) != _KEYS:
            raise ValueError(f"{file}: {name}: it has the keys {', '.join(sorted(_KEYS))}")
        entity, dot, field = entry["for"].partition(".")
        texts = [*entry["values"], *entry["values"].values()]
        if not dot or not all(isinstance(text, str) for text in texts):
            raise ValueError(f"{file}: {name}: 'for' is ENTITY.FIELD, and all values are texts")
        values = MappingProxyType(dict(entry["values"]))
        yield ValueMap(name, entry["title"], entity, field, values)

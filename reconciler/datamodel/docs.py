"""The reference pages of the unified model, written from the model itself.

``python -m reconciler.datamodel.docs`` rewrites ``docs/model``; a test tells when that is due.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from reconciler.datamodel.entity import Entity, Field, FieldType
from reconciler.datamodel.reader import STANDARD, entities
from reconciler.datamodel.value_maps import ValueMap, value_maps

TARGET: Final = Path("docs/model")

_INTRODUCTION: Final = """\
# The unified model

Every system's records are served as these entities, with these names, types and values, at
`GET /api/v1/NAME`. The pages are written from `reconciler/datamodel` by
`python -m reconciler.datamodel.docs`.

- A decimal is a string (`"12.50"`), a date `YYYY-MM-DD`, a datetime RFC 3339 in UTC (`…Z`).
- Money is a decimal and, beside it, a `currency` (ISO 4217); a quantity is a decimal and a `uom`.
- A reference holds the id of a record of the entity it leads to. Where the text says "the source's
  key", the thing it names is not an entity of the model (yet), and the source's own key stands there.
- Beside every enum stands `<field>_raw`. Where the source's text matched no value, the enum is
  `other` (null where it has no `other`) and the text is kept in `<field>_raw`.
- What well-known systems call a status is known: [value maps](value-maps.md) that a rule takes by name.
- Any field of an entity may be null, and a field that no mapping fills may be left out.
"""


_OF_MAPS: Final = """\
# Value maps

What well-known systems call a status, as data that ships with the product. A rule takes a map by its name; its own
`values` count before it, and `unknown` says what becomes of the rest:

```yaml
status: {from: status, valuesFrom: maximo-work-order-status, values: {WAPPR: draft}}
```
"""


def pages() -> Mapping[str, str]:
    """Return all pages: file name to content."""
    written = {f"{one.name}.md": entity_page(one) for one in entities().values()}
    maps = value_maps_page(list(value_maps().values()))
    return {"README.md": index_page(list(entities().values())), "value-maps.md": maps, **written}


def index_page(all_entities: Sequence[Entity]) -> str:
    """Return the page that lists *all_entities*, and the fields that every record has."""
    rows = [
        f"| [{one.name}]({one.name}.md) | `{one.prefix}_` | {one.doc} |" for one in all_entities
    ]
    listed = "\n".join(["| entity | ids | what it is |", "|---|---|---|", *rows])
    standard = _table(STANDARD)
    return (
        f"{_INTRODUCTION}\n## Entities\n\n{listed}\n\n"
        f"## Fields of every record\n\nHeld by the platform; mappings do not set them.\n\n{standard}\n"
    )


def value_maps_page(maps: Sequence[ValueMap]) -> str:
    """Return the page of the value maps that ship with the product."""
    parts = [_OF_MAPS]
    for one in maps:
        rows = [f"| `{text}` | `{value}` |" for text, value in one.values.items()]
        entity = f"[{one.entity}]({one.entity}.md)"
        table = "\n".join(["| the source says | the model says |", "|---|---|", *rows])
        parts.append(f"## {one.name}\n\n{one.title}: `{one.field}` of {entity}.\n\n{table}\n")
    return "\n".join(parts)


def entity_page(one: Entity) -> str:
    """Return the page of one entity."""
    return (
        f"# {one.title}\n\n{one.doc}\n\n"
        f"`GET /api/v1/{one.name}`, `GET /api/v1/{one.name}/ID`. Ids start with `{one.prefix}_`.\n"
        "Beside these fields every record has the\n"
        f"[standard ones](README.md#fields-of-every-record).\n\n{_table(one.fields)}\n"
    )


def _table(fields: Mapping[str, Field]) -> str:
    rows = [
        f"| `{path}` | {_type(field)} | {_text(field)} | {_example(field.example)} |"
        for path, field in _flat(fields)
    ]
    return "\n".join(["| field | type | what it is | example |", "|---|---|---|---|", *rows])


def _flat(fields: Mapping[str, Field], at: str = "") -> Iterator[tuple[str, Field]]:
    for name, field in fields.items():
        path = f"{at}{name}"
        yield path, field
        inside = f"{path}[]." if field.type is FieldType.LIST else f"{path}."
        yield from _flat(field.items, inside)


def _type(field: Field) -> str:
    if field.type is FieldType.LIST:
        return f"list of {_leads(field) if field.reference else field.of or 'object'}"
    return _leads(field) if field.reference else str(field.type)


def _leads(field: Field) -> str:
    return f"reference to [{field.reference}]({field.reference}.md)"


def _text(field: Field) -> str:
    parts = [field.doc]
    if field.unit is not None:
        parts.append(f"In {field.unit}.")
    if field.enum:
        parts.append(f"One of {', '.join(f'`{value}`' for value in field.enum)}.")
    return " ".join(parts)


def _example(example: Any) -> str:
    return "" if example is None else f"`{msgspec.json.encode(example).decode()}`"


def main() -> None:
    """Rewrite the pages under ``docs/model`` of the working directory."""
    TARGET.mkdir(parents=True, exist_ok=True)
    written = pages()
    for stale in sorted({path.name for path in TARGET.glob("*.md")} - set(written)):
        (TARGET / stale).unlink()
    for name, text in written.items():
        (TARGET / name).write_text(text, encoding="utf-8")
    sys.stdout.write(f"{len(written)} pages in {TARGET}\n")


if __name__ == "__main__":
    main()

"""Connection sets: one template and a list become drafts of connections, mappings and schedules."""

import copy
import csv
import io
import posixpath
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from reconciler.spec.finding import Draft, Finding, Spot, Way

MOST_ITEMS: Final = 10_000
LARGEST_TABLE: Final = 8_388_608

Item = tuple[dict[str, Any], str]
"""What a template is filled in with, and what people call it."""


def table_of(spec: Mapping[str, Any], file: str) -> str | None:
    """Return the path of the table that a set in *file* names, or ``None`` if it has its list inline."""
    name = spec.get("file")
    if not isinstance(name, str):
        return None
    return posixpath.normpath(posixpath.join(posixpath.dirname(file), name))


def items_of(
    spec: Mapping[str, Any], file: str, files: Mapping[str, bytes]
) -> tuple[list[Item], list[Finding]]:
    """Return the items of a set, and what is wrong with its list."""
    table = table_of(spec, file)
    if table is None:
        return [(item, f"item {at}") for at, item in enumerate(spec["items"], 1)], []
    path: Way = ("spec", "file")
    if table not in files:
        return [], [Finding("R205", path, f"there is no file '{table}'", "put it beside this file")]
    try:
        items = list(_read(files[table], table))
    except ValueError as error:
        return [], [Finding("R205", path, f"{table}: {error}")]
    if (
        not items
    ):  # more often a broken export than the end of all customers; pruning would take them out
        hint = "write 'items: []' where none is meant"
        return [], [Finding("R205", path, f"{table}: no items", hint)]
    if len(items) > MOST_ITEMS:
        return [], [Finding("R205", path, f"{table}: more than {MOST_ITEMS:,} items")]
    return items, []


def _read(content: bytes, table: str) -> Iterator[Item]:
    if len(content) > LARGEST_TABLE:
        raise ValueError(f"larger than {LARGEST_TABLE:,} bytes")
    if table.endswith(".json"):
        return _read_json(content)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    return _read_csv(text)


def _read_json(content: bytes) -> Iterator[Item]:
    try:
        items = msgspec.json.decode(content, type=list[dict[str, Any]])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise ValueError("not a JSON array of objects") from None
    for at, item in enumerate(items, 1):
        yield item, f"item {at}"


def _read_csv(text: str) -> Iterator[Item]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        if not header or not all(header) or len(set(header)) != len(header):
            raise ValueError("the first line must name each column, each name once")
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(header):
                msg = (
                    f"line {reader.line_num} has {len(row)} values, the header names {len(header)}"
                )
                raise ValueError(msg)
            cells = dict(zip(header, (cell.strip() for cell in row), strict=True))
            yield cells, f"line {reader.line_num}"
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num}: {error}") from None


def drafts_of(spec: Mapping[str, Any], items: list[Item], spot: Spot) -> Iterator[Draft]:
    """Yield the drafts that a set makes, item by item."""
    template = spec["template"]
    base: Way = ("spec", "template")
    for item, label in items:
        connection = _draft("Connection", template, spot, base)
        name = connection.data["metadata"].get("name")
        parts = [connection]
        for key, kind in (("mappings", "Mapping"), ("schedules", "SyncSchedule")):
            for at, part in enumerate(template.get(key, ())):
                draft = _draft(kind, part, spot, (*base, key, at))
                if "connection" not in draft.data["spec"] and "selector" not in draft.data["spec"]:
                    draft.data["spec"]["connection"] = name
                parts.append(draft)
        for draft in parts:
            draft.item, draft.label = item, label
            yield draft


def _draft(kind: str, part: Mapping[str, Any], spot: Spot, base: Way) -> Draft:
    data = {
        "apiVersion": "reconciler/v1",
        "kind": kind,
        "metadata": copy.deepcopy(part["metadata"]),
        "spec": copy.deepcopy(part["spec"]),
    }
    return Draft(data, spot._replace(path=base))

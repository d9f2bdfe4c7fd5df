"""Lists for people and scripts: a table, wide or not, JSON or YAML."""

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec


class Form(StrEnum):
    """The forms of ``-o``."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"


def show(
    rows: Sequence[Mapping[str, Any]],
    form: Form,
    *,
    columns: Sequence[str],
    wide: Sequence[str] = (),
    nothing: str = "nothing found",
) -> None:
    """Print *rows*: the *columns* of a table (and the *wide* ones), or all of each as JSON or YAML."""
    if form in {Form.JSON, Form.YAML}:
        show_value(list(rows), form)
        return
    if not rows:
        sys.stderr.write(nothing + "\n")
        return
    names = [*columns, *(wide if form is Form.WIDE else ())]
    table = [[name.upper().replace("_", " ") for name in names]]
    table += [[_cell(row.get(name)) for name in names] for row in rows]
    widths = [max(len(line[place]) for line in table) for place in range(len(names))]
    for line in table:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        sys.stdout.write("  ".join(cells).rstrip() + "\n")


def show_value(value: Any, form: Form) -> None:
    """Print one value as JSON, or as YAML."""
    plain = msgspec.to_builtins(value)
    if form is Form.YAML:
        import yaml  # noqa: PLC0415  only when asked for

        sys.stdout.write(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True))
        return
    text = msgspec.json.format(msgspec.json.encode(plain), indent=2).decode()
    sys.stdout.write(text + "\n")


def moment(at: datetime | None) -> str | None:
    """Return a time as RFC 3339 in UTC, to the second."""
    if at is None:
        return None
    return at.replace(microsecond=0).isoformat().replace("+00:00", "Z")


def _cell(value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, (list, tuple)):
        return ",".join(str(item) for item in value)
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)

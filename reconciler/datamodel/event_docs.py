"""The page and the JSON Schemas of events, written from their table.

``python -m reconciler.datamodel.event_docs`` rewrites the table in ``docs/events.md`` and the files in
``docs/events``; a test tells when that is due.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from reconciler.datamodel.events import EventEntry, alerts_schema, event_entries, event_schema
from reconciler.model.alert import CONDITIONS

PAGE: Final = Path("docs/events.md")
FOLDER: Final = Path("docs/events")
BEGIN: Final = "<!-- events: written by python -m reconciler.datamodel.event_docs -->"
END: Final = "<!-- /events -->"


def main() -> None:
    """Rewrite the page's tables and all schemas, below the working folder."""
    PAGE.write_text(page_with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.glob("*.json"):
        old.unlink()
    for name, text in schema_files().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


def page_with_tables(page: str) -> str:
    """Return *page* with the tables between its marks as they are now."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{tables()}\n\n{END}{after}"


def schema_files() -> Mapping[str, str]:
    """Return all schema files: name to content."""
    entries = event_entries().values()
    told = {f"{one.type.value}.json": _text(event_schema(one)) for one in entries}
    return {**told, "alerts.json": _text(alerts_schema())}


def tables() -> str:
    """Return the table of events, and that of what opens and ends an alert."""
    head = "| type | severity | subject | when | data |\n|---|---|---|---|---|"
    rows = "\n".join(_row(entry) for entry in event_entries().values())
    ends = "| alert | is ended by | one for each |\n|---|---|---|"
    return f"{head}\n{rows}\n\n### Alerts\n\n{_ALERTS}\n\n{ends}\n" + "\n".join(_endings())


_ALERTS: Final = """\
An alert is what lasts: it is opened by one event and ended by another. What else happens is a notice, told once. What is deleted
(`resource.deleted`) has no alerts any more."""


def _row(entry: EventEntry) -> str:
    schema = f"[{entry.type.value}](events/{entry.type.value}.json)"
    data = ", ".join(f"`{name}`{'?' if name in entry.optional else ''}" for name in entry.data)
    cells = (
        f"`{entry.type.value}`",
        entry.severity.value,
        f"`{entry.subject}`",
        f"{entry.when}",
        f"{data} ({schema})" if data else f"({schema})",
    )
    return f"| {' | '.join(cells)} |"


def _endings() -> Iterator[str]:
    for kind, rule in CONDITIONS.items():
        closers = ", ".join(
            f"`{one.value}`"
            + "".join(f" with `{key}: {_word(value)}`" for key, value in data.items())
            for one, data in rule.closed_by.items()
        )
        part = f"subject and `{rule.part}`" if rule.part else "subject"
        yield f"| `{kind.value}` | {closers} | {part} |"


def _word(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def _text(schema: Mapping[str, Any]) -> str:
    return msgspec.json.format(msgspec.json.encode(schema), indent=2).decode() + "\n"


if __name__ == "__main__":
    main()

"""The table of events is complete, and the pages and schemas are as it says."""

from pathlib import Path

import pytest
import yaml

from reconciler.datamodel import events
from reconciler.datamodel.event_docs import page_with_tables, schema_files
from reconciler.datamodel.events import FILE, event_entries
from reconciler.errors import Invalid
from reconciler.model.event import EventType

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "events"
AGAIN = "run: python -m reconciler.datamodel.event_docs"


def test_every_event_is_in_the_table_and_has_a_schema_that_is_up_to_date() -> None:
    assert set(event_entries()) == set(EventType)
    shipped = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    assert shipped == schema_files(), AGAIN
    assert set(shipped) == {"alerts.json", *(f"{kind.value}.json" for kind in EventType)}


def test_the_page_of_events_is_up_to_date() -> None:
    page = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
    assert page == page_with_tables(page), AGAIN
    assert all(f"| `{kind.value}` |" in page for kind in EventType)


@pytest.mark.parametrize("change", ["missing", "unknown", "key"])
def test_a_table_that_is_not_complete_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, change: str
) -> None:
    tree = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    match change:
        case "missing":
            del tree["events"]["sync.failed"]
        case "unknown":
            tree["events"]["sync.lost"] = tree["events"]["sync.failed"]
        case _:
            tree["events"]["sync.failed"]["when_"] = "never"
    other = tmp_path / "events.yaml"
    other.write_text(yaml.safe_dump(tree))
    monkeypatch.setattr(events, "FILE", other)
    event_entries.cache_clear()
    try:
        with pytest.raises(Invalid, match=r"sync\.(failed|lost)"):
            event_entries()
    finally:
        event_entries.cache_clear()

"""The reference pages say what the model says, and are as the model is now."""

from pathlib import Path

import pytest

from reconciler.datamodel.docs import entity_page, main, pages
from reconciler.datamodel.reader import entities, entity

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "docs" / "model"


def test_the_shipped_pages_are_up_to_date() -> None:
    shipped = {path.name: path.read_text(encoding="utf-8") for path in SHIPPED.iterdir()}
    assert shipped == pages(), "run: python -m reconciler.datamodel.docs"


def test_there_is_a_page_an_entity_and_an_index_that_leads_to_each() -> None:
    assert set(pages()) == {"README.md", "value-maps.md", *(f"{name}.md" for name in entities())}
    assert all(f"({name}.md)" in pages()["README.md"] for name in entities())


def test_a_page_names_nested_fields_values_units_and_references() -> None:
    page = entity_page(entity("work-orders"))
    assert "| `tasks[].checklist[].is_done` | boolean |" in page
    assert "`waiting_material`" in page
    assert "In minutes." in page
    assert "list of reference to [documents](documents.md)" in page


def test_the_command_rewrites_the_pages_and_removes_stale_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "docs" / "model"
    folder.mkdir(parents=True)
    (folder / "ghosts.md").write_text("gone", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    main()
    assert capsys.readouterr().out == f"{len(pages())} pages in docs/model\n"
    assert {path.name for path in folder.iterdir()} == set(pages())

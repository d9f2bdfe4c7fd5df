"""The pages that are generated from the kinds are up to date."""

from pathlib import Path

from reconciler.spec.codes import problems_markdown
from reconciler.spec.schema import reference_markdown

DOCS = Path(__file__).parents[2] / "docs"


def test_the_reference_of_all_kinds_is_up_to_date() -> None:
    assert (DOCS / "specs.md").read_text() == reference_markdown(), "run: make docs"


def test_the_page_of_problems_is_up_to_date() -> None:
    assert (DOCS / "problems.md").read_text() == problems_markdown()

"""Who wrote a line: as git knows it, and nothing where it does not."""

from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.sources.git_blame import blamed, head
from tests.sources.git_servers import run

pytestmark = pytest.mark.slow

TEXT = b"first\nsecond\n"


@pytest.fixture
def clone(tmp_path: Path, program: Callable[[str], str]) -> Path:
    """A work tree whose first line Ada wrote, and whose second Bob did."""
    program("git")
    where = tmp_path / "clone"
    run("git", "init", "-q", "-b", "main", str(where))
    commit(where, "Ada Byte", b"first\nold\n", "Begin")
    commit(where, "Bob Line", TEXT, "Say it better")
    return where


def commit(where: Path, author: str, content: bytes, message: str) -> None:
    (where / "specs").mkdir(exist_ok=True)
    (where / "specs" / "a.yaml").write_bytes(content)
    run("git", "-C", str(where), "add", "-A")
    by = f"{author} <x@example.com>"
    run("git", "-C", str(where), "commit", "-q", "--author", by, "-m", message)


@pytest.mark.parametrize(
    ("line", "author", "summary"), [(1, "Ada Byte", "Begin"), (2, "Bob Line", "Say it better")]
)
async def test_each_line_has_its_author_and_commit(
    clone: Path, line: int, author: str, summary: str
) -> None:
    found = await blamed(clone / "specs" / "a.yaml", line, TEXT)
    assert found is not None
    assert (found.author, found.summary) == (author, summary)
    assert len(found.commit) == 40
    assert found.at.tzinfo is not None


async def test_a_line_of_what_is_not_committed_has_no_author(clone: Path) -> None:
    assert await blamed(clone / "specs" / "a.yaml", 1, TEXT + b"more\n") is None
    assert await blamed(clone / "specs" / "new.yaml", 1, TEXT) is None
    assert await blamed(clone / "specs" / "a.yaml", 9, TEXT) is None


async def test_where_there_is_no_git_nobody_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(TEXT)
    assert await blamed(tmp_path / "a.yaml", 1, TEXT) is None
    assert await blamed(tmp_path / "nowhere" / "a.yaml", 1, TEXT) is None
    assert await head(tmp_path) == ""


async def test_the_commit_of_a_work_tree_is_found_from_a_folder_in_it(clone: Path) -> None:
    found = await blamed(clone / "specs" / "a.yaml", 2, TEXT)
    assert found is not None
    assert await head(clone / "specs") == found.commit


async def test_nothing_that_a_work_tree_names_is_started(clone: Path) -> None:
    touched = clone / "touched"
    program = f"touch {touched}; cat"
    for key in ("filter.own.clean", "filter.own.smudge", "diff.own.textconv"):
        run("git", "-C", str(clone), "config", key, program)
    (clone / ".gitattributes").write_text("*.yaml filter=own diff=own\n")
    assert await blamed(clone / "specs" / "a.yaml", 1, TEXT) is not None
    assert not touched.exists()

"""Who wrote a line: of a file in a git work tree, as far as git can tell. Best effort, never an error."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from reconciler.errors import ReconcilerError
from reconciler.sources.git_program import GitProgram


@dataclass(frozen=True, slots=True)
class Blame:
    """The commit that a line comes from, its author's name, when, and the first line of its message."""

    commit: str
    author: str
    at: datetime
    summary: str


async def blamed(file: Path, line: int, content: bytes) -> Blame | None:
    """Return who wrote a line of *file*; ``None`` where there is no git, or *content* is not committed.

    Only what is committed is read: nothing that the settings of a work tree name is started.
    """
    git = GitProgram(file.parent)
    try:
        kept = await git("cat-file", "blob", f"HEAD:./{file.name}")
        if kept.out != content:
            return None
        told = await git(
            "blame", "--porcelain", "--no-textconv", "-L", f"{line},{line}", "HEAD", "--", file.name
        )
    except ReconcilerError:
        return None
    return _read(told.text)


async def head(folder: Path) -> str:
    """Return the commit that the work tree around *folder* is at; "" where there is none."""
    try:
        return (await GitProgram(folder)("rev-parse", "HEAD")).text
    except ReconcilerError:
        return ""


def _read(text: str) -> Blame | None:
    """Return what the porcelain format of git-blame(1) says of one line."""
    lines = text.splitlines()
    facts = dict(line.partition(" ")[::2] for line in lines[1:] if not line.startswith("\t"))
    if not lines or not facts.get("author-time", "").isdigit():
        return None
    return Blame(
        commit=lines[0].partition(" ")[0],
        author=facts.get("author", ""),
        at=datetime.fromtimestamp(int(facts["author-time"]), UTC),
        summary=facts.get("summary", ""),
    )

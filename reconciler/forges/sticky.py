"""One comment for a pull request: found again by the hidden marker it begins with, and edited."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final, Protocol

from reconciler.errors import Invalid, NotFound

_MARKER: Final = re.compile(r"<!-- (?:(?!-->)[^\n]){1,400} -->")


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment as a forge lists it: its id, who wrote it, what it says."""

    id: int
    author: str
    text: str


class Board(Protocol):
    """The comments of a repository's pull requests."""

    async def me(self) -> str | None:
        """Return the author that our comments have; ``None`` where the token may not ask."""
        ...

    def comments(self, pull_request: int) -> AsyncIterator[Comment]:
        """Yield the comments, the oldest first."""
        ...

    async def edit(self, pull_request: int, comment: int, text: str) -> None:
        """Have a comment say *text*; ``NotFound`` if it is gone."""
        ...

    async def add(self, pull_request: int, text: str) -> None:
        """Make a comment."""
        ...


async def keep_one(board: Board, pull_request: int, marker: str, text: str) -> None:
    """Have one comment of ours that begins with *marker* say *text*; the same text is not sent again."""
    found = await _ours(board, pull_request, marker)
    if found is not None and found.text == text:
        return
    if found is not None:
        try:
            await board.edit(pull_request, found.id, text)
        except NotFound:  # somebody deleted it meanwhile
            found = None
    if found is None:
        await board.add(pull_request, text)


def marked(marker: str, markdown: str, longest: int) -> str:
    """Return *markdown* with *marker* as its first line.

    Raises:
        Invalid: if the marker is no HTML comment of one line, or it all is longer than *longest*.
    """
    if not _MARKER.fullmatch(marker):
        raise Invalid(
            f"{marker[:80]!r} is no marker that stays hidden",
            hint="write an HTML comment of one line: <!-- reconciler-plan:prod:specs -->",
        )
    text = markdown if markdown.startswith(f"{marker}\n") else f"{marker}\n{markdown}"
    if len(text) > longest:
        raise Invalid(
            f"the comment has {len(text):,} characters, and the forge takes {longest:,}",
            hint="reconciler plan --format markdown cuts what it writes by itself",
        )
    return text


async def _ours(board: Board, pull_request: int, marker: str) -> Comment | None:
    """Return the first that begins with *marker* (one that quotes it does not) and is by us.

    Anybody may write the marker into a comment, and could afterwards edit what we had made of it.
    """
    me = await board.me()
    async for one in board.comments(pull_request):
        if one.text.lstrip().startswith(marker) and me in {None, one.author}:
            return one
    return None

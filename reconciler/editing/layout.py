"""A document as lines that can be moved: each entry with the comments above it, each block with those below."""

import re
from dataclasses import dataclass, field
from typing import Final

from reconciler.editing.splice import Page
from reconciler.editing.tree import Node, Part

_TRIVIA: Final = re.compile(r"(?:[ \r\n]|#[^\r\n]*)*")


@dataclass(slots=True)
class Row:
    """An entry or item. ``lead``: the comments and empty lines above it; ``comment``: behind it.

    ``column`` is where its key or dash stands in the file.
    """

    part: Part
    column: int
    lead: list[str]
    comment: str = ""
    block: "Block | None" = None


@dataclass(slots=True)
class Block:
    """A mapping or list that is written with indentation. ``tail``: the comments below its last row."""

    node: Node
    rows: list[Row] = field(default_factory=list)
    tail: list[str] = field(default_factory=list)


def layout(text: str, root: Node) -> Block:
    """Return the document *root* of *text*: nothing but it and comments."""
    return _Reader(text).block(root, -1)


class _Reader:
    def __init__(self, text: str) -> None:
        self._page = Page(text)
        self._at = 0
        """Where the line begins that is to be read next."""

    def block(self, node: Node, above: int) -> Block:
        """Return a block that stands under a key or dash at the column *above*."""
        block = Block(node)
        for part in node.parts or ():
            block.rows.append(self._row(part))
        column = self._page.column(node.start)
        block.tail = self._tail(max(column, above + 1), to_end=above < 0)
        return block

    def _row(self, part: Part) -> Row:
        page = self._page
        lead = (
            page.text[self._at : page.line_start(part.start)]
            if page.begins_line(part.start)
            else ""
        )
        row = Row(part, page.column(part.start), _lines(lead))
        self._at = max(self._at, part.start)
        if part.node.block:
            row.comment = self._comment(part.after)
            row.block = self.block(part.node, row.column)
        else:
            row.comment = self._comment(part.end)
        return row

    def _comment(self, at: int) -> str:
        """Return the comment behind *at* in its line, with the spaces before it."""
        end = self._page.line_end(at)
        found = self._page.text[at:end].rstrip()
        if found and not found.lstrip(" ").startswith("#"):
            return ""
        self._at = min(end + 1 + self._page.text.startswith("\r\n", end), len(self._page.text))
        return found

    def _tail(self, column: int, *, to_end: bool) -> list[str]:
        """Return the comments that follow and are indented as the block is, or more."""
        found = _TRIVIA.match(self._page.text, self._at)
        end = len(self._page.text) if to_end or found is None else found.end()
        lines = self._page.text[self._at : end].splitlines(keepends=True)
        kept = 0
        for count, line in enumerate(lines, 1):
            stripped = line.strip()
            if stripped and (len(line) - len(line.lstrip(" ")) < column or stripped[0] != "#"):
                break
            kept = count if stripped else kept
        self._at += sum(len(line) for line in lines[:kept])
        return _lines("".join(lines[:kept]))


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines()]

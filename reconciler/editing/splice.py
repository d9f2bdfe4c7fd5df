"""The single changes of a text: a value in place of another, an entry or item more or less.

Each returns the splices to make: disjoint spans and what stands in their place. Comment lines outside of
what is removed stay.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from reconciler.editing import quoting
from reconciler.editing.tree import Node, Part

_BLANK: Final = re.compile(r"[ \r\n]*")
_COMMA: Final = re.compile(r"((?:[ \r\n]|#[^\r\n]*)*),")
_TO_END: Final = re.compile(r"[^\r\n]*")
_WIDEST: Final = 100


class Splice(NamedTuple):
    """A span of the text, and what is to stand there."""

    start: int
    end: int
    text: str


def spliced(text: str, splices: Sequence[Splice]) -> str:
    """Return *text* with *splices* made."""
    for start, end, new in sorted(splices, reverse=True):
        text = text[:start] + new + text[end:]
    return text


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a value stands: behind ``after``, in a collection whose keys or dashes are at ``column``."""

    after: int
    column: int
    flow: bool
    item: bool


@dataclass(frozen=True, slots=True)
class Page:
    """A text, and how changes of it are written."""

    text: str

    @property
    def newline(self) -> str:
        """The line break of the file: of its first line."""
        at = self.text.find("\n")
        return "\r\n" if at > 0 and self.text[at - 1] == "\r" else "\n"

    @property
    def literal(self) -> bool:
        """Whether the file ends as it has to for a text that stands in lines of its own."""
        return self.text.endswith("\n")

    def line_start(self, at: int) -> int:
        """Return where the line of *at* begins."""
        return self.text.rfind("\n", 0, at) + 1

    def line_end(self, at: int) -> int:
        """Return where the line of *at* ends, its break not included."""
        found = _TO_END.match(self.text, at)
        return at if found is None else found.end()

    def column(self, at: int) -> int:
        """Return how many characters stand before *at* in its line."""
        return at - self.line_start(at)

    def begins_line(self, at: int) -> bool:
        """Whether only spaces stand before *at* in its line."""
        return not self.text[self.line_start(at) : at].strip(" ")

    def lines(self, start: int, end: int) -> Splice:
        """Return the splice that removes whole lines, from that of *start* to that of *end*."""
        start, end = self.line_start(start), self.line_end(end)
        after = _breaks(self.text, end)
        if after > end or not start:
            return Splice(start, after, "")
        before = start - (2 if self.text[start - 2 : start] == "\r\n" else 1)
        return Splice(before, end, "")

    def block(self, lines: Sequence[str], column: int) -> str:
        """Return *lines* at *column*, each with a line break before it."""
        return "".join(self.newline + line for line in quoting.indented(lines, column))

    def run(self, lines: Sequence[str], column: int) -> str:
        """Return *lines* at *column*, the first of which is there already."""
        return self.newline.join(quoting.indented(lines, column))[column:]

    def literal_after(self, end: int, column: int) -> bool:
        """Whether a text may stand in lines of its own after *end*, under a key at *column*.

        A comment below it that is indented as much would become a line of it.
        """
        below = _BLANK.match(self.text, end)
        following = end if below is None else below.end()
        comment = self.text.startswith("#", following) and self.column(following) > column
        return self.literal and not comment


def _breaks(text: str, at: int) -> int:
    if text.startswith("\r\n", at):
        return at + 2
    return at + 1 if text.startswith("\n", at) else at


def slot_of(page: Page, node: Node, part: Part) -> Slot:
    """Return where the value of *part* of *node* stands."""
    return Slot(part.after, page.column(part.start), node.flow, not node.mapping)


def replace(page: Page, slot: Slot, node: Node, value: Any) -> list[Splice]:
    """Return what puts *value* in the place of *node*."""
    literal = page.literal_after(page.line_end(node.end), slot.column)
    made = _in_one_line(page, slot, node, value, literal=literal)
    if made is not None:
        return _put(page, slot, node, made)
    if isinstance(value, str):
        head, *lines = quoting.literal_lines(value)
        return _put_text(page, slot, node, head, lines)
    return _put_lines(page, slot, node, quoting.lines_of(value, literal=literal))


def _in_one_line(page: Page, slot: Slot, node: Node, value: Any, *, literal: bool) -> str | None:
    """Return *value* in one line, or ``None`` if it is to be written in several."""
    if isinstance(value, Mapping) or quoting.is_list(value):
        made = quoting.in_brackets(value)
        return made if slot.flow or not value or _fits(page, slot, node, value) else None
    gap = page.text[slot.after : page.line_start(node.start)]
    spread = node.block and gap.count("\n") > 1  # a comment would become a line of the text
    if slot.flow or spread or not literal or not quoting.is_literal(value):
        return quoting.scalar(value, flow=slot.flow, like=node.style)
    return None


def _fits(page: Page, slot: Slot, node: Node, value: Any) -> bool:
    """Whether a collection goes into the line of its key or dash: in brackets, as what was there."""
    room = _WIDEST - page.column(slot.after) - 1
    if node.parts is None or not node.parts:
        return quoting.is_short(value, min(room, quoting.WIDTH))
    return node.flow and quoting.is_short(value, max(room, node.end - node.start))


def _put(page: Page, slot: Slot, node: Node, made: str) -> list[Splice]:
    """Return what puts *made*, which is one line, in the place of *node*."""
    if node.block and page.begins_line(node.start):
        return [Splice(slot.after, slot.after, f" {made}"), page.lines(node.start, node.end)]
    gap = page.text[slot.after : node.start]
    if "\n" in gap and "#" not in gap and not slot.flow and page.column(node.start) <= slot.column:
        return [Splice(slot.after, node.end, f" {made}")]
    return [Splice(node.start, node.end, _lead(page, slot, node) + made)]


def _lead(page: Page, slot: Slot, node: Node) -> str:
    """Return what has to stand between the colon or dash and a value, where there was none."""
    if node.start > slot.after or (slot.flow and slot.item):
        return ""
    return " " if slot.item or page.text[slot.after - 1] == ":" else ": "


def _put_text(page: Page, slot: Slot, node: Node, head: str, lines: Sequence[str]) -> list[Splice]:
    """Return what puts a text of several lines in the place of *node*."""
    end = page.line_end(node.end)
    block = page.block(lines, slot.column + 2)
    if not node.block:
        made = _lead(page, slot, node) + head
        return [Splice(node.start, node.end, made), Splice(end, end, block)]
    if not page.begins_line(node.start):
        return [Splice(node.start, end, head + block)]
    start = page.line_start(node.start) - len(page.newline)
    return [Splice(slot.after, slot.after, f" {head}"), Splice(start, end, block)]


def _put_lines(page: Page, slot: Slot, node: Node, lines: Sequence[str]) -> list[Splice]:
    """Return what puts a mapping or list, written in *lines*, in the place of *node*."""
    end = page.line_end(node.end)
    column = page.column(node.start)
    if node.block and column > slot.column:
        return [Splice(node.start, end, page.run(lines, column))]
    column = slot.column + 2
    if node.block:
        start = page.line_start(node.start) - len(page.newline)
        return [Splice(start, end, page.block(lines, column))]
    comment = page.text[node.end : end].strip(" ")
    if comment:
        return [Splice(node.start, node.end, ""), Splice(end, end, page.block(lines, column))]
    if "\n" in page.text[slot.after : node.start]:
        return [Splice(node.start, end, page.run(lines, page.column(node.start)))]
    if slot.item:
        return [Splice(slot.after, end, " " + page.run(lines, column))]
    return [Splice(slot.after, end, page.block(lines, column))]


def add_entry(page: Page, node: Node, after: Part, key: str, value: Any) -> list[Splice]:
    """Return what adds an entry to a mapping that has some, behind *after*."""
    if node.flow and not page.text.startswith("{", node.start):
        return [Splice(node.start, node.end, quoting.in_brackets({**node.plain(), key: value}))]
    if node.flow:
        made = quoting.in_brackets({key: value})[1:-1]
        return [Splice(after.end, after.end, f", {made}")]
    end = page.line_end(after.end)
    column = page.column(after.start)
    lines = quoting.entry_lines(key, value, literal=page.literal_after(end, column))
    return [Splice(end, end, page.block(lines, column))]


def add_item(page: Page, node: Node, at: int, value: Any) -> list[Splice]:
    """Return what adds an item to a list that has some, as the item number *at*."""
    parts = node.parts or []
    if node.flow:
        made = quoting.in_brackets(value)
        if not at:
            return [Splice(parts[0].start, parts[0].start, f"{made}, ")]
        return [Splice(parts[at - 1].end, parts[at - 1].end, f", {made}")]
    start = parts[0].start
    column = page.column(start)
    if not at:
        lines = quoting.item_lines(value, literal=page.literal)
        return [Splice(start, start, page.run([*lines, "-"], column)[:-1])]
    end = page.line_end(parts[at - 1].end)
    lines = quoting.item_lines(value, literal=page.literal_after(end, column))
    return [Splice(end, end, page.block(lines, column))]


def remove(page: Page, node: Node, at: int, after: int) -> list[Splice]:
    """Return what removes part number *at* of several; *node* stands behind the colon or dash at *after*."""
    parts = node.parts or []
    part = parts[at]
    if node.flow:
        return _remove_in_brackets(page, parts, at)
    if page.begins_line(part.start):
        return [page.lines(part.start, part.end)]
    end = page.line_end(part.end)
    following = parts[at + 1].start
    if not page.text[end:following].strip(" \r\n"):
        return [Splice(part.start, following, "")]
    return [Splice(after, end, "")]


def _remove_in_brackets(page: Page, parts: Sequence[Part], at: int) -> list[Splice]:
    """Return what removes a part and one comma; comments between stay."""
    part = parts[at]
    before = parts[at - 1].end if at else part.start
    if at and not page.text[before : part.start].strip(" ,\r\n"):
        return [Splice(before, part.end, "")]
    comma = _COMMA.match(page.text, part.end)
    if comma is not None and at + 1 < len(parts):
        following = parts[at + 1].start
        if not page.text[part.end : following].strip(" ,\r\n"):
            return [Splice(part.start, following, "")]
    else:
        comma = _COMMA.match(page.text, before)
    end = part.start if comma is None else comma.end()
    return [Splice(end - 1, end, ""), Splice(part.start, part.end, "")]

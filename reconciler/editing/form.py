"""The canonical form of a file: keys in the order of their kind, two spaces a level, comments kept.

What is in brackets stays in brackets and what is in lines stays in lines; a text keeps its quotes, and all
that stands inside of a text of several lines stays as it is.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from reconciler.editing.layout import Block, Row, layout
from reconciler.editing.order import order_of, sorted_keys
from reconciler.editing.quoting import indented
from reconciler.editing.revise import Order
from reconciler.editing.splice import Page
from reconciler.editing.tree import Node, documents, origin
from reconciler.errors import EditRefused, SpecInvalid
from reconciler.model.value import canonical
from reconciler.spec.document import read_nodes, read_values
from reconciler.spec.finding import Way
from reconciler.spec.places import Places, problem

_START: Final = re.compile(r"^---(?=\s|$)", re.MULTILINE)
_END: Final = re.compile(r"^\.\.\.(?=\s|$)", re.MULTILINE)


def formatted(content: bytes, file: str = "") -> bytes:
    """Return a file in canonical form. It says what it said; done twice, it is the same.

    Raises:
        SpecInvalid: if YAML refuses something in it.
        EditRefused: if it holds what has no canonical form (``? key``, ``...``).
    """
    before = values_of(content, file)
    text = content.removeprefix(b"\xef\xbb\xbf").decode()
    newline = Page(text).newline
    lines = list(_lines(text.replace("\r\n", "\n"), file))
    made = "".join(line + newline for line in lines).encode()
    # A text in lines that ends with the file would come to end with a line break.
    for form in (made, made.removesuffix(newline.encode())):
        if canonical(values_of(form, file)) == canonical(before):
            return form
    raise EditRefused(f"{file}: its canonical form would say something else", hint="tell us")


def values_of(content: bytes, file: str) -> list[Any]:
    """Return the documents of a file as plain values.

    Raises:
        SpecInvalid: if YAML refuses something in it.
    """
    read = read_values(content)
    if read is not None:
        return [document.value for document in read]
    nodes, marks = read_nodes(content)
    if marks:
        places = Places({file: content})
        raise SpecInvalid([problem(places, file, mark.place, mark) for mark in marks])
    return [node.plain() for node in nodes]


def _lines(text: str, file: str) -> Iterator[str]:
    """Yield the lines of a file: its documents, and one line between two of them."""
    ended = _END.search(text)
    if ended is not None:
        said = f"{origin(text, ended.start(), file)}: '...' has no canonical form"
        raise EditRefused(said, hint="remove the line; documents are divided by ---")
    starts = [0, *(found.start() for found in _START.finditer(text) if found.start())]
    first = True
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        head, body = _headed(text[start:end])
        lines = _single_spaced(_document(body, file))
        if head or lines:
            if head or not first:
                yield "---" + head
            yield from lines
            first = False


def _headed(part: str) -> tuple[str, str]:
    """Return the comment behind the dashes that begin a part, if there are any, and what follows."""
    if not _START.match(part):
        return "", part
    line, _, rest = part[3:].partition("\n")
    if line.strip() and not line.strip().startswith("#"):
        return "", part[3:].lstrip(" ")
    return line.rstrip(), rest


def _single_spaced(lines: Sequence[str | None]) -> list[str]:
    """Return *lines* without empty ones (``None``) at both ends, and never two of them in a row."""
    kept: list[str] = []
    wanted = False
    for line in lines:
        if line is None:
            wanted = bool(kept)
            continue
        kept += ["", line] if wanted else [line]
        wanted = False
    return kept


def _document(text: str, file: str) -> list[str | None]:
    roots = documents(text, file)
    if len(roots) != 1:
        return [line.rstrip() or None for line in text.split("\n")]
    root = roots[0]
    kind = root.part("kind")
    form = _Form(text, order_of(str(kind.node.value) if kind else ""))
    if root.block:
        return form.block(layout(text, root), (), 0, top=True)
    behind, _, below = text[root.end :].partition("\n")
    return [
        *(line.strip() or None for line in text[: root.start].split("\n")),
        *(form.inline(root, ()) + behind.rstrip()).split("\n"),
        *(line.strip() or None for line in below.split("\n")),
    ]


class _Form:
    """Writes one document. An empty line that may be left out is ``None``; one inside a text is empty."""

    def __init__(self, text: str, order: Order) -> None:
        self._text = text
        self._order = order

    def block(self, block: Block, way: Way, column: int, *, top: bool = False) -> list[str | None]:
        """Return the lines of a block at *column*. What stands above the first entry of all stays on top."""
        rows = self._rows(block, way)
        made: list[str | None] = []
        if block.rows and not top:
            block.rows[0].lead = _from_first_word(block.rows[0].lead)
        elif block.rows:
            made += [line or None for line in block.rows[0].lead]
            block.rows[0].lead = []
        for at, row in enumerate(rows):
            step = row.part.key if block.node.mapping else at
            lead = _from_first_word(row.lead) if not at and not top else row.lead
            made += [" " * column + line if line else None for line in lead]
            made += self._row(row, block, (*way, step), column)
        return [*made, *(" " * column + line if line else None for line in block.tail)]

    def _rows(self, block: Block, way: Way) -> list[Row]:
        if not block.node.mapping:
            return block.rows
        rows = {row.part.key: row for row in block.rows}
        return [rows[key] for key in sorted_keys(list(rows), self._order(way))]

    def _row(self, row: Row, block: Block, way: Way, column: int) -> list[str | None]:
        part = row.part
        head = " " * column + (
            f"{self._text[part.start : part.key_end]}:" if block.node.mapping else "-"
        )
        if row.block is not None:
            below = self.block(row.block, way, column + 2)
            joined = not block.node.mapping and not row.comment
            if joined and below[0] is not None and not below[0].lstrip(" ").startswith("#"):
                return [f"{head} {below[0][column + 2 :]}", *below[1:]]
            return [head + row.comment, *below]
        return self._with_value(row, head, way, column - row.column)

    def _with_value(self, row: Row, head: str, way: Way, by: int) -> list[str | None]:
        """Return an entry or item whose value is no block: further lines are moved *by* as many columns."""
        part = row.part
        gap = self._text[part.after : part.node.start]
        if "#" in gap:
            above, _, indent = gap.rpartition("\n")
            value = f"{_without_ends(above)}\n{indent}{self.inline(part.node, way)}"
            space = ""
        else:
            value, space = self.inline(part.node, way), " "
        first, *others = value.split("\n")
        moved = [_moved(line, by) for line in others]
        lines = [head + space + first if first else head, *moved]
        last = lines.pop()
        return [*lines, last + row.comment] if row.comment else [*lines, last]

    def inline(self, node: Node, way: Way) -> str:
        """Return a scalar as it is, and what is in brackets in one line evenly spaced."""
        text = self._text[node.start : node.end]
        if node.parts is None:
            return _without_ends(text) if not node.style else text
        if "\n" in text:
            return text if '"' in text or "'" in text else _without_ends(text)
        if not node.mapping:
            items = (self.inline(part.node, (*way, at)) for at, part in enumerate(node.parts))
            return f"[{', '.join(items)}]"
        if not text.startswith("{"):
            return text
        parts = {part.key: part for part in node.parts}
        return (
            "{"
            + ", ".join(
                self._entry(parts[key], way) for key in sorted_keys(list(parts), self._order(way))
            )
            + "}"
        )

    def _entry(self, part: Any, way: Way) -> str:
        value = self.inline(part.node, (*way, part.key)) or "null"
        return f"{self._text[part.start : part.key_end]}: {value}"


def _from_first_word(lead: Sequence[str]) -> list[str]:
    """Return *lead* without the empty lines at its start."""
    return list(lead[next((at for at, line in enumerate(lead) if line), len(lead)) :])


def _moved(line: str, by: int) -> str:
    if by >= 0 or not line.strip(" "):
        return indented([line], max(by, 0))[0] if line.strip(" ") or by >= 0 else line[-by:]
    room = len(line) - len(line.lstrip(" "))
    return line[min(room, -by) :]


def _without_ends(text: str) -> str:
    return "\n".join(line.rstrip(" ") for line in text.split("\n"))

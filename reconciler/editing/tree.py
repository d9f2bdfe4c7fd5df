"""A file's documents as nodes that know which part of the text they are: what edits are made by.

The events are those of the reader's own parser, so what is edited is what is read. No text is made from
nodes: a library that writes a file anew changes quotes, line breaks and the space before comments in
places that nobody meant.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from yaml.events import MappingEndEvent, MappingStartEvent, ScalarEvent, SequenceStartEvent

from reconciler.errors import EditRefused
from reconciler.model.resource import Origin
from reconciler.spec.events import parser_of
from reconciler.spec.finding import Way
from reconciler.spec.scalars import resolve

_TRIVIA: Final = re.compile(r"(?:[ \r\n]|#[^\r\n]*)*")
_COMMENT: Final = re.compile(r"#[^\r\n]*")
_COLON: Final = re.compile(r" *:")
_LAST_BREAKS: Final = re.compile(r"(?:\r?\n)+\Z")
_LAST_BREAK: Final = re.compile(r"\r?\n\Z")


@dataclass(slots=True)
class Part:
    """An entry of a mapping, or an item of a list.

    ``start`` is where its key or its dash begins (in brackets: the item itself); ``after`` the first
    place behind the colon or dash.
    """

    start: int
    node: "Node"
    key: str = ""
    key_end: int = 0
    after: int = 0

    @property
    def end(self) -> int:
        """Where it ends, the value included."""
        return max(self.after, self.node.end)


@dataclass(slots=True)
class Node:
    """A value and the span of its text. ``parts`` are those of a mapping or list, ``flow``: in brackets.

    ``style`` is a text's quote or ``|`` or ``>``; empty for a plain one.
    """

    start: int
    end: int
    value: Any = None
    style: str = ""
    flow: bool = False
    mapping: bool = False
    parts: list[Part] | None = None

    def plain(self) -> Any:
        """Return the value alone."""
        if self.parts is None:
            return self.value
        if self.mapping:
            return {part.key: part.node.plain() for part in self.parts}
        return [part.node.plain() for part in self.parts]

    @property
    def block(self) -> bool:
        """Whether it is a mapping or list that is written with indentation."""
        return self.parts is not None and not self.flow

    def part(self, step: str | int) -> Part | None:
        """Return the part that *step* names: a key, a place in a list, or ``[name=x]`` of a list."""
        for at, part in enumerate(self.parts or ()):
            if part.key == step if self.mapping else _is_item(part.node, at, step):
                return part
        return None

    def nearest(self, way: Way) -> "Node":
        """Return what stands at *way*, or the nearest node above it."""
        node = self
        for step in way:
            part = node.part(step)
            if part is None:
                break
            node = part.node
        return node


def _is_item(node: Node, at: int, step: str | int) -> bool:
    if isinstance(step, str) and step.startswith("[name="):
        named = node.part("name") if node.mapping else None
        return named is not None and named.node.value == step[6:-1]
    return str(step) == str(at)


def documents(text: str, file: str = "") -> list[Node]:
    """Return the documents of *text*, which YAML can read.

    Raises:
        EditRefused: if a key is written with ``?``.
    """
    roots = []
    events = iter(parser_of(text).get_event, None)
    for event in events:
        if isinstance(event, (ScalarEvent, MappingStartEvent, SequenceStartEvent)):
            root = _composed(event, events)
            if root.parts is not None or root.value is not None:
                _Finish(text, file).node(root)
                roots.append(root)
    return roots


def _composed(event: Any, events: Iterator[Any]) -> Node:
    """Return the node that begins with *event*."""
    start, end = event.start_mark.index, event.end_mark.index
    if isinstance(event, ScalarEvent):
        style = event.style or ""
        return Node(start, end, event.value if style else resolve(event.value), style)
    mapping, parts = isinstance(event, MappingStartEvent), list[Part]()
    for inner in events:
        if type(inner).__name__.endswith("EndEvent"):
            return Node(
                start, inner.end_mark.index, None, "", bool(event.flow_style), mapping, parts
            )
        if mapping:
            key_end = inner.end_mark.index
            part = Part(inner.start_mark.index, _composed(next(events), events), inner.value)
            part.key_end = part.after = key_end
        else:
            node = _composed(inner, events)
            part = Part(node.start, node, after=node.start)
        parts.append(part)
    raise AssertionError(MappingEndEvent)


@dataclass(slots=True)
class _Finish:
    """Finds what events do not tell: colons, dashes, and where blocks end."""

    text: str
    file: str
    seen: int = field(default=0)

    def node(self, node: Node) -> None:
        if node.parts is None:
            if node.style in {"|", ">"}:
                node.end = self._end_of_lines(node)
            return
        self.seen = node.start
        for part in node.parts:
            if node.mapping:
                self._colon(part)
            elif not node.flow:
                part.start = self._skipped(self.seen)
                part.after = part.start + 1
            self.node(part.node)
            self.seen = part.end
        if not node.flow and node.parts:
            node.end = node.parts[-1].end

    def _colon(self, part: Part) -> None:
        if "?" in _COMMENT.sub("", self.text[self.seen : part.start]):
            at = origin(self.text, part.start, self.file)
            said = f"{at}: a key that is written with '?' cannot be edited"
            raise EditRefused(said, hint="write it as key: value")
        colon = _COLON.match(self.text, part.key_end)
        if colon is not None:
            part.after = colon.end()

    def _skipped(self, at: int) -> int:
        found = _TRIVIA.match(self.text, at)
        return at if found is None else found.end()

    def _end_of_lines(self, node: Node) -> int:
        """Return where a text of lines ends: line breaks that mean nothing are no part of it."""
        lines = self.text[node.start : node.end]
        head = lines.partition("\n")[0]
        breaks = _LAST_BREAK if "+" in head.partition("#")[0] else _LAST_BREAKS
        return node.start + len(breaks.sub("", lines))


def origin(text: str, at: int, file: str) -> Origin:
    """Return the offset *at* as a place in *file*."""
    before = text.rfind("\n", 0, at) + 1
    return Origin(file, text.count("\n", 0, at) + 1, at - before + 1)

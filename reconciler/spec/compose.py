"""The careful walk: events to nodes that know their place, and to findings of all that is refused."""

from dataclasses import dataclass, field
from typing import Any, Final

from yaml import YAMLError
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from reconciler.spec.events import DEEPEST, MOST_NODES, Parser
from reconciler.spec.scalars import Trap, resolve
from reconciler.spec.syntax import Mark, Place, from_yaml_error, unseen_in

MOST_FOUND: Final = 100


@dataclass(slots=True)
class Node:
    """A value and its place. ``keys`` are the places of a mapping's keys; ``below`` what it holds.

    ``whole`` is false for a document that could not be read to its end.
    """

    place: Place
    value: Any = None
    keys: dict[str, Place] = field(default_factory=dict)
    below: "dict[str, Node] | list[Node] | None" = None
    whole: bool = True

    def plain(self) -> Any:
        """Return the value without places."""
        if isinstance(self.below, dict):
            return {key: node.plain() for key, node in self.below.items()}
        if isinstance(self.below, list):
            return [node.plain() for node in self.below]
        return self.value


class _TooMuch(Exception):
    """A limit was passed; the document is not read on."""


def compose(parser: Parser, first_line: int = 0) -> tuple[list[Node], list[Mark]]:
    """Return the documents of *parser*, and what is refused in them.

    *first_line* is added to all lines: how many lines stand before the parser's text.
    """
    composer = _Composer(parser, first_line)
    try:
        composer.run()
    except YAMLError as error:
        mark = from_yaml_error(error)
        place = mark.place._replace(line=mark.place.line + first_line)
        composer.marks.append(mark._replace(place=place))
        composer.broken()
    except _TooMuch:
        composer.broken()
    return composer.nodes, composer.marks


@dataclass(slots=True)
class _Open:
    """A mapping or list that is being filled.

    In a mapping, ``key`` is the key whose value is due (``due``); without ``key`` the value is dropped,
    because its key was refused.
    """

    node: Node
    key: str | None = None
    due: bool = False


class _Composer:
    def __init__(self, parser: Parser, first_line: int) -> None:
        self.nodes: list[Node] = []
        self.marks: list[Mark] = []
        self._parser = parser
        self._first_line = first_line
        self._stack: list[_Open] = []
        self._count = 0

    def run(self) -> None:
        for event in iter(self._parser.get_event, None):
            match event:
                case ScalarEvent():
                    self._scalar(event)
                case AliasEvent():
                    self._alias(event)
                case MappingStartEvent() | SequenceStartEvent():
                    self._start(event)
                case MappingEndEvent() | SequenceEndEvent():
                    self._stack.pop()
                case DocumentStartEvent():
                    self._count = 0
                case _:
                    pass

    def broken(self) -> None:
        """Mark the document that was being read as not whole."""
        if self._stack:
            self.nodes[-1].whole = False

    def _place(self, event: Any) -> Place:
        start, end = event.start_mark, event.end_mark
        width = end.column - start.column if end.line == start.line else 1
        return Place(start.line + 1 + self._first_line, start.column + 1, max(1, width))

    def _find(self, code: str, message: str, place: Place, hint: str = "") -> None:
        if len(self.marks) >= MOST_FOUND:
            more = f"more than {MOST_FOUND} problems; what follows was not read"
            self.marks.append(Mark("R003", more, place, "correct these first"))
            raise _TooMuch
        self.marks.append(Mark(code, message, place, hint))

    def _counted(self, event: Any) -> Place:
        """Return the place of a new node, if there may be one more."""
        place = self._place(event)
        self._count += 1
        if self._count > MOST_NODES:
            message = f"a document has {MOST_NODES:,} keys and values at most"
            self.marks.append(Mark("R003", message, place, "split it into several documents"))
            raise _TooMuch
        if getattr(event, "anchor", None) is not None:
            message = f"anchors and aliases are not taken ('{event.anchor}')"
            self._find("R010", message, place, "write the value out where it is needed")
        if getattr(event, "tag", None) is not None:
            self._find("R011", "tags are not taken", place, "remove the word that starts with !")
        return place

    def _alias(self, event: Any) -> None:
        place = self._counted(event)
        if self._key_is_due():
            self._stack[-1].key, self._stack[-1].due = None, True
        else:
            self._put(Node(place))

    def _scalar(self, event: Any) -> None:
        place = self._counted(event)
        if self._key_is_due():
            self._key(event, place)
            return
        value: Any = event.value if event.style or event.tag is not None else resolve(event.value)
        if isinstance(value, Trap):
            self._find(value.code, value.message, place, value.hint)
            value = event.value
        unseen = unseen_in(event.value) if event.style == '"' else None
        if unseen is not None:
            self._find("R006", f"the text holds {unseen}, which cannot be seen", place, "remove it")
        self._put(Node(place, value))

    def _key_is_due(self) -> bool:
        top = self._stack[-1] if self._stack else None
        return top is not None and isinstance(top.node.below, dict) and not top.due

    def _key(self, event: Any, place: Place) -> None:
        top, text = self._stack[-1], event.value
        top.key, top.due = text, True
        if text == "<<" and not event.style:
            self._find("R010", "merge keys '<<' are not taken", place, "write the keys out")
            top.key = None
            return
        if not event.style and not isinstance(value := resolve(text), str):
            self._odd_key(text, value, place)
        if text in top.node.keys:
            first = top.node.keys[text]
            message = f"key '{text}' is given twice: in line {first.line} and in line {place.line}"
            self._find("R012", message, place, "keep one of them")
            top.key = None
            return
        top.node.keys[text] = place

    def _odd_key(self, text: str, value: Any, place: Place) -> None:
        hint = f'write "{text}" in quotes' if text else "write the key before the ':'"
        if isinstance(value, Trap):
            self._find(value.code, value.message, place, hint)
        else:
            self._find("R013", f"a key is a text; '{text}' is not", place, hint)

    def _start(self, event: Any) -> None:
        place = self._counted(event)
        if len(self._stack) >= DEEPEST:
            message = f"brackets and indentation go {DEEPEST} levels deep at most"
            self.marks.append(Mark("R003", message, place, "write it flatter"))
            raise _TooMuch
        node = Node(place, below={} if isinstance(event, MappingStartEvent) else [])
        if self._key_is_due():
            self._no_key(place)
        else:
            self._put(node)
        self._stack.append(_Open(node))

    def _no_key(self, place: Place) -> None:
        top = self._stack[-1]
        top.key, top.due = None, True
        outer = top.node.place
        if (outer.line, outer.column + 1) == (place.line, place.column):
            hint = 'write it in quotes: "{{ … }}"'
            self._find("R013", "a template without quotes", outer, hint)
        else:
            self._find("R013", "a key is a text, not a list or a mapping", place, "use a plain key")

    def _put(self, node: Node) -> None:
        if not self._stack:
            self.nodes.append(node)
            return
        top = self._stack[-1]
        if isinstance(top.node.below, list):
            top.node.below.append(node)
            return
        if isinstance(top.node.below, dict) and top.key is not None:
            top.node.below[top.key] = node
        top.key, top.due = None, False

"""The quick walk: events to plain values, for text that is plain and sound; anything else is ``Unsound``.

It keeps no places and says nothing of what is wrong; ``compose`` does both. Both give the same values.
"""

from typing import Any, Final, NamedTuple

from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from reconciler.spec.events import DEEPEST, MOST_NODES, Parser
from reconciler.spec.scalars import Trap, resolve


class Unsound(Exception):
    """Something that the careful walk has to look at."""


class Document(NamedTuple):
    """One document: its value, and where it starts."""

    value: Any
    line: int
    column: int


_LIST: Final = object()
_KEY: Final = object()


class _Plain(dict[str, Any]):
    """The values of plain scalars, each worked out once; forgotten when there are many."""

    def __missing__(self, text: str) -> Any:
        value = resolve(text)
        if isinstance(value, Trap) or text == "<<":
            raise Unsound
        if len(self) >= _MOST_KEPT:
            self.clear()
        if len(text) <= _LONGEST_KEPT:
            self[text] = value
        return value


_MOST_KEPT: Final = 16_384
_LONGEST_KEPT: Final = 64
_PLAIN: Final = _Plain()


def read(parser: Parser) -> list[Document]:
    """Return the documents of *parser*.

    Raises:
        Unsound: at the first thing that is refused, or is not sure to be taken.
    """
    return _Walk(parser).documents()


class _Walk:
    """One run over the events. ``_at``: what the next value becomes: a list's item, a key, or its value."""

    def __init__(self, parser: Parser) -> None:
        self._get = parser.get_event
        self._done: list[Document] = []
        self._stack: list[tuple[Any, Any]] = []
        self._start = 0

    def documents(self) -> list[Document]:
        plain = _PLAIN
        current: Any = None
        pending: Any = _LIST
        for count, event in enumerate(iter(self._get, None)):
            if event.__class__ is not ScalarEvent:
                current, pending = self._structure(event, current, pending, count)
                continue
            if event.anchor is not None or event.tag is not None:
                raise Unsound
            value = event.value if event.style else plain[event.value]
            if pending is _LIST:
                current.append(value)
            elif pending is not _KEY:
                current[pending] = value
                pending = _KEY
            elif value.__class__ is str and value not in current:
                pending = value
            else:
                raise Unsound
        return self._done

    def _structure(self, event: Any, current: Any, pending: Any, count: int) -> tuple[Any, Any]:
        kind = event.__class__
        if kind is MappingStartEvent or kind is SequenceStartEvent:
            return self._open(event, current, pending)
        if kind is MappingEndEvent or kind is SequenceEndEvent:
            return self._stack.pop()
        if kind is DocumentStartEvent:
            if event.version is not None or event.tags:
                raise Unsound
            self._start = count
            return [], _LIST
        if kind is DocumentEndEvent:
            self._end(current, count)
        elif kind is AliasEvent:
            raise Unsound
        return None, None

    def _end(self, current: list[Any], count: int) -> None:
        if count - self._start > MOST_NODES:
            raise Unsound
        if current[0] is not None:
            raise Unsound  # a text, a list or a number where a document was due

    def _open(self, event: Any, current: Any, pending: Any) -> tuple[Any, Any]:
        if pending is _KEY or event.anchor is not None or event.tag is not None:
            raise Unsound
        new: Any = {} if event.__class__ is MappingStartEvent else []
        if not self._stack:
            if new.__class__ is not dict:
                raise Unsound
            self._done.append(Document(new, event.start_mark.line + 1, event.start_mark.column + 1))
            current = [None]
        elif pending is _LIST:
            current.append(new)
        else:
            current[pending] = new
        if len(self._stack) >= DEEPEST:
            raise Unsound
        self._stack.append((current, _LIST if pending is _LIST else _KEY))
        return new, _KEY if new.__class__ is dict else _LIST

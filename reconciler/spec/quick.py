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


def read(text: str, parser: Parser) -> list[Document]:
    """Return the documents of *text*, whose events *parser* gives.

    Raises:
        Unsound: at the first thing that is refused, or is not sure to be taken.
    """
    return _Walk(text, parser).documents()


class _Walk:
    """One run over the events."""

    def __init__(self, text: str, parser: Parser) -> None:
        self._get = parser.get_event
        self._done: list[Document] = []
        self._stack: list[tuple[Any, Any]] = []
        self._start = 0
        self._marked = "&" in text or "!" in text
        """Whether there can be an anchor or a tag: the events need not be asked else."""

    def documents(self) -> list[Document]:  # noqa: C901, PLR0912  one loop over all events of all specs: calls cost too much here
        plain, stack, marked = _PLAIN, self._stack, self._marked
        current: Any = None
        pending: Any = (
            _LIST  # what the next value becomes: a list's item, a key, or the value of this key
        )
        for count, event in enumerate(iter(self._get, None)):
            kind = event.__class__
            if marked and kind in _MARKABLE and (event.anchor is not None or event.tag is not None):
                raise Unsound
            if kind is ScalarEvent:
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
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                current, pending = stack.pop()
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                new: Any = {} if kind is MappingStartEvent else []
                if pending is _LIST:
                    current.append(new)
                elif pending is not _KEY:
                    current[pending] = new
                    pending = _KEY
                else:
                    raise Unsound
                if not stack or len(stack) >= DEEPEST:
                    self._root(event, new)
                stack.append((current, pending))
                current, pending = new, _KEY if kind is MappingStartEvent else _LIST
            else:
                self._around(event, current, count)
                current, pending = [], _LIST
        return self._done

    def _root(self, event: Any, new: Any) -> None:
        """Take in the root of a document: a mapping."""
        if self._stack or new.__class__ is not dict:
            raise Unsound
        self._done.append(Document(new, event.start_mark.line + 1, event.start_mark.column + 1))

    def _around(self, event: Any, current: Any, count: int) -> None:
        """Look at what is around documents: nothing may be a directive, an alias, or a bare value."""
        if event.__class__ is DocumentStartEvent:
            if event.version is not None or event.tags:
                raise Unsound
            self._start = count
            return
        bare = event.__class__ is DocumentEndEvent and current[0].__class__ not in _ROOTS
        if bare or event.__class__ is AliasEvent or count - self._start > MOST_NODES:
            raise Unsound


_ROOTS: Final = frozenset({dict, type(None)})
_MARKABLE: Final = frozenset({ScalarEvent, MappingStartEvent, SequenceStartEvent})

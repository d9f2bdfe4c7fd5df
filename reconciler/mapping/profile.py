"""What source records hold that no rule reads: every path, how often, of which types, with a sample.

Records are counted by the page, and a path at a time. However many keys they have and however deep they
are, what is kept is bounded; what did not fit is said.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from reconciler.mapping.kinds import Kinds
from reconciler.mapping.pathtext import Keys, path_text
from reconciler.mapping.reads import Place, fields_read, items_read
from reconciler.mapping.tally import Tally

MOST_PATHS: Final = 2_000
MOST_KEYS: Final = 500
"""How many keys of one object are told apart."""
DEEPEST: Final = 12
LONGEST_KEY: Final = 200

Objects: TypeAlias = Sequence[dict[str, Any]]


@dataclass(slots=True)
class Node:
    """One path: what is at it, and below. ``read``: a rule reads of it, or of something below.

    ``tally`` counts all values, ``kinds`` their types. ``values`` is how often the path itself was met, and
    so how often what is below might have been. ``crowded``: it has more keys than are told apart.
    """

    keys: Keys
    read: bool = False
    values: int = 0
    tally: Tally = field(default_factory=Tally)
    kinds: Kinds = field(default_factory=Kinds)
    fields: dict[str, "Node"] = field(default_factory=dict)
    items: "Node | None" = None
    crowded: bool = False

    @property
    def path(self) -> str:
        """The path as JMESPath: ``lines[].x``."""
        return path_text(self.keys)

    def below(self) -> list["Node"]:
        """Return the nodes right below."""
        return [*self.fields.values(), *([self.items] if self.items is not None else [])]

    def leaves(self) -> Iterator["Node"]:
        """Yield the nodes that hold values nobody reads, in the order of the records."""
        below = self.below()
        if not self.read and (not below or self.kinds.seen.keys() - {"list", "object"}):
            yield self
        for node in below:
            yield from node.leaves()


class Profile:
    """Counts, page by page, what *reads* leave unread. ``left_out``: there was more than is kept."""

    def __init__(self, reads: Place) -> None:
        self.root = Node((), read=True)
        self.left_out = False
        self._reads = reads
        self._paths = 0

    def add(self, records: Objects) -> None:
        """Count a page of records."""
        self.root.values += len(records)
        self._walk(self.root, [self._reads], records)

    def unmapped(self) -> list[Node]:
        """Return the paths that nobody reads, in the order in which records have them."""
        _settle(self.root, self.root)
        return list(self.root.leaves())

    def _walk(self, node: Node, places: list[Place], values: Sequence[Any]) -> None:
        """Count what is below *values*, which are at *node* and which rules read at *places*."""
        if any(place.whole for place in places):
            node.read = True
            return
        columns, items = _columns(values)
        if len(node.keys) >= DEEPEST:
            self.left_out |= bool(columns or items)
            return
        for key, column in columns.items():
            self._met(self._child(node, key), fields_read(places, key), column)
        if items:
            node.items = node.items or self._new((*node.keys, None))
            self._met(node.items, items_read(places), items)

    def _met(self, node: Node | None, places: list[Place], values: list[Any]) -> None:
        """Count the *values* of a page that were found at *node*, and what is below."""
        if node is None:  # there was no room for it
            return
        node.values += len(values)
        node.read |= bool(places)
        if not node.read:
            node.tally.add(values)
            node.kinds.add(values)
        self._walk(node, places, values)

    def _child(self, node: Node, key: str) -> Node | None:
        child = node.fields.get(key)
        if child is not None:
            return child
        if len(node.fields) >= MOST_KEYS or len(key) > LONGEST_KEY:
            node.crowded = self.left_out = True
            return None
        child = self._new((*node.keys, key))
        if child is not None:
            node.fields[key] = child
        return child

    def _new(self, keys: Keys) -> Node | None:
        if self._paths >= MOST_PATHS:
            self.left_out = True
            return None
        self._paths += 1
        return Node(keys)


def _columns(values: Sequence[Any]) -> tuple[dict[str, list[Any]], list[Any]]:
    """Return what the objects among *values* hold, by key, and the items of the lists."""
    columns: dict[str, list[Any]] = {}
    items: list[Any] = []
    for value in values:
        if type(value) is dict:
            for key, below in value.items():
                columns.setdefault(key, []).append(below)
        elif type(value) is list:
            items += value
    return columns, items


def _settle(node: Node, base: Node) -> None:
    """Say of each path how often it might have been there: once a record, or an item of its list."""
    for below in node.below():
        below.tally.of = base.values if below is not node.items else below.values
        _settle(below, below if below is node.items else base)

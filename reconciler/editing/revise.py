"""One document made to hold another value, by the fewest changes of its text."""

from collections.abc import Callable, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any, Final, TypeAlias

from yaml import YAMLError

from reconciler.editing import splice
from reconciler.editing.quoting import is_list
from reconciler.editing.splice import Page, Slot, Splice
from reconciler.editing.tree import Node, documents
from reconciler.errors import EditRefused
from reconciler.model.value import canonical
from reconciler.spec.finding import Way

Order: TypeAlias = Callable[[Way], Sequence[str]]
"""Which keys a mapping at a path may have, in the order in which they are written; none: any."""

_MORE: Final = 64
"""How many changes a text of one line may need."""


def revised(text: str, at: int, wanted: Mapping[str, Any], order: Order) -> str:
    """Return *text* with its document number *at* holding *wanted*; all else stays, byte for byte.

    Raises:
        EditRefused: if it cannot be written so.
    """
    try:
        return _revised(text, at, wanted, order)
    except YAMLError:
        raise EditRefused("the text would no longer be YAML", hint="edit it by hand") from None


def _revised(text: str, at: int, wanted: Mapping[str, Any], order: Order) -> str:
    for _ in range(_MORE + text.count("\n") + len(canonical(wanted))):
        root = documents(text)[at]
        steps = _Steps(Page(text), order).of(
            root, wanted, (), Slot(root.start, 0, root.flow, item=True)
        )
        if not steps:
            return text
        text = splice.spliced(text, steps)
    raise EditRefused("the text does not come to hold what was meant", hint="edit it by hand")


class _Steps:
    """The first thing to change."""

    def __init__(self, page: Page, order: Order) -> None:
        self._page = page
        self._order = order

    def of(self, node: Node, wanted: Any, way: Way, slot: Slot) -> list[Splice]:
        """Return the first change that makes *node* more like *wanted*; none if it is the same."""
        have = node.plain()
        if canonical(have) == canonical(wanted):
            return []
        some = bool(wanted) or len(node.parts or ()) > 1
        if node.parts and some and node.mapping and isinstance(wanted, Mapping):
            return self._mapping(node, wanted, way, slot)
        if node.parts and some and not node.mapping and is_list(wanted):
            return self._list(node, wanted, way, slot)
        return splice.replace(self._page, slot, node, wanted)

    def _mapping(self, node: Node, wanted: Mapping[str, Any], way: Way, slot: Slot) -> list[Splice]:
        parts = node.parts or []
        have = {part.key for part in parts}
        for part in parts:
            if part.key in wanted:
                below = splice.slot_of(self._page, node, part)
                steps = self.of(part.node, wanted[part.key], (*way, part.key), below)
                if steps:
                    return steps
        for key, value in wanted.items():
            if key not in have:
                return splice.add_entry(self._page, node, self._before(node, key, way), key, value)
        at = next(at for at, part in enumerate(parts) if part.key not in wanted)
        return splice.remove(self._page, node, at, slot.after)

    def _before(self, node: Node, key: str, way: Way) -> Any:
        """Return the entry behind which *key* belongs: in the order of its kind, or the last."""
        parts = node.parts or []
        order = list(self._order(way))
        if key in order:
            earlier = order[: order.index(key)]
            known = [part for part in parts if part.key in earlier]
            if known:
                return max(known, key=lambda part: earlier.index(part.key))
        return parts[-1]

    def _list(self, node: Node, wanted: Sequence[Any], way: Way, slot: Slot) -> list[Splice]:
        parts = node.parts or []
        have = [canonical(part.node.plain()) for part in parts]
        matcher = SequenceMatcher(None, have, [canonical(item) for item in wanted], autojunk=False)
        codes = [code for code in matcher.get_opcodes() if code[0] != "equal"]
        for tag, old, _, new, _ in codes:
            if tag == "replace":
                below = splice.slot_of(self._page, node, parts[old])
                return self.of(parts[old].node, wanted[new], (*way, old), below)
        for tag, old, _, new, _ in codes:
            if tag == "insert":
                return self._add(node, old, wanted, new, slot)
        return splice.remove(self._page, node, codes[0][1], slot.after)

    def _add(
        self, node: Node, at: int, wanted: Sequence[Any], new: int, slot: Slot
    ) -> list[Splice]:
        if at or node.flow or self._page.begins_line(node.start):
            return splice.add_item(self._page, node, at, wanted[new])
        return splice.replace(self._page, slot, node, wanted)

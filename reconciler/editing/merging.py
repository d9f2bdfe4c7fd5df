"""What a document has to say so that its resource changes as meant: three ways, as few words as can be.

A body is normal: defaults filled in, sets sorted, durations in their largest unit. What a person wrote is
not, and is left as it is wherever the body does not change.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from reconciler.editing.quoting import is_list
from reconciler.mapping.template import is_template
from reconciler.model.change import ABSENT, FieldChange
from reconciler.model.value import Path, canonical
from reconciler.spec.finding import Way


class TemplateMet(Exception):
    """What is to change is made by a template, which stands at ``way``."""

    def __init__(self, way: Way) -> None:
        super().__init__(way)
        self.way = way


@dataclass(frozen=True, slots=True)
class Three:
    """A value as it is written, as it is read, as it is to be read, and the latter in few words."""

    written: Any
    before: Any
    after: Any
    brief: Any

    def below(self, key: str) -> "Three":
        """Return the values under *key*."""
        return Three(
            *(_get(one, key) for one in (self.written, self.before, self.after, self.brief))
        )


@dataclass(frozen=True, slots=True)
class Terms:
    """What is asked on the way: may templates be replaced, and do comments stand in the mapping at a path?"""

    allow_templates: bool = False
    commented: Callable[[Way], bool] = lambda _way: False


def merged(three: Three, terms: Terms, way: Way = ()) -> Any:
    """Return what is to be written; ``ABSENT`` if nothing is.

    A mapping that comes to hold nothing is left out where that says the same and no comment is lost by it.

    Raises:
        TemplateMet: where a template makes what is to change, unless *terms* allow it.
    """
    written, before, after = three.written, three.before, three.after
    if same(before, after) or after is ABSENT:
        return written if same(before, after) else ABSENT
    made = isinstance(written, str) and is_template(written) and not same(written, before)
    if made and not terms.allow_templates:
        raise TemplateMet(way)
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        if written is ABSENT or isinstance(written, Mapping):
            return _mapping(three, terms, way)
    elif is_list(written) and is_list(before) and is_list(after):
        return _List(three, terms, way).merged()
    return after if three.brief is ABSENT else three.brief


def _mapping(three: Three, terms: Terms, way: Way) -> Any:
    written = three.written if isinstance(three.written, Mapping) else {}
    kept: dict[str, Any] = {}
    for key in dict.fromkeys([*written, *three.before, *three.after]):
        value = merged(three.below(key), terms, (*way, key))
        if value is not ABSENT:
            kept[key] = value
    if kept or three.brief is not ABSENT:
        return kept
    gone = three.written is ABSENT or (written and not terms.commented(way))
    return ABSENT if gone else kept


class _List:
    """A list: its items are found again by what they are, else by their name, else by their place."""

    def __init__(self, three: Three, terms: Terms, way: Way) -> None:
        self._written: Sequence[Any] = three.written
        self._before: Sequence[Any] = three.before
        self._after: Sequence[Any] = three.after
        self._brief: Sequence[Any] = three.brief if is_list(three.brief) else three.after
        self._way = way
        self._terms = terms

    def merged(self) -> list[Any]:
        """Return the items to write: in the order in which they are, where order means nothing."""
        pairs = paired(self._written, self._before)
        if pairs is None:
            return list(self._brief)
        ahead = self._ahead()
        text = {old: new for new, old in ahead.items()}
        made = {
            at: self._item(at, pair, text[pair]) for at, pair in enumerate(pairs) if pair in text
        }
        if pairs != list(range(len(self._before))):
            fresh = [item for new, item in enumerate(self._brief) if new not in ahead]
            return [*made.values(), *fresh]
        return [made[ahead[new]] if new in ahead else item for new, item in enumerate(self._brief)]

    def _item(self, at: int, old: int, new: int) -> Any:
        three = Three(self._written[at], self._before[old], self._after[new], self._brief[new])
        return merged(three, self._terms, (*self._way, at))

    def _ahead(self) -> dict[int, int]:
        """Return which of the items before each item to be was."""
        before, after = _marks(self._before), _marks(self._after)
        found: dict[int, int] = {}
        matcher = SequenceMatcher(None, before, after, autojunk=False)
        for tag, old, old_end, new, new_end in matcher.get_opcodes():
            if tag in {"equal", "replace"}:
                found |= dict(zip(range(new, new_end), range(old, old_end), strict=False))
        return found


def _marks(items: Sequence[Any]) -> list[bytes]:
    """Return what items are known by: their names if all have one, else all that they are."""
    names = [item.get("name") if isinstance(item, Mapping) else None for item in items]
    if all(isinstance(name, str) for name in names) and len(set(names)) == len(names):
        return [canonical(name) for name in names]
    return [canonical(item) for item in items]


def paired(written: Sequence[Any], before: Sequence[Any]) -> list[int] | None:
    """Return for each item that is written which item of the body it is, or ``None`` if that is not sure."""
    free = list(range(len(before)))
    pairs: list[int | None] = []
    for item in written:
        exact = next((at for at in free if same(item, before[at])), None)
        if exact is None:
            exact = next((at for at in free if _within(item, before[at])), None)
        if exact is not None:
            free.remove(exact)
        pairs.append(exact)
    if len(written) == len(before):
        rest = [at for at, pair in enumerate(pairs) if pair is None]
        for at, pair in zip(rest, free, strict=True):
            pairs[at] = pair
    else:
        pairs = [
            _double(item, before) if p is None else p
            for item, p in zip(written, pairs, strict=True)
        ]
    return None if None in pairs else [pair for pair in pairs if pair is not None]


def _double(item: Any, before: Sequence[Any]) -> int | None:
    return next((at for at, one in enumerate(before) if same(item, one)), None)


def _within(item: Any, whole: Any) -> bool:
    """Whether *whole* is *item* with defaults filled in."""
    if isinstance(item, Mapping) and isinstance(whole, Mapping):
        return all(key in whole and _within(below, whole[key]) for key, below in item.items())
    return same(item, whole)


def same(one: Any, other: Any) -> bool:
    """Return whether two JSON values are the same: ``1`` is not ``true``, nor ``1.0``, nor absent."""
    if one is ABSENT or other is ABSENT:
        return one is other
    return one is other or canonical(one) == canonical(other)


def _get(value: Any, key: str) -> Any:
    return value.get(key, ABSENT) if isinstance(value, Mapping) else ABSENT


def step_into(value: Any, step: str) -> Any:
    """Return what *step* of a path leads to: a key, a place, or the item ``[name=x]``; or ``ABSENT``."""
    if isinstance(value, Mapping):
        return value.get(step, ABSENT)
    at = place_of(value, step)
    return ABSENT if at is None else value[at]


def place_of(items: Any, step: str) -> int | None:
    """Return the place of the item of a list that *step* means."""
    if not is_list(items):
        return None
    if step.startswith("[name=") and step.endswith("]"):
        names = [item.get("name") if isinstance(item, Mapping) else None for item in items]
        return names.index(step[6:-1]) if step[6:-1] in names else None
    return int(step) if step.isdigit() and int(step) < len(items) else None


def applied(value: Any, change: FieldChange) -> Any:
    """Return the body *value* with one change made."""
    return _applied(value, change.path, change.after)


def _applied(value: Any, path: Path, after: Any) -> Any:
    if not path:
        return after
    step, rest = path[0], path[1:]
    below = _applied(step_into(value, step), rest, after)
    if is_list(value):
        return _with_item(list(value), step, below)
    kept = dict(value) if isinstance(value, Mapping) else {}
    if below is ABSENT:
        kept.pop(step, None)
    else:
        kept[step] = below
    return kept


def _with_item(items: list[Any], step: str, item: Any) -> list[Any]:
    at = place_of(items, step)
    if at is None:
        return items if item is ABSENT else [*items, item]
    return [*items[:at], *([] if item is ABSENT else [item]), *items[at + 1 :]]

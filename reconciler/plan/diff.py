"""The fields that differ between two bodies."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from reconciler.model.change import ABSENT, FieldChange
from reconciler.model.reference import is_reference
from reconciler.model.value import Path, canonical

NATURAL_KEY: Final = "name"
"""Objects of a list that all have one, each its own, are matched by it and not by their place."""

Named: TypeAlias = dict[str, Mapping[str, Any]]


def diff(before: Any, after: Any, at: Path = ()) -> Iterator[FieldChange]:
    """Yield one change per differing field, in the order of the fields' names.

    A list is one field, unless every item of both is an object with a ``name`` of its own and the items
    that stay keep their order: then the items are compared, and ``[name=x]`` is a part of the path.
    A secret reference is one field.
    """
    if is_reference(before) and is_reference(after):
        if not same(before, after):
            yield FieldChange(at, before, after)
    elif isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in sorted({*before, *after}):
            yield from diff(before.get(name, ABSENT), after.get(name, ABSENT), (*at, name))
    elif not same(before, after):
        matched = _matched(before, after)
        if matched is None:
            yield FieldChange(at, before, after)
        else:
            old, new = matched
            for name in sorted({*old, *new}):
                part = f"[{NATURAL_KEY}={name}]"
                yield from diff(old.get(name, ABSENT), new.get(name, ABSENT), (*at, part))


def same(one: Any, other: Any) -> bool:
    """Return whether two JSON values are the same: ``1`` is not ``true``, nor ``1.0``, nor absent."""
    if one is ABSENT or other is ABSENT:
        return one is other
    return one is other or canonical(one) == canonical(other)


def _matched(before: Any, after: Any) -> tuple[Named, Named] | None:
    """Return both lists by name, or ``None`` where items cannot be told apart or have moved."""
    old, new = _named(before), _named(after)
    if old is None or new is None:
        return None
    stay = [name for name in old if name in new]
    if not stay or stay != [name for name in new if name in old]:
        return None
    return old, new


def _named(items: Any) -> Named | None:
    if not isinstance(items, Sequence) or isinstance(items, (str, bytes)):
        return None
    named: Named = {}
    for item in items:
        name = item.get(NATURAL_KEY) if isinstance(item, Mapping) else None
        if not isinstance(name, str) or name in named:
            return None
        named[name] = item
    return named

"""Which places of a source record rules read, told by the syntax trees of their expressions.

An expression is followed as if it ran, over places instead of values: ``lines[?kind == 'x'].sku`` looks at
``lines[].kind`` and ``lines[].sku`` and at nothing else of a line. Where it cannot be told what of a value
is used, all of it counts as read.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from reconciler.mapping.jmespath import Expression, ExpressionInvalid, Node, read_expression
from reconciler.mapping.steps import Step, Steps
from reconciler.mapping.template import Template

MOST: Final = 64
"""How many values an expression may stand for at a time; of more, all is read."""


@dataclass(slots=True, eq=False)
class Place:
    """A place that rules look at. ``whole``: the value itself is used, with all that is below.

    ``fields`` are keys that are looked at, ``items`` the items of a list, ``others`` the values of any key.
    """

    whole: bool = False
    fields: dict[str, "Place"] = field(default_factory=dict)
    items: "Place | None" = None
    others: "Place | None" = None

    def at(self, name: str) -> "Place":
        """Return the place of the field *name*."""
        return self.fields.setdefault(name, Place())

    def item(self) -> "Place":
        """Return the place of the items of the list."""
        if self.items is None:
            self.items = Place()
        return self.items

    def any_key(self) -> "Place":
        """Return the place of the values of an object, whatever their keys."""
        if self.others is None:
            self.others = Place()
        return self.others


@dataclass(frozen=True, slots=True, eq=False)
class _Made:
    """An object that an expression makes."""

    fields: Mapping[str, "_Found"]


@dataclass(frozen=True, slots=True, eq=False)
class _Listed:
    """A list that an expression makes, by what its items may be."""

    items: "_Found"


_Value: TypeAlias = Place | _Made | _Listed
_Found: TypeAlias = tuple[_Value, ...]
"""What an expression may stand for: one of these. Nothing: what it gives was read already, or is constant."""


def fields_read(places: Iterable[Place], name: str) -> list[Place]:
    """Return the places of the field *name* of objects at *places*; none if nobody looks at it."""
    found = []
    for place in places:
        found += [place.fields[name]] if name in place.fields else []
        found += [place.others] if place.others is not None else []
    return found


def items_read(places: Iterable[Place]) -> list[Place]:
    """Return the places of the items of lists at *places*."""
    return [place.items for place in places if place.items is not None]


def reads_of(steps: Steps, also: Iterable[str] = ()) -> Place:
    """Return what *steps* read of a record, and the expressions of *also* (those that cannot be read: nothing)."""
    root = Place()
    _Reader(root).fields((*steps.fields, *steps.custom_fields), (root,), ())
    for text in also:
        try:
            _use(_follow(read_expression(text).node, (root,)))
        except ExpressionInvalid:
            continue
    return root


@dataclass(frozen=True, slots=True)
class _Reader:
    root: Place

    def fields(self, steps: Iterable[Step], over: _Found, item: _Found) -> None:
        for step in steps:
            found = self._origin(step, over, item)
            if step.steps is None:
                _use(found)
            elif step.target.many:
                items = _items(found)
                self.fields(step.steps, items, items)
            else:
                self.fields(step.steps, found, item)

    def _origin(self, step: Step, over: _Found, item: _Found) -> _Found:
        if isinstance(step.origin, Expression):
            return _follow(step.origin.node, over)
        if isinstance(step.origin, Template):
            for name, *keys in step.origin.needs | step.origin.asks:
                _use(_by_keys(item if name == "item" else (self.root,), keys))
        return ()


def _by_keys(over: _Found, keys: Iterable[str]) -> _Found:
    for key in keys:
        below = _at(over, key)
        over = _one_of((*below, *_items(over))) if key.lstrip("-").isdigit() else below
    return over


def _follow(node: Node, over: _Found) -> _Found:
    return _one_of(_FOLLOWERS[node["type"]](node, over))


def _one_of(found: Iterable[_Value]) -> _Found:
    """Return *found*, each once; what is too much is read as a whole."""
    several = tuple({id(one): one for one in found}.values())
    _use(several[MOST:])
    return several[:MOST]


def _use(found: _Found) -> None:
    """Remember that the values themselves are used."""
    seen: set[int] = set()
    left = list(found)
    while left:
        one = left.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        match one:
            case Place():
                one.whole = True
            case _Made(fields=fields):
                left += [value for values in fields.values() for value in values]
            case _Listed(items=items):
                left += items


def _at(over: _Found, name: str) -> _Found:
    found: list[_Value] = []
    for one in over:
        match one:
            case Place():
                found.append(one.at(name))
            case _Made(fields=fields):
                found += fields.get(name, ())
            case _Listed():
                pass
    return _one_of(found)


def _items(over: _Found) -> _Found:
    found: list[_Value] = []
    for one in over:
        match one:
            case Place():
                found.append(one.item())
            case _Listed(items=items):
                found += items
            case _Made():
                pass
    return _one_of(found)


def _values(over: _Found) -> _Found:
    found: list[_Value] = []
    for one in over:
        match one:
            case Place():
                found.append(one.any_key())
            case _Made(fields=fields):
                found += [value for values in fields.values() for value in values]
            case _Listed():
                pass
    return _one_of(found)


# ── one function a kind of node ──────────────────────────────────────────────────────────────────────


def _field(node: Node, over: _Found) -> _Found:
    return _at(over, node["value"])


def _index(_node: Node, over: _Found) -> _Found:
    return _items(over)


def _slice(_node: Node, over: _Found) -> _Found:
    return (_Listed(_items(over)),)


def _chain(node: Node, over: _Found) -> _Found:
    for child in node["children"]:
        over = _follow(child, over)
    return over


def _itself(_node: Node, over: _Found) -> _Found:
    return over


def _nothing(_node: Node, _over: _Found) -> _Found:
    return ()


def _either(node: Node, over: _Found) -> _Found:
    return tuple(one for child in node["children"] for one in _follow(child, over))


def _looked_at(node: Node, over: _Found) -> _Found:
    """Follow for what is only asked whether there is something."""
    for child in node["children"]:
        _follow(child, over)
    return ()


def _compared(node: Node, over: _Found) -> _Found:
    for child in node["children"]:
        _use(_follow(child, over))
    return ()


def _flatten(node: Node, over: _Found) -> _Found:
    items = _items(_follow(node["children"][0], over))
    return (_Listed(_one_of((*items, *_items(items)))),)


def _projection(node: Node, over: _Found) -> _Found:
    base, each, *conditions = node["children"]
    items = _items(_follow(base, over))
    for condition in conditions:
        _follow(condition, items)
    return (_Listed(_follow(each, items)),)


def _value_projection(node: Node, over: _Found) -> _Found:
    base, each = node["children"]
    return (_Listed(_follow(each, _values(_follow(base, over)))),)


def _select_list(node: Node, over: _Found) -> _Found:
    return (_Listed(_either(node, over)),)


def _select_dict(node: Node, over: _Found) -> _Found:
    pairs = node["children"]
    return (_Made({pair["value"]: _follow(pair["children"][0], over) for pair in pairs}),)


def _function(node: Node, over: _Found) -> _Found:
    plain = [child for child in node["children"] if child["type"] != "expref"]
    within = [child["children"][0] for child in node["children"] if child["type"] == "expref"]
    given = [_follow(child, over) for child in plain]
    together = _one_of(one for found in given for one in found)
    if node["value"] == "map" and len(within) == 1:
        return (_Listed(_follow(within[0], _items(together))),)
    for expression in within:
        _use(_follow(expression, _items(together)))
    passes = _PASSES.get(node["value"])
    if passes is None:
        _use(together)
        return ()
    return passes(together)


_PASSES: Final[Mapping[str, Callable[[_Found], _Found]]] = {
    "keys": lambda _given: (),
    "length": lambda _given: (),
    "type": lambda _given: (),
    "max_by": _items,
    "merge": lambda given: given,
    "min_by": _items,
    "not_null": lambda given: given,
    "reverse": lambda given: given,
    "sort_by": lambda given: given,
    "values": lambda given: (_Listed(_values(given)),),
}
"""What functions pass on of their arguments, unseen. All others use them."""

_FOLLOWERS: Final[Mapping[str, Callable[[Node, _Found], _Found]]] = {
    "and_expression": _either,
    "comparator": _compared,
    "current": _itself,
    "expref": _nothing,
    "field": _field,
    "filter_projection": _projection,
    "flatten": _flatten,
    "function_expression": _function,
    "identity": _itself,
    "index": _index,
    "index_expression": _chain,
    "literal": _nothing,
    "multi_select_dict": _select_dict,
    "multi_select_list": _select_list,
    "not_expression": _looked_at,
    "or_expression": _either,
    "pipe": _chain,
    "projection": _projection,
    "slice": _slice,
    "subexpression": _chain,
    "value_projection": _value_projection,
}

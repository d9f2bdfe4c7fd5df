"""From Jinja2's syntax tree to Python closures: what is on the list is compiled, all else refused."""

import inspect
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

from jinja2 import nodes

from reconciler.mapping.filters import FILTERS, TemplateInvalid, as_text, bounded, kind_of
from reconciler.mapping.operators import (
    COMPARISONS,
    MISSING,
    OPERATORS,
    TESTS,
    Compute,
    item_of,
    pattern_test,
    slice_of,
)

DEEPEST: Final = 20


def joined(parts: "tuple[Compute | str, ...]", context: Mapping[str, Any]) -> str:
    """Return the text of *parts* one after another, each computed from *context*."""
    return bounded("".join([p if isinstance(p, str) else as_text(p(context)) for p in parts]))


def _refused(node: nodes.Node) -> TemplateInvalid:
    what = _REFUSED.get(type(node).__name__, f"'{type(node).__name__}'")
    return TemplateInvalid(f"{what} is not allowed in a template", line=node.lineno)


_REFUSED: Final = {
    "Assign": "'{% set %}'",
    "AssignBlock": "'{% set %}'",
    "Block": "'{% block %}'",
    "Call": "a call such as 'name()'",
    "CallBlock": "'{% call %}'",
    "Extends": "'{% extends %}'",
    "FilterBlock": "'{% filter %}'",
    "For": "a loop '{% for %}'",
    "FromImport": "'{% import %}'",
    "Import": "'{% import %}'",
    "Include": "'{% include %}'",
    "Macro": "'{% macro %}'",
    "Mul": "'*'",
    "Pow": "'**'",
    "With": "'{% with %}'",
}


class Compiler:
    """Takes what is allowed of a syntax tree, and remembers which paths it looks at."""

    def __init__(self) -> None:
        self.needs: set[tuple[str, ...]] = set()
        self.asks: set[tuple[str, ...]] = set()
        self.blocks = 0

    def parts(self, body: Sequence[nodes.Node], depth: int) -> "tuple[Compute | str, ...]":
        """Return the texts and computations of *body*, one after another."""
        found: list[Compute | str] = []
        for node in body:
            if isinstance(node, nodes.Output):
                found.extend(self._part(child, depth) for child in node.nodes)
            elif isinstance(node, nodes.If):
                self.blocks += 1
                found.append(self._if(node, depth - 1))
            else:
                raise _refused(node)
        return tuple(found)

    def _part(self, node: nodes.Node, depth: int) -> "Compute | str":
        return node.data if isinstance(node, nodes.TemplateData) else self.compute(node, depth)

    def compute(self, node: nodes.Node, depth: int) -> Compute:
        """Return the computation of one expression."""
        if depth <= 0:
            msg = f"the expression is nested more than {DEEPEST} deep; split it"
            raise TemplateInvalid(msg, line=node.lineno)
        if isinstance(node, nodes.BinExpr) and node.operator in OPERATORS:
            return self._operator(node, depth - 1)
        method = _METHODS.get(type(node))
        if method is None:
            raise _refused(node)
        made: Compute = getattr(self, method)(node, depth - 1)
        return made

    def _if(self, node: nodes.If, depth: int) -> Compute:
        test = self.compute(node.test, depth)
        then = self.parts(node.body, depth)
        if node.elif_:
            first, *rest = node.elif_
            chain = nodes.If(first.test, first.body, rest, node.else_, lineno=first.lineno)
            other: tuple[Compute | str, ...] = (self._if(chain, depth - 1),)
        else:
            other = self.parts(node.else_, depth)
        return lambda context: joined(then if test(context) else other, context)

    def _const(self, node: nodes.Const, _depth: int) -> Compute:
        value = node.value
        if isinstance(value, int) and value >= 2**63:
            msg = "a number has 64 bits at most"
            raise TemplateInvalid(msg, line=node.lineno)
        return lambda _context: value

    def _path(self, node: nodes.Node, depth: int) -> Compute:
        """Return the look-up of a name, and of plain keys in it: ``source.lines[0].sku``."""
        keys = _keys(node)
        if keys is None or len(keys) > DEEPEST:
            return self._item(node, depth)
        path = tuple(str(key) for key in keys)
        self.needs.add(path)
        name, *rest = keys
        steps = tuple((key, path[: at + 2]) for at, key in enumerate(rest))

        def look(context: Mapping[str, Any]) -> Any:
            if name not in context:
                msg = f"'{name}' is not defined"
                raise TemplateInvalid(msg, path=path[:1])
            value = context[name]
            for key, way in steps:
                value = item_of(value, key, way)
            return value

        return look

    def _item(self, node: Any, depth: int) -> Compute:
        """Return the look-up of a key in what an expression gives."""
        base = self.compute(node.node, depth)
        if isinstance(node, nodes.Getattr):
            name = node.attr
            return lambda context: item_of(base(context), name, ("…", name))
        if isinstance(node.arg, nodes.Slice):
            return self._slice(base, node.arg, depth)
        arg = self.compute(node.arg, depth)

        def look(context: Mapping[str, Any]) -> Any:
            key = arg(context)
            return item_of(base(context), key, ("…", as_text(key)))

        return look

    def _slice(self, base: Compute, node: nodes.Slice, depth: int) -> Compute:
        if node.step is not None:
            raise TemplateInvalid("a slice with a step is not allowed", line=node.lineno)
        start = self.compute(node.start, depth) if node.start else _nothing
        stop = self.compute(node.stop, depth) if node.stop else _nothing
        return lambda context: slice_of(base(context), start(context), stop(context))

    def _soft(self, node: nodes.Node, depth: int) -> Compute:
        """Return a computation that may find nothing, where *node* is a path."""
        keys = _keys(node)
        if keys is None:
            return self.compute(node, depth)
        needs, self.needs = self.needs, set()
        look = self.compute(node, depth)
        self.asks |= self.needs
        self.needs = needs

        def soft(context: Mapping[str, Any]) -> Any:
            try:
                return look(context)
            except TemplateInvalid:
                return MISSING

        return soft

    def _filter(self, node: nodes.Filter, depth: int) -> Compute:
        name = node.name
        work = FILTERS.get(name)
        if work is None or node.node is None:
            raise TemplateInvalid(
                f"unknown filter '{name}'{_meant(name, FILTERS)}", line=node.lineno
            )
        base = (self._soft if name in _SOFT_FILTERS else self.compute)(node.node, depth)
        args, kwargs = self._arguments(node, depth)
        try:
            inspect.signature(work).bind(None, *args, **kwargs)
        except TypeError as error:
            raise TemplateInvalid(f"filter '{name}': {error}", line=node.lineno) from None

        def apply(context: Mapping[str, Any]) -> Any:
            given = base(context)
            options = {key: value(context) for key, value in kwargs.items()}
            return _filtered(
                name, None if given is MISSING else given, [a(context) for a in args], options
            )

        return apply

    def _arguments(self, node: Any, depth: int) -> tuple[list[Compute], dict[str, Compute]]:
        if node.dyn_args is not None or node.dyn_kwargs is not None:
            raise TemplateInvalid("'*' and '**' arguments are not allowed", line=node.lineno)
        args = [self.compute(arg, depth) for arg in node.args]
        return args, {pair.key: self.compute(pair.value, depth) for pair in node.kwargs}

    def _test(self, node: nodes.Test, depth: int) -> Compute:
        name = node.name
        if name in {"search", "match"}:
            return self._pattern(node, depth)
        if name not in TESTS:
            known = {*TESTS, "search", "match"}
            raise TemplateInvalid(f"unknown test '{name}'{_meant(name, known)}", line=node.lineno)
        count, finds = TESTS[name]
        base = (self._soft if name in _SOFT_TESTS else self.compute)(node.node, depth)
        args, kwargs = self._arguments(node, depth)
        if len(args) != count or kwargs:
            raise TemplateInvalid(f"test '{name}' takes {count} arguments", line=node.lineno)
        if not args:
            return lambda context: finds(base(context))
        other = args[0]
        return lambda context: finds(base(context), other(context))

    def _pattern(self, node: nodes.Test, depth: int) -> Compute:
        base = self.compute(node.node, depth)
        given: dict[Any, nodes.Node] = {pair.key: pair.value for pair in node.kwargs}
        flag = given.pop("ignorecase", nodes.Const(False))
        if (
            len(node.args) != 1
            or given
            or not isinstance(node.args[0], nodes.Const)
            or not isinstance(flag, nodes.Const)
        ):
            msg = f"write: is {node.name}('pattern'), or is {node.name}('pattern', ignorecase=true)"
            raise TemplateInvalid(msg, line=node.lineno)
        fits = pattern_test(node.name, node.args[0].value, ignore_case=bool(flag.value))
        return lambda context: fits(base(context))

    def _operator(self, node: nodes.BinExpr, depth: int) -> Compute:
        left, right = self.compute(node.left, depth), self.compute(node.right, depth)
        work = OPERATORS[node.operator]
        return lambda context: work(left(context), right(context))

    def _concat(self, node: nodes.Concat, depth: int) -> Compute:
        parts = tuple(self.compute(child, depth) for child in node.nodes)
        return lambda context: joined(parts, context)

    def _and(self, node: nodes.And, depth: int) -> Compute:
        left, right = self.compute(node.left, depth), self.compute(node.right, depth)
        return lambda context: left(context) and right(context)

    def _or(self, node: nodes.Or, depth: int) -> Compute:
        left, right = self.compute(node.left, depth), self.compute(node.right, depth)
        return lambda context: left(context) or right(context)

    def _not(self, node: nodes.Not, depth: int) -> Compute:
        inner = self.compute(node.node, depth)
        return lambda context: not inner(context)

    def _negative(self, node: nodes.Neg, depth: int) -> Compute:
        inner, zero = self.compute(node.node, depth), 0
        return lambda context: OPERATORS["-"](zero, inner(context))

    def _choice(self, node: nodes.CondExpr, depth: int) -> Compute:
        test, then = self.compute(node.test, depth), self.compute(node.expr1, depth)
        other = self.compute(node.expr2, depth) if node.expr2 else _nothing
        return lambda context: then(context) if test(context) else other(context)

    def _compare(self, node: nodes.Compare, depth: int) -> Compute:
        first = self.compute(node.expr, depth)
        steps = [(COMPARISONS[op.op], self.compute(op.expr, depth)) for op in node.ops]

        def holds(context: Mapping[str, Any]) -> bool:
            left = first(context)
            for compare, expression in steps:
                right = expression(context)
                if not compare(left, right):
                    return False
                left = right
            return True

        return holds

    def _list(self, node: "nodes.List | nodes.Tuple", depth: int) -> Compute:
        items = [self.compute(item, depth) for item in node.items]
        return lambda context: [item(context) for item in items]

    def _dict(self, node: nodes.Dict, depth: int) -> Compute:
        pairs = [(self.compute(p.key, depth), self.compute(p.value, depth)) for p in node.items]
        return lambda context: {as_text(key(context)): value(context) for key, value in pairs}


_SOFT_FILTERS: Final = {"default", "d"}
_SOFT_TESTS: Final = {"defined", "undefined"}

_METHODS: Final[Mapping[type[nodes.Node], str]] = {
    nodes.And: "_and",
    nodes.Compare: "_compare",
    nodes.Concat: "_concat",
    nodes.CondExpr: "_choice",
    nodes.Const: "_const",
    nodes.Dict: "_dict",
    nodes.Filter: "_filter",
    nodes.Getattr: "_path",
    nodes.Getitem: "_path",
    nodes.List: "_list",
    nodes.Name: "_path",
    nodes.Neg: "_negative",
    nodes.Not: "_not",
    nodes.Or: "_or",
    nodes.Test: "_test",
    nodes.Tuple: "_list",
}


def _keys(node: nodes.Node) -> list[Any] | None:
    """Return the name and the plain keys of a path, or ``None`` for any other expression."""
    keys: list[Any] = []
    while not isinstance(node, nodes.Name):
        if isinstance(node, nodes.Getattr):
            keys.append(node.attr)
        elif isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
            keys.append(node.arg.value)
        else:
            return None
        node = node.node
    return [node.name, *reversed(keys)]


def _nothing(_context: Mapping[str, Any]) -> None:
    return None


def _filtered(name: str, value: Any, args: list[Any], options: Mapping[str, Any]) -> Any:
    try:
        found = FILTERS[name](value, *args, **options)
    except TemplateInvalid:
        raise
    except (TypeError, ValueError, ArithmeticError, AttributeError):
        msg = f"filter '{name}' cannot be used on {kind_of(value)} with these arguments"
        raise TemplateInvalid(msg) from None
    return bounded(found) if isinstance(found, str) else found


def _meant(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), n=1)
    return f"; did you mean '{near[0]}'?" if near else f"; known are {', '.join(sorted(known))}"

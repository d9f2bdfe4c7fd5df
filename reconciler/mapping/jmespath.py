"""JMESPath expressions written out as Python.

The library reads an expression; what it read is written as Python statements that give what its
interpreter gives, an order of magnitude sooner. Functions are the library's own. What holds a
reference to an expression (``sort_by(lines, &number)``) is left to its interpreter.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Final, cast

from jmespath.exceptions import JMESPathError, JMESPathTypeError
from jmespath.functions import Functions
from jmespath.parser import ParsedResult, Parser

from reconciler.mapping.misfit import cut, shorten
from reconciler.mapping.shape import Operand, Shape
from reconciler.mapping.writer import DEEPEST, Writer

Node = Mapping[str, Any]

_FUNCTIONS: Final = Functions()
_ORDER: Final = {"lt": "<", "gt": ">", "lte": "<=", "gte": ">="}
_STRAY: Final = "'&' is for arguments of functions only"
_QUICK: Final[Mapping[str, tuple[str, str]]] = {
    "length": ("type({0}) is list or type({0}) is str", "len({0})"),
    "join": ("type({0}) is str and texts({1})", "{0}.join({1})"),
    "to_string": ("type({0}) is str", "{0}"),
    "starts_with": ("type({0}) is str and type({1}) is str", "{0}.startswith({1})"),
    "ends_with": ("type({0}) is str and type({1}) is str", "{0}.endswith({1})"),
}
"""What some functions come to for arguments of the usual types, written out."""
_FALLIBLE: Final = frozenset({"function_expression", "slice"})


class ExpressionInvalid(ValueError):
    """An expression that is not JMESPath, with the reason in words."""


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that was read. ``fallible``: there are values over which it fails."""

    text: str
    node: Node
    fallible: bool

    def write(self, writer: Writer, over: Operand) -> Operand:
        """Write what computes it *over* a value, and return what holds the result."""
        return _write(self.node, writer, over)

    @property
    def keys(self) -> frozenset[str]:
        """The keys of the object it makes, if it is a multi-select hash."""
        if self.node["type"] != "multi_select_dict":
            return frozenset()
        return frozenset(pair["value"] for pair in self.node["children"])


def read_expression(text: str) -> Expression:
    """Return the expression of *text*.

    Raises:
        ExpressionInvalid: if it is no JMESPath, or calls a function that there is not.
    """
    try:
        node = Parser().parse(text).parsed
        nodes = list(_walk(node))
    except JMESPathError as error:
        raise ExpressionInvalid(_reason(error)) from None
    except RecursionError:
        raise ExpressionInvalid("nested too deep") from None
    for one in nodes:
        _check(one)
    if node["type"] == "expref":
        raise ExpressionInvalid(_STRAY)
    return Expression(text, node, any(_fails(one) for one in nodes))


def compile_expression(text: str) -> Callable[[Any], Any]:
    """Return a function that computes the expression *text* over one JSON value.

    Raises:
        ExpressionInvalid: if it is no JMESPath, or calls a function that there is not.
    """
    writer = Writer(names=dict(NAMES))
    expression = read_expression(text)
    with writer.block("def search(value):"):
        result = expression.write(writer, Operand("value"))
        writer.line(f"return {result.name}")
    exec(compile(writer.source, "<expression>", "exec"), writer.names)  # noqa: S102 - source that this room wrote, of literals and its own names
    search: Callable[[Any], Any] = writer.names["search"]
    return search


def failure_in_words(error: JMESPathError) -> str:
    """Return why a function refused its argument, with the value cut."""
    if isinstance(error, JMESPathTypeError):
        allowed = " or ".join(error.expected_types)
        return f"{error.function_name}() takes {allowed}, not {cut(error.current_value)}"
    return shorten(str(error))


def _reason(error: JMESPathError) -> str:
    position = getattr(error, "lex_position", None)
    token = getattr(error, "token_value", None)
    if position is None:
        return str(error)
    what = f"{token!r} is not expected here" if token else "the expression ends too soon"
    return f"not a JMESPath expression: {what} (column {position + 1})"


def _check(node: Node) -> None:
    if node["type"] == "function_expression":
        _check_call(node)
    elif node["type"] == "slice" and node["children"][2] == 0:
        raise ExpressionInvalid("a slice cannot go on by 0 places: write [::1], or leave it out")
    elif any(isinstance(child, dict) and child["type"] == "expref" for child in node["children"]):
        raise ExpressionInvalid(_STRAY)


def _check_call(node: Node) -> None:
    name, given = node["value"], len(node["children"])
    known = _FUNCTIONS.FUNCTION_TABLE.get(name)
    if known is None:
        raise ExpressionInvalid(f"there is no function {name}()")
    signature = known["signature"]
    needed = len(signature)
    variadic = bool(signature) and bool(signature[-1].get("variadic"))
    if given < needed or (given > needed and not variadic):
        least = "at least " if variadic else ""
        raise ExpressionInvalid(f"{name}() takes {least}{needed} arguments, not {given}")


def _walk(node: Node) -> list[Node]:
    below = [child for child in node["children"] if isinstance(child, dict)]
    return [node, *(found for child in below for found in _walk(child))]


def _fails(node: Node) -> bool:
    return node["type"] in _FALLIBLE or (node["type"] == "comparator" and node["value"] in _ORDER)


# ── one function a kind of node ──────────────────────────────────────────────────────────────────────


def _write(node: Node, writer: Writer, over: Operand) -> Operand:
    if writer.depth >= DEEPEST:
        return _by_library(node, writer, over)
    return _WRITERS[node["type"]](node, writer, over)


def _by_library(node: Node, writer: Writer, over: Operand) -> Operand:
    search = writer.bound(ParsedResult("", cast("Any", node)).search, "search")
    return Operand(writer.assign(f"{search}({over.whole()})"))


def _field(node: Node, writer: Writer, over: Operand) -> Operand:
    return over.field(writer, node["value"])


def _index(node: Node, writer: Writer, over: Operand) -> Operand:
    return over.index(writer, node["value"])


def _chain(node: Node, writer: Writer, over: Operand) -> Operand:
    for child in node["children"]:
        over = _write(child, writer, over)
    return over


def _itself(node: Node, writer: Writer, over: Operand) -> Operand:
    del node, writer
    return over


def _literal(node: Node, writer: Writer, over: Operand) -> Operand:
    del over
    return Operand(writer.assign(writer.constant(node["value"])))


def _or(node: Node, writer: Writer, over: Operand) -> Operand:
    left, right = node["children"]
    result = writer.assign(_write(left, writer, over).whole())
    with writer.block(f"if {_false(result)}:"):
        writer.line(f"{result} = {_write(right, writer, over).whole()}")
    return Operand(result)


def _and(node: Node, writer: Writer, over: Operand) -> Operand:
    left, right = node["children"]
    result = writer.assign(_write(left, writer, over).whole())
    with writer.block(f"if not {_false(result)}:"):
        writer.line(f"{result} = {_write(right, writer, over).whole()}")
    return Operand(result)


def _not(node: Node, writer: Writer, over: Operand) -> Operand:
    inner = _write(node["children"][0], writer, over).whole()
    return Operand(writer.assign(_false(inner)))


def _comparator(node: Node, writer: Writer, over: Operand) -> Operand:
    left, right = (_write(child, writer, over).whole() for child in node["children"])
    if node["value"] in _ORDER:
        both = f"comparable({left}) and comparable({right})"
        return Operand(
            writer.assign(f"({left} {_ORDER[node['value']]} {right}) if {both} else None")
        )
    negation = "not " if node["value"] == "ne" else ""
    return Operand(writer.assign(f"{negation}equals({left}, {right})"))


def _flatten(node: Node, writer: Writer, over: Operand) -> Operand:
    inner = _write(node["children"][0], writer, over)
    return Operand(writer.assign(f"flatten({inner.whole()})"))


def _slice(node: Node, writer: Writer, over: Operand) -> Operand:
    places = ":".join("" if part is None else str(part) for part in node["children"])
    text = f"{over.whole()}[{places}] if type({over.name}) is list else None"
    return Operand(writer.assign(text))


def _projection(node: Node, writer: Writer, over: Operand) -> Operand:
    base, each = node["children"][:2]
    found = _write(base, writer, over)
    result = writer.assign("None")
    with writer.block(f"if type({found.name}) is list:"):
        writer.line(f"{result} = []")
        _collect(writer, (found.name, found.item_shape()), each, result, node["children"][2:])
    return Operand(result)


def _value_projection(node: Node, writer: Writer, over: Operand) -> Operand:
    base, each = node["children"]
    found = _write(base, writer, over).whole()
    result = writer.assign("None")
    with writer.block(f"if type({found}) is dict:"):
        writer.line(f"{result} = []")
        _collect(writer, (f"{found}.values()", None), each, result, [])
    return Operand(result)


def _collect(
    writer: Writer, items: tuple[str, Shape | None], each: Node, into: str, condition: list[Node]
) -> None:
    item = Operand(writer.fresh("item"), items[1])
    with writer.block(f"for {item.name} in {items[0]}:"):
        for one in condition:
            writer.line(f"if {_false(_write(one, writer, item).whole())}:")
            writer.line("    continue")
        value = _write(each, writer, item).whole()
        writer.line(f"if {value} is not None:")
        writer.line(f"    {into}.append({value})")


def _unless_null(writer: Writer, over: Operand) -> AbstractContextManager[None]:
    return nullcontext() if over.root else writer.block(f"if {over.name} is not None:")


def _select_list(node: Node, writer: Writer, over: Operand) -> Operand:
    result = writer.assign("None")
    with _unless_null(writer, over):
        values = [_write(child, writer, over).whole() for child in node["children"]]
        writer.line(f"{result} = [{', '.join(values)}]")
    return Operand(result)


def _select_dict(node: Node, writer: Writer, over: Operand) -> Operand:
    result = writer.assign("None")
    with _unless_null(writer, over):
        pairs = [
            f"{pair['value']!r}: {_write(pair['children'][0], writer, over).whole()}"
            for pair in node["children"]
        ]
        writer.line(f"{result} = {{{', '.join(pairs)}}}")
    return Operand(result)


def _function(node: Node, writer: Writer, over: Operand) -> Operand:
    if any(child["type"] == "expref" for child in node["children"]):
        return _by_library(node, writer, over)
    values = [_write(child, writer, over).whole() for child in node["children"]]
    called = f"call({node['value']!r}, [{', '.join(values)}])"
    if node["value"] in _QUICK:
        test, result = (text.format(*values) for text in _QUICK[node["value"]])
        called = f"{result} if {test} else {called}"
    return Operand(writer.assign(called))


_WRITERS: Final[Mapping[str, Callable[[Node, Writer, Operand], Operand]]] = {
    "field": _field,
    "index": _index,
    "subexpression": _chain,
    "index_expression": _chain,
    "pipe": _chain,
    "current": _itself,
    "identity": _itself,
    "literal": _literal,
    "or_expression": _or,
    "and_expression": _and,
    "not_expression": _not,
    "comparator": _comparator,
    "flatten": _flatten,
    "slice": _slice,
    "projection": _projection,
    "filter_projection": _projection,
    "value_projection": _value_projection,
    "multi_select_list": _select_list,
    "multi_select_dict": _select_dict,
    "function_expression": _function,
    "expref": _by_library,
}


def _false(name: str) -> str:
    """Return the test for what JMESPath calls false: null, false, and what is empty; not 0."""
    return f"(not {name} and type({name}) is not int and type({name}) is not float)"


# ── what the written source calls ────────────────────────────────────────────────────────────────────


def equals(left: Any, right: Any) -> bool:
    """Return whether two JSON values are equal; ``1`` is not ``true``."""
    return bool(left == right) and isinstance(left, bool) is isinstance(right, bool)


def comparable(value: Any) -> bool:
    """Return whether a value has an order: a number or a text."""
    return isinstance(value, int | float | str) and not isinstance(value, bool)


def flatten(value: Any) -> list[Any] | None:
    """Return a list whose lists are replaced by their items; null for what is no list."""
    if not isinstance(value, list):
        return None
    flat: list[Any] = []
    for item in value:
        if isinstance(item, list):
            flat.extend(item)
        else:
            flat.append(item)
    return flat


def texts(value: Any) -> bool:
    """Return whether a value is a list of texts."""
    if not isinstance(value, list):
        return False
    for item in value:  # noqa: SIM110 - twice as fast as all() with a generator
        if type(item) is not str:
            return False
    return True


NAMES: Final[Mapping[str, Any]] = {
    "texts": texts,
    "equals": equals,
    "comparable": comparable,
    "flatten": flatten,
    "call": _FUNCTIONS.call_function,
}
"""What source with expressions needs to find."""

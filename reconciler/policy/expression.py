"""JMESPath of rules: what is wrong with it, and what its answer means."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from jmespath.exceptions import JMESPathError

from reconciler.mapping.jmespath import ExpressionInvalid, failure_in_words, read_expression
from reconciler.mapping.misfit import shorten
from reconciler.spec.expressions import expression_findings
from reconciler.spec.finding import Finding, Way, meant

Node = Mapping[str, Any]

_STEPS: Final = frozenset(
    {"subexpression", "filter_projection", "value_projection", "projection", "flatten"}
)
_STRAIGHT: Final = frozenset({"subexpression", "pipe"})
_CHAINS: Final = _STEPS | {"index_expression", "pipe"}
_ITSELF: Final = frozenset({"current", "identity"})


def rule_findings(text: str, path: Way, seen: Sequence[str]) -> Iterator[Finding]:
    """Yield what is wrong with the expression at *path*: all that can be told without an object.

    *seen* are the keys of what it is over: a name that is none of them would always be null.
    """
    found = list(expression_findings(text, path))
    yield from found
    if found:
        return
    try:
        node = read_expression(text).node
    except ExpressionInvalid as error:
        yield Finding("R120", path, str(error))
        return
    if _not_too_early(node):
        said = "'!' takes only the name right after it: !a.b is (!a).b, which is always null"
        yield Finding("R120", path, said, "write !(a.b)", needle="!")
    for name in dict.fromkeys(_first_names(node)):
        if name not in seen:
            said = f"there is no '{name}' in what the rule is over: it would always be null"
            yield Finding("R120", path, said, meant(name, seen), needle=name)


def _not_too_early(node: Node) -> bool:
    """Return whether something is looked up in what a ``!`` has made: it never is what was meant."""
    below = [child for child in node["children"] if isinstance(child, Mapping)]
    if node["type"] in _STEPS and below and below[0]["type"] == "not_expression":
        return True
    return any(_not_too_early(child) for child in below)


def _first_names(node: Node) -> Iterator[str]:
    """Yield the names that are looked up in the whole value, not in a part of it."""
    below = [child for child in node["children"] if isinstance(child, Mapping)]
    if node["type"] == "field":
        yield node["value"]
    elif node["type"] in _CHAINS and below:
        while len(below) > 1 and below[0]["type"] in _ITSELF and node["type"] in _STRAIGHT:
            below = below[1:]
        yield from _first_names(below[0])
    elif node["type"] != "expref":
        for child in below:
            yield from _first_names(child)


def is_true(value: Any) -> bool:
    """Return whether JMESPath takes *value* for true: all but null, false and what is empty."""
    return bool(value) or (isinstance(value, int | float) and not isinstance(value, bool))


def failure(error: Exception) -> str:
    """Return why an expression could not be computed."""
    match error:
        case JMESPathError():
            return failure_in_words(error)
        case TypeError():
            return "it compares values of different types"
        case RecursionError():
            return "it is nested too deep"
        case _:
            return shorten(f"{type(error).__name__}: {error}")

"""JMESPath in documents: whether it can be read, and where not."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

import jmespath
from jmespath.exceptions import JMESPathError, ParseError

from reconciler.spec.finding import Finding, Way


@lru_cache(maxsize=8192)
def expression_fault(text: str) -> tuple[str, int] | None:
    """Return what is wrong with the JMESPath *text*, and after how many characters; ``None``: nothing."""
    try:
        jmespath.compile(text)
    except ParseError as error:
        at = max(0, int(error.lex_position))
        token = error.token_value
        said = f"'{token}' does not fit here" if token else "it ends too early"
        return f"not a JMESPath expression: {said}", min(at, len(text))
    except (JMESPathError, ValueError, RecursionError) as error:
        position = getattr(error, "lexer_position", 0)
        return "not a JMESPath expression that can be read", int(position or 0)
    return None


def expression_findings(text: Any, path: Way) -> Iterator[Finding]:
    """Yield what is wrong with the expression at *path*."""
    fault = expression_fault(text) if isinstance(text, str) else None
    if fault is not None:
        message, at = fault
        hint = "put names with other characters than letters, digits and '_' in double quotes"
        yield Finding("R120", path, message, hint if "-" in text else "", needle=at)


_OF_STREAM: Final = (
    ("records",), ("primaryKey",), ("paging", "next"), ("paging", "key"), ("paging", "more"),
    ("cursor", "value"), ("deletions", "flag"), ("deletions", "records"),
)  # fmt: skip
_OF_INCLUDE: Final = (("records",), ("parent",), ("key",))


def expressions_of_connector(spec: Any) -> Iterator[tuple[Any, Way]]:
    """Yield the expressions of a manifest, but those of its field rules, each with its path."""
    yield spec.get("expires"), ("spec", "expires")
    for at, signal in enumerate(spec.get("signals", ())):
        for key in ("when", "message"):
            yield signal.get(key), ("spec", "signals", at, key)
    for name, stream in spec["streams"].items():
        base = ("spec", "streams", name)
        for way in _OF_STREAM:
            yield _at(stream, way), (*base, *way)
        for part, include in stream.get("include", {}).items():
            for way in _OF_INCLUDE:
                yield _at(include, way), (*base, "include", part, *way)


def _at(value: Any, way: Way) -> Any:
    for step in way:
        value = value.get(step) if isinstance(value, dict) else None
    return value

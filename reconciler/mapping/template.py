"""Templates that spec authors write: a part of Jinja2 that is bounded by construction.

Jinja2 reads the text; of what it read, only an allow-list is taken: names, plain keys, constants,
``and or not``, comparisons, ``+ - / // % ~``, ``x if y else z``, ``{% if %}``, a closed list of filters
and tests. No loop, call, macro, ``*`` or ``**``: a template ends, soon, whatever it is given. What is
taken becomes Python closures over the context; no attribute of an object is ever looked at, only keys
of mappings and places in lists.

Where Jinja2 leaves a choice: an unknown name or key is an error that names it, unless ``default`` or
``is defined`` looks at it; ``default`` also stands in for null; null is written as nothing, ``true`` and
``false`` as JSON does, lists and objects as JSON.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from jinja2 import Environment, TemplateError, nodes

from reconciler.mapping.filters import LONGEST_TEXT, TemplateInvalid
from reconciler.mapping.operators import Compute
from reconciler.mapping.syntax import DEEPEST, Compiler, joined

__all__ = [
    "DEEPEST",
    "LONGEST_SOURCE",
    "LONGEST_TEXT",
    "Template",
    "TemplateInvalid",
    "compile_template",
    "is_template",
]

LONGEST_SOURCE: Final = 4_096

_READER: Final = Environment(autoescape=False, keep_trailing_newline=True)  # noqa: S701 - it reads, and never renders
_BRACKETS: Final = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}


def is_template(text: str) -> bool:
    """Whether *text* holds anything for a template to do."""
    return "{{" in text or "{%" in text or "{#" in text


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled template.

    ``needs`` are the paths that it must find in its context (``("vars", "region")``); ``asks`` those
    that it can do without. ``literal``: the text holds nothing to fill in.
    """

    text: str
    needs: frozenset[tuple[str, ...]]
    asks: frozenset[tuple[str, ...]]
    literal: bool
    _parts: tuple["Compute | str", ...]
    _whole: "Compute | None"

    def render(self, context: Mapping[str, Any]) -> str:
        """Return the text, filled in from *context*.

        Raises:
            TemplateInvalid: if a name is missing, or a value does not fit.
        """
        if self.literal:
            return self.text
        return joined(self._parts, context)

    def value(self, context: Mapping[str, Any]) -> Any:
        """Return what ``render`` does, but keep the type of a text that is one expression only.

        Raises:
            TemplateInvalid: if a name is missing, or a value does not fit.
        """
        return self.render(context) if self._whole is None else self._whole(context)


def compile_template(text: str) -> Template:
    """Return the template of *text*.

    Raises:
        TemplateInvalid: if it is no template, or uses what is not allowed.
    """
    if not is_template(text):
        return Template(text, frozenset(), frozenset(), True, (text,), None)
    if len(text) > LONGEST_SOURCE:
        msg = f"a template has {LONGEST_SOURCE} characters at most, this one has {len(text)}"
        raise TemplateInvalid(msg)
    compiler = Compiler()
    parts = compiler.parts(_read(text).body, DEEPEST)
    alone = len(parts) == 1 and not isinstance(parts[0], str) and not compiler.blocks
    whole = cast("Compute", parts[0]) if alone else None
    needs = frozenset(compiler.needs)
    return Template(text, needs, frozenset(compiler.asks) - needs, False, parts, whole)


def _read(text: str) -> nodes.Template:
    try:
        depth = 0
        for _, kind, word in _READER.lex(text):
            depth += _BRACKETS.get(word, 0) if kind == "operator" else 0
            if depth > DEEPEST:
                msg = f"brackets are nested more than {DEEPEST} deep"
                raise TemplateInvalid(msg)
        return _READER.parse(text)
    except TemplateError as error:
        line = getattr(error, "lineno", 1)
        msg = f"not a template: {error.message}"
        raise TemplateInvalid(msg, line=line) from None
    except (RecursionError, ValueError, OverflowError) as error:
        if isinstance(error, TemplateInvalid):
            raise
        msg = "not a template that can be read: too deep, or with a number that is too long"
        raise TemplateInvalid(msg) from None

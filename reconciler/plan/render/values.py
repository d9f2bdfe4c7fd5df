"""Values as people read them: on one line where they are short, else as a YAML-like block."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from reconciler.model.change import ABSENT
from reconciler.plan.printable import printable

_PLAIN: Final = re.compile(r"[^\W\d][\w./@%*+ -]*|\d+(?:ms|[smhdwy%])|https?://[\w./:@%?&=+-]+")
"""Text that reads as itself; all other text is quoted, so that ``1`` and ``"1"`` are told apart."""
_WORDS: Final = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})


def flow(value: Any) -> str:
    """Return *value* on one line: ``{env: ACME_PASSWORD}``, ``[a, b]``, ``"12"``."""
    if value is ABSENT:
        return "(absent)"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_text(name)}: {flow(one)}" for name, one in value.items()) + "}"
    if isinstance(value, Sequence):
        return "[" + ", ".join(map(flow, value)) + "]"
    return json.dumps(value)


def short(value: Any, width: int) -> bool:
    """Return whether *value* fits on one line of *width*."""
    return not _many_lines(value) and len(flow(value)) <= width


def block(value: Any) -> Iterator[str]:
    """Yield *value* as the lines of a block, as it would be written in a spec."""
    if isinstance(value, Mapping) and value:
        for name, one in value.items():
            yield from _entry(f"{_text(name)}:", one)
    elif isinstance(value, Sequence) and not isinstance(value, str) and value:
        for one in value:
            yield from _item(one)
    elif isinstance(value, str) and _many_lines(value):
        yield "|"
        yield from (f"  {printable(line)}" for line in value.splitlines())
    else:
        yield flow(value)


def _entry(label: str, value: Any) -> Iterator[str]:
    if short(value, 60) or not isinstance(value, (Mapping, Sequence)):
        yield f"{label} {flow(value)}"
        return
    lines = list(block(value))
    if isinstance(value, str):
        yield f"{label} {lines.pop(0)}"
        yield from lines
    else:
        yield label
        yield from (f"  {line}" for line in lines)


def _item(value: Any) -> Iterator[str]:
    if short(value, 60):
        yield f"- {flow(value)}"
        return
    first, *rest = block(value)
    yield f"- {first}"
    yield from (f"  {line}" for line in rest)


def _many_lines(value: Any) -> bool:
    return isinstance(value, str) and "\n" in value.strip("\n")


def _text(text: str) -> str:
    plain = _PLAIN.fullmatch(text) and text == text.rstrip() and text.lower() not in _WORDS
    return text if plain else _quoted(text)


def _quoted(text: str) -> str:
    return '"' + printable(json.dumps(text, ensure_ascii=False)[1:-1]) + '"'

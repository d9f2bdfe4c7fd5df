"""Values as YAML: plain where it reads back as the same text, in quotes where it does not."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from reconciler.spec.scalars import resolve

WIDTH: Final = 80
"""What is longer than this is written in lines, not in brackets."""

_PLAIN: Final = re.compile(r"[^\W]|[./(]")
_NOT_PLAIN: Final = re.compile(
    r": | #|:\Z|\s\Z|[\x00-\x1f\x7f-\xa0\u2028-\u202e\u2066-\u2069\ufeff]"
)
_NOT_IN_BRACKETS: Final = re.compile(r"[,\[\]{}]|:(?=[,\[\]{}]|\Z)")
_UNSEEN: Final = re.compile(r"[\x7f-\xa0\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]")
_NOT_IN_LINES: Final = re.compile(
    r" $|[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff]", re.MULTILINE
)


def text_of(text: str, *, flow: bool, like: str = "") -> str:
    """Return a text as a scalar in one line; *like* is the quote it had, kept where it can be."""
    if not like and _is_plain(text, flow=flow):
        return text
    printable = text.isprintable() and not _UNSEEN.search(text)
    if printable and (like == "'" or (like != '"' and ('"' in text or "\\" in text))):
        doubled = text.replace("'", "''")
        if like == "'" or "'" not in text:
            return f"'{doubled}'"
    quoted = json.dumps(text, ensure_ascii=False)
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)


def _is_plain(text: str, *, flow: bool) -> bool:
    if not _PLAIN.match(text) or _NOT_PLAIN.search(text) or text.startswith("..."):
        return False
    if flow and _NOT_IN_BRACKETS.search(text):
        return False
    value = resolve(text)
    return isinstance(value, str) and value == text


def scalar(value: Any, *, flow: bool, like: str = "") -> str:
    """Return a text, a number, true, false or null in one line."""
    if isinstance(value, str):
        return text_of(value, flow=flow, like=like if like in {"'", '"'} else "")
    if isinstance(value, float):
        written = repr(value)
        return written if "e" in written or "." in written else f"{written}.0"
    return json.dumps(value)


def key(name: str, *, flow: bool) -> str:
    """Return a key."""
    return text_of(name, flow=flow)


def in_brackets(value: Any) -> str:
    """Return *value* in one line."""
    if isinstance(value, Mapping):
        entries = (f"{key(k, flow=True)}: {in_brackets(v)}" for k, v in value.items())
        return "{" + ", ".join(entries) + "}"
    if is_list(value):
        return "[" + ", ".join(in_brackets(item) for item in value) + "]"
    return scalar(value, flow=True)


def is_list(value: Any) -> bool:
    """Whether *value* is a list, and no text."""
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def is_short(value: Any, room: int = WIDTH) -> bool:
    """Whether *value* reads well in one line of *room* characters: little in it, and no long text."""
    if not isinstance(value, Mapping) and not is_list(value):
        return not (isinstance(value, str) and "\n" in value)
    inner = list(value.values()) if isinstance(value, Mapping) else list(value)
    deep = [one for one in inner if (isinstance(one, Mapping) or is_list(one)) and one]
    if any(not is_short(one, room) or _depth(one) > 1 for one in deep):
        return False
    flat = all(is_short(one) for one in inner)
    return flat and len(in_brackets(value)) <= room


def _depth(value: Any) -> int:
    if isinstance(value, Mapping):
        return 1 + max((_depth(one) for one in value.values()), default=0)
    return 1 + max((_depth(one) for one in value), default=0) if is_list(value) else 0


def lines_of(value: Any, *, literal: bool = True) -> list[str]:
    """Return a mapping or list in lines, without indentation.

    *literal*: texts of several lines may be written as such, after ``|``.
    """
    if isinstance(value, Mapping):
        return [line for k, v in value.items() for line in entry_lines(k, v, literal=literal)]
    return [line for item in value for line in item_lines(item, literal=literal)]


def entry_lines(name: str, value: Any, *, literal: bool = True) -> list[str]:
    """Return an entry of a mapping in lines; it may be one."""
    head = key(name, flow=False) + ":"
    inline = _inline(value, WIDTH - len(head), literal=literal)
    if inline is not None:
        return [f"{head} {inline}"]
    if isinstance(value, str):
        return [f"{head} {_head(value)}", *indented(_text_lines(value), 2)]
    return [head, *indented(lines_of(value, literal=literal), 2)]


def item_lines(value: Any, *, literal: bool = True) -> list[str]:
    """Return an item of a list in lines; it may be one."""
    inline = _inline(value, WIDTH, literal=literal)
    if inline is not None:
        return [f"- {inline}"]
    if isinstance(value, str):
        return [f"- {_head(value)}", *indented(_text_lines(value), 2)]
    first, *others = lines_of(value, literal=literal)
    return [f"- {first}", *indented(others, 2)]


def _inline(value: Any, room: int, *, literal: bool) -> str | None:
    """Return *value* in one line, or ``None`` if it is to be written in several."""
    if isinstance(value, Mapping) or is_list(value):
        return in_brackets(value) if not value or is_short(value, room) else None
    if literal and is_literal(value):
        return None
    return scalar(value, flow=False)


def is_literal(text: Any) -> bool:
    """Whether *text* is one, of several lines that can stand as they are."""
    if not isinstance(text, str):
        return False
    body = text.removesuffix("\n")
    if "\n" not in text or not body.strip("\n") or body.endswith("\n"):
        return False
    first = body.lstrip("\n")
    return not first.startswith(" ") and not _NOT_IN_LINES.search(body)


def literal_lines(text: str) -> list[str]:
    """Return a text of several lines: what stands behind its key, and its lines."""
    return [_head(text), *_text_lines(text)]


def _head(text: str) -> str:
    return "|" if text.endswith("\n") else "|-"


def _text_lines(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n")


def indented(lines: Sequence[str], by: int) -> list[str]:
    """Return *lines* with spaces before each that is not empty."""
    return [" " * by + line if line else line for line in lines]

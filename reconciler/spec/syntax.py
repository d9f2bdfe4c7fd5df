"""The text before YAML: what is no readable text, and what YAML's own errors mean in our words."""

import re
from typing import Any, Final, NamedTuple

from yaml import MarkedYAMLError, YAMLError


class Place(NamedTuple):
    """Where something stands: line and column from 1, and how many columns it covers."""

    line: int
    column: int
    width: int = 1


class Mark(NamedTuple):
    """Something that is refused, at its place."""

    code: str
    message: str
    place: Place
    hint: str = ""


LARGEST_FILE: Final = 1_048_576

_UNSEEN: Final = re.compile(
    "[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]|\r(?!\n)"
)
_UNSEEN_IN_VALUES: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]"
)
_DIRECTIVE: Final = re.compile(r"^%\S.*$", re.MULTILINE)
_MOST_UNSEEN: Final = 20
_SEEN: Final = bytes([10, *range(32, 127)])


def decode(content: bytes) -> tuple[str, list[Mark]]:
    """Return the text of a file, and what makes it no text to be read."""
    if len(content) > LARGEST_FILE:
        message = f"the file has {len(content):,} bytes; {LARGEST_FILE:,} is the most"
        return "", [Mark("R002", message, Place(1, 1), "split it into several files")]
    if content.startswith(b"\xef\xbb\xbf"):
        content = content[3:]
    if content.isascii() and not content.translate(None, _SEEN):
        return content.decode("ascii"), []
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        before = content[: error.start].decode()
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        message = f"byte 0x{content[error.start]:02x} is not UTF-8"
        return "", [Mark("R001", message, Place(line, column), "save the file as UTF-8")]
    return text, _unseen(text)


def _unseen(text: str) -> list[Mark]:
    """Return tabs and characters that an editor does not show, and directives."""
    marks: list[Mark] = []
    for found in _UNSEEN.finditer(text):
        place = _place(text, found.start())
        if found[0] == "\t":
            before = text[text.rfind("\n", 0, found.start()) + 1 : found.start()]
            hint = 'use a space, or \\t in a text in double quotes ("a\\tb")'
            hint = hint if before.strip() else "indent with spaces"
            marks.append(Mark("R005", "tabs are not taken", place, hint))
        else:
            message = f"the character U+{ord(found[0]):04X} cannot be seen"
            marks.append(Mark("R006", message, place, "remove it"))
        if len(marks) >= _MOST_UNSEEN:
            break
    return marks


def directives(text: str) -> list[Mark]:
    """Return the directives (``%YAML``) of *text*, and where they stand."""
    hint = "remove the line; YAML 1.2 is meant"
    return [
        Mark(
            "R007",
            "YAML directives are not taken",
            _place(text, found.start(), len(found[0])),
            hint,
        )
        for found in _DIRECTIVE.finditer(text)
    ]


def _place(text: str, at: int, width: int = 1) -> Place:
    line_start = text.rfind("\n", 0, at) + 1
    return Place(text.count("\n", 0, at) + 1, at - line_start + 1, width)


def unseen_in(value: str) -> str | None:
    """Return the first character of a value that cannot be seen, as ``U+0007``."""
    found = _UNSEEN_IN_VALUES.search(value)
    return None if found is None else f"U+{ord(found[0]):04X}"


_MEANINGS: Final = (
    (
        "mapping values are not allowed",
        "a ': ' where none can be",
        "put a text that holds ': ' in quotes, or look at the indentation",
    ),
    (
        "could not find expected ':'",
        "a key without ':'",
        "write 'key: value'; look at the indentation of this line and the one before",
    ),
    (
        "did not find expected key",
        "the line does not fit what stands before it",
        "look at the indentation, and at quotes that end too early",
    ),
    (
        "did not find expected '-' indicator",
        "the line does not fit the list before it",
        "look at the indentation",
    ),
    ("cannot start any token", "a text cannot start with this character", "put the text in quotes"),
    (
        "found unknown escape character",
        "an unknown escape after \\",
        "use single quotes, or write \\\\",
    ),
    (
        "did not find expected ',' or",
        "a ',' or the closing bracket is missing",
        "close the bracket, or put the text in quotes",
    ),
    (
        "block sequence entries are not allowed",
        "a list cannot start here",
        "start it on a new line",
    ),
)


def from_yaml_error(error: YAMLError) -> Mark:
    """Return what YAML's parser found, in our words."""
    problem = str(getattr(error, "problem", "") or "")
    context = str(getattr(error, "context", "") or "")
    mark: Any = getattr(error, "problem_mark", None)
    if "quoted scalar" in context:
        mark = getattr(error, "context_mark", None) or mark
        return _marked(
            mark, "a quote that is not closed, or holds what it cannot", "close the quote"
        )
    for words, message, hint in _MEANINGS:
        if words in problem:
            return _marked(mark, message, hint)
    if isinstance(error, MarkedYAMLError):
        said = f"{context}: {problem}" if context else problem
        return _marked(
            mark, f"not readable as YAML ({said})", "look at indentation, quotes and brackets"
        )
    return _marked(None, "not readable as YAML", "look for characters that cannot be seen")


def _marked(mark: Any, message: str, hint: str) -> Mark:
    place = Place(1, 1) if mark is None else Place(mark.line + 1, mark.column + 1)
    return Mark("R004", message, place, hint)

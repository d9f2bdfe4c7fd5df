"""YAML text to plain values, with limits, and without the parts of YAML that surprise.

The parser's *events* are walked: nothing is composed, constructed or expanded by the library, so no text
can make it run long or deep. There are two walks. ``quick.read`` gives values only and gives up at the
first thing that is not plain and sound; then ``compose`` gives nodes with places, and all that is
refused. A broken document does not hide the next: one starts at each ``---`` in the first column, always.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from yaml import YAMLError

from reconciler.spec import quick
from reconciler.spec.compose import Node, compose
from reconciler.spec.events import parser_of
from reconciler.spec.quick import Document
from reconciler.spec.syntax import Mark, decode, directives

_START: Final = re.compile(r"^---(?=\s|$)", re.MULTILINE)
_ESCAPES: Final = re.compile(r"\\(?:[0abefvNLP_]|x[01789]|[uU]0*(?:[01789]|20))")


def read_values(content: bytes) -> list[Document] | None:
    """Return the documents of a file without places; ``None`` if the careful walk has to look."""
    text, marks = decode(content)
    if marks or ("\\" in text and _ESCAPES.search(text)):
        return None
    try:
        return quick.read(text, parser_of(text))
    except (quick.Unsound, YAMLError):
        return None


def read_nodes(content: bytes) -> tuple[list[Node], list[Mark]]:
    """Return the documents of a file with the places of all they hold, and what is refused in them."""
    text, marks = decode(content)
    if marks:
        return [], marks
    nodes: list[Node] = []
    for first_line, part in _parts(text):
        found, refused = compose(parser_of(part), first_line)
        if refused and (lines := directives(part)):
            refused = [
                mark._replace(place=mark.place._replace(line=mark.place.line + first_line))
                for mark in lines
            ]
        nodes += [node for node in found if node.below is not None or node.value is not None]
        marks += refused
    return nodes, marks


def _parts(text: str) -> Iterator[tuple[int, str]]:
    """Yield each document's text, and how many lines stand before it."""
    starts = [found.start() for found in _START.finditer(text)]
    bounds = [0, *(at for at in starts if at), len(text)]
    line = 0
    for start, end in pairwise(bounds):
        part = text[start:end]
        yield line, part
        line += part.count("\n")

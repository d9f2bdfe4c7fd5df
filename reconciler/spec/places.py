"""From paths to places: where in a file something stands, and problems that show it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from reconciler.model.problem import Problem, Severity
from reconciler.model.reference import WORDS
from reconciler.model.resource import Origin
from reconciler.spec.compose import Node
from reconciler.spec.document import read_nodes
from reconciler.spec.finding import Draft, Finding, Spot
from reconciler.spec.secrets import redact, redact_same_width
from reconciler.spec.syntax import Mark, Place

LONGEST_EXCERPT: Final = 400


class Places:
    """The places of all that stands in some files; each is read again at the first question only."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files
        self._nodes: dict[str, list[Node]] = {}
        self._marks: dict[str, list[Mark]] = {}
        self._lines: dict[str, list[str]] = {}
        self._masks: dict[str, list[Place]] = {}

    def nodes(self, file: str) -> list[Node]:
        """Return the documents of *file*."""
        self._read(file)
        return self._nodes[file]

    def marks(self, file: str) -> list[Mark]:
        """Return what YAML itself has to refuse in *file*."""
        self._read(file)
        return self._marks[file]

    def _read(self, file: str) -> None:
        if file not in self._nodes:
            self._nodes[file], self._marks[file] = read_nodes(self._files.get(file, b""))
            self._masks[file] = [
                place for node in self._nodes[file] for place in _secret_places(node)
            ]

    def place(self, spot: Spot, *, on_key: bool = False, needle: str | int = "") -> Place:
        """Return where the path of *spot* is written, or the nearest place above it."""
        node = next(
            (n for n in self.nodes(spot.file) if n.place[:2] == (spot.line, spot.column)), None
        )
        if node is None:
            return Place(spot.line, spot.column)
        key = None
        for step in spot.path:
            key, below = _step(node, step)
            if below is None:
                return key or node.place
            node = below
        if on_key and key is not None:
            return key
        return self._pointed(spot.file, node, needle)

    def _pointed(self, file: str, node: Node, needle: str | int) -> Place:
        """Return the part of a value that *needle* means."""
        place = node.place
        if isinstance(node.below, list):
            return next((item.place for item in node.below if item.value == needle), place)
        line = self.line(file, place.line)
        if isinstance(needle, int):
            quoted = line[place.column - 1 : place.column] in {'"', "'"}
            return Place(place.line, place.column + needle + quoted)
        at = line.find(needle, place.column - 1) if needle else -1
        return place if at < 0 else Place(place.line, at + 1, len(needle))

    def hide(self, file: str, place: Place) -> None:
        """Let no excerpt show what stands at *place*."""
        self._read(file)
        self._masks[file].append(place)

    def line(self, file: str, number: int) -> str:
        """Return one line of a file, as it is."""
        if file not in self._lines:
            text = self._files.get(file, b"").removeprefix(b"\xef\xbb\xbf").decode(errors="replace")
            self._lines[file] = re.split(r"\r\n|\n|\r", text)
        lines = self._lines[file]
        return lines[number - 1] if 0 < number <= len(lines) else ""

    def excerpt(self, file: str, number: int) -> str:
        """Return one line of a file for people: without secrets, and not without end."""
        line = self.line(file, number)
        for place in self._masks.get(file, ()):
            if place.line == number:
                start, end = place.column - 1, place.column - 1 + place.width
                line = line[:start] + "*" * len(line[start:end]) + line[end:]
        return redact_same_width(line)[:LONGEST_EXCERPT]


def _step(node: Node, step: str | int) -> tuple[Place | None, Node | None]:
    """Return the place of a key and the node below it."""
    if isinstance(node.below, dict) and isinstance(step, str):
        return node.keys.get(step), node.below.get(step)
    if isinstance(node.below, list) and isinstance(step, int) and step < len(node.below):
        return None, node.below[step]
    return None, None


def _secret_places(node: Node, *, under_auth: bool = False) -> Iterator[Place]:
    """Yield the places of texts under ``auth``: a login may stand there, known as secret or not."""
    if isinstance(node.below, dict):
        for key, below in node.below.items():
            if under_auth and isinstance(below.value, str | int) and key != "method":
                yield below.place
            elif key not in _REFERENCES:
                yield from _secret_places(below, under_auth=key == "auth")
    elif isinstance(node.below, list):
        for below in node.below:
            yield from _secret_places(below)


_REFERENCES: Final = frozenset(WORDS)


def problem(
    places: Places, file: str, place: Place, told: Finding | Mark, *, label: str = ""
) -> Problem:
    """Return the problem of a finding or mark at *place*. The one door: nothing secret passes."""
    message = redact(told.message)
    return Problem(
        getattr(told, "severity", Severity.ERROR),
        told.code,
        f"{message} ({label})" if label else message,
        Origin(file, place.line, place.column),
        redact(told.hint),
        places.excerpt(file, place.line),
        place.width,
    )


def problems_of(places: Places, found: Iterable[tuple[Draft, Finding]]) -> Iterator[Problem]:
    """Yield the problems of findings; the same thing in many items of a set is told once."""
    groups: dict[tuple[Any, ...], tuple[str, Place, Finding, list[str]]] = {}
    for draft, finding in found:
        spot = draft.spot_of(finding.path)
        place = places.place(spot, on_key=finding.on_key, needle=finding.needle)
        if finding.code in {"R401", "R402"}:
            places.hide(spot.file, place)
        group = (spot.file, place[:2], finding.code, finding.message)
        groups.setdefault(group, (spot.file, place, finding, []))[3].append(draft.label)
    for file, place, finding, labels in groups.values():
        yield problem(places, file, place, finding, label=_label(labels))


def _label(labels: list[str]) -> str:
    first = next((label for label in labels if label), "")
    others = len({label for label in labels if label}) - 1
    if others < 1:
        return first
    return f"{first} and {others} other{'s' if others > 1 else ''}"

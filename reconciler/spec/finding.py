"""Findings: what is wrong in one document, by path; and drafts: documents on their way to resources."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, NamedTuple, TypeAlias

from reconciler.model.problem import Severity

Way: TypeAlias = tuple[str | int, ...]
"""A path in a document: keys and places in lists."""


class Finding(NamedTuple):
    """Something wrong at ``path`` of a document.

    ``on_key``: the key itself is meant, not its value. ``needle``: the part of the value that is meant,
    or how many characters stand before it.
    """

    code: str
    path: Way
    message: str
    hint: str = ""
    on_key: bool = False
    needle: str | int = ""
    severity: Severity = Severity.ERROR


class Spot(NamedTuple):
    """A document in a file, and a path in it."""

    file: str
    line: int
    column: int
    path: Way = ()


@dataclass(slots=True)
class Draft:
    """A document as it was read, before it is checked.

    ``spot`` is where it was written: for one that a set makes, the part of the template. ``patched``
    are the paths that an environment has set, with where it says so. ``item`` is what a set fills in,
    ``label`` names it for people. ``mapping`` is false for a document that is no mapping at all;
    ``kind`` is what the document says, if it is a text.
    """

    data: dict[str, Any]
    spot: Spot
    item: Mapping[str, Any] | None = None
    label: str = ""
    patched: dict[Way, Spot] = field(default_factory=dict)
    mapping: bool = True
    kind: str = field(init=False)

    def __post_init__(self) -> None:
        kind = self.data.get("kind")
        self.kind = kind if isinstance(kind, str) else ""

    @property
    def name(self) -> str:
        """The name that the document says, if it is a text."""
        metadata = self.data.get("metadata")
        name = metadata.get("name") if isinstance(metadata, dict) else None
        return name if isinstance(name, str) else ""

    def spot_of(self, path: Way) -> Spot:
        """Return where *path* was written."""
        for length in range(len(path), 0, -1):
            spot = self.patched.get(path[:length])
            if spot is not None:
                return spot._replace(path=spot.path + path[length:])
        return self.spot._replace(path=self.spot.path + path)


def meant(word: str, known: Iterable[str]) -> str:
    """Return the hint that *word* may be one of *known*; else what is known, if that is short."""
    names = list(known)
    near = get_close_matches(word, names, n=1, cutoff=0.6)
    if near:
        return f"did you mean '{near[0]}'?"
    if 0 < len(names) <= 12:
        return f"known: {', '.join(sorted(names))}"
    return ""


def value_at(data: Any, path: Way) -> Any:
    """Return what stands at *path*, or ``None``."""
    for key in path:
        if isinstance(data, dict):
            data = data.get(key)
        elif isinstance(data, list) and isinstance(key, int) and key < len(data):
            data = data[key]
        else:
            return None
    return data

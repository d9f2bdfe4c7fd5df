"""Work that git asks to have done once more: the annotation ``reconciler/redo``."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from reconciler.model.resource import Kind, Resource

REDO: Final = "reconciler/redo"
"""The annotation; any text, such as a date. Another text than the last asks for the work once more."""

REDONE: Final[Mapping[Kind, str]] = {
    Kind.CONNECTION: "all its entities are read in full",
    Kind.MAPPING: "what it maps is mapped again, with no call to the source",
    Kind.SYNC_SCHEDULE: "it runs once, now",
}
"""The kinds whose work can be done once more, and what that is."""


@dataclass(frozen=True, slots=True)
class Redo:
    """The last text of the annotation, kept when it is taken out, and since when the work is asked for.

    ``asked_at`` is ``None`` as long as nobody has asked: the text that an object begins with asks for
    nothing. What is done carries ``asked_at`` in its basis, and so is done once.
    """

    value: str = ""
    asked_at: datetime | None = None


NOT_ASKED: Final = Redo()


def redo_value(resource: Resource) -> str:
    """Return what the annotation of *resource* says; nothing where it is absent or means nothing."""
    if resource.key.kind not in REDONE or REDO.encode() not in resource.canonical:
        return ""
    annotations: Mapping[str, str] = resource.body["metadata"]["annotations"]
    return annotations.get(REDO, "")


def asks_again(known: Redo, after: Resource) -> bool:
    """Return whether *after* asks for the work once more, of an object of which *known* is known."""
    return redo_value(after) not in {"", known.value}

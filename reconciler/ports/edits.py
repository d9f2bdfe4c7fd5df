"""Edits outside of git: what a writer asks for, and what it came to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from reconciler.model.resource import Resource, ResourceKey


@dataclass(frozen=True, slots=True)
class EditWish:
    """Who wants which object to be what. ``document`` is a whole spec document.

    ``expected`` is the digest, or the start of it, of what the writer has seen: with another in force
    nothing is written.
    """

    document: Mapping[str, Any]
    actor: str
    request_id: str = ""
    expected: str | None = None


@dataclass(frozen=True, slots=True)
class EditDone:
    """What an edit came to: what is in force now, and whether it is new or something else than before."""

    resource: Resource
    created: bool
    changed: bool
    drifted: bool


class Edits(Protocol):
    """Writes single objects, each in a transaction with its drift, its audit entry and its events."""

    async def put(self, wish: EditWish) -> EditDone:
        """Put what *wish* says in force."""
        ...

    async def remove(self, key: ResourceKey, *, actor: str, request_id: str = "") -> None:
        """Take an object out of force that was made through the API."""
        ...

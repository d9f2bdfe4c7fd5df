"""Edits outside of git: what a writer asks for, and what it came to."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from reconciler.model.change import State
from reconciler.model.resource import Resource, ResourceKey

Permit: TypeAlias = Callable[[State, Resource | None, Resource | None], Awaitable[None]]
"""Raises if the object may not go from what it is to what it would be (``None``: no object) in this state.

It is asked in the state that the edit is bound to: nothing changes between its answer and the edit.
"""


@dataclass(frozen=True, slots=True)
class EditWish:
    """Who wants which object to be what. ``document`` is a whole spec document.

    ``expected`` is the digest, or the start of it, of what the writer has seen: with another in force
    nothing is written. ``permit`` is asked before anything else is told of what is in force.
    """

    document: Mapping[str, Any]
    actor: str
    request_id: str = ""
    expected: str | None = None
    permit: Permit | None = None


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

    async def remove(
        self, key: ResourceKey, *, actor: str, request_id: str = "", permit: Permit | None = None
    ) -> None:
        """Take an object out of force that was made through the API."""
        ...

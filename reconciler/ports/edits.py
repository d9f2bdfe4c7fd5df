"""Edits outside of git: what a writer asks for, and what it came to."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeAlias

from reconciler.model.change import FieldDrift, State
from reconciler.model.data_effect import DataEffect
from reconciler.model.resource import Resource, ResourceKey

Permit: TypeAlias = Callable[[State, Resource | None, Resource | None], Awaitable[None]]
"""Raises if the object may not go from what it is to what it would be (``None``: no object) in this state.

It is asked in the state that the edit is bound to: nothing changes between its answer and the edit.
"""


@dataclass(frozen=True, slots=True)
class EditWish:
    """Who wants which object to be what. ``document`` is a whole spec document.

    ``expected`` is the digest, or the start of it, of what the writer has seen: with another in force
    nothing is written. ``permit`` is asked before anything else is told of what is in force. ``instead``
    is what an exception makes otherwise, if that is to be told as drift.
    """

    document: Mapping[str, Any]
    actor: str
    request_id: str = ""
    expected: str | None = None
    permit: Permit | None = None
    instead: tuple[FieldDrift, ...] = ()


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


@dataclass(frozen=True, slots=True)
class MappingWish:
    """How an entity of a connection (its name) is to be mapped for a time, beside git.

    ``fields`` and ``custom_fields`` are rules by name. With ``merge`` they are laid over what was edited
    already, and null takes an edit back; else they are all of the edit, and null takes the mapping's own
    rule out of force. ``until`` (default: in 7 days) and ``reason`` are kept with the edit. ``expected`` is
    the basis of the mapping that the writer has seen. ``max_changed`` is how much it may change.
    """

    connection: str
    entity: str
    actor: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    custom_fields: Mapping[str, Any] = field(default_factory=dict)
    merge: bool = False
    until: datetime | None = None
    reason: str | None = None
    request_id: str = ""
    expected: str | None = None
    permit: Permit | None = None
    max_changed: str | None = None


@dataclass(frozen=True, slots=True)
class CommitPatch:
    """What to commit so that git says what an edit says: a unified diff, or why there is none."""

    text: str = ""
    refused: str = ""


@dataclass(frozen=True, slots=True)
class MappingEdited:
    """What an edit of a mapping comes to.

    ``override`` is the exception that holds it (``None``: there is none any more), ``basis`` the mapping
    that is then in force, ``effect`` what it does to stored records (``None``: nothing changes).
    """

    override: Resource | None
    created: bool
    basis: str
    effect: DataEffect | None
    commit: CommitPatch


class MappingEdits(Protocol):
    """Changes how records are mapped, for a time, beside git; the next answer is mapped so."""

    async def preview(self, wish: MappingWish) -> MappingEdited:
        """Return what *wish* would come to; nothing is written."""
        ...

    async def put(self, wish: MappingWish) -> MappingEdited:
        """Put what *wish* says in force."""
        ...

    async def end(self, wish: MappingWish) -> MappingEdited:
        """End what was edited, whatever *wish* says of fields."""
        ...

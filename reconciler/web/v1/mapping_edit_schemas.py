"""The public shapes of edits of mappings."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, Field, StringConstraints

from reconciler.model.data_effect import DataEffect
from reconciler.plan.render.data import data_json
from reconciler.ports import MappingEdited
from reconciler.spec.written import document_of
from reconciler.web.v1.schemas import Asked, Told


class MappingEditAsked(Asked):
    """How an entity is to be mapped for a time."""

    fields: dict[str, dict[str, Any] | None] = Field(default_factory=dict)
    """Rules for unified fields, each as a whole, as in a `Mapping`. With PUT null takes the connection's own
    rule out of force; with PATCH it takes back what was edited."""
    custom_fields: dict[str, dict[str, Any] | None] = Field(default_factory=dict)
    """Rules for custom fields, likewise."""
    until: AwareDatetime | None = None
    """When git holds again by itself; default: in 7 days, or as the edit says that there is."""
    reason: Annotated[str, StringConstraints(min_length=3, max_length=1024)] | None = None
    """Why, for those who read it later."""
    max_changed: Annotated[str, StringConstraints(max_length=20)] | None = None
    """How many stored records it may change: `10%`, `250`. More is refused as `PLAN_BLOCKED`."""


class OverrideTold(Told):
    """The exception that holds an edit."""

    address: str
    digest: str
    until: datetime
    reason: str
    by: str | None
    document: dict[str, Any]
    """As a spec document."""


class CommitTold(Told):
    """What to commit so that git says the same; the edit then ends by itself."""

    patch: str | None
    """A unified diff of the spec files, for `git apply`; null if there is none."""
    refused: str | None
    """Why there is none."""


class MappingEditTold(Told):
    """What an edit of a mapping comes to."""

    connection: str
    entity: str
    basis: str
    """The mapping that is then in force; the same as the ETag."""
    override: OverrideTold | None
    """Null: nothing is edited (any more); git holds."""
    data_effect: dict[str, Any] | None
    """What it does to stored records, as in the plan's JSON; null: nothing."""
    commit: CommitTold


def edit_told(name: str, entity: str, edited: MappingEdited) -> MappingEditTold:
    """Return *edited* as it is told."""
    return MappingEditTold(
        connection=name,
        entity=entity,
        basis=edited.basis,
        override=_override(edited),
        data_effect=_effect(edited.effect),
        commit=CommitTold(patch=edited.commit.text or None, refused=edited.commit.refused or None),
    )


def _override(edited: MappingEdited) -> OverrideTold | None:
    override = edited.override
    if override is None:
        return None
    spec = override.spec
    return OverrideTold(
        address=str(override.key),
        digest=override.digest[:32],
        until=datetime.fromisoformat(spec["until"]),
        reason=spec["reason"],
        by=spec.get("by"),
        document=document_of(override),
    )


def _effect(effect: DataEffect | None) -> dict[str, Any] | None:
    return None if effect is None else data_json(effect)

"""The drift ledger: where what is observed is not what was applied, from when until when."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from reconciler.model.change import DriftPolicy, FieldDrift
from reconciler.model.resource import ResourceKey


class DriftKind(StrEnum):
    """What moved: an object, the source's schema, a credential, or the data itself."""

    CONFIG = "config"
    SCHEMA = "schema"
    CREDENTIAL = "credential"
    DATA = "data"


class Resolution(StrEnum):
    """How drift ended."""

    ADOPTED = "adopted"
    """Git says the same now."""
    HEALED = "healed"
    """The reconciler has put it back, by the object's policy."""
    REVERTED = "reverted"
    """Whoever changed it, or another, has changed it back."""
    OVERWRITTEN = "overwritten"
    """A person has applied the specs over it."""
    EXPIRED = "expired"
    """It was an exception for a time, and that is over."""
    REMOVED = "removed"
    """The object is no more, or is another one."""


@dataclass(frozen=True, slots=True)
class Drift:
    """One entry of the ledger: which object, which fields, and since when; open until ``resolved_at``.

    ``uid`` is the object's identity, ``key`` its name now. ``sightings`` counts how often it was seen
    to have changed.
    """

    id: str
    kind: DriftKind
    key: ResourceKey
    uid: str
    fields: tuple[FieldDrift, ...]
    policy: DriftPolicy
    first_seen_at: datetime
    last_seen_at: datetime
    sightings: int = 1
    resolved_at: datetime | None = None
    resolution: Resolution | None = None

    @property
    def actors(self) -> tuple[str, ...]:
        """Who has changed something, each once, the latest last."""
        ordered = sorted(self.fields, key=lambda field: field.at)
        return tuple(dict.fromkeys(field.actor for field in ordered))

    def over(self, resolution: Resolution, at: datetime) -> "Drift":
        """Return it as ended at *at*."""
        return replace(self, resolution=resolution, resolved_at=at)

"""Drift: where what is observed is not what was applied."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from reconciler.model.change import FieldChange
from reconciler.model.resource import ResourceKey


class DriftKind(StrEnum):
    """What moved: an object, the source's schema, a credential, or the data itself."""

    CONFIG = "config"
    SCHEMA = "schema"
    CREDENTIAL = "credential"
    DATA = "data"


class DriftPolicy(StrEnum):
    """What is done about drift of an object; ``report`` is the default."""

    REPORT = "report"
    HEAL = "heal"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class Drift:
    """One finding: which object, which fields, by whom (``actor``), and when it was seen first."""

    kind: DriftKind
    key: ResourceKey
    fields: tuple[FieldChange, ...]
    actor: str
    seen_at: datetime
    policy: DriftPolicy = DriftPolicy.REPORT

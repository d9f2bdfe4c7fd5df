"""Conditions: the state of an object in the shape that Kubernetes users know."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class Condition(StrEnum):
    """The closed set; ``Reconciling``, ``Stalled`` and ``Drifted`` are absent when all is well."""

    READY = "Ready"
    SYNCED = "Synced"
    AUTHENTICATED = "Authenticated"
    DRIFTED = "Drifted"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"


class Truth(StrEnum):
    """The three answers of a condition."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class Status:
    """One condition of one object. ``reason`` is stable CamelCase; ``since`` moves only with ``truth``."""

    condition: Condition
    truth: Truth
    reason: str
    message: str
    since: datetime
    generation: int

    def after(self, newer: "Status") -> "Status":
        """Return *newer*, with ``since`` of this one where the truth has not changed."""
        return replace(newer, since=self.since) if newer.truth is self.truth else newer

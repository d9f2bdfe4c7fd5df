"""What a change does to stored records, as values: counts, samples, and which fields mean something else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from reconciler.model.resource import ResourceKey


@dataclass(frozen=True, slots=True)
class Sample:
    """One field of one record, before and after (``ABSENT``: not there); ``error`` where it fails now."""

    source_id: str
    field: str
    before: Any
    after: Any
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """How many records go from one value of a closed set to another; ``None``: no value."""

    before: Any
    after: Any
    records: int


class Failing(StrEnum):
    """Why a record cannot be mapped."""

    ENUM = "enum"
    """A value that the value map does not name, and ``unknown`` is ``error``."""
    TYPE = "type"
    """A value that is not of the type."""
    OTHER = "other"
    """An expression or template that fails, or a record that is none."""


@dataclass(frozen=True, slots=True)
class Preview:
    """The effect on one entity's records.

    ``changed`` are records with a field that differs, ``nulled`` those with a field that had a value and
    has none now (they count as changed too), ``failed`` those that the new mapping cannot make
    (``failing`` of them the old one could), ``recovered`` those that only the new one can make.

    ``fields``, ``nulled_fields`` and ``filled_fields`` (nothing before, a value now) count by field, the
    most frequent first; so do ``failed_fields``, and ``unlisted_fields``: enums that become ``other``, as
    the value map does not know the source's text. ``failures`` counts failed records by why. ``moves``
    are the values of enums and booleans.
    """

    entity: str
    total: int = 0
    changed: int = 0
    nulled: int = 0
    failed: int = 0
    recovered: int = 0
    fields: Mapping[str, int] = field(default_factory=dict)
    nulled_fields: Mapping[str, int] = field(default_factory=dict)
    samples: tuple[Sample, ...] = ()
    failing: int = 0
    filled_fields: Mapping[str, int] = field(default_factory=dict)
    failed_fields: Mapping[str, int] = field(default_factory=dict)
    unlisted_fields: Mapping[str, int] = field(default_factory=dict)
    failures: Mapping[Failing, int] = field(default_factory=dict)
    moves: Mapping[str, tuple[Move, ...]] = field(default_factory=dict)

    @property
    def differing(self) -> int:
        """How many records answer otherwise than before, in whatever way."""
        return self.changed + self.failing + self.recovered

    @property
    def nothing(self) -> bool:
        """Whether all records stay as they are."""
        return not self.differing

    def sentence(self) -> str:
        """Return it in words: ``1,204 of 3,310 purchase-orders change (status 1,204), 3 become null``."""
        which = _counted(self.fields)
        told = f"{self.changed:,} of {self.total:,} {self.entity} change"
        told += f" ({which})" if which else ""
        told += f", {self.nulled:,} become null, {self.failed:,} fail"
        return told + (
            f", {self.recovered:,} that failed do not any more" if self.recovered else ""
        )


class Turn(StrEnum):
    """How a field of the API means something else, whatever the records."""

    ADDED = "added"
    """A custom field that was not there."""
    REMOVED = "removed"
    """A custom field that is there no longer."""
    FILLED = "filled"
    """A field that was null in every record, and is made now."""
    EMPTIED = "emptied"
    """A field that is null in every record from now on."""
    TYPE = "type"
    """A custom field of another type: it compares and sorts otherwise."""
    VALUES = "values"
    """An enum that has other values: a filter by one that is gone finds nothing."""
    RULE = "rule"
    """Made in another way; what it is, is the same."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """One field that a filter or a reader of the API has to see anew; of values, which are gone and new."""

    field: str
    turn: Turn
    gone: tuple[str, ...] = ()
    new: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DataEffect:
    """What happens to the records of one entity of one connection.

    ``looked_at`` of the ``stored`` records were mapped; where these are fewer, they are a sample that
    does not depend on age or value. ``causes`` are the changes that it comes of, the nearest first.
    """

    connection: str
    entity: str
    preview: Preview
    looked_at: int
    stored: int
    causes: tuple[ResourceKey, ...] = ()
    meanings: tuple[Meaning, ...] = ()

    @property
    def sampled(self) -> bool:
        """Whether not all records were looked at."""
        return self.looked_at < self.stored

    @property
    def share(self) -> float:
        """The share of the records looked at that answer otherwise, from 0 to 1."""
        return self.preview.differing / self.looked_at if self.looked_at else 0.0

    def sentence(self) -> str:
        """Return the effect in words: ``1,204 of 3,310 purchase-orders change, 3 become null``."""
        told = f"{self.connection}: {self.preview.sentence()}"
        if self.sampled:
            told += f" (a sample: {self.looked_at:,} of {self.stored:,} were looked at)"
        return told


def _counted(fields: Mapping[str, int], most: int = 3) -> str:
    told = [f"{name} {count:,}" for name, count in list(fields.items())[:most]]
    if len(fields) > most:
        told.append(f"{len(fields) - most} more fields")
    return ", ".join(told)

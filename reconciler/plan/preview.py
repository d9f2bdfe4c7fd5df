"""What a new mapping does to stored records: how many change, become null, or fail, with samples."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from reconciler.model.change import ABSENT
from reconciler.plan.diff import same

SAMPLES: Final = 5

Mapped = Mapping[str, Any]
Before = tuple[str, Mapped | None]
"""A record's source id, and what the old mapping makes of it (``None``: it fails)."""
After = tuple[Mapped | None, str | None]
"""What the new mapping makes of the same record, or ``None`` and why it fails."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One field of one record, before and after (``ABSENT``: not there); ``error`` where it fails now."""

    source_id: str
    field: str
    before: Any
    after: Any
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """The effect on one entity's records.

    ``changed`` are records with a field that differs, ``nulled`` those with a field that had a value and
    has none now (they count as changed too), ``failed`` those that the new mapping cannot make,
    ``recovered`` those that only the new one can make. ``fields`` and ``nulled_fields`` count by field,
    the most frequent first.
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

    @property
    def nothing(self) -> bool:
        """Whether all records stay as they are."""
        return not (self.changed or self.failed or self.recovered)

    def sentence(self) -> str:
        """Return it in words: ``1,204 of 3,310 purchase-orders change (status 1,204), 3 become null``."""
        which = ", ".join(_counted(list(self.fields.items())))
        told = f"{self.changed:,} of {self.total:,} {self.entity} change"
        told += f" ({which})" if which else ""
        told += f", {self.nulled:,} become null, {self.failed:,} fail"
        return told + (
            f", {self.recovered:,} that failed do not any more" if self.recovered else ""
        )


class Tally:
    """Counts page by page; ``result`` is the preview of all pages so far."""

    def __init__(self, entity: str, *, samples: int = SAMPLES) -> None:
        self._entity = entity
        self._most = samples
        self._counts: Counter[str] = Counter()
        self._fields: Counter[str] = Counter()
        self._nulled: Counter[str] = Counter()
        self._samples: list[Sample] = []
        self._sampled: Counter[str] = Counter()

    def add(self, before: Sequence[Before], after: Sequence[After]) -> None:
        """Count a page: *before* and *after* hold the same records in the same order."""
        for (source_id, old), (new, error) in zip(before, after, strict=True):
            self._counts["total"] += 1
            if new is None:
                self._counts["failed"] += 1
                self._sample(Sample(source_id, "", ABSENT, ABSENT, error or "it cannot be mapped"))
            elif old is None:
                self._counts["recovered"] += 1
            elif old != new or not same(old, new):
                self._compare(source_id, old, new)

    def result(self) -> Preview:
        """Return what was counted."""
        return Preview(
            self._entity,
            self._counts["total"],
            self._counts["changed"],
            self._counts["nulled"],
            self._counts["failed"],
            self._counts["recovered"],
            _most_first(self._fields),
            _most_first(self._nulled),
            tuple(self._samples),
        )

    def _compare(self, source_id: str, old: Mapped, new: Mapped) -> None:
        nulled = False
        for name, before, after in differences(old, new):
            self._fields[name] += 1
            self._sample(Sample(source_id, name, before, after))
            if _is_nothing(after) and not _is_nothing(before):
                self._nulled[name] += 1
                nulled = True
        self._counts["changed"] += 1
        self._counts["nulled"] += nulled

    def _sample(self, sample: Sample) -> None:
        """Keep *sample* unless its field has enough of them; failures have a place of their own."""
        if self._sampled[sample.field] < self._most:
            self._sampled[sample.field] += 1
            self._samples.append(sample)


def preview(
    entity: str, before: Sequence[Before], after: Sequence[After], *, samples: int = SAMPLES
) -> Preview:
    """Return the effect on the records of one page; ``Tally`` counts more pages than one."""
    tally = Tally(entity, samples=samples)
    tally.add(before, after)
    return tally.result()


def differences(old: Mapped, new: Mapped) -> Iterator[tuple[str, Any, Any]]:
    """Yield name, old and new value of each field that differs; custom fields one by one."""
    for name in sorted({*old, *new}):
        before, after = old.get(name, ABSENT), new.get(name, ABSENT)
        if isinstance(before, Mapping) and isinstance(after, Mapping) and name == "custom_fields":
            for custom, one, other in differences(before, after):
                yield f"{name}.{custom}", one, other
        elif not same(before, after):
            yield name, before, after


def _is_nothing(value: Any) -> bool:
    return value is None or value is ABSENT


def _most_first(counts: Counter[str]) -> Mapping[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _counted(fields: Sequence[tuple[str, int]], most: int = 3) -> Iterator[str]:
    yield from (f"{name} {count:,}" for name, count in fields[:most])
    if len(fields) > most:
        yield f"{len(fields) - most} more fields"

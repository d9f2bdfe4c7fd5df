"""What a new mapping does to stored records: how many change, become null, or fail, with samples."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from reconciler.mapping.failure import field_of, why_of
from reconciler.model.change import ABSENT
from reconciler.model.data_effect import Move, Preview, Sample
from reconciler.model.value import canonical
from reconciler.plan.diff import same

__all__ = ["SAMPLES", "Preview", "Sample", "Tally", "differences", "preview"]

SAMPLES: Final = 5
LONGEST: Final = 200
"""How many characters a value of a sample has, as JSON; a longer one is cut."""
MOVES: Final = 100
"""How many pairs of values are counted of a field; closed sets have fewer."""

Mapped = Mapping[str, Any]
Before = tuple[str, Mapped | None]
"""A record's source id, and what the old mapping makes of it (``None``: it fails)."""
After = tuple[Mapped | None, str | None]
"""What the new mapping makes of the same record, or ``None`` and why it fails."""
Made = tuple[bytes | None, str | None]
"""What a mapping makes of a record as JSON, or ``None`` and why it fails."""

_decode: Final[Callable[[bytes], dict[str, Any]]] = msgspec.json.Decoder(dict[str, Any]).decode


class Tally:
    """Counts page by page; ``result`` is the preview of all pages so far.

    *closed* are the fields whose values are few (enums, booleans): their moves are counted.
    """

    def __init__(
        self, entity: str, *, samples: int = SAMPLES, closed: frozenset[str] = frozenset()
    ) -> None:
        self._entity = entity
        self._most = samples
        self._closed = closed
        self._raws = frozenset(f"{name}_raw" for name in closed)
        self._counts: Counter[str] = Counter()
        self._by: dict[str, Counter[str]] = {name: Counter() for name in _BY_FIELD}
        self._failures: Counter[Any] = Counter()
        self._moves: dict[str, Counter[tuple[Any, Any]]] = {}
        self._samples: list[Sample] = []
        self._sampled: Counter[str] = Counter()

    def take(
        self, source_ids: Sequence[str], before: Sequence[Made], after: Sequence[Made]
    ) -> None:
        """Count a page as mapped: what is equal byte by byte is not even read."""
        self._counts["total"] += len(source_ids)
        for source_id, (old, _), (new, error) in zip(source_ids, before, after, strict=True):
            if old != new or new is None:
                self._count(
                    source_id,
                    None if old is None else _decode(old),
                    None if new is None else _decode(new),
                    error,
                )

    def add(self, before: Sequence[Before], after: Sequence[After]) -> None:
        """Count a page: *before* and *after* hold the same records in the same order."""
        for (source_id, old), (new, error) in zip(before, after, strict=True):
            self._counts["total"] += 1
            self._count(source_id, old, new, error)

    def result(self) -> Preview:
        """Return what was counted."""
        counts = self._counts
        by = {name: _most_first(counted) for name, counted in self._by.items()}
        return Preview(
            self._entity,
            counts["total"],
            counts["changed"],
            counts["nulled"],
            counts["failed"],
            counts["recovered"],
            by["changed"],
            by["nulled"],
            tuple(self._samples),
            counts["failing"],
            by["filled"],
            by["failed"],
            by["unlisted"],
            dict(sorted(self._failures.items())),
            {name: tuple(_moves(self._moves[name])) for name in sorted(self._moves)},
        )

    def _count(
        self, source_id: str, old: Mapped | None, new: Mapped | None, why: str | None
    ) -> None:
        if new is None:
            said = why or "it cannot be mapped"
            self._counts["failed"] += 1
            self._counts["failing"] += old is not None
            self._by["failed"][field_of(said)] += 1
            self._failures[why_of(said)] += 1
            self._sample(Sample(source_id, "", ABSENT, ABSENT, said))
        elif old is None:
            self._counts["recovered"] += 1
        else:
            self._compare(source_id, old, new)

    def _compare(self, source_id: str, old: Mapped, new: Mapped) -> None:
        changed = nulled = False
        for name, before, after in differences(old, new):
            changed = True
            self._by["changed"][name] += 1
            told = not (_is_nothing(before) and _is_nothing(after))  # an empty one shows nothing
            if told and self._sampled[name] < self._most:
                self._sample(Sample(source_id, name, _short(before), _short(after)))
            if _is_nothing(after):
                if not _is_nothing(before):
                    self._by["nulled"][name] += 1
                    nulled = True
            elif _is_nothing(before):
                self._by["filled"][name] += 1
                if name in self._raws:
                    self._by["unlisted"][name.removesuffix("_raw")] += 1
            if name in self._closed:
                self._move(name, before, after)
        self._counts["changed"] += changed
        self._counts["nulled"] += nulled

    def _move(self, name: str, before: Any, after: Any) -> None:
        pair = (None if before is ABSENT else before, None if after is ABSENT else after)
        counted = self._moves.setdefault(name, Counter())
        if pair in counted or len(counted) < MOVES:
            counted[pair] += 1

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
    names = old if old.keys() == new.keys() else {**old, **new}
    differing = [name for name in names if _differs(old.get(name, ABSENT), new.get(name, ABSENT))]
    for name in sorted(differing):
        before, after = old.get(name, ABSENT), new.get(name, ABSENT)
        if isinstance(before, Mapping) and isinstance(after, Mapping) and name == "custom_fields":
            for custom, one, other in differences(before, after):
                yield f"{name}.{custom}", one, other
        else:
            yield name, before, after


_BY_FIELD: Final = ("changed", "nulled", "filled", "failed", "unlisted")


def _differs(before: Any, after: Any) -> bool:
    """Return whether two values differ; most are texts or nothing, which need no canonical form."""
    if before is after:
        return False
    if type(before) is str and type(after) is str:
        return before != after
    return not same(before, after)


def _is_nothing(value: Any) -> bool:
    return value is None or value is ABSENT


def _short(value: Any) -> Any:
    """Return *value* if it is short, else the start of its JSON as text."""
    if value is ABSENT or value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return value if len(value) <= LONGEST else f"{value[: LONGEST - 1]}…"
    text = canonical(value).decode()
    return value if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _most_first(counts: Counter[str]) -> Mapping[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _moves(counted: Counter[tuple[Any, Any]]) -> Iterator[Move]:
    ordered = sorted(counted.items(), key=lambda item: (-item[1], str(item[0])))
    yield from (Move(before, after, records) for (before, after), records in ordered)

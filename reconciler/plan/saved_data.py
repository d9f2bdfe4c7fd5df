"""Data effects in plan files."""

from typing import Any

import msgspec

from reconciler.model.change import ABSENT
from reconciler.model.data_effect import DataEffect, Failing, Meaning, Move, Preview, Sample, Turn
from reconciler.model.resource import Kind, ResourceKey


class _Struct(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A part of the file."""


class _Sample(_Struct, frozen=True):
    source_id: str
    field: str
    before: Any = msgspec.UNSET
    after: Any = msgspec.UNSET
    error: str | None = None


class _Preview(_Struct, frozen=True):
    entity: str
    counts: tuple[int, ...]
    by_field: tuple[dict[str, int], ...]
    failures: dict[Failing, int]
    samples: tuple[_Sample, ...] = ()
    moves: dict[str, tuple[tuple[Any, Any, int], ...]] = {}


class SavedEffect(_Struct, frozen=True):
    """A data effect as it stands in a plan file."""

    connection: str
    entity: str
    preview: _Preview
    looked_at: int
    stored: int
    causes: tuple[tuple[Kind, str], ...] = ()
    meanings: tuple[tuple[str, Turn, tuple[str, ...], tuple[str, ...]], ...] = ()


_COUNTS = ("total", "changed", "nulled", "failed", "recovered", "failing")
_BY_FIELD = ("fields", "nulled_fields", "filled_fields", "failed_fields", "unlisted_fields")


def effect_out(effect: DataEffect) -> SavedEffect:
    """Return *effect* as it is written."""
    return SavedEffect(
        effect.connection,
        effect.entity,
        _preview_out(effect.preview),
        effect.looked_at,
        effect.stored,
        tuple((key.kind, key.name) for key in effect.causes),
        tuple((one.field, one.turn, one.gone, one.new) for one in effect.meanings),
    )


def effect_in(saved: SavedEffect) -> DataEffect:
    """Return the effect that *saved* is."""
    return DataEffect(
        saved.connection,
        saved.entity,
        _preview_in(saved.preview),
        saved.looked_at,
        saved.stored,
        tuple(ResourceKey(*key) for key in saved.causes),
        tuple(Meaning(*one) for one in saved.meanings),
    )


def _preview_out(preview: Preview) -> _Preview:
    samples = [
        _Sample(one.source_id, one.field, _told(one.before), _told(one.after), one.error)
        for one in preview.samples
    ]
    moves = {
        name: tuple((one.before, one.after, one.records) for one in moved)
        for name, moved in preview.moves.items()
    }
    return _Preview(
        preview.entity,
        tuple(getattr(preview, name) for name in _COUNTS),
        tuple(dict(getattr(preview, name)) for name in _BY_FIELD),
        dict(preview.failures),
        tuple(samples),
        moves,
    )


def _preview_in(saved: _Preview) -> Preview:
    samples = tuple(
        Sample(one.source_id, one.field, _meant(one.before), _meant(one.after), one.error)
        for one in saved.samples
    )
    moves = {name: tuple(Move(*one) for one in moved) for name, moved in saved.moves.items()}
    counts: dict[str, Any] = dict(zip(_COUNTS, saved.counts, strict=True))
    by_field: dict[str, Any] = dict(zip(_BY_FIELD, map(_in_order, saved.by_field), strict=True))
    return Preview(
        saved.entity, samples=samples, failures=saved.failures, moves=moves, **counts, **by_field
    )


def _in_order(counted: dict[str, int]) -> dict[str, int]:
    """Return the counts with the most frequent first, which the file does not keep."""
    return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))


def _told(value: Any) -> Any:
    return msgspec.UNSET if value is ABSENT else value


def _meant(value: Any) -> Any:
    return ABSENT if value is msgspec.UNSET else value

"""What a plan does to stored records: in lines for people, and as JSON."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from reconciler.model.change import ABSENT, Plan
from reconciler.model.data_effect import DataEffect, Meaning, Move, Preview, Sample, Turn
from reconciler.model.resource import ResourceKey
from reconciler.plan.render.values import flow

FIELDS: Final = 6
"""How many fields of an effect are told to people; JSON has them all."""
TOGETHER: Final = 8
"""How many effects of one change are told line by line; of the others the sentence alone."""
LISTED: Final = 50
"""Of how many effects a change has its sentences; the rest is counted."""
WIDTH: Final = 40


def notes_of(plan: Plan) -> Mapping[ResourceKey, list[str]]:
    """Return the lines to print under the changes that the effects of *plan* come of, each once."""
    by_cause: dict[ResourceKey, list[DataEffect]] = {}
    for effect in plan.data:
        for cause in effect.causes[:1]:
            by_cause.setdefault(cause, []).append(effect)
    return {cause: list(_lines(effects)) for cause, effects in by_cause.items()}


def effect_lines(effect: DataEffect) -> Iterator[str]:
    """Yield the sentence of *effect*, and below it a line a field, a line for what fails."""
    yield effect.sentence()
    yield from (f"  {line}" for line in _field_lines(effect))
    yield from (f"  {line}" for line in _failure_lines(effect.preview))


def _lines(effects: Sequence[DataEffect]) -> Iterator[str]:
    worst = sorted(effects, key=lambda one: (-one.preview.differing, one.connection, one.entity))
    for number, effect in enumerate(worst[:LISTED]):
        if number < TOGETHER:
            yield from effect_lines(effect)
        else:
            yield effect.sentence()
    if len(worst) > LISTED:
        rest = worst[LISTED:]
        differing = sum(one.preview.differing for one in rest)
        yield f"and {len(rest):,} more entities of connections, where {differing:,} records change"


def _field_lines(effect: DataEffect) -> Iterator[str]:
    preview = effect.preview
    said = {meaning.field: meaning for meaning in effect.meanings}
    told = [name for name in dict.fromkeys([*preview.fields, *said]) if _says(name, preview, said)]
    for name in told[:FIELDS]:
        yield f"{name}: {'; '.join(_facts(name, preview, said.get(name)))}"
    if len(told) > FIELDS:
        yield f"and {len(told) - FIELDS} more fields"


def _says(name: str, preview: Preview, said: Mapping[str, Meaning]) -> bool:
    return name in preview.fields or (name in said and said[name].turn is not Turn.RULE)


def _facts(name: str, preview: Preview, meaning: Meaning | None) -> Iterator[str]:
    samples = [one for one in preview.samples if one.field == name]
    moves = preview.moves.get(name, ())
    if moves:
        yield ", ".join(_move(one) for one in moves[:3])
    elif samples:
        one = samples[0]
        yield f"{_value(one.before)} -> {_value(one.after)} ({one.source_id})"
    if meaning is not None and meaning.turn in {Turn.ADDED, Turn.FILLED}:
        yield f"{preview.filled_fields.get(name, 0):,} of {preview.total:,} filled"
    counts = (
        ("become null", preview.nulled_fields),
        ("unknown to the value map", preview.unlisted_fields),
    )
    for words, counted in counts:
        if counted.get(name):
            yield f"{counted[name]:,} {words}"
    if meaning is not None and meaning.turn is not Turn.RULE:
        yield _meant(meaning)


def _meant(meaning: Meaning) -> str:
    gone, new = ", ".join(meaning.gone), ", ".join(meaning.new)
    if meaning.turn is Turn.VALUES:
        said = (
            f"a filter by {gone} finds nothing more" if gone else "",
            f"new: {new}" if new else "",
        )
        return ", ".join(filter(None, said))
    return _MEANT[meaning.turn].format(gone, new)


_MEANT: Final[Mapping[Turn, str]] = {
    Turn.ADDED: "new in answers",
    Turn.REMOVED: "no longer in answers; a filter by it finds nothing",
    Turn.FILLED: "was null in all records",
    Turn.EMPTIED: "null in all records; a filter by a value finds nothing",
    Turn.TYPE: "of type {1}, was {0}: compares and sorts otherwise",
}


def _failure_lines(preview: Preview) -> Iterator[str]:
    if not preview.failed:
        return
    why = ", ".join(f"{why.value} {count:,}" for why, count in preview.failures.items())
    first = next(one for one in preview.samples if one.error is not None)
    yield f"{preview.failed:,} fail ({why}): {first.source_id}: {first.error}"


def _move(move: Move) -> str:
    return f"{_value(move.before)} -> {_value(move.after)} {move.records:,}"


def _value(value: Any) -> str:
    text = flow(value)
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"


# ── JSON ─────────────────────────────────────────────────────────────────────────────────────────


def data_json(effect: DataEffect) -> dict[str, Any]:
    """Return *effect* as JSON."""
    preview = effect.preview
    return {
        "connection": effect.connection,
        "entity": effect.entity,
        "causes": [str(key) for key in effect.causes],
        "stored": effect.stored,
        "looked_at": effect.looked_at,
        "sampled": effect.sampled,
        "differing": preview.differing,
        "changed": preview.changed,
        "nulled": preview.nulled,
        "failed": preview.failed,
        "newly_failed": preview.failing,
        "recovered": preview.recovered,
        "failures": {why.value: count for why, count in preview.failures.items()},
        "fields": [_field_json(name, effect) for name in _fields(effect)],
        "failure_samples": [
            {"source_id": one.source_id, "error": one.error}
            for one in preview.samples
            if one.error is not None
        ],
    }


def _fields(effect: DataEffect) -> list[str]:
    preview, said = effect.preview, (meaning.field for meaning in effect.meanings)
    return list(dict.fromkeys([*preview.fields, *preview.failed_fields, *said]))


def _field_json(name: str, effect: DataEffect) -> dict[str, Any]:
    preview = effect.preview
    meaning = next((one for one in effect.meanings if one.field == name), None)
    return {
        "field": name,
        "changed": preview.fields.get(name, 0),
        "nulled": preview.nulled_fields.get(name, 0),
        "filled": preview.filled_fields.get(name, 0),
        "failed": preview.failed_fields.get(name, 0),
        "unlisted": preview.unlisted_fields.get(name, 0),
        "moves": [
            {"before": one.before, "after": one.after, "records": one.records}
            for one in preview.moves.get(name, ())
        ],
        "samples": [_sample_json(one) for one in preview.samples if one.field == name],
        "meaning": None if meaning is None else _meaning_json(meaning),
    }


def _meaning_json(meaning: Meaning) -> dict[str, Any]:
    return {"turn": meaning.turn.value, "gone": list(meaning.gone), "new": list(meaning.new)}


def _sample_json(sample: Sample) -> dict[str, Any]:
    told: dict[str, Any] = {"source_id": sample.source_id}
    if sample.before is not ABSENT:
        told["before"] = sample.before
    if sample.after is not ABSENT:
        told["after"] = sample.after
    return told

"""An explanation as text: a block a field, read from the value down to who wrote the rule."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from reconciler.cli.explaining import Places
from reconciler.cli.output import moment
from reconciler.engine.explanation import Field, Source, Told, hidden
from reconciler.mapping.explained import Does, Explained, Taken

LONGEST: Final = 100
"""How many characters of a value a line shows."""
MOST_ITEMS: Final = 5
"""How many items of a list are shown field by field; `FIELD` asks for one of the others."""


def render(told: Told, written: Places, *, whole: bool) -> str:
    """Return the text; of the *whole* record, fields that nothing makes are named in one line."""
    lines = list(_head(told))
    bare = [field for field in told.fields if whole and _is_bare(field)]
    for field in told.fields:
        if field not in bare:
            lines += ["", *_field(field, written)]
    if bare:
        lines += ["", f"no rule: {', '.join(field.explained.place for field in bare)}"]
    return "\n".join(lines) + "\n"


def _is_bare(field: Field) -> bool:
    return field.source is None and not field.passed and not field.explained.error


def _head(told: Told) -> Iterator[str]:
    record, run = told.record, told.run
    yield f"{record.id}  {record.entity} of {told.connection}, {record.source_id!r} in the source"
    if run is None:
        yield f"  written by {record.run}, which is no longer known"
    else:
        ended = moment(run.finished_at) or "not ended yet"
        yield f"  written by {run.id} ({run.mode}, {run.trigger}), {ended}"
    yield f"  changed    {moment(record.updated_at)}"
    if told.as_stored:
        yield f"  mapping    {told.basis}, as stored"
    else:
        yield f"  mapping    {told.basis}, mapped anew on reading (stored under {record.basis})"
    if told.error:
        yield f"  FAILS      {told.error}"


def _field(field: Field, written: Places) -> Iterator[str]:
    one = field.explained
    failed = one.error.removeprefix(f"{one.place}: ")
    shown = f"FAILS: {failed}" if failed else brief(one.value)
    yield f"{one.place or 'the record'} = {shown}"
    for step in one.steps:
        yield _step(step)
    for item in one.items[:MOST_ITEMS]:
        yield from _item(item)
    if len(one.items) > MOST_ITEMS:
        yield f"    … and {len(one.items) - MOST_ITEMS} more"
    if field.source is not None:
        yield from _source(field.source, written)
    elif not field.passed and one.place:
        yield "  rule       none"
    for source, cut in field.passed:
        yield from _passed(source, written, cut=cut)


def _step(step: Taken) -> str:
    return f"  {step.does.value:<10} {_by(step):<40} → {brief(step.after)}"


def _by(step: Taken) -> str:
    """Return what a step does, in the words of its rule."""
    by: Any = hidden(step.by)
    match step.does:
        case Does.FROM | Does.TEMPLATE:
            said = str(by)
        case Does.VALUES:
            said = ", ".join(f"{key} → {brief(value)}" for key, value in by.items())
        case Does.TYPE:
            said = ", ".join(f"{key}: {value}" for key, value in (by or {}).items())
        case _:
            said = _SAID[step.does].format(brief(by) if step.does in _VALUES else by)
    return said or "as the field is"


_VALUES: Final = frozenset({Does.VALUE, Does.DEFAULT})
_SAID: Final[Mapping[Does, str]] = {
    Does.VALUE: "{}",
    Does.DEFAULT: "{}",
    Does.UNKNOWN: "not in values: {}",
    Does.REFERENCE: "the id of that record ({}_…)",
    Does.EACH: "each item, field by field",
    Does.RAW: "the source's text beside {}",
}


def _item(item: tuple[Explained, ...]) -> Iterator[str]:
    """Yield the fields of one object that have a value, each in a line."""
    for one in item:
        if one.error or one.value is not None:
            steps = "; ".join(f"{step.does.value} {_by(step)}" for step in one.steps)
            shown = f"FAILS: {one.error}" if one.error else brief(one.value, 40)
            yield f"    {one.place} = {shown}   ({steps})"


def _source(source: Source, written: Places) -> Iterator[str]:
    yield f"  rule       {source.rule.source}, layer {source.rule.layer}"
    place = _place(source, written)
    yield f"  at         {'.'.join(source.path)}{', ' + place if place else ''}"
    change = source.change
    if change is not None:
        yield f"  since      {moment(change.at)}, by {change.actor} ({change.revision})"
    blame = written[source.spot].blame if source.spot in written else None
    if blame is not None:
        day = blame.at.date().isoformat()
        yield f"  line by    {blame.author}, {blame.commit[:12]} of {day}: {blame.summary}"
    if source.drifted:
        yield "  drifted    edited beside git; reconciler drift shows it"


def _passed(source: Source, written: Places, *, cut: bool) -> Iterator[str]:
    why = ", left out by inherit: false" if cut else ""
    place = _place(source, written)
    where = f" ({place})" if place else ""
    yield f"  over       {source.rule.source}, layer {source.rule.layer}{why}{where}"
    yield f"             {brief(hidden(dict(source.rule.body)))}"


def _place(source: Source, written: Places) -> str:
    """Return ``file:line``: of the rule, where the files here are in force; else of its document."""
    if source.spot in written:
        place = written[source.spot].place
        return f"{place.file}:{place.line}"
    if source.place is not None:
        return f"{source.place.file}:{source.place.line}"
    return "built in" if source.built_in else ""


def brief(value: Any, longest: int = LONGEST) -> str:
    """Return *value* as JSON, cut."""
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= longest else f"{text[: longest - 1]}…"

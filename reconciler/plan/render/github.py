"""A plan as workflow commands, which GitHub shows beside the lines of a pull request.

The form and its escapes are those of the Actions toolkit (``::warning file=…,line=…::text``): ``%``,
line ends, and in properties also ``:`` and ``,`` are percent-encoded.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from reconciler.model.change import Advisory, Block, Change, Delete, Drifted, Plan, Replace
from reconciler.model.resource import Origin, ResourceKey
from reconciler.plan.printable import printable
from reconciler.plan.render.data import notes_of
from reconciler.plan.render.drift import drift_detail, drift_lines, shown
from reconciler.plan.render.words import detail, effects_asked, fields_of, origin_of, remarks

Notes = Mapping[ResourceKey, Sequence[str]]

LONGEST_TEXT: Final = 1_000
_SEPARATE: Final = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY: Final = str.maketrans(
    {"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"},
)


def render_github(plan: Plan, *, notes: Notes | None = None) -> str:
    """Return one line for each block, change, warning and drift; what destroys or is blocked comes first.

    Blocks, changes that destroy or are blocked, what the policy warns of, and drift are warnings; other changes are notices.
    (GitHub shows no more than ten of each for a step, hence the order.)
    """
    notes = notes_of(plan) if notes is None else notes
    blocked = plan.held
    graver: list[str] = []
    milder: list[str] = []
    for one in plan.changes:
        grave = one.key in blocked or isinstance(one, (Delete, Replace))
        told = _change(plan, one, notes, "warning" if grave else "notice")
        (graver if grave else milder).append(told)
    drifts = [_drift(plan, one) for one in plan.drifts if one.told]
    known = [_drift(plan, one) for one in plan.drifts if shown(one) and not one.told]
    blocks = [_block(plan, block) for block in plan.blocks]
    warned = [_advisory(plan, one) for one in plan.advisories]
    return "".join([*blocks, *graver, *warned, *drifts, *milder, *known])


def _block(plan: Plan, block: Block) -> str:
    text = f"{block.code}: {block.reason}\n{block.remedy}"
    return _command("warning", _place_of(plan, block.key), f"blocked {block.key}", text)


def _advisory(plan: Plan, one: Advisory) -> str:
    text = "\n".join(filter(None, (f"{one.code}: {one.reason}", one.remedy)))
    return _command("warning", _place_of(plan, one.key), f"warning of {one.key}", text)


def _drift(plan: Plan, drift: Drifted) -> str:
    text = "\n".join((drift_detail(drift, plan.changes), *drift_lines(drift)))
    level = "warning" if drift.told else "notice"
    return _command(level, _place_of(plan, drift.key), f"drift of {drift.key}", text)


def _change(plan: Plan, change: Change, notes: Notes, level: str) -> str:
    return _command(
        level,
        _place(plan, change),
        f"{change.action.word} {change.key}",
        "\n".join(_told(change, notes)) or "as declared",
    )


def _told(change: Change, notes: Notes) -> Iterator[str]:
    effects = f"[{', '.join(effects_asked(change))}]" if effects_asked(change) else ""
    told = " ".join(filter(None, (detail(change), effects)))
    if told:
        yield told
    yield from remarks(change)
    yield from notes.get(change.key, ())


def _place_of(plan: Plan, key: ResourceKey) -> Origin | None:
    found = next((one for one in plan.changes if one.key == key), None)
    return None if found is None else _place(plan, found)


def _place(plan: Plan, change: Change) -> Origin | None:
    """Return where the first field that changes stands; else where the object is declared."""
    places = (plan.places.get((change.key, field.path)) for field in fields_of(change))
    return next(filter(None, places), origin_of(change))


def _command(level: str, place: Origin | None, title: str, text: str) -> str:
    properties = {"title": title}
    if place is not None:
        where = {"file": place.file, "line": str(place.line), "col": str(place.column)}
        properties = {**where, **properties}
    told = ",".join(f"{name}={_escaped(value)}" for name, value in properties.items())
    safe = "\n".join(map(printable, text[:LONGEST_TEXT].split("\n")))
    return f"::{level} {told}::{safe.translate(_SEPARATE)}\n"


def _escaped(value: str) -> str:
    return printable(value).translate(_PROPERTY)

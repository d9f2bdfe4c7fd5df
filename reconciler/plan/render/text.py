"""A plan for a person at a terminal: one line a change, the fields on demand, and the counts."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from reconciler.model.change import ABSENT, Action, Change, Create, FieldChange, Plan
from reconciler.model.resource import Origin, ResourceKey
from reconciler.plan.paths import dotted
from reconciler.plan.printable import printable
from reconciler.plan.render.data import notes_of
from reconciler.plan.render.drift import drift_detail, drift_lines, shown
from reconciler.plan.render.values import block, flow, short
from reconciler.plan.render.words import (
    counts,
    detail,
    effects_asked,
    effects_of_field,
    fields_of,
    kept,
    origin_of,
    remarks,
)

Notes = Mapping[ResourceKey, Sequence[str]]

WIDEST_COLUMN: Final = 56
LONGEST_VALUE: Final = 60

_COLOURS: Final[Mapping[str, str]] = {
    "+": "32",
    "~": "33",
    "-/+": "31",
    "→": "36",
    "=": "36",
    "↺": "36",
    "x": "2",
    "-": "31",
    "!": "33",
    "blocked": "1;31",
    "bold": "1",
}


def render_text(
    plan: Plan, *, diff: bool = False, color: bool = False, notes: Notes | None = None
) -> str:
    """Return *plan* as text that ends with its counts; *diff* adds the fields with both values.

    *notes* are lines shown under the change they belong to; default: what it does to stored records.
    """
    told = notes_of(plan) if notes is None else notes
    page = _Page(plan, diff=diff, color=color, notes=told)
    return "\n".join(page.lines()) + "\n"


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of the list: sign, name, place, detail; and the lines below it."""

    sign: str
    name: str
    place: str
    detail: str
    below: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """How to show it."""

    diff: bool
    color: bool

    def paint(self, text: str, name: str) -> str:
        return f"\x1b[{_COLOURS[name]}m{text}\x1b[0m" if self.color else text


class _Page:
    """The lines of one plan."""

    def __init__(self, plan: Plan, *, diff: bool, color: bool, notes: Notes) -> None:
        self._plan = plan
        self._notes = notes
        self._look = _Look(diff=diff, color=color)

    def lines(self) -> Iterator[str]:
        rows = [*map(self._row, self._plan.changes), *self._drifts(), *self._kept()]
        said = rows or self._plan.blocks or self._plan.advisories
        if said:
            yield self._look.paint(_heading(self._plan), "bold")
            yield ""
        yield from self._table(rows)
        yield from self._blocks()
        yield from self._advisories()
        if said:
            yield ""
        if self._plan.left_out:
            yield (
                f"Partial: {_objects(self._plan.left_out)} outside of --only, --exclude and "
                "--selector would change too."
            )
        yield self._look.paint(_summary(self._plan), "bold")
        if self._plan.blocks:
            yield self._look.paint(_held(self._plan), "blocked")

    def _row(self, change: Change) -> _Row:
        origin = origin_of(change)
        effects = f"[{', '.join(effects_asked(change))}]" if effects_asked(change) else ""
        return _Row(
            sign=change.action.value,
            name=str(change.key),
            place=_place(origin) if origin else "",
            detail=" ".join(filter(None, (detail(change), effects))),
            below=list(self._below(change)),
        )

    def _drifts(self) -> Iterator[_Row]:
        for drift in self._plan.drifts:
            if shown(drift):
                below = list(map(printable, drift_lines(drift))) if self._look.diff else ()
                told = printable(drift_detail(drift, self._plan.changes))
                yield _Row("!", str(drift.key), "", told, below)

    def _kept(self) -> Iterator[_Row]:
        for name, fate in kept(self._plan):
            yield _Row(Action.FORGET.value, name, "", fate)

    def _below(self, change: Change) -> Iterator[str]:
        if self._look.diff:
            yield from self._fields(change)
        yield from (f"{self._look.paint('!', '!')} {told}" for told in remarks(change))
        yield from map(printable, self._notes.get(change.key, ()))

    def _fields(self, change: Change) -> Iterator[str]:
        if isinstance(change, Create):
            yield from self._value("+", "spec", change.after.spec, "")
            return
        for field in fields_of(change):
            place = self._plan.places.get((change.key, field.path))
            effects = sorted(effects_of_field(change, field))
            marks = (_place(place) if place else "", f"[{', '.join(effects)}]" if effects else "")
            yield from self._field(field, "".join(f"   {mark}" for mark in marks if mark))

    def _field(self, field: FieldChange, marks: str) -> Iterator[str]:
        path = dotted(field.path) or "(all)"
        if field.before is ABSENT:
            yield from self._value("+", path, field.after, marks)
        elif field.after is ABSENT:
            yield from self._value("-", path, field.before, marks)
        elif short(field.before, LONGEST_VALUE) and short(field.after, LONGEST_VALUE):
            sign = self._look.paint("~", "~")
            yield f"{sign} {path}: {flow(field.before)} -> {flow(field.after)}{marks}"
        else:
            yield f"{self._look.paint('~', '~')} {path}:{marks}"
            yield from (self._look.paint(f"  - {line}", "-") for line in block(field.before))
            yield from (self._look.paint(f"  + {line}", "+") for line in block(field.after))

    def _value(self, sign: str, path: str, value: Any, marks: str) -> Iterator[str]:
        shown = self._look.paint(sign, sign)
        if short(value, LONGEST_VALUE):
            yield f"{shown} {path}: {flow(value)}{marks}"
        else:
            yield f"{shown} {path}:{marks}"
            yield from (f"    {line}" for line in block(value))

    def _table(self, rows: Sequence[_Row]) -> Iterator[str]:
        names = _column(row.name for row in rows)
        places = _column(row.place for row in rows)
        for row in rows:
            sign = self._look.paint(row.sign.rjust(3), row.sign)
            cells = (_padded(row.name, names), _padded(row.place, places), row.detail)
            yield f"{sign} {'  '.join(cell for cell in cells if cell)}".rstrip()
            yield from (f"        {line}" for line in row.below)

    def _blocks(self) -> Iterator[str]:
        for one in self._plan.blocks:
            yield ""
            why = printable(f"{one.key}: {one.code}: {one.reason}")
            yield f"{self._look.paint('blocked', 'blocked')} {why}"
            yield f"        {printable(one.remedy)}"

    def _advisories(self) -> Iterator[str]:
        for one in self._plan.advisories:
            yield ""
            why = printable(f"{one.key}: {one.code}: {one.reason}")
            yield f"{self._look.paint('warning', '!')} {why}"
            if one.remedy:
                yield f"        {printable(one.remedy)}"


def _heading(plan: Plan) -> str:
    at = f" at {_revision(plan.revision)}" if plan.revision else ""
    moves = f"{plan.base} -> {plan.base + 1}" if plan.changes else str(plan.base)
    return f"Plan{at}, generation {moves}"


def _held(plan: Plan) -> str:
    """Return what of the plan can be done."""
    if not plan.doable:
        return "Blocked: nothing can be applied as it stands."
    held = len(plan.changes) - len(plan.doable)
    return f"Blocked: {held:,} of {len(plan.changes):,} changes; the others can be applied."


def _summary(plan: Plan) -> str:
    rest = [f"{plan.unchanged:,} unchanged"]
    if plan.drifted:
        rest.append(f"{sum(drift.told for drift in plan.drifts):,} drifted")
    if plan.unmanaged:
        rest.append(f"{len(plan.unmanaged):,} unmanaged")
    if plan.empty:
        also = "".join(f", {part}" for part in rest[1:])
        match = "matches" if plan.unchanged == 1 else "match"
        return f"No changes. {_objects(plan.unchanged)} {match}{also}."
    told = [f"{count:,} to {action.word}" for action, count in counts(plan).items() if count]
    return f"Plan: {', '.join(told)}. {', '.join(rest)}."


def _objects(count: int) -> str:
    return f"{count:,} object{'' if count == 1 else 's'}"


def _revision(revision: str) -> str:
    if re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", revision):
        return revision[:7]
    return printable(revision)


def _place(origin: Origin) -> str:
    return f"{printable(origin.file)}:{origin.line}"


def _column(cells: Iterable[str]) -> int:
    widths = [_width(cell) for cell in cells]
    return min(max(widths, default=0), WIDEST_COLUMN)


def _padded(cell: str, width: int) -> str:
    return cell + " " * max(0, width - _width(cell))


def _width(text: str) -> int:
    """Return how many columns a terminal gives *text*: East Asian letters take two."""
    return sum(1 + (unicodedata.east_asian_width(letter) in "WF") for letter in text)

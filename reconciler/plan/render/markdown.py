"""A plan for a pull request: counts, a line an object, the fields folded; never longer than a comment.

What comes from specs stands in fenced code or in escaped HTML and nowhere else, so that it can neither
end its block nor mention anybody. When the plan is too long, the fields of objects are cut first, then
the lists; the counts are always there.
"""

import html
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from reconciler.model.change import ABSENT, Change, Create, FieldChange, Plan
from reconciler.model.resource import ResourceKey
from reconciler.model.value import digest
from reconciler.plan.paths import dotted
from reconciler.plan.printable import printable
from reconciler.plan.render.data import notes_of
from reconciler.plan.render.drift import drift_detail, drift_lines, shown
from reconciler.plan.render.values import block, flow, short
from reconciler.plan.render.words import (
    counts,
    detail,
    effects_asked,
    fields_of,
    kept,
    origin_of,
    remarks,
)

Notes = Mapping[ResourceKey, Sequence[str]]

LONGEST_COMMENT: Final = 65_535
"""What GitHub takes; GitLab, Gitea and Forgejo take more."""

LONGEST_LINE: Final = 300
LONGEST_NAME: Final = 100
FOLDED: Final = 2_000
"""How long the fields of one object may be where there is no room for all."""

_SIGNS: Final = {"~": "!", "-/+": "-", "→": "!", "=": "!", "↺": "!", "x": "-"}
"""Signs that a ``diff`` block does not colour, as the nearest one that it does."""


def render_markdown(
    plan: Plan,
    *,
    environment: str | None = None,
    path: str = "specs",
    notes: Notes | None = None,
    limit: int = LONGEST_COMMENT,
) -> str:
    """Return *plan* as Markdown of at most *limit* characters (4,000 at the least).

    *notes* are lines shown under the change they belong to; default: what it does to stored records. *environment* and *path*
    name the plan, in its heading and in the hidden ``sticky_marker`` that it begins with.
    """
    head = _head(plan, environment, path)
    foot = _foot(plan, environment, path)
    room = limit - len(head) - len(foot)
    stops = _listing("text", _block_lines(plan), room // 2, "blocks")
    if stops:
        stops = f"**{_held(plan)}**\n\n{stops}"
    room -= len(stops)
    warned = _listing("text", _advisory_lines(plan), room // 2, "warnings")
    if warned:
        warned = f"**Warnings: {len(plan.advisories):,}**\n\n{warned}"
    room -= len(warned)
    rows = _listing("diff", _rows(plan, notes_of(plan) if notes is None else notes), room, "lines")
    return head + stops + warned + rows + _details(plan, room - len(rows)) + foot


def sticky_marker(environment: str | None, path: str) -> str:
    """Return the hidden line by which the next run finds the comment of the last one."""
    named = f"{quote(environment or '', safe='')}:{quote(path)}"
    if len(named) > LONGEST_LINE:
        named = f"{named[:LONGEST_NAME]}..{digest(named.encode())}"
    return f"<!-- reconciler-plan:{named} -->"


def _head(plan: Plan, environment: str | None, path: str) -> str:
    named = f" for {_code(environment)}" if environment else ""
    told = [f"{count:,} to {action.word}" for action, count in counts(plan).items() if count]
    facts = [f"{plan.unchanged:,} unchanged"]
    facts += [f"{sum(one.told for one in plan.drifts):,} drifted"] if plan.drifted else []
    facts += [f"{len(plan.unmanaged):,} unmanaged"] if plan.unmanaged else []
    at = f" at {_code(_revision(plan.revision))}" if plan.revision else ""
    moves = f"{plan.base:,} → {plan.base + 1:,}" if plan.changes else f"{plan.base:,}"
    lines = [
        sticky_marker(environment, path),
        f"### Plan{named}: {', '.join(told) or 'no changes'}",
        "",
        f"{_code(path)}{at}, generation {moves}. {', '.join(facts)}.",
    ]
    if plan.left_out:
        lines += ["", f"**Partial**: {plan.left_out:,} more would change outside of its scope."]
    return "\n".join(lines) + "\n\n"


def _foot(plan: Plan, environment: str | None, path: str) -> str:
    named = f"{path} --env {environment}" if environment else path
    apply = _code(f"reconciler apply {named}")
    blocked = "do what each block asks for, then plan again"
    if plan.blocks:
        first = f"{apply} brings the rest into force; for the blocked, " if plan.doable else ""
        return f"Next: {first}{blocked}.\n"
    if plan.drifted and plan.empty:
        heal = _code(f"reconciler apply {named} --heal")
        return f"Next: take the drift into the specs, or put it back: {heal}.\n"
    if plan.empty:
        return "Nothing is to be done.\n"
    return f"Next: {apply} brings it into force.\n"


def _held(plan: Plan) -> str:
    if not plan.doable:
        return "Blocked: nothing can be applied as it stands."
    held = len(plan.changes) - len(plan.doable)
    return f"Blocked: {held:,} of {len(plan.changes):,} changes; the others can be applied."


def _revision(revision: str) -> str:
    return revision[:7] if re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", revision) else revision


def _rows(plan: Plan, notes: Notes) -> Iterator[str]:
    for change in plan.changes:
        origin = origin_of(change)
        effects = f"[{', '.join(effects_asked(change))}]" if effects_asked(change) else ""
        place = f"{origin.file}:{origin.line}" if origin else ""
        cells = [_signed(change), str(change.key), place, detail(change), effects]
        yield "  ".join(filter(None, cells))
        told = (*remarks(change), *notes.get(change.key, ()))
        yield from (f"!     {line}" for line in told)
    for drift in plan.drifts:
        if shown(drift):
            yield f"! !  {drift.key}  {drift_detail(drift, plan.changes)}"
    for name, fate in kept(plan):
        yield f"  x  {name}  {fate}"


def _signed(change: Change) -> str:
    """Return the sign, behind the one that colours the line where that is another."""
    sign = change.action.value
    return f"{_SIGNS[sign]} {sign}" if sign in _SIGNS else sign


def _block_lines(plan: Plan) -> Iterator[str]:
    for one in plan.blocks:
        yield f"{one.key}: {one.code}: {one.reason}"
        yield f"    {one.remedy}"


def _advisory_lines(plan: Plan) -> Iterator[str]:
    for one in plan.advisories:
        yield f"{one.key}: {one.code}: {one.reason}"
        yield from (f"    {line}" for line in (one.remedy,) if line)


def _listing(language: str, lines: Iterable[str], room: int, what: str) -> str:
    every = list(lines)
    return _fenced(language, every, room - 1, what) + "\n" if every else ""


def _details(plan: Plan, room: int) -> str:
    """Return the fields of each object, folded, in *room* characters."""
    bodies = [(title, lines) for title, lines in _bodies(plan) if lines]
    shown: list[str] = []
    for number, (title, lines) in enumerate(bodies):
        missing = f"The fields of {len(bodies) - number:,} more objects are left out.\n\n"
        left = room - len(missing)
        folded = _folded(title, lines, min(left, max(left // (len(bodies) - number), FOLDED)))
        if folded is None:
            return "".join(shown) + (missing if left >= 0 else "")
        shown.append(folded)
        room -= len(folded)
    return "".join(shown)


def _bodies(plan: Plan) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield, for each object that has some, the line above its fields, and the fields."""
    for change in plan.changes:
        fields = len(fields_of(change))
        told = f" {fields:,} field{'' if fields == 1 else 's'}" if fields else ""
        yield _summary(f"{change.action.value} {change.key}") + told, list(_fields(change))
    for drift in plan.drifts:
        yield f"drift of {_summary(str(drift.key))}", list(drift_lines(drift))


def _summary(text: str) -> str:
    return f"<code>{html.escape(_line(text))}</code>"


def _folded(title: str, lines: Sequence[str], room: int) -> str | None:
    opening = f"<details><summary>{title}</summary>\n\n"
    closing = "\n</details>\n\n"
    within = room - len(opening) - len(closing)
    if within < 3 * LONGEST_LINE:  # a fence around a line of backticks takes two lines' length
        return None
    return opening + _fenced("diff", lines, within, "lines") + closing


def _fields(change: Change) -> Iterator[str]:
    if isinstance(change, Create):
        yield from (f"+ {line}" for line in block(change.after.spec))
    for field in fields_of(change):
        yield from _field(field)


def _field(field: FieldChange) -> Iterator[str]:
    path = dotted(field.path) or "(all)"
    if field.before is not ABSENT:
        yield from _value("-", path, field.before)
    if field.after is not ABSENT:
        yield from _value("+", path, field.after)


def _value(sign: str, path: str, value: Any) -> Iterator[str]:
    if short(value, LONGEST_LINE // 2):
        yield f"{sign} {path}: {flow(value)}"
    else:
        yield f"{sign} {path}:"
        yield from (f"{sign}   {line}" for line in block(value))


def _fenced(language: str, lines: Sequence[str], room: int, what: str) -> str:
    """Return as many of *lines* as fit into *room*, in a fence that none of them can close."""
    safe = [_line(line) for line in lines]
    fence = "`" * max(
        3, 1 + max((len(run) for line in safe for run in re.findall("`+", line)), default=0)
    )
    frame = len(f"{fence}{language}\n{fence}\n")
    more = f"… and {len(safe):,} more {what}\n"
    left = room - frame - len(more)
    shown: list[str] = []
    for line in safe:
        left -= len(line) + 1
        if left < 0:
            break
        shown.append(line + "\n")
    rest = len(safe) - len(shown)
    cut = f"… and {rest:,} more {what}\n" if rest else ""
    return f"{fence}{language}\n{''.join(shown)}{cut}{fence}\n"


def _line(text: str) -> str:
    """Return *text* as one line that is no longer than a line may be."""
    plain = printable(text)
    return plain if len(plain) <= LONGEST_LINE else plain[: LONGEST_LINE - 1] + "…"


def _code(text: str) -> str:
    """Return *text* as a code span that it cannot end."""
    plain = printable(text)
    plain = plain if len(plain) <= LONGEST_NAME else plain[: LONGEST_NAME - 1] + "…"
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", plain)), default=0))
    pad = " " if plain.startswith("`") or plain.endswith("`") or not plain.strip() else ""
    return f"{ticks}{pad}{plain}{pad}{ticks}"

"""The words for changes that every rendering shares: why, which fields, how many."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from reconciler.model.change import (
    Action,
    Adopt,
    Change,
    Create,
    Delete,
    Effect,
    FieldChange,
    Forget,
    Heal,
    Plan,
    Rename,
    Replace,
    Update,
)
from reconciler.model.redo import REDO, REDONE
from reconciler.model.resource import Origin
from reconciler.model.value import Path
from reconciler.plan.compare import removal_of
from reconciler.plan.effects import effects_of
from reconciler.plan.paths import dotted

REASONS: Final[Mapping[Action, str]] = {
    Action.CREATE: "not_in_force",
    Action.UPDATE: "differs",
    Action.REPLACE: "replace_because_immutable",
    Action.RENAME: "previous_name",
    Action.ADOPT: "adopted_by_spec",
    Action.HEAL: "drift_healed",
    Action.FORGET: "not_declared_retained",
    Action.DELETE: "not_declared",
}
BY_REQUEST: Final = "replace_by_request"


def reason_of(change: Change) -> str:
    """Return why, as a word for programs."""
    if isinstance(change, Replace) and not change.because:
        return BY_REQUEST
    return REASONS[change.action]


def fields_of(change: Change) -> tuple[FieldChange, ...]:
    """Return the fields that *change* moves; none for what is made or removed as a whole."""
    return () if isinstance(change, (Create, Forget, Delete)) else change.fields


def effects_asked(change: Change) -> list[Effect]:
    """Return what *change* asks of the controllers, in the order of ``Effect``."""
    asked = change.effects if isinstance(change, (Update, Replace, Rename, Heal)) else frozenset()
    return [effect for effect in Effect if effect in asked]


def effects_of_field(change: Change, field: FieldChange) -> list[Effect]:
    """Return what the change of *field* asks for, in the order of ``Effect``."""
    asked = effects_of(change.key.kind, (field,))
    if field.path == ("metadata", "annotations", REDO):
        asked |= {Effect.REDO}.intersection(effects_asked(change))
    return [effect for effect in Effect if effect in asked]


def remarks(change: Change) -> Iterator[str]:
    """Yield the sentences to print below a change: what it costs, and what is done once more."""
    if isinstance(change, Replace):
        yield from change.costs
    if Effect.REDO in effects_asked(change):
        by = "" if isinstance(change, Replace) else f" ({REDO})"
        yield f"once more{by}: {REDONE[change.key.kind]}"


def origin_of(change: Change) -> Origin | None:
    """Return where the resource is declared; nothing for what is declared no longer."""
    return None if isinstance(change, (Forget, Delete)) else change.after.origin


def detail(change: Change, width: int = 60) -> str:
    """Return in words what happens, beside sign and name."""
    match change:
        case Forget():
            return "no longer in specs; let go of, its data is kept"
        case Delete():
            return "no longer in specs; removed with what it owns"
        case Replace():
            fixed = ", ".join(map(dotted, change.because))
            told = f"{fixed} cannot be changed in place" if fixed else "asked for; made anew"
        case Rename():
            told = f"renamed from {change.before.key.name}"
        case Adopt():
            told = "taken over from the API"
        case Heal():
            told = "changed outside of git; put back"
        case _:  # made or updated: the fields say it
            told = ""
    shown = [field for field in fields_of(change) if field.path not in _already_told(change)]
    return "; ".join(filter(None, (told, paths(shown, width))))


def _already_told(change: Change) -> tuple[Path, ...]:
    return change.because if isinstance(change, Replace) else ()


def paths(fields: Iterable[FieldChange], width: int) -> str:
    """Return the paths of *fields*, as many as fit in *width*, and how many more there are."""
    every = [dotted(change.path) for change in fields]
    shown = every[:1]
    for path in every[1:]:
        if len(", ".join([*shown, path])) > width:
            break
        shown.append(path)
    more = len(every) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def counts(plan: Plan) -> Mapping[Action, int]:
    """Return how many changes of each action *plan* has."""
    return {action: sum(change.action is action for change in plan.changes) for action in Action}


def kept(plan: Plan) -> Iterable[tuple[str, str]]:
    """Yield name and fate of what is declared no longer and kept, because pruning is off."""
    for resource in plan.unmanaged:
        would = removal_of(resource).action.word
        yield (
            str(resource.key),
            f"no longer in specs; pruning is off, kept (--prune would {would} it)",
        )

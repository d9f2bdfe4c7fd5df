"""A plan for programs: a versioned document. Minor versions add; a reader ignores what it does not know.

``docs/plan-schema.json`` is its JSON Schema. It holds secret references only, never a value.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from reconciler.model.change import (
    ABSENT,
    Advisory,
    Block,
    Change,
    Create,
    FieldChange,
    Plan,
    Rename,
    Replace,
)
from reconciler.model.resource import Origin, ResourceKey
from reconciler.plan.compare import removal_of
from reconciler.plan.paths import pointer
from reconciler.plan.render.data import data_json, notes_of
from reconciler.plan.render.drift import drift_json
from reconciler.plan.render.words import (
    counts,
    effects_asked,
    effects_of_field,
    fields_of,
    origin_of,
    reason_of,
    remarks,
)

FORMAT_VERSION: Final = "1.3"

Notes = Mapping[ResourceKey, Sequence[str]]


def to_json(
    plan: Plan,
    *,
    tool_version: str,
    environment: str | None = None,
    notes: Notes | None = None,
) -> dict[str, Any]:
    """Return *plan* as a JSON document; *notes* (default: of its data effects) are told with the changes."""
    notes = notes_of(plan) if notes is None else notes
    return {
        "format_version": FORMAT_VERSION,
        "tool_version": tool_version,
        "id": plan.id,
        "revision": plan.revision,
        "environment": environment,
        "generation": {"base": plan.base, "next": plan.base + bool(plan.changes)},
        "complete": not plan.left_out,
        "applyable": plan.applyable,
        "summary": _summary(plan),
        "changes": [change_json(plan, change, notes) for change in plan.changes],
        "unmanaged": [
            {
                "address": str(resource.key),
                "prune_would": removal_of(resource).action.word,
                "source": _source(resource.origin),
            }
            for resource in plan.unmanaged
        ],
        "blocks": list(map(_told, plan.blocks)),
        "warnings": list(map(_told, plan.advisories)),
        "drift": [drift_json(drift) for drift in plan.drifts],
        "settled": [str(resource.key) for resource in plan.settled],
        "data_effects": [data_json(effect) for effect in plan.data],
    }


def _told(one: Block | Advisory) -> dict[str, Any]:
    return {
        "address": str(one.key),
        "code": one.code,
        "reason": one.reason,
        "remedy": one.remedy,
        "also": [str(key) for key in one.also],
    }


def _summary(plan: Plan) -> dict[str, int]:
    return {
        **{action.word: count for action, count in counts(plan).items()},
        "noop": plan.unchanged,
        "unmanaged": len(plan.unmanaged),
        "blocked": len(plan.blocks),
        "warnings": len(plan.advisories),
        "left_out": plan.left_out,
        "drift": sum(drift.told for drift in plan.drifts),
        "conflict": sum(bool(drift.conflicts) for drift in plan.drifts),
        "settled": len(plan.settled),
    }


def change_json(plan: Plan, change: Change, notes: Notes) -> dict[str, Any]:
    """Return one *change* of *plan*."""
    replaced = isinstance(change, Replace)
    told: dict[str, Any] = {
        "address": str(change.key),
        "kind": change.key.kind.value,
        "name": change.key.name,
        "actions": ["delete", "create"] if replaced else [change.action.word],
        "reason": reason_of(change),
        "effects": [effect.value for effect in effects_asked(change)],
        "source": _source(origin_of(change)),
        "diff": list(_diff(plan, change)),
        "notes": [*_remarks(change), *notes.get(change.key, ())],
        "blocked": change.key in plan.held,
    }
    if isinstance(change, Rename):
        told["previous_address"] = str(change.before.key)
    if isinstance(change, Replace):
        told["replace_paths"] = [pointer(path) for path in change.because]
        told["costs"] = list(change.costs)
    return told


def _remarks(change: Change) -> list[str]:
    """Return the sentences that have no place of their own."""
    costs = change.costs if isinstance(change, Replace) else ()
    return [told for told in remarks(change) if told not in costs]


def _diff(plan: Plan, change: Change) -> Iterator[dict[str, Any]]:
    if isinstance(change, Create):
        for name, value in change.after.body.items():
            yield {"op": "add", "path": f"/{name}", "after": value, "effects": [], "source": None}
    for field in fields_of(change):
        yield _operation(change, field, plan.places.get((change.key, field.path)))


def _operation(change: Change, field: FieldChange, place: Origin | None) -> dict[str, Any]:
    told: dict[str, Any] = {"op": _op(field), "path": pointer(field.path)}
    if field.before is not ABSENT:
        told["before"] = field.before
    if field.after is not ABSENT:
        told["after"] = field.after
    told["effects"] = sorted(effect.value for effect in effects_of_field(change, field))
    told["source"] = _source(place)
    return told


def _op(field: FieldChange) -> str:
    if field.before is ABSENT:
        return "add"
    return "remove" if field.after is ABSENT else "replace"


def _source(origin: Origin | None) -> dict[str, Any] | None:
    if origin is None:
        return None
    return {"file": origin.file, "line": origin.line, "column": origin.column}

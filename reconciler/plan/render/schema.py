"""The JSON Schema of the plan document; ``docs/plan-schema.json`` is written from it.

``python -m reconciler.plan.render.schema`` prints it.
"""

import json
import sys
from typing import Any, Final

from reconciler.model.change import Action, DriftPolicy, Effect
from reconciler.model.data_effect import Failing, Turn
from reconciler.model.resource import Kind
from reconciler.plan.render.words import BY_REQUEST, REASONS

_ADDRESS: Final = {"type": "string", "pattern": "^[A-Z][A-Za-z]+/.+$"}
_COUNT: Final = {"type": "integer", "minimum": 0}
_EFFECTS: Final = {"type": "array", "items": {"enum": [effect.value for effect in Effect]}}
_SOURCE: Final = {"oneOf": [{"$ref": "#/$defs/source"}, {"type": "null"}]}
_TIME: Final = {"type": "string", "format": "date-time"}
_ACTIONS: Final = [action.word for action in Action]
_COUNTED: Final = [
    *_ACTIONS,
    "noop",
    "unmanaged",
    "blocked",
    "warnings",
    "left_out",
    "drift",
    "conflict",
    "settled",
]


def plan_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of what ``to_json`` returns."""
    properties = {
        "format_version": {"type": "string", "pattern": r"^1\.\d+$"},
        "tool_version": {"type": "string"},
        "id": _said("string", "The same inputs give the same id."),
        "revision": _said("string", "What the specs were read from: a commit, or a digest."),
        "environment": {"type": ["string", "null"]},
        "generation": _object(
            {"base": _COUNT, "next": _COUNT}, "The generation it holds for, and the one it makes."
        ),
        "complete": _said("boolean", "False: --only, --exclude or --selector left something out."),
        "applyable": _said("boolean", "It has changes, and nothing blocks it."),
        "summary": _object(dict.fromkeys(_COUNTED, _COUNT), "How many of each."),
        "changes": _list(_change(), "In the order in which they are made."),
        "unmanaged": _list(_unmanaged(), "In force, no longer declared, and kept."),
        "blocks": _list(_block(), "What stands in the way until a person decides."),
        "warnings": _list(_block(), "What the team's policy warns of; it holds nothing."),
        "drift": _list(_drift(), "What was changed outside of git, and is not what was applied."),
        "settled": _list(_ADDRESS, "Drift that the specs have come to say: it is over."),
        "data_effects": _list(_data(), "What it does to stored records, by connection and entity."),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A plan of reconciler",
        **_object(properties, "Minor versions add fields; readers ignore what they do not know."),
        "$defs": {"source": _source(), "operation": _operation()},
    }


def _change() -> dict[str, Any]:
    kinds = [kind.value for kind in Kind]
    schema = _object(
        {
            "address": _ADDRESS,
            "kind": {"enum": kinds},
            "name": {"type": "string"},
            "actions": {"type": "array", "items": {"enum": _ACTIONS}, "minItems": 1},
            "reason": {"enum": [*REASONS.values(), BY_REQUEST]},
            "effects": _EFFECTS,
            "source": _SOURCE,
            "diff": {"type": "array", "items": {"$ref": "#/$defs/operation"}},
            "notes": {"type": "array", "items": {"type": "string"}},
            "blocked": {"type": "boolean"},
        },
        "One object that changes; a replace has the actions delete and create.",
    )
    schema["properties"]["previous_address"] = _ADDRESS
    schema["properties"]["replace_paths"] = {"type": "array", "items": {"type": "string"}}
    schema["properties"]["costs"] = {"type": "array", "items": {"type": "string"}}
    return schema


def _operation() -> dict[str, Any]:
    schema = _object(
        {
            "op": {"enum": ["add", "remove", "replace"]},
            "path": _said("string", "A JSON pointer; an item of a named list is name=x."),
            "effects": _EFFECTS,
            "source": _SOURCE,
        },
        "One field; without before it was absent, without after it will be.",
    )
    schema["properties"]["before"] = {}
    schema["properties"]["after"] = {}
    return schema


def _unmanaged() -> dict[str, Any]:
    would = {"enum": [Action.FORGET.word, Action.DELETE.word]}
    return _object({"address": _ADDRESS, "prune_would": would, "source": _SOURCE}, "")


def _block() -> dict[str, Any]:
    text = {"type": "string"}
    code = {"type": "string", "pattern": "^[A-Z_]+$"}
    also = {"type": "array", "items": _ADDRESS}
    return _object(
        {"address": _ADDRESS, "code": code, "reason": text, "remedy": text, "also": also}, ""
    )


def _drift() -> dict[str, Any]:
    pointers = {"type": "array", "items": {"type": "string"}}
    field = _object({"path": {"type": "string"}, "by": {"type": "string"}, "at": _TIME}, "")
    field["properties"] |= {"applied": {}, "observed": {}}
    fields = {"type": "array", "items": field}
    return _object(
        {
            "address": _ADDRESS,
            "kind": {"enum": ["config"]},
            "policy": {"enum": [policy.value for policy in DriftPolicy]},
            "diff": fields,
            "ignored": fields,
            "conflicts": pointers,
            "let_be": _said("boolean", "Known, and left as it is this once (--ignore-drift)."),
        },
        "One object; without applied a field was absent in git, without observed it is absent there.",
    )


def _data() -> dict[str, Any]:
    counts = ("stored", "looked_at", "differing", "changed", "nulled", "failed", "newly_failed")
    text = {"type": "string"}
    failed = _object({"source_id": text, "error": text}, "")
    return _object(
        {
            "connection": text,
            "entity": text,
            "causes": _list(_ADDRESS, "The changes that it comes of, the nearest first."),
            **dict.fromkeys((*counts, "recovered"), _COUNT),
            "sampled": _said(
                "boolean", "Not all were looked at: the counts are those of a sample."
            ),
            "failures": {"type": "object", "propertyNames": {"enum": list(Failing)}},
            "fields": _list(_data_field(), "The most frequent first."),
            "failure_samples": {"type": "array", "items": failed},
        },
        "differing: records that answer otherwise: changed, newly_failed and recovered.",
    )


def _data_field() -> dict[str, Any]:
    values = {"type": "array", "items": {"type": "string"}}
    meaning = _object({"turn": {"enum": list(Turn)}, "gone": values, "new": values}, "")
    move = _object({"before": {}, "after": {}, "records": _COUNT}, "Values of enums and booleans.")
    sample = _object({"source_id": {"type": "string"}}, "Without before or after: not there.")
    sample["properties"] |= {"before": {}, "after": {}}
    counts = ("changed", "nulled", "filled", "failed", "unlisted")
    return _object(
        {
            "field": _said("string", "As in answers: custom_fields.cost_center."),
            **dict.fromkeys(counts, _COUNT),
            "moves": {"type": "array", "items": move},
            "samples": {"type": "array", "items": sample},
            "meaning": {"oneOf": [meaning, {"type": "null"}]},
        },
        "unlisted: an enum that becomes other, as the value map does not know the source's text.",
    )


def _source() -> dict[str, Any]:
    place = {"type": "integer", "minimum": 1}
    return _object({"file": {"type": "string"}, "line": place, "column": place}, "Where it stands.")


def _object(properties: dict[str, Any], description: str) -> dict[str, Any]:
    """Return the schema of an object all of whose *properties* are always there."""
    schema: dict[str, Any] = {"type": "object", "properties": dict(properties)}
    if description:
        schema["description"] = description
    return {**schema, "required": list(properties)}


def _list(items: dict[str, Any], description: str) -> dict[str, Any]:
    return {"type": "array", "description": description, "items": items}


def _said(json_type: str, description: str) -> dict[str, Any]:
    return {"type": json_type, "description": description}


def main() -> None:
    """Print the schema."""
    sys.stdout.write(json.dumps(plan_schema(), indent=2) + "\n")


if __name__ == "__main__":
    main()

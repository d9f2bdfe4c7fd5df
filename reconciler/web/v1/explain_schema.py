"""What the OpenAPI document says of ``_explain``: where the fields of one record come from."""

from typing import Any, Final

from reconciler.mapping.explained import Does

Document = dict[str, Any]

_RULE: Final[Document] = {
    "type": "object",
    "description": "A rule of a field, and where it is written.",
    "properties": {
        "layer": {"type": "string", "enum": ["default", "selector", "connection", "override"]},
        "source": {"type": "string", "description": "Whose rule it is: `Mapping/acme-orders`."},
        "path": {"type": "string", "description": "The way to it in that object."},
        "file": {"type": ["string", "null"]},
        "line": {
            "type": ["integer", "null"],
            "description": "Where the object begins in the file.",
        },
        "built_in": {"type": "boolean", "description": "Whether it ships with the product."},
        "drifted": {"type": "boolean", "description": "Whether the object was edited beside git."},
        "revision": {"type": ["string", "null"], "description": "What made the rule as it is."},
        "changed_by": {"type": ["string", "null"]},
        "changed_at": {"type": ["string", "null"], "format": "date-time"},
        "rule": {"type": "object", "additionalProperties": True},
        "left_out": {"type": "boolean", "description": "Whether `inherit: false` leaves it out."},
    },
    "required": ["layer", "source", "path", "rule"],
    "additionalProperties": False,
}
_EXPLAINED: Final[Document] = {
    "type": "object",
    "properties": {
        "value": {"description": "What the field has in the answer."},
        "error": {"type": ["string", "null"], "description": "Why it could not be made."},
        "steps": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "step": {"type": "string", "enum": [one.value for one in Does]},
                    "by": {"description": "What of the rule it does."},
                    "value": {"description": "The value after it."},
                },
                "required": ["step", "by", "value"],
                "additionalProperties": False,
            },
        },
        "items": {
            "type": "array",
            "description": "The fields of an object, or of each object of a list, by their place.",
            "items": {"type": "object", "additionalProperties": {"type": "object"}},
        },
        "rule": {"anyOf": [_RULE, {"type": "null"}]},
        "overrides": {
            "type": "array",
            "description": "The rules for the same field that do not count, the nearest first.",
            "items": _RULE,
        },
    },
    "required": ["value", "error", "steps", "rule", "overrides"],
    "additionalProperties": False,
}
EXPLAIN: Final[Document] = {
    "type": "object",
    "description": "Where the fields come from; only of one record, with `explain=true`.",
    "properties": {
        "mapping_rev": {"type": "string", "description": "The mapping in force."},
        "stored_rev": {"type": "string", "description": "The mapping it is stored under."},
        "as_stored": {"type": "boolean"},
        "error": {"type": ["string", "null"]},
        "run": {
            "type": ["object", "null"],
            "description": "The run that wrote the record last.",
            "properties": {
                "id": {"type": "string"},
                "mode": {"type": "string"},
                "trigger": {"type": "string"},
                "started_at": {"type": "string", "format": "date-time"},
                "finished_at": {"type": ["string", "null"], "format": "date-time"},
            },
        },
        "fields": {"type": "object", "additionalProperties": _EXPLAINED},
    },
    "required": ["mapping_rev", "stored_rev", "as_stored", "error", "run", "fields"],
    "additionalProperties": False,
}

"""Every event as data: what it is about, what it holds, its JSON Schema, and a sample of it.

``events.yaml`` is the one table; a name that is missing there, or is no event, is an error when it is read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from reconciler.errors import Invalid
from reconciler.model.event import SEVERITIES, Event, EventSeverity, EventType

FILE: Final = Path(__file__).parent / "events.yaml"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_AT: Final = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
_KEYS: Final = frozenset(
    {"subject", "when", "use", "data", "optional", "sample", "about", "version"}
)


@dataclass(frozen=True, slots=True)
class EventEntry:
    """One event: ``data`` are the JSON Schemas of what it holds, ``sample`` is that of ``about``."""

    type: EventType
    version: int
    subject: str
    when: str
    data: Mapping[str, Mapping[str, Any]]
    optional: frozenset[str]
    sample: Mapping[str, Any]
    about: str

    @property
    def severity(self) -> EventSeverity:
        """How bad it is."""
        return SEVERITIES[self.type]

    @property
    def schema_id(self) -> str:
        """The name of its schema; another version is another name."""
        return f"urn:reconciler:event:{self.type.value}:{self.version}"

    def event(self, event_id: str, at: datetime = _AT) -> Event:
        """Return the sample as an event that happened at *at*."""
        return Event(event_id, self.type, self.about, at, self.sample)


@cache
def event_entries() -> Mapping[EventType, EventEntry]:
    """Return all events, in the order of the model.

    Raises:
        Invalid: if the table and the model do not name the same events.
    """
    tree = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    told, wanted = set(tree["events"]), {kind.value for kind in EventType}
    if told != wanted:
        raise Invalid(f"{FILE.name}: not in both table and model: {sorted(told ^ wanted)}")
    return {kind: _entry(kind, tree["events"][kind.value], tree["shared"]) for kind in EventType}


def _entry(kind: EventType, given: Mapping[str, Any], shared: Mapping[str, Any]) -> EventEntry:
    unknown = given.keys() - _KEYS
    if unknown:
        raise Invalid(f"{FILE.name}: {kind.value}: unknown keys {sorted(unknown)}")
    data: dict[str, Mapping[str, Any]] = {}
    for name in given.get("use", ()):
        data |= shared[name]
    data |= given.get("data", {})
    return EventEntry(
        type=kind,
        version=given.get("version", 1),
        subject=given["subject"],
        when=given["when"],
        data=data,
        optional=frozenset(given.get("optional", ())),
        sample=given["sample"],
        about=given["about"],
    )


def event_schema(entry: EventEntry) -> dict[str, Any]:
    """Return the JSON Schema of a webhook's body that tells of this event alone."""
    details = {
        "type": ["object", "null"],
        "description": "Null if they were left out because the body would be too large.",
        "properties": dict(entry.data),
        "required": sorted(entry.data.keys() - entry.optional),
    }
    data = {
        "id": {"type": "string", "description": "The event: the same for each route."},
        "subject": {"type": "string", "description": entry.subject},
        "severity": {"const": entry.severity.value},
        "details": details,
        "truncated": {"type": "boolean"},
    }
    return {
        "$schema": DIALECT,
        "$id": entry.schema_id,
        "title": entry.type.value,
        "description": entry.when,
        "type": "object",
        "properties": {
            "type": {"const": entry.type.value},
            "timestamp": {"type": "string", "format": "date-time"},
            "data": {"type": "object", "properties": data, "required": list(data)},
        },
        "required": ["type", "timestamp", "data"],
    }


def alerts_schema() -> dict[str, Any]:
    """Return the JSON Schema of a webhook's body that tells of a group of alerts."""
    moment = {"type": "string", "format": "date-time"}
    severity = {"enum": [one.value for one in EventSeverity]}
    status = {"enum": ["firing", "resolved", "notice"]}
    labels = {"type": "object", "additionalProperties": {"type": "string"}}
    count = {"type": "integer", "minimum": 0}
    event = {
        "id": {"type": "string"},
        "type": {"enum": [kind.value for kind in EventType]},
        "timestamp": moment,
        "details": {"type": ["object", "null"]},
    }
    alert = {
        "id": {"type": "string"},
        "name": {"enum": [kind.value for kind in EventType]},
        "status": status,
        "severity": severity,
        "subject": {"type": "string"},
        "reason": {"type": "string"},
        "labels": labels,
        "starts_at": moment,
        "ends_at": {"type": ["string", "null"], "format": "date-time"},
        "count": {"type": "integer", "minimum": 1},
        "acknowledged_by": {"type": ["string", "null"]},
        "event": _object(event),
    }
    data = {
        "id": {"type": "string"},
        "kind": {"enum": ["news", "repeat", "escalation", "digest", "test"]},
        "status": status,
        "severity": severity,
        "group": labels,
        "counts": _object({"firing": count, "resolved": count, "notices": count}),
        "alerts": {"type": "array", "items": _object(alert)},
        "left_out": count,
        "truncated": {"type": "boolean"},
    }
    return {
        "$schema": DIALECT,
        "$id": "urn:reconciler:alerts:1",
        "title": "alerts",
        "description": "A group of alerts, as a route with manners is told of them.",
        "type": "object",
        "properties": {
            "type": {
                "enum": ["alerts.firing", "alerts.resolved", "alerts.notice", "alerts.digest"]
            },
            "timestamp": moment,
            "data": _object(data),
        },
        "required": ["type", "timestamp", "data"],
    }


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": dict(properties), "required": list(properties)}

"""The mapping of an entity as plain values: one telling for the API and the command line."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from reconciler.editing.suggesting import Suggestion
from reconciler.engine.mapped import MappingSeen, Winner
from reconciler.mapping.coverage import FieldSeen
from reconciler.mapping.profile import Node
from reconciler.mapping.tally import Tally
from reconciler.model.resource import ResourceKey

SHOWN: Final = 10
"""How many different values of a field are told."""

Sees = Callable[[ResourceKey], bool]
"""Whether the reader may be told of an object: its name, and where it is written."""


def everything(_key: ResourceKey) -> bool:
    """Hide no object."""
    return True


def mapping_told(seen: MappingSeen, sees: Sees = everything) -> dict[str, Any]:
    """Return what was found: the fields in the order of the unified model, then the custom ones."""
    coverage = seen.coverage
    return {
        "connection": seen.connection,
        "entity": seen.entity,
        "records": seen.stored,
        "looked_at": coverage.looked_at,
        "sampled": seen.sampled,
        "failed": coverage.failed,
        "errors": list(coverage.errors),
        "fields": [_field(one, seen.winner(one), sees) for one in coverage.fields],
        "unmapped": [_path(node) for node in coverage.unmapped],
        "unmapped_left_out": coverage.left_out,
    }


def _field(one: FieldSeen, winner: Winner | None, sees: Sees) -> dict[str, Any]:
    shown = winner is not None and sees(winner.key)
    origin = winner.origin if winner is not None and shown else None
    return {
        "field": one.name,
        "type": one.type,
        "custom": one.custom,
        "rule": None if one.body is None else dict(one.body),
        "layer": None if winner is None else winner.layer,
        "object": str(winner.key) if winner is not None and shown else None,
        "file": None if origin is None else origin.file,
        "line": None if origin is None else origin.line,
        "revision": (winner.revision or None) if winner is not None and shown else None,
        **_counts(one.tally),
        "before": one.before,
        "after": one.after,
    }


def _path(node: Node) -> dict[str, Any]:
    return {
        "path": node.path,
        "types": dict(node.kinds.seen),
        **_counts(node.tally),
        "sample": node.tally.sample,
    }


def _counts(tally: Tally) -> dict[str, Any]:
    values = tally.distinct()
    return {
        "fill_rate": tally.rate,
        "filled": tally.filled,
        "of": tally.of,
        "values": [{"value": value, "count": count} for value, count in values[:SHOWN]],
        "more_values": tally.more or len(values) > SHOWN,
    }


def suggestion_told(seen: MappingSeen, made: Suggestion) -> Mapping[str, Any]:
    """Return a proposed mapping: the document, and its fields one by one."""
    return {
        "connection": seen.connection,
        "entity": seen.entity,
        "records": seen.stored,
        "looked_at": seen.coverage.looked_at,
        "name": made.name,
        "yaml": made.text or None,
        "fields": [
            {
                "field": one.name,
                "path": one.node.path,
                "rule": one.rule,
                "fill_rate": one.node.tally.rate,
                "sample": one.node.tally.sample,
                "note": one.note or None,
            }
            for one in made.fields
        ],
        "left_out": [{"path": path, "reason": why} for path, why in made.left],
    }

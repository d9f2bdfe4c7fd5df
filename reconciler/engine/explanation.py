"""What is told of one record: its fields, whose rules make them, since when, by whom; and as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reconciler.mapping.explained import Explained
from reconciler.mapping.layers import Rule
from reconciler.model.audit import Past
from reconciler.model.record import StoredRecord
from reconciler.model.resource import Kind, Origin, ResourceKey
from reconciler.model.sync import SyncRun
from reconciler.model.value import Path
from reconciler.spec.secrets import redact, secret_by_shape


@dataclass(frozen=True, slots=True)
class Source:
    """Where a rule is written. ``change`` is what made it as it is; ``None`` where that is not known.

    ``place`` is the document that declares it (``None``: built in), ``path`` the way to the rule in it.
    ``drifted``: the object was edited beside git.
    """

    rule: Rule
    path: Path
    place: Origin | None = None
    built_in: bool = False
    drifted: bool = False
    change: Past | None = None

    @property
    def key(self) -> ResourceKey:
        """Whose rule it is."""
        return key_of(self.rule.source)

    @property
    def spot(self) -> tuple[str, Path]:
        """Whose rule it is, and the way to it there."""
        return self.rule.source, self.path


def key_of(source: str) -> ResourceKey:
    """Return the key that the source of a rule (``Mapping/acme-po``) is."""
    kind, _, name = source.partition("/")
    return ResourceKey(Kind(kind), name)


@dataclass(frozen=True, slots=True)
class Field:
    """One field: how it came to its value, whose rule makes it, and the rules that this one stands over.

    With each of ``passed``: whether it was left out by a layer with ``inherit: false``.
    """

    explained: Explained
    source: Source | None
    passed: tuple[tuple[Source, bool], ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """One record, explained under the mapping in force.

    ``basis`` names that mapping. ``error``: why the record cannot be mapped, "" if it can. ``run`` is what
    wrote it last, ``None`` where that is no longer known.
    """

    record: StoredRecord
    connection: str
    basis: str
    run: SyncRun | None
    fields: tuple[Field, ...]
    error: str = ""

    @property
    def as_stored(self) -> bool:
        """Whether it is stored as it is told; else it is mapped anew whenever it is read."""
        return self.record.basis == self.basis


def as_json(told: Told) -> dict[str, Any]:
    """Return what is told, as JSON values; ``_explain`` of the API's answers."""
    run = told.run
    return {
        "mapping_rev": told.basis,
        "stored_rev": told.record.basis,
        "as_stored": told.as_stored,
        "error": told.error or None,
        "run": None
        if run is None
        else {
            "id": run.id,
            "mode": run.mode.value,
            "trigger": run.trigger.value,
            "started_at": _moment(run.started_at),
            "finished_at": _moment(run.finished_at),
        },
        "fields": {field.explained.place: _field(field) for field in told.fields},
    }


def _field(field: Field) -> dict[str, Any]:
    return {
        **_explained(field.explained),
        "rule": None if field.source is None else source_as_json(field.source),
        "overrides": [{**source_as_json(source), "left_out": cut} for source, cut in field.passed],
    }


def _explained(one: Explained) -> dict[str, Any]:
    told: dict[str, Any] = {
        "value": one.value,
        "error": one.error or None,
        "steps": [
            {"step": step.does.value, "by": hidden(step.by), "value": step.after}
            for step in one.steps
        ],
    }
    if one.items:
        told["items"] = [{field.place: _explained(field) for field in item} for item in one.items]
    return told


def source_as_json(source: Source) -> dict[str, Any]:
    """Return where a rule is written, and its text, as JSON values."""
    change = source.change
    return {
        "layer": source.rule.layer,
        "source": source.rule.source,
        "path": ".".join(source.path),
        "file": source.place.file if source.place else None,
        "line": source.place.line if source.place else None,
        "built_in": source.built_in,
        "drifted": source.drifted,
        "revision": change.revision if change else None,
        "changed_by": change.actor if change else None,
        "changed_at": _moment(change.at) if change else None,
        "rule": hidden(source.rule.body),
    }


def hidden(value: Any) -> Any:
    """Return JSON *value* of a rule without what has the shape of a secret; no rule should hold one.

    A long name, which may look random, stays: it is what is asked about.
    """
    if isinstance(value, str):
        return redact(value) if secret_by_shape(value) else value
    if isinstance(value, Mapping):
        return {name: hidden(below) for name, below in value.items()}
    return [hidden(below) for below in value] if isinstance(value, Sequence) else value


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")

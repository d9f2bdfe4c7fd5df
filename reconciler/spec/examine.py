"""One document, from plain values to an entry or to all that is wrong with it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ValidationError

from reconciler.model.event import EventType
from reconciler.model.problem import Severity
from reconciler.model.value import canonical, digest
from reconciler.spec.entries import Entry, Reference
from reconciler.spec.environment import Patch, patch
from reconciler.spec.expressions import expression_findings, expressions_of_connector
from reconciler.spec.finding import Draft, Finding, Way, meant
from reconciler.spec.settings import Manifest, connection_findings
from reconciler.spec.shapes import head_findings, model_of, shape_findings
from reconciler.spec.survey import survey
from reconciler.spec.template import Filled, Scope, fill
from reconciler.spec.unified import (
    Entities,
    entity_findings,
    expectation_findings,
    mapping_findings,
    rule_findings,
)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """All that a document's result depends on, beside itself.

    ``declared`` are the connectors of the specs themselves; ``manifests`` those and the built-in ones;
    ``broken`` are names of connectors of which nothing can be told.
    """

    entities: Entities
    scope: Scope = field(default_factory=Scope)
    patches: tuple[Patch, ...] = ()
    manifests: Mapping[str, Manifest] = field(default_factory=dict)
    declared: frozenset[str] = frozenset()
    broken: frozenset[str] = frozenset()


@dataclass(slots=True)
class Examined:
    """What came of a document: an entry if its shape is right, and what was found.

    ``sound``: there is an entry, and nothing keeps it from being a resource.
    """

    draft: Draft
    entry: Entry | None
    findings: list[Finding]
    sound: bool = False


def examine(draft: Draft, around: Surroundings) -> Examined:
    """Return what came of *draft*. Its data is filled in and patched where it stands."""
    if not draft.mapping:
        said = "a document is a mapping of keys"
        return Examined(
            draft, None, [Finding("R100", (), said, "start with apiVersion: reconciler/v1")]
        )
    findings = head_findings(draft.data)
    if findings:
        return Examined(draft, None, findings)
    if draft.item is not None:  # patches are chosen by name, so a name that is made comes first
        names = survey({"metadata": draft.data.get("metadata")})
        fill(names.templates, draft.kind, around.scope, draft.item)
    patch(draft, around.patches)
    seen = survey(draft.data)
    filled = (
        fill(seen.templates, draft.kind, around.scope, draft.item) if seen.templates else Filled()
    )
    secrets = survey(draft.data).secrets if filled.changed else seen.secrets
    findings, unfilled = filled.findings, filled.unfilled
    body, misfits = _validated(draft, canonical(draft.data))
    findings += [finding for finding in misfits if finding.path not in unfilled]
    findings += secrets
    if body is None:
        return Examined(draft, None, findings)
    entry, more = _entry(draft, body, around)
    told = {finding.path for finding in findings}
    findings += [finding for finding in more if finding.path not in unfilled | told]
    sound = not unfilled and all(f.severity is not Severity.ERROR for f in findings)
    return Examined(draft, entry, findings, sound)


def _validated(draft: Draft, text: bytes) -> tuple[dict[str, Any] | None, list[Finding]]:
    validate, dump = model_of(draft.kind)
    try:
        model = validate(text, by_alias=True, by_name=False)
    except ValidationError as error:
        return None, shape_findings(error, draft.data, draft.kind)
    body: dict[str, Any] = dump(model, by_alias=True, exclude_none=True)
    if b'"value":null' in text:
        _keep_nulls(draft.data, body)
    return body, []


def _keep_nulls(given: Any, body: Any) -> None:
    """Put back constants that are null (``value: null``), which look like what was left out."""
    if isinstance(given, dict) and isinstance(body, dict):
        if "value" in given and given["value"] is None:
            body["value"] = None
        for key, below in given.items():
            _keep_nulls(below, body.get(key))


def _entry(draft: Draft, body: dict[str, Any], around: Surroundings) -> tuple[Entry, list[Finding]]:
    metadata, spec = body["metadata"], body["spec"]
    labels = metadata["labels"]
    whole = {"metadata": {"labels": labels, "annotations": metadata["annotations"]}, "spec": spec}
    text = canonical(whole)
    references = tuple(_references(draft.kind, spec))
    needs = {(reference.kind, reference.name) for reference in references}
    if draft.kind == "Connection" and spec["connector"] in around.declared:
        needs.add(("Connector", spec["connector"]))
    selector = spec.get("selector") or spec.get("given", {}).get("selector") or {}
    entry = Entry(
        draft.kind,
        metadata["name"],
        text,
        digest(text),
        draft.spot.line,
        draft.spot.column,
        references,
        tuple(sorted(needs)),
        metadata.get("previousName"),
        _entities(draft.kind, spec),
        labels if draft.kind == "Connection" else selector.get("matchLabels"),
        spec.get("connector") if draft.kind == "Connection" else None,
    )
    checks = _CHECKS.get(draft.kind)
    return entry, [] if checks is None else list(checks(spec, around))


def _references(kind: str, spec: Mapping[str, Any]) -> Iterator[Reference]:
    """Yield the names that a document refers to."""
    if kind in {"Mapping", "SyncSchedule"} and "connection" in spec:
        yield Reference("Connection", spec["connection"], ("spec", "connection"))
    elif kind == "Override":
        target = spec["target"]
        yield Reference(target["kind"], target["name"], ("spec", "target", "name"))
    elif kind == "Expectation":
        for part in ("given", "expect"):
            if "connection" in spec[part]:
                yield Reference(
                    "Connection", spec[part]["connection"], ("spec", part, "connection")
                )


def _entities(kind: str, spec: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return the entities that a document names; ``None``: none, or all."""
    if kind == "Mapping":
        return (spec["entity"],)
    named = spec.get("entities") if kind in {"Connection", "SyncSchedule"} else None
    return None if named is None else tuple(named)


def _check_connection(spec: Mapping[str, Any], around: Surroundings) -> Iterator[Finding]:
    if spec["connector"] in around.broken:
        return iter(())
    return connection_findings(spec, around.manifests)


def _check_mapping(spec: Mapping[str, Any], around: Surroundings) -> Iterator[Finding]:
    return mapping_findings(spec, around.entities)


def _check_schedule(spec: Mapping[str, Any], around: Surroundings) -> Iterator[Finding]:
    for name in spec.get("entities", ()):
        for finding in entity_findings(name, ("spec", "entities"), around.entities):
            yield finding._replace(needle=name)


def _check_expectation(spec: Mapping[str, Any], around: Surroundings) -> Iterator[Finding]:
    return expectation_findings(spec, around.entities)


def _check_connector(spec: Mapping[str, Any], around: Surroundings) -> Iterator[Finding]:
    for text, path in expressions_of_connector(spec):
        yield from expression_findings(text, path)
    for name, stream in spec["streams"].items():
        base: Way = ("spec", "streams", name)
        for finding in entity_findings(name, base, around.entities):
            yield finding._replace(on_key=True)
        entity = around.entities.get(name)
        fields = None if entity is None else entity.fields
        yield from rule_findings(stream["fields"], fields, (*base, "fields"))
        yield from rule_findings(stream["customFields"], None, (*base, "customFields"))


def _check_route(spec: Mapping[str, Any], _around: Surroundings) -> Iterator[Finding]:
    """Yield patterns of a known family of events that no event fits."""
    events = [event.value for event in EventType]
    for pattern in spec["match"]["events"]:
        family = pattern.partition(".")[0] + "."
        known = [event for event in events if event.startswith(family)]
        if known and not pattern.endswith("*") and pattern not in known:
            said = f"no event is called '{pattern}'"
            path: Way = ("spec", "match", "events")
            hint = meant(pattern, known)
            yield Finding("R208", path, said, hint, needle=pattern, severity=Severity.WARNING)


_CHECKS: Final[Mapping[str, Callable[[Mapping[str, Any], Surroundings], Iterator[Finding]]]] = {
    "Connection": _check_connection,
    "Connector": _check_connector,
    "Expectation": _check_expectation,
    "Mapping": _check_mapping,
    "AlertRoute": _check_route,
    "SyncSchedule": _check_schedule,
}
"""What is checked of a document whose shape is right, by kind."""

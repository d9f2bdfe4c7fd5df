"""One document, from plain values to an entry or to all that is wrong with it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
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
from reconciler.spec.ready import ready_templates
from reconciler.spec.settings import Manifest, connection_findings
from reconciler.spec.survey import survey
from reconciler.spec.template import Scope, fill
from reconciler.spec.unified import (
    Entities,
    entity_findings,
    expectation_findings,
    mapping_findings,
    rule_findings,
)
from reconciler.spec.words import connection_words, route_words


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

    ``unfilled`` are the paths of texts that could not be filled in; ``body`` is the normal form;
    ``over``: nothing more can be told.
    """

    draft: Draft
    entry: Entry | None = None
    findings: list[Finding] = field(default_factory=list)
    unfilled: set[Way] = field(default_factory=set)
    text: bytes = b""
    body: dict[str, Any] = field(default_factory=dict)
    over: bool = False

    @property
    def sound(self) -> bool:
        """Whether there is an entry, and nothing keeps it from being a resource."""
        if self.entry is None or self.unfilled:
            return False
        return not self.findings or all(f.severity is not Severity.ERROR for f in self.findings)

    def end(self, findings: Iterable[Finding]) -> None:
        """Nothing more can be told than *findings*."""
        self.findings += findings
        self.over = True


def examine(drafts: Iterable[Draft], around: Surroundings) -> list[Examined]:
    """Return what came of *drafts*. Their data is filled in and patched where it stands.

    All go through one step before any goes through the next: the processor's caches then hold what the
    step needs, which is a fifth of its cost. Whatever a step may raise ends that document only.
    """
    many = [Examined(draft) for draft in drafts]
    for step in (_fill, _shape, _check):
        for one in many:
            if not one.over:
                try:
                    step(one, around)
                except Exception as error:  # noqa: BLE001  the reader's door: no text brings it down
                    said = f"the reader failed on this document ({type(error).__name__})"
                    one.end([Finding("R500", (), said, "tell us")])
    return many


def _fill(one: Examined, around: Surroundings) -> None:
    """Patch the document and fill in its templates; look for secrets on the way."""
    draft = one.draft
    if not draft.mapping:
        said = "a document is a mapping of keys"
        one.end([Finding("R100", (), said, "start with apiVersion: reconciler/v1")])
        return
    from reconciler.spec.shapes import head_findings  # noqa: PLC0415  the models are slow to build

    wrong = head_findings(draft.data)
    if wrong:
        one.end(wrong)
        return
    if draft.item is not None:  # patches are chosen by name, so a name that is made comes first
        names = survey({"metadata": draft.data["metadata"]})
        fill(names.templates, draft.kind, around.scope, draft.item)
    if around.patches:
        patch(draft, around.patches)
    seen = survey(draft.data)
    if seen.templates:
        filled = fill(seen.templates, draft.kind, around.scope, draft.item)
        one.findings, one.unfilled = filled.findings, filled.unfilled
        if filled.changed:
            seen = survey(draft.data)
    one.findings += seen.secrets
    one.text = canonical(draft.data)


def _shape(one: Examined, _around: Surroundings) -> None:
    """Validate the document, and keep its normal form."""
    from reconciler.spec.shapes import KINDS, model_of, shape_findings  # noqa: PLC0415  likewise

    validate, dump = model_of(one.draft.kind)
    try:
        model = validate(one.text, by_alias=True, by_name=False)
    except ValidationError as error:
        found = shape_findings(error, one.draft.data, KINDS[one.draft.kind])
        one.end(finding for finding in found if finding.path not in one.unfilled)
        return
    one.body = dump(model, by_alias=True, exclude_none=True)
    if b'"value":null' in one.text:
        keep_nulls(one.draft.data, one.body)


def _check(one: Examined, around: Surroundings) -> None:
    """Make the entry, and check what the shape does not tell."""
    one.entry = _entry(one.draft, one.body, around)
    check = _CHECKS.get(one.draft.kind)
    if check is not None:
        told = {finding.path for finding in one.findings} | one.unfilled
        one.findings += [f for f in check(one.body["spec"], around) if f.path not in told]


def keep_nulls(given: Any, body: Any) -> None:
    """Put back constants that are null (``value: null``), which look like what was left out."""
    if isinstance(given, dict) and isinstance(body, dict):
        if "value" in given and given["value"] is None:
            body["value"] = None
        for key, below in given.items():
            keep_nulls(below, body.get(key))


def _entry(draft: Draft, body: dict[str, Any], around: Surroundings) -> Entry:
    metadata, spec, kind = body["metadata"], body["spec"], draft.kind
    labels = metadata["labels"]
    text = canonical(
        {"metadata": {"labels": labels, "annotations": metadata["annotations"]}, "spec": spec}
    )
    references = tuple(_references(kind, spec))
    needs = {(reference.kind, reference.name) for reference in references}
    if kind == "Connection" and spec["connector"] in around.declared:
        needs.add(("Connector", spec["connector"]))
    selector = spec.get("selector") or spec.get("given", {}).get("selector") or {}
    return Entry(
        kind,
        metadata["name"],
        text,
        digest(text),
        draft.spot.line,
        draft.spot.column,
        references,
        tuple(sorted(needs)),
        metadata.get("previousName"),
        _entities(kind, spec),
        labels if kind == "Connection" else selector.get("matchLabels"),
        spec.get("connector") if kind == "Connection" else None,
        kind == "Mapping" and bool(spec["tests"]),
    )


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
    elif kind == "AlertRoute" and "escalate" in spec:
        yield Reference("AlertRoute", spec["escalate"]["to"], ("spec", "escalate", "to"))


def _entities(kind: str, spec: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return the entities that a document names; ``None``: none, or all."""
    if kind == "Mapping":
        return (spec["entity"],)
    named = spec.get("entities") if kind in {"Connection", "SyncSchedule"} else None
    return None if named is None else tuple(named)


def _check_connection(spec: Mapping[str, Any], around: Surroundings) -> Iterator[Finding]:
    yield from connection_words(spec)
    if spec["connector"] not in around.broken:
        yield from connection_findings(spec, around.manifests)


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
    """Yield unknown providers and templates, and patterns of a known family of events that no event fits."""
    yield from route_words(spec)
    yield from ready_templates(spec["to"].get("webhook") or {})
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

"""What only shows across documents: doubles, names that lead nowhere, renames, and exceptions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from reconciler.model.problem import Severity
from reconciler.model.value import canonical, merge_patch
from reconciler.spec.entries import Entry, Reference
from reconciler.spec.examine import Surroundings
from reconciler.spec.finding import Finding, Way, meant

Found: TypeAlias = tuple[str, Entry, Finding]
"""A finding in a document of a file."""


@dataclass(slots=True)
class Declared:
    """All documents whose shape is right by kind and name, and the names of all others.

    ``unsound`` are those of the first that cannot become resources for another reason. ``unsure``: a set could not be read, so that nobody can tell which connections there are.
    """

    entries: dict[tuple[str, str], tuple[str, Entry]] = field(default_factory=dict)
    doubles: list[tuple[str, Entry]] = field(default_factory=list)
    unsound: set[tuple[str, str]] = field(default_factory=set)
    broken: set[tuple[str, str]] = field(default_factory=set)
    unsure: bool = False

    def add(self, file: str, entry: Entry) -> None:
        """Take in one document."""
        key = (entry.kind, entry.name)
        if key in self.entries:
            self.doubles.append((file, entry))
        else:
            self.entries[key] = (file, entry)

    def knows(self, kind: str, name: str) -> bool:
        """Whether there is such a document, sound or not."""
        if (kind, name) in self.entries or (kind, name) in self.broken:
            return True
        return self.unsure and kind in {"Connection", "Mapping", "SyncSchedule"}


def cross_findings(declared: Declared, around: Surroundings) -> Iterator[Found]:
    """Yield all that is wrong between documents."""
    yield from _doubles(declared)
    offers = _Offers(declared, around)
    for file, entry in declared.entries.values():
        for reference in entry.references:
            if not declared.knows(reference.kind, reference.name):
                yield _missing(declared, file, entry, reference)
        if entry.previous_name is not None:
            yield from _rename(declared, file, entry)
        if entry.kind in {"Mapping", "SyncSchedule"}:
            yield from offers.findings(file, entry)
        elif entry.kind == "Override":
            yield from _override(declared, file, entry)
    yield from _mapped_twice(declared)
    yield from _claimed_twice(declared)


def _doubles(declared: Declared) -> Iterator[Found]:
    for file, entry in declared.doubles:
        first_file, first = declared.entries[entry.kind, entry.name]
        said = f"{entry.kind}/{entry.name} is declared twice: here and in {first_file}:{first.line}"
        yield file, entry, Finding("R202", ("metadata", "name"), said, "rename one of them")


def _missing(declared: Declared, file: str, entry: Entry, to: Reference) -> Found:
    names = [name for kind, name in declared.entries if kind == to.kind]
    hint = meant(to.name, names)
    if hint.startswith("did"):
        near_file, near = declared.entries[to.kind, hint.split("'")[1]]
        hint = f"did you mean '{near.name}' ({near_file}:{near.line})?"
    said = f"{entry.kind}/{entry.name} refers to {to.kind}/{to.name}, which does not exist"
    return file, entry, Finding("R201", to.path, said, hint)


def _rename(declared: Declared, file: str, entry: Entry) -> Iterator[Found]:
    path: Way = ("metadata", "previousName")
    before = entry.previous_name or ""
    if before == entry.name:
        yield file, entry, Finding("R203", path, "previousName is the name itself", "remove it")
    elif (entry.kind, before) in declared.entries:
        other_file, other = declared.entries[entry.kind, before]
        circle = other.previous_name == entry.name
        why = "and says that it was called this" if circle else "and is still declared"
        said = f"{entry.kind}/{before} is in {other_file}:{other.line}, {why}"
        yield (
            file,
            entry,
            Finding("R203", path, said, "rename by way of a third name, or remove previousName"),
        )


def _claimed_twice(declared: Declared) -> Iterator[Found]:
    claimed: dict[tuple[str, str], Entry] = {}
    for file, entry in declared.entries.values():
        if entry.previous_name is None:
            continue
        first = claimed.setdefault((entry.kind, entry.previous_name), entry)
        if first is not entry:
            said = f"{entry.kind}/{first.name} says too that it was called '{entry.previous_name}'"
            yield file, entry, Finding("R203", ("metadata", "previousName"), said, "keep one")


class _Offers:
    """What connections sync, against what mappings and schedules name."""

    def __init__(self, declared: Declared, around: Surroundings) -> None:
        self._declared = declared
        self._manifests = around.manifests
        self._known = around.entities
        self._streams: dict[str, frozenset[str]] = {}
        self._chosen: dict[frozenset[tuple[str, str]], bool] = {}

    def findings(self, file: str, entry: Entry) -> Iterator[Found]:
        """Yield entities that the connection does not have, and selectors that choose nothing."""
        if entry.labels is not None and not self._chooses(entry.labels):
            said = "no connection has these labels"
            finding = Finding("R207", ("spec", "selector"), said, severity=Severity.WARNING)
            yield file, entry, finding
        if not entry.references or not entry.entities:
            return
        kept = self._declared.entries.get(("Connection", entry.references[0].name))
        if kept is None or kept[1].connector not in self._manifests:
            return
        offered = self._offered(kept[1], all_streams=entry.kind == "Mapping")
        for entity in entry.entities:
            if entity not in offered and entity in self._known:
                path: Way = ("spec", "entity" if entry.kind == "Mapping" else "entities")
                said = f"Connection/{kept[1].name} has no entity '{entity}'"
                yield (
                    file,
                    entry,
                    Finding("R305", path, said, meant(entity, offered), needle=entity),
                )

    def _offered(self, connection: Entry, *, all_streams: bool) -> frozenset[str]:
        if connection.entities is not None and not all_streams:
            return frozenset(connection.entities)
        name = connection.connector or ""
        if name not in self._streams:
            self._streams[name] = frozenset(self._manifests[name]["streams"])
        return self._streams[name]

    def _chooses(self, labels: Mapping[str, str]) -> bool:
        wanted = frozenset(labels.items())
        if wanted not in self._chosen:
            self._chosen[wanted] = self._declared.unsure or any(
                wanted <= (entry.labels or {}).items()
                for _, entry in self._declared.entries.values()
                if entry.kind == "Connection"
            )
        return self._chosen[wanted]


def _mapped_twice(declared: Declared) -> Iterator[Found]:
    """Yield fields that two mappings of one connection and entity make: which of them holds is chance."""
    pairs: dict[tuple[str, str], list[tuple[str, Entry]]] = {}
    for file, entry in declared.entries.values():
        if entry.kind == "Mapping" and entry.references and entry.entities:
            pairs.setdefault((entry.references[0].name, entry.entities[0]), []).append(
                (file, entry)
            )
    for many in pairs.values():
        if len(many) > 1:
            yield from _same_fields(many)


def _same_fields(many: list[tuple[str, Entry]]) -> Iterator[Found]:
    first: dict[Way, Entry] = {}
    for file, entry in many:
        spec = entry.spec
        for path in (
            ("spec", part, name) for part in ("fields", "customFields") for name in spec[part]
        ):
            other = first.setdefault(path, entry)
            if other is not entry:
                said = f"field '{path[-1]}' is made by Mapping/{other.name} too"
                yield file, entry, Finding("R206", path, said, "keep one of them", on_key=True)


def _override(declared: Declared, file: str, entry: Entry) -> Iterator[Found]:
    """Yield what would be wrong with the target of an override as it is changed by it."""
    spec: dict[str, Any] = entry.spec
    target = spec["target"]
    kept = declared.entries.get((target["kind"], target["name"]))
    if kept is None:
        return
    patch = spec["patch"]
    if target["kind"] == "Connection":
        patch = {key: value for key, value in patch.items() if key != "mappings"}
        yield from ((file, entry, one) for one in _mappings(target["name"], spec["patch"]))
    changed = {
        "apiVersion": "reconciler/v1",
        "kind": target["kind"],
        "metadata": {"name": target["name"]},
        "spec": merge_patch(kept[1].spec, patch),
    }
    if target["kind"] == "SyncSchedule" and {"every", "cron"} & spec["patch"].keys():
        for key in {"every", "cron", "timeZone"} - spec["patch"].keys():
            changed["spec"].pop(key, None)
    from reconciler.spec.shapes import misfits  # noqa: PLC0415  the models are slow to build

    for finding in misfits(canonical(changed), changed, target["kind"]):
        way = finding.path[1:] if finding.path[:1] == ("spec",) else ()
        yield file, entry, finding._replace(path=("spec", "patch", *way))


def _mappings(connection: str, patch: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield what is wrong with what an override of a connection maps otherwise, entity by entity."""
    place: Way = ("spec", "patch", "mappings")
    said = patch.get("mappings", {})
    if not isinstance(said, Mapping):
        yield Finding("R103", place, "a mapping of entities to their rules")
        return
    from reconciler.spec.shapes import misfits  # noqa: PLC0415  the models are slow to build

    for entity, rules in said.items():
        if not isinstance(rules, Mapping) or rules.keys() - {"fields", "customFields"}:
            hint = "fields and customFields"
            yield Finding("R101", (*place, entity), "other keys than those of rules", hint)
            continue
        document = {
            "apiVersion": "reconciler/v1",
            "kind": "Mapping",
            "metadata": {"name": "override"},
            "spec": {"connection": connection, "entity": entity, **rules},
        }
        for finding in misfits(canonical(document), document, "Mapping"):
            way = finding.path[1:] if finding.path[:1] == ("spec",) else ()
            yield finding._replace(path=(*place, entity, *way))

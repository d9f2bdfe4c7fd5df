"""What other documents depend on: connectors, the chosen environment, and which tables sets read."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from reconciler.datamodel.reader import Model
from reconciler.model.resource import Resource
from reconciler.model.value import digest_of
from reconciler.spec.entries import VERSION, Entry, key_of, resource_of
from reconciler.spec.environment import Patch, patches_of
from reconciler.spec.examine import Surroundings, examine
from reconciler.spec.finding import Draft, Finding, Spot, meant
from reconciler.spec.reading import ENDINGS, Reading, cache_key
from reconciler.spec.sets import table_of
from reconciler.spec.settings import Manifest
from reconciler.spec.template import Scope
from reconciler.spec.unified import Entities

_KINDS: Final = frozenset({"Connector", "Environment", "ConnectionSet"})
_WORDS: Final = (b"Connector", b"Environment", b"ConnectionSet", b"\\")
"""A file that holds none of these holds none of the kinds (the last can hide one: ``"\\x43onnector"``)."""


class Manifests(Mapping[str, Manifest]):
    """The manifests of connectors by name, each decoded at the first question."""

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self._entries = entries
        self._decoded: dict[str, Manifest] = {}

    def __getitem__(self, name: str) -> Manifest:
        if name not in self._decoded:
            self._decoded[name] = self._entries[name].spec
        return self._decoded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


@dataclass(slots=True)
class Context:
    """What is known before the first file is looked at by itself. ``connectors`` are all, by name."""

    around: Surroundings
    fingerprint: bytes
    catalogue: dict[str, Resource]
    environments: list[tuple[str, Entry]]
    tables: Mapping[str, tuple[str, ...]]
    connectors: Mapping[str, Entry]


def context_of(
    reading: Reading,
    environment: str | None,
    *,
    catalogue: Mapping[str, bytes],
    entities: Entities,
) -> Context:
    """Return the surroundings of all documents, and the fingerprint of them."""
    base = Surroundings(entities)
    outline = _outline(entities)
    fingerprint = _fingerprint(VERSION, outline)
    built_in = _Gathered(told=True)
    for file in sorted(catalogue):
        _gather(built_in, reading, file, base, fingerprint)
    gathered = _Gathered(told=False)
    for file in sorted(reading.files):
        if file.endswith(ENDINGS) and file not in catalogue and _may_be(reading.files[file]):
            _gather(gathered, reading, file, base, fingerprint)
    scope, patches = _chosen(reading, gathered, environment)
    connectors = {**built_in.connectors, **gathered.connectors}
    around = Surroundings(
        entities,
        scope,
        patches,
        Manifests(connectors),
        declared=frozenset(gathered.connectors),
        broken=frozenset(name for kind, name in gathered.broken if kind == "Connector"),
    )
    digests = sorted((name, entry.digest) for name, entry in connectors.items())
    changes = [[p.kind, p.name, p.labels, p.change] for p in patches]
    settings = [
        scope.environment,
        scope.known,
        dict(scope.variables),
        changes,
        digests,
        sorted(around.declared),
        sorted(around.broken),
    ]
    return Context(
        around,
        _fingerprint(VERSION, outline, settings),
        {
            name: resource_of(e, key_of(e), built_in.files[name])
            for name, e in built_in.connectors.items()
        },
        gathered.environments,
        gathered.tables,
        connectors,
    )


@dataclass(slots=True)
class _Gathered:
    told: bool
    connectors: dict[str, Entry] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    environments: list[tuple[str, Entry]] = field(default_factory=list)
    tables: dict[str, tuple[str, ...]] = field(default_factory=dict)
    broken: set[tuple[str, str]] = field(default_factory=set)

    def take(self, file: str, entries: Iterable[Entry]) -> None:
        for entry in entries:
            if entry.kind == "Connector":
                self.connectors.setdefault(entry.name, entry)
                self.files.setdefault(entry.name, file)
            elif entry.kind == "Environment":
                self.environments.append((file, entry))
            elif (table := table_of(entry.spec, file)) is not None:
                self.tables[file] = (*self.tables.get(file, ()), table)


def _may_be(content: bytes) -> bool:
    return any(word in content for word in _WORDS)


def _gather(
    gathered: _Gathered, reading: Reading, file: str, base: Surroundings, fingerprint: bytes
) -> None:
    """Take in what others depend on of *file*. Findings of built-in manifests are told now, others later."""
    key = cache_key(reading.files[file], fingerprint)
    kept = reading.kept(key)
    if kept is not None:
        gathered.take(file, kept)
        return
    drafts = reading.drafts(file)
    many = examine([draft for draft in drafts.drafts if draft.kind in _KINDS], base)
    if gathered.told:
        reading.tell(many)
    entries = [one.entry for one in many if one.entry is not None]
    broken = [one.draft for one in many if one.entry is None]
    gathered.broken |= {(draft.kind, draft.name) for draft in (*broken, *drafts.lost)}
    if drafts.sound and all(one.sound for one in many):
        reading.keep(key, entries)
    gathered.take(file, entries)


def _chosen(
    reading: Reading, gathered: _Gathered, wanted: str | None
) -> tuple[Scope, tuple[Patch, ...]]:
    """Return the variables and patches of the environment that is *wanted*, or of the default one."""
    specs = [(file, entry, entry.spec) for file, entry in gathered.environments]
    elsewhere: dict[str, tuple[str, ...]] = {}
    for _, entry, spec in specs:
        for name in spec["vars"]:
            elsewhere[name] = (*elsewhere.get(name, ()), entry.name)
    fits = [one for one in specs if (one[1].name == wanted if wanted else one[2]["default"])]
    if not wanted and len(fits) > 1:
        for file, entry, _ in fits[1:]:
            draft = Draft({}, Spot(file, entry.line, entry.column))
            said = f"two environments are the default: '{fits[0][1].name}' and '{entry.name}'"
            reading.found.append((draft, Finding("R204", ("spec", "default"), said, "keep one")))
    if not fits:
        if wanted and ("Environment", wanted) not in gathered.broken:
            _not_declared(reading, wanted, gathered.environments)
        return Scope(None, {}, elsewhere, known=not wanted), ()
    file, entry, spec = fits[0]
    scope = Scope(entry.name, spec["vars"], elsewhere)
    return scope, patches_of(spec, Spot(file, entry.line, entry.column))


def _not_declared(reading: Reading, wanted: str, environments: list[tuple[str, Entry]]) -> None:
    names = [entry.name for _, entry in environments]
    file, line, column = "--env", 1, 1
    if environments:
        file, entry = environments[0]
        line, column = entry.line, entry.column
    hint = meant(wanted, names) or "declare an Environment of that name"
    finding = Finding("R204", (), f"environment '{wanted}' is not declared", hint)
    reading.found.append((Draft({}, Spot(file, line, column)), finding))


def _outline(entities: Entities) -> Any:
    """Return what checks depend on of the unified model; the shipped one knows its own mark."""
    if isinstance(entities, Model):
        return entities.fingerprint
    fields = {name: entity.fields for name, entity in entities.items()}
    return msgspec.to_builtins(fields, enc_hook=dict)


def _fingerprint(*parts: Any) -> bytes:
    return hashlib.blake2b(digest_of(list(parts)).encode(), digest_size=32).digest()

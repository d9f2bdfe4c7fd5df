"""Specs as text to resources and problems: all of them, not the first.

The order: what other documents depend on comes first (connectors, environments), then each file by
itself, then what only shows across files. What a file by itself gives depends on nothing but its
content and those surroundings, so it is kept in a cache under both: an unchanged file costs a digest.
"""

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from reconciler.model.problem import Problem, Severity
from reconciler.model.resource import Resource, ResourceKey
from reconciler.spec.context import Context, context_of
from reconciler.spec.entries import Entry
from reconciler.spec.examine import Examined, examine
from reconciler.spec.finding import Draft, Finding, Spot, meant
from reconciler.spec.locate import base_in_set, locate
from reconciler.spec.memo import Kept, Last, Memo
from reconciler.spec.places import Places
from reconciler.spec.policy_file import without_policy
from reconciler.spec.reading import ENDINGS, Drafts, Made, Reading, cache_key
from reconciler.spec.references import Declared, cross_findings
from reconciler.spec.sets import drafts_of, items_of
from reconciler.spec.trials import Trial, trials
from reconciler.spec.unified import Entities

__all__ = ["Loaded", "Trial", "load", "locate"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What specs say.

    ``resources`` by key, ``problems`` in the order of files and lines, ``catalogue``: the built-in
    connectors by name. ``Environment`` and ``ConnectionSet`` are no resources: what they make is.
    ``tests`` is what came of the tests of mappings; one that fails is among the problems, too.
    """

    resources: Mapping[ResourceKey, Resource]
    problems: tuple[Problem, ...]
    catalogue: Mapping[str, Resource]
    tests: tuple[Trial, ...] = ()

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that keep the old state in force."""
        return tuple(one for one in self.problems if one.severity is Severity.ERROR)


def load(
    files: Mapping[str, bytes],
    *,
    environment: str | None = None,
    catalogue: Mapping[str, bytes] | None = None,
    cache: MutableMapping[bytes, bytes] | None = None,
    entities: Entities | None = None,
) -> Loaded:
    """Return what *files* say (path to content; CSV and JSON are tables of sets).

    A policy among them is no document, and left out. *environment* is the one to take, by name; *catalogue* holds the manifests of built-in connectors.
    *cache* is read and written; nothing in it is trusted to be whole; a ``Memo`` remembers the last
    reading too. *entities* are those of the unified model, unless others are given.
    """
    if entities is None:
        from reconciler.datamodel.reader import entities as shipped  # noqa: PLC0415  read when needed

        entities = shipped()
    files = without_policy(files)
    built_in = {f"(built-in)/{file}": content for file, content in (catalogue or {}).items()}
    everything = {**files, **built_in}
    memo = cache if isinstance(cache, Memo) else Memo(cache)
    reading = Reading(everything, memo, Places(everything))
    context = context_of(reading, environment, catalogue=built_in, entities=entities)
    last = memo.last if memo.last.fingerprint == context.fingerprint else Last()
    loader = _Loader(reading, context, last, Last(context.fingerprint))
    for batch in _batches(files):
        loader.take(batch)
    loaded = loader.loaded()
    memo.last = loader.fresh
    return loaded


_TOGETHER: Final = 262_144
"""How many bytes are read before they are examined: the processor's caches then hold one of the two."""


def _batches(files: Mapping[str, bytes]) -> Iterator[list[str]]:
    """Yield the names of spec files in their order, some at a time."""
    batch: list[str] = []
    size = 0
    for file in sorted(files):
        if file.endswith(ENDINGS):
            batch.append(file)
            size += len(files[file])
            if size >= _TOGETHER:
                yield batch
                batch, size = [], 0
    yield batch


@dataclass(slots=True)
class _Loader:
    """Gathers what each file gives."""

    reading: Reading
    context: Context
    last: Last
    fresh: Last
    declared: Declared = field(default_factory=Declared)

    def take(self, files: Sequence[str]) -> None:
        """Take in some files: from the cache if it can be."""
        known: dict[str, Sequence[Entry]] = {}
        waiting: list[tuple[str, bytes, Drafts]] = []
        for file in files:
            content, tables = self.reading.files[file], self._tables(file)
            kept = self.last.kept(file, content, tables)
            if kept is None:
                key = cache_key(content, self.context.fingerprint, tables)
                entries = self.reading.kept(key)
                kept = None if entries is None else Kept(content, tables, key, entries)
                if kept is None:
                    waiting.append((file, key, self.reading.drafts(file)))
            known[file] = () if kept is None else kept.entries
            if kept is not None:
                self.fresh.files[file] = kept
        drafts = [draft for _, _, read in waiting for draft in read.drafts]
        many = iter(examine(drafts, self.context.around))
        for file, key, read in waiting:
            known[file] = self._made(file, key, read, [next(many) for _ in read.drafts])
        for file, entries in known.items():
            for entry in entries:
                self.declared.add(file, entry)

    def _tables(self, file: str) -> list[bytes]:
        files = self.reading.files
        return [files.get(table, b"") for table in self.context.tables.get(file, ())]

    def _made(
        self, file: str, key: bytes, read: Drafts, many: Sequence[Examined]
    ) -> Sequence[Entry]:
        """Return the entries of a file; they are kept if all of it is sound."""
        found = len(self.reading.found)
        made = Made(broken=list(read.lost))
        self.reading.tell(many)
        for one in many:
            self._take(one, made)
        if read.sound and found == len(self.reading.found):
            self.reading.keep(key, made.entries)
            content, tables = self.reading.files[file], self._tables(file)
            self.fresh.files[file] = Kept(content, tables, key, made.entries)
            return made.entries
        self.declared.unsound |= {(entry.kind, entry.name) for entry in made.unsound}
        self.declared.broken |= {(draft.kind, draft.name) for draft in made.broken}
        self.declared.unsure |= any(
            draft.kind == "ConnectionSet" or draft.item is not None for draft in made.broken
        )
        return [*made.entries, *made.unsound]

    def _take(self, one: Examined, made: Made) -> None:
        """Add what one document gives; a set gives what it makes, an environment gives nothing."""
        if one.entry is not None and one.draft.kind == "ConnectionSet":
            self._expand(one.entry, one.draft, made)
        elif one.entry is None or one.draft.kind != "Environment":
            made.take(one)

    def _expand(self, entry: Entry, draft: Draft, made: Made) -> None:
        """Add what a set makes."""
        spec, spot = entry.spec, draft.spot
        items, findings = items_of(spec, spot.file, self.reading.files)
        if findings:
            self.reading.found.extend((draft, finding) for finding in findings)
            made.broken.append(draft)
        many = examine(drafts_of(spec, items, spot), self.context.around)
        self.reading.tell(many)
        for one in many:
            made.take(one)

    def loaded(self) -> Loaded:
        """Return what all files say together."""
        for file, entry, finding in cross_findings(self.declared, self.context.around):
            self.reading.found.append((self._draft(file, entry), finding))
        tried = trials(self.declared, self.context, self.reading.cache)
        for file, entry, finding in tried.found:
            self.reading.found.append((self._draft(file, entry), finding))
        self.fresh.trials = tried.keys
        for patch in self.context.around.patches:
            if patch.name is not None and not self.declared.knows(patch.kind, patch.name):
                self._patch_of_nothing(patch.kind, patch.name, patch.spot)
        resources: dict[ResourceKey, Resource] = {}
        for file, entry in self.declared.entries.values():
            name = (entry.kind, entry.name)
            if name in self.declared.unsound:
                continue
            resource = self.last.resource(entry, file)
            resources[resource.key] = resource
            self.fresh.resources[name] = (entry, file, resource)
        problems = tuple(self.reading.problems())
        return Loaded(resources, problems, self.context.catalogue, tuple(tried.tested))

    def _draft(self, file: str, entry: Entry) -> Draft:
        spot = Spot(file, entry.line, entry.column)
        base = base_in_set(self.reading.places, spot, entry.kind, entry.spec)
        return Draft({}, spot._replace(path=base))

    def _patch_of_nothing(self, kind: str, name: str, spot: Spot) -> None:
        names = [known for kind_, known in self.declared.entries if kind_ == kind]
        said = f"the patch is for {kind}/{name}, which does not exist"
        finding = Finding("R201", ("target", "name"), said, meant(name, names))
        draft = Draft({}, spot._replace(path=spot.path[:-1]))
        self.reading.found.append((draft, finding))

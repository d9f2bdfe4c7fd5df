"""Files as drafts, and entries by the cache: what all stages of loading share."""

import hashlib
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from reconciler.model.problem import Problem
from reconciler.spec.compose import Node
from reconciler.spec.document import read_values
from reconciler.spec.entries import Entry, pack, unpack
from reconciler.spec.examine import Examined
from reconciler.spec.finding import Draft, Finding, Spot
from reconciler.spec.places import Places, problem, problems_of

T = TypeVar("T")
ENDINGS: Final = (".yaml", ".yml")


@dataclass(slots=True)
class Drafts:
    """The documents of a file; ``sound``: YAML refuses nothing; ``lost``: what could not be read to its end."""

    drafts: list[Draft]
    sound: bool = True
    lost: list[Draft] = field(default_factory=list)


@dataclass(slots=True)
class Reading:
    """The texts, the cache, and what was found so far."""

    files: Mapping[str, bytes]
    cache: MutableMapping[bytes, bytes]
    places: Places
    found: list[tuple[Draft, Finding]] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)

    def drafts(self, file: str) -> Drafts:
        """Return the documents of *file*; what YAML refuses in it is remembered."""
        try:
            return self._drafts(file)
        except Exception as error:  # noqa: BLE001  the reader's door: no text brings the reader down
            said = f"the reader failed on this file ({type(error).__name__})"
            self.found.append((Draft({}, Spot(file, 1, 1)), Finding("R500", (), said, "tell us")))
            return Drafts([], sound=False)

    def _drafts(self, file: str) -> Drafts:
        documents = read_values(self.files[file])
        if documents is not None:
            return Drafts([Draft(d.value, Spot(file, d.line, d.column)) for d in documents])
        nodes = self.places.nodes(file)
        read = Drafts([_draft(node, file) for node in nodes if node.whole])
        read.lost = [_draft(node, file) for node in nodes if not node.whole]
        read.sound = not self.places.marks(file)
        if not read.sound:
            self.refused.add(file)
        return read

    def kept(self, key: bytes) -> Sequence[Entry] | None:
        """Return the entries kept under *key*, if there are any that can be read."""
        kept = self.cache.get(key)
        return None if kept is None else unpack(kept)

    def tell(self, many: Iterable[Examined]) -> None:
        """Remember what was found in documents."""
        for one in many:
            if one.findings:
                self.found.extend((one.draft, finding) for finding in one.findings)

    def problems(self) -> list[Problem]:
        """Return all problems by place; where YAML refuses something, nothing else is said of it."""
        told = list(problems_of(self.places, self.found))
        refused = [
            problem(self.places, file, mark.place, mark)
            for file in self.refused
            for mark in self.places.marks(file)
        ]
        at = {one.origin for one in refused}
        return sorted([*refused, *(one for one in told if one.origin not in at)], key=by_place)

    def keep(self, key: bytes, entries: Sequence[Entry]) -> None:
        """Keep *entries* under *key*."""
        self.cache[key] = pack(entries)


def _draft(node: Node, file: str) -> Draft:
    value = node.plain()
    spot = Spot(file, *node.place[:2])
    return Draft(value, spot) if isinstance(value, dict) else Draft({}, spot, mapping=False)


def by_place(one: Problem) -> tuple[str, int, int, str, str]:
    """Return what problems are ordered by: file, line and column."""
    return one.origin.file, one.origin.line, one.origin.column, one.code, one.message


def cache_key(content: bytes, fingerprint: bytes, more: Iterable[bytes] = ()) -> bytes:
    """Return the key of *content* and of all else that its entries depend on."""
    digest = hashlib.blake2b(content, key=fingerprint, digest_size=16)
    for other in more:
        digest.update(b"\0" + hashlib.blake2b(other, digest_size=16).digest())
    return digest.digest()


@dataclass(slots=True)
class Made:
    """What came of some drafts: entries of sound ones, entries of others, and drafts without an entry."""

    entries: list[Entry] = field(default_factory=list)
    unsound: list[Entry] = field(default_factory=list)
    broken: list[Draft] = field(default_factory=list)

    def take(self, one: Examined) -> None:
        """Add what came of one draft."""
        if one.entry is None:
            self.broken.append(one.draft)
        else:
            (self.entries if one.sound else self.unsound).append(one.entry)

    def add(self, other: "Made") -> None:
        """Add what came of other drafts."""
        self.entries += other.entries
        self.unsound += other.unsound
        self.broken += other.broken

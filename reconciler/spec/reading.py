"""Files as drafts, and entries by the cache: what all stages of loading share."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Final

from reconciler.spec.compose import Node
from reconciler.spec.document import read_values
from reconciler.spec.entries import Entry, pack, unpack
from reconciler.spec.examine import Surroundings, examine
from reconciler.spec.finding import Draft, Finding, Spot
from reconciler.spec.places import Places

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

    def entries(
        self, file: str, key: bytes, made: Callable[[str], tuple[list[Entry], bool]]
    ) -> Iterable[Entry]:
        """Return the entries kept under *key*, or those *made*, which are kept if all is sound."""
        kept = self.cache.get(key)
        entries = None if kept is None else unpack(kept)
        if entries is not None:
            return entries
        try:
            found, sound = made(file)
        except Exception as error:  # noqa: BLE001  the reader's door: no text may bring the reader down
            said = f"the reader failed on this file ({type(error).__name__})"
            self.found.append((Draft({}, Spot(file, 1, 1)), Finding("R500", (), said, "tell us")))
            return ()
        if sound:
            self.cache[key] = pack(found)
        return found


def _draft(node: Node, file: str) -> Draft:
    value = node.plain()
    return Draft(value if isinstance(value, dict) else {"": value}, Spot(file, *node.place[:2]))


def cache_key(content: bytes, fingerprint: bytes, more: Iterable[bytes] = ()) -> bytes:
    """Return the key of *content* and of all else that its entries depend on."""
    digest = hashlib.blake2b(content, key=fingerprint, digest_size=16)
    for other in more:
        digest.update(b"\0" + hashlib.blake2b(other, digest_size=16).digest())
    return digest.digest()


def examined(
    drafts: Iterable[Draft], around: Surroundings, found: list[tuple[Draft, Finding]]
) -> tuple[list[Entry], list[Draft]]:
    """Return the entries of the sound drafts, and the others; findings are added to *found*."""
    entries: list[Entry] = []
    broken: list[Draft] = []
    for draft in drafts:
        one = examine(draft, around)
        found.extend((draft, finding) for finding in one.findings)
        if one.entry is None:
            broken.append(draft)
        else:
            entries.append(one.entry)
    return entries, broken

"""What a process keeps in memory of the specs it read last, so that only what has changed is read again."""

from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from reconciler.model.resource import Resource
from reconciler.spec.entries import Entry, key_of, resource_of


class Kept(NamedTuple):
    """A sound file: all that its entries come from, and them. ``key`` is its key in the cache."""

    content: bytes
    tables: Sequence[bytes]
    key: bytes
    entries: Sequence[Entry]


@dataclass(slots=True)
class Last:
    """The sound files of one reading, and the resources of their entries.

    It holds for one ``fingerprint``: under other surroundings nothing in it does. ``trials`` are the keys
    under which the cache has what came of tests.
    """

    fingerprint: bytes = b""
    files: dict[str, Kept] = field(default_factory=dict)
    resources: dict[tuple[str, str], tuple[Entry, str, Resource]] = field(default_factory=dict)
    trials: list[bytes] = field(default_factory=list)

    def kept(self, file: str, content: bytes, tables: Sequence[bytes]) -> Kept | None:
        """Return what is kept of *file* if its content, and that of its tables, is as it was."""
        kept = self.files.get(file)
        if kept is None or kept.content != content or kept.tables != tables:
            return None
        return kept

    def resource(self, entry: Entry, file: str) -> Resource:
        """Return the resource of *entry*, the one of that time if the entry is the same."""
        kept = self.resources.get((entry.kind, entry.name))
        if kept is not None and kept[0] is entry and kept[1] == file:
            return kept[2]
        return resource_of(entry, key_of(entry), file)


class Memo(MutableMapping[bytes, bytes]):
    """A parse cache that remembers the last reading too: a file that is as it was costs no digest."""

    def __init__(self, beneath: MutableMapping[bytes, bytes] | None = None) -> None:
        self._beneath: MutableMapping[bytes, bytes] = {} if beneath is None else beneath
        self.last = Last()

    def used(self) -> list[bytes]:
        """Return the keys under which the cache has what the last reading found."""
        return [*(kept.key for kept in self.last.files.values()), *self.last.trials]

    def __getitem__(self, key: bytes) -> bytes:
        return self._beneath[key]

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self._beneath[key] = value

    def __delitem__(self, key: bytes) -> None:
        del self._beneath[key]

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._beneath)

    def __len__(self) -> int:
        return len(self._beneath)

"""Shelves: one collection of the plant each, kept in the two orders in which it is read."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from reconciler.sandbox.stamps import Stamp

Body = dict[str, Any]
Key = str | int


@dataclass(frozen=True, slots=True)
class Label:
    """What is written on a shelf: its name, the key of its records, and their change stamp.

    ``key`` are the fields that make a key, joined with ``|``; the one key of a ``numeric`` shelf is a
    whole number. ``flag`` is the field and value of a deleted record where the plant marks instead of
    removing.
    """

    name: str
    key: tuple[str, ...]
    stamp: str | None = None
    style: Stamp = Stamp.ISO
    flag: tuple[str, Any] | None = None
    numeric: bool = False

    def key_of(self, body: Body) -> Key:
        """Return the key of *body*."""
        if self.numeric:
            return int(body[self.key[0]])
        return "|".join(str(body[field]) for field in self.key)

    def read_key(self, text: str) -> Key:
        """Return the key that *text* of a URL means.

        Raises:
            ValueError: if the key is a number and *text* is none.
        """
        return int(text) if self.numeric else text


class Entry(NamedTuple):
    """A record as it stands: serialised once, when it was written."""

    key: Any
    changed: int
    version: int
    encoded: bytes

    @property
    def body(self) -> Body:
        """The record, decoded anew: a copy that may be changed."""
        body: Body = msgspec.json.decode(self.encoded)
        return body


class Shelf:
    """The records of one collection. Its two orders are made when first asked for, then kept."""

    def __init__(self, label: Label) -> None:
        self.label = label
        self._entries: dict[Key, Entry] = {}
        self._by_key: list[Any] | None = None
        self._by_change: list[tuple[int, Any]] | None = None
        self._filtered: tuple[int, list[Any]] | None = None

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def twin(self) -> "Shelf":
        """Return another shelf with the same records; what changes on one does not on the other."""
        twin = Shelf(self.label)
        twin._entries = dict(self._entries)
        return twin

    def get(self, key: Key) -> Entry | None:
        """Return the record of *key*, if there is one."""
        return self._entries.get(key)

    def entries(self, keys: Sequence[Key]) -> list[Entry]:
        """Return the records of *keys*, in that order."""
        return [self._entries[key] for key in keys]

    def keys(self, since: int | None = None) -> list[Any]:
        """Return the keys in their order; with *since*, of what changed then or later."""
        if since is None:
            if self._by_key is None:
                self._by_key = sorted(self._entries)
            return self._by_key
        if self._filtered is None or self._filtered[0] != since:
            changes = self._changes()
            self._filtered = (
                since,
                sorted(key for _, key in changes[bisect_left(changes, (since,)) :]),
            )
        return self._filtered[1]

    def keys_after(self, key: Key | None, since: int | None = None) -> Sequence[Any]:
        """Return the keys that come after *key* in the order of keys."""
        keys = self.keys(since)
        return keys if key is None else keys[bisect_right(keys, key) :]

    def changed(self, since: int | None, after: tuple[int, Key] | None, limit: int) -> list[Entry]:
        """Return *limit* records in the order of ``(changed, key)``, from behind *after* on."""
        changes = self._changes()
        start = 0 if since is None else bisect_left(changes, (since,))
        if after is not None:
            start = max(start, bisect_right(changes, after))
        return [self._entries[key] for _, key in changes[start : start + limit]]

    def put(self, entry: Entry) -> None:
        """Place *entry*, where the record of its key was if there was one."""
        known = self._entries.get(entry.key)
        self._entries[entry.key] = entry
        self._filtered = None
        if known is None and self._by_key is not None:
            insort(self._by_key, entry.key)
        if self._by_change is not None:
            if known is not None:
                self._forget(self._by_change, known)
            insort(self._by_change, (entry.changed, entry.key))

    def remove(self, key: Key) -> None:
        """Take the record of *key* away."""
        entry = self._entries.pop(key)
        self._filtered = None
        if self._by_key is not None:
            del self._by_key[bisect_left(self._by_key, key)]
        if self._by_change is not None:
            self._forget(self._by_change, entry)

    def _changes(self) -> list[tuple[int, Any]]:
        if self._by_change is None:
            self._by_change = sorted((entry.changed, entry.key) for entry in self)
        return self._by_change

    @staticmethod
    def _forget(changes: list[tuple[int, Any]], entry: Entry) -> None:
        del changes[bisect_left(changes, (entry.changed, entry.key))]

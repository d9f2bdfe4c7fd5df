"""What was read of a spec file, kept by its content, so that an unchanged file is not parsed again."""

import time
from collections.abc import Iterable, Iterator, MutableMapping
from pathlib import Path
from typing import Final

import msgspec

SPARINGLY: Final = 600.0


class ParseCache(MutableMapping[bytes, bytes]):
    """Entries of the last time, from one file; ``save`` keeps those that were asked for this time.

    A missing, damaged or foreign file is an empty cache: it is only ever a short cut.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entries = self._loaded()
        self._used: dict[bytes, bytes] = {}
        self._new = False
        self._not_before = 0.0

    def save(self) -> None:
        """Write the entries used this time, if they differ from those on disk."""
        if not self._new and len(self._used) == len(self._entries):
            return
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = self._path.with_suffix(".new")
        beside.touch(mode=0o600)
        beside.write_bytes(msgspec.msgpack.encode(self._used))
        beside.replace(self._path)

    def save_sparingly(self, wanted: Iterable[bytes], *, seconds: float = SPARINGLY) -> None:
        """Save what is wanted of new entries, if the last time was longer than *seconds* ago.

        For a process that reads again and again, and keeps in memory what it has read.
        """
        if self._new and time.monotonic() >= self._not_before:
            self._not_before = time.monotonic() + seconds
            kept = {key: self._entries[key] for key in wanted if key in self._entries}
            self._entries, self._used = kept, dict(kept)
            self.save()
            self._new = False

    def __getitem__(self, key: bytes) -> bytes:
        value = self._used[key] = self._entries[key]
        return value

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self._used[key] = self._entries[key] = value
        self._new = True

    def __delitem__(self, key: bytes) -> None:
        del self._entries[key]
        self._used.pop(key, None)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def _loaded(self) -> dict[bytes, bytes]:
        try:
            return msgspec.msgpack.decode(self._path.read_bytes(), type=dict[bytes, bytes])
        except (OSError, msgspec.MsgspecError):
            return {}

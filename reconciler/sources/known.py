"""What specs said the last time, by digests alone: for a plan that may find nothing to do."""

import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

import reconciler
from reconciler.model.change import Digests
from reconciler.ports import Snapshot


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    """The digests by kind and name, and what they hold for."""

    key: bytes
    digests: dict[str, dict[str, str]]


class KnownSpecs:
    """The digests of the specs that were read last and were free of errors, kept in one file.

    They hold for the same texts under the same names, the same environment, and the same program. A
    missing, damaged or foreign file is nothing known: it is only ever a short cut.
    """

    def __init__(self, path: Path, snapshot: Snapshot, environment: str | None) -> None:
        self._path = path
        self._key = _key(snapshot, environment)
        self._known = False

    def digests(self) -> Digests | None:
        """Return what these specs say, if that is known."""
        try:
            kept = msgspec.msgpack.decode(self._path.read_bytes(), type=_Kept)
        except (OSError, msgspec.MsgspecError):
            return None
        if kept.key != self._key:
            return None
        self._known = True
        return {
            (kind, name): one
            for kind, all_of in kept.digests.items()
            for name, one in all_of.items()
        }

    def keep(self, digests: Digests) -> None:
        """Keep what these specs say, in place of what was kept before; nothing is written twice."""
        if self._known:
            return
        kept = _Kept(self._key, {})
        for (kind, name), digest in digests.items():
            kept.digests.setdefault(kind, {})[name] = digest
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = self._path.with_suffix(".new")
        beside.touch(mode=0o600)
        beside.write_bytes(msgspec.msgpack.encode(kept))
        beside.replace(self._path)


def _key(snapshot: Snapshot, environment: str | None) -> bytes:
    whole = hashlib.sha256(repr((environment, sys.version, sorted(_program()))).encode())
    for path in sorted(snapshot.files):
        content = snapshot.files[path]
        whole.update(f"\0{path}\0{len(content)}\0".encode())
        whole.update(content)
    return whole.digest()


def _program() -> Iterator[tuple[str, int, int, int]]:
    """Yield what changes with the program: what it found sound, another may not."""
    for folder, below, files in os.walk(os.path.dirname(reconciler.__file__)):  # noqa: PTH120  each plan
        below[:] = [name for name in below if name != "__pycache__"]
        for name in files:
            path = f"{folder}/{name}"
            about = os.stat(path)  # noqa: PTH116  each plan
            yield path, about.st_size, about.st_mtime_ns, about.st_ino

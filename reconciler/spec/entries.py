"""What is kept of a document that is sound: enough to make its resource, and for checks across documents.

Entries are the values of the parse cache, so they are small and quick to read. They hold no file name:
the same content gives the same entries wherever it lies.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from reconciler.model.resource import Kind, Origin, Resource, ResourceKey

VERSION: Final = "4"
"""Part of every cache key: to be raised when what is kept, or how it is checked, changes."""


class Reference(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A name that a document refers to, and where it does."""

    kind: str
    name: str
    path: tuple[str, ...]


class Entry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One sound document.

    ``entities`` and ``labels``: of a connection those that it syncs and has; of what holds for
    connections, those that it names and selects. ``connector`` is a connection's.
    ``tests``: it is a mapping that has some.
    """

    kind: str
    name: str
    canonical: bytes
    digest: str
    line: int
    column: int
    references: tuple[Reference, ...] = ()
    needs: tuple[tuple[str, str], ...] = ()
    previous_name: str | None = None
    entities: tuple[str, ...] | None = None
    labels: dict[str, str] | None = None
    connector: str | None = None
    tests: bool = False

    @property
    def spec(self) -> Any:
        """The ``spec`` of the body, decoded anew at each call."""
        return msgspec.json.decode(self.canonical)["spec"]


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(tuple[Entry, ...])
_KINDS: Final = {kind.value: kind for kind in Kind}


def pack(entries: Sequence[Entry]) -> bytes:
    """Return *entries* as bytes for the cache."""
    return _ENCODER.encode(entries)


def unpack(kept: bytes) -> tuple[Entry, ...] | None:
    """Return the entries of *kept*, or ``None`` if it cannot be read."""
    try:
        return _DECODER.decode(kept)
    except msgspec.MsgspecError:
        return None


def key_of(entry: Entry) -> ResourceKey:
    """Return the key of an entry's resource."""
    return ResourceKey(_KINDS[entry.kind], entry.name)


_NOTHING: Final[frozenset[ResourceKey]] = frozenset()


def resource_of(entry: Entry, key: ResourceKey, file: str) -> Resource:
    """Return the resource of an entry that was read from *file*."""
    needs = _NOTHING
    if entry.needs:
        needs = frozenset([ResourceKey(_KINDS[kind], name) for kind, name in entry.needs])
    return Resource(
        key,
        entry.canonical,
        entry.digest,
        needs,
        origin=Origin(file, entry.line, entry.column),
        previous_name=entry.previous_name,
    )

"""JSON values: their type, their one canonical form, and the digest of it."""

import copy
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
"""What a JSON document holds. Read-only by type: a change makes a new value."""

Path: TypeAlias = tuple[str, ...]
"""The way to a field: ``("spec", "fields", "status", "from")``."""

_CANONICAL: Final = msgspec.json.Encoder(order="deterministic")


def canonical(value: Any) -> bytes:
    """Return *value* as JSON with sorted keys and no spaces: equal values give equal bytes."""
    return _CANONICAL.encode(value)


def digest(canonical_bytes: bytes) -> str:
    """Return the SHA-256 of *canonical_bytes* as 64 hexadecimal digits."""
    return hashlib.sha256(canonical_bytes).hexdigest()


def digest_of(value: Any) -> str:
    """Return the digest of a JSON *value*, whatever the order of its keys."""
    return digest(canonical(value))


def merge_patch(value: Any, change: Any) -> Any:
    """Return *value* changed by a JSON merge patch (RFC 7396): null removes a key, a list is replaced."""
    if not isinstance(change, Mapping):
        return copy.deepcopy(change)
    kept = dict(value) if isinstance(value, Mapping) else {}
    for key, below in change.items():
        if below is None:
            kept.pop(key, None)
        else:
            kept[key] = merge_patch(kept.get(key), below)
    return kept

"""The deterministic key of a unified record: the same source record has the same id for ever."""

import hashlib


def record_id(prefix: str, connection: str, source_id: str) -> str:
    """Return ``po_`` and 26 hexadecimal digits that stand for the connection's uid and the source's key.

    Relations resolve by it without a look-up: a purchase order's ``vendor_id`` is computed from the
    vendor's source key alone. 104 bits: no collision is to be expected below 10^14 records.
    """
    text = f"{connection}\x00{prefix}\x00{source_id}".encode()
    return f"{prefix}_{hashlib.blake2b(text, digest_size=13).hexdigest()}"


def connection_uid(name: str, *, taken: frozenset[str] = frozenset()) -> str:
    """Return the uid of a new connection: of its name alone, unless a renamed one has it already."""
    for salt in range(len(taken) + 1):
        text = name if not salt else f"{name}\x00{salt}"
        uid = hashlib.sha256(f"uid\x00{text}".encode()).hexdigest()[:16]
        if uid not in taken:
            break
    return uid

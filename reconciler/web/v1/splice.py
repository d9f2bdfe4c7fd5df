"""Records as bytes: what is stored is already JSON, so an answer is joined, never decoded and encoded."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, TypeAlias

import msgspec

from reconciler.datamodel.entity import Entity
from reconciler.datamodel.reader import STANDARD
from reconciler.model.record import UnifiedRecord

Splice: TypeAlias = Callable[[UnifiedRecord], bytes]
"""Makes the JSON object of one record."""

_encode: Final = msgspec.json.Encoder().encode
_open: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_always: Final = frozenset({"id"})


class Splicer:
    """Makes records of *entity*: the unified fields as they are, the standard ones around them."""

    def __init__(self, entity: Entity) -> None:
        names = [*entity.fields, "custom_fields"]
        self.fields: Final = frozenset({*names, *STANDARD})
        nulls = [_pair(name, b"{}" if name == "custom_fields" else b"null") for name in names]
        self._nothing: Final = b",".join(nulls)

    def whole(self, record: UnifiedRecord, *, raw: bool = False) -> bytes:
        """Return *record* with all its fields; those of one that could not be mapped are null."""
        return b"".join(
            (
                b'{"id":',
                _encode(record.id),
                b',"connection_id":',
                _encode(record.connection),
                b',"source_id":',
                _encode(record.source_id),
                b",",
                self._nothing if record.mapped is None else record.mapped[1:-1],
                b',"created_at":',
                _encode(record.created_at),
                b',"updated_at":',
                _encode(record.updated_at),
                b',"deleted_at":',
                _encode(record.deleted_at),
                b',"_meta":',
                _meta(record),
                b',"raw":' + record.raw if raw else b"",
                b"}",
            )
        )

    def some(self, record: UnifiedRecord, names: frozenset[str], *, raw: bool = False) -> bytes:
        """Return *record* with the fields of *names*; its id always, and why it is not mapped, if so."""
        kept = names | _always
        if record.error is not None:
            kept |= {"_meta"}
        pairs = [
            _pair(name, value) for name, value in _open(self.whole(record)).items() if name in kept
        ]
        if raw:
            pairs.append(_pair("raw", record.raw))
        return b"{" + b",".join(pairs) + b"}"

    def made(self, fields: frozenset[str] | None, *, raw: bool) -> Splice:
        """Return what makes a record of all fields (``None``) or of some."""
        if fields is None:
            return lambda record: self.whole(record, raw=raw)
        return lambda record: self.some(record, fields, raw=raw)


def page(
    records: Iterable[bytes], next_cursor: str | None, warnings: Sequence[Mapping[str, str]] = ()
) -> bytes:
    """Return the answer of a list."""
    told = (b",".join(records), _encode(next_cursor), _encode(warnings))
    return b'{"data":[%b],"next_cursor":%b,"warnings":%b}' % told


def _meta(record: UnifiedRecord) -> bytes:
    error = b"" if record.error is None else b',"error":' + _encode(record.error)
    return b'{"mapping_rev":%b,"synced_at":%b,"sync_run_id":%b%b}' % (
        _encode(record.basis),
        _encode(record.synced_at),
        _encode(record.run),
        error,
    )


def _pair(name: str, value: bytes | msgspec.Raw) -> bytes:
    return _encode(name) + b":" + bytes(value)


def stamp(moment: datetime | None) -> str | None:
    """Return *moment* as answers write it: RFC 3339, in UTC, with ``Z``."""
    return None if moment is None else msgspec.to_builtins(moment)

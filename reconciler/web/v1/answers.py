"""Records as JSON: the mapped bytes, with the standard fields spliced around them.

A mapped record is neither decoded nor encoded again; only ``fields=`` asks for that.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final

import msgspec

from reconciler.datamodel.entity import Entity
from reconciler.model.record import UnifiedRecord

_ENCODE: Final = msgspec.json.Encoder().encode


def record_json(
    record: UnifiedRecord, entity: Entity, *, raw: bool, fields: Sequence[str] = ()
) -> bytes:
    """Return one record as API answers carry it."""
    whole = _whole(record, entity, raw=raw)
    if not fields:
        return whole
    decoded: dict[str, Any] = msgspec.json.decode(whole)
    return _ENCODE({name: decoded[name] for name in ("id", *fields) if name in decoded})


def list_json(records: Iterable[bytes], next_cursor: str | None) -> bytes:
    """Return a page: ``{"data": […], "next_cursor": …}``."""
    return b'{"data":[' + b",".join(records) + b'],"next_cursor":' + _ENCODE(next_cursor) + b"}"


def moment(at: datetime | None) -> str | None:
    """Return a time as RFC 3339 in UTC."""
    return None if at is None else at.isoformat().replace("+00:00", "Z")


def _whole(record: UnifiedRecord, entity: Entity, *, raw: bool) -> bytes:
    head = _ENCODE(
        {
            "id": record.id,
            "connection_id": record.connection,
            "source_id": record.source_id,
        }
    )
    meta: dict[str, Any] = {
        "mapping_rev": record.basis,
        "synced_at": moment(record.synced_at),
        "sync_run_id": record.run,
    }
    if record.error is not None:
        meta["error"] = record.error
    tail = _ENCODE(
        {
            "created_at": moment(record.created_at),
            "updated_at": moment(record.updated_at),
            "deleted_at": moment(record.deleted_at),
            "_meta": meta,
        }
    )
    middle = (
        record.mapped if record.mapped is not None else _nothing(entity.name, tuple(entity.fields))
    )
    parts = [head[:-1], middle[1:-1], tail[1:-1]]
    if raw:
        parts.append(b'"raw":' + record.raw)
    return b",".join(parts) + b"}"


@cache
def _nothing(entity: str, fields: tuple[str, ...]) -> bytes:
    """Return the fields of an *entity* whose record could not be mapped: all there, all null."""
    del entity
    return _ENCODE({**dict.fromkeys(fields), "custom_fields": {}})

"""Records between source and store: always by the page, never one by one."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of a remote system.

    ``records`` are the raw records, each the exact bytes of a JSON object; ``ids`` their keys as text,
    in the same order. ``next`` asks for the next page and is ``None`` on the last. ``reached`` is the
    highest cursor value seen on this page, ``asof`` the source's own clock when it answered: both as
    positions, or ``None``. ``deleted`` are the ids of records that the source marks as deleted; they are
    in neither ``records`` nor ``ids``. ``bad`` says in words what could not be taken (a record without its key),
    each with its place on the page.
    """

    records: tuple[bytes, ...]
    ids: tuple[str, ...]
    next: str | None = None
    reached: str | None = None
    asof: str | None = None
    deleted: tuple[str, ...] = ()
    bad: tuple[str, ...] = ()


class Row(NamedTuple):
    """One record on its way into the store.

    ``raw`` is the source's JSON, ``digest`` 16 bytes over it, ``mapped`` the unified fields as JSON
    without the standard fields that the columns hold (``None`` where mapping failed, with ``error``).

    Of one that is stored: the ``basis`` that it is mapped under, whether it is ``dead``, and, once it was mapped
    anew, whether it came out the ``same``.
    """

    source_id: str
    id: str
    raw: bytes
    digest: bytes
    mapped: bytes | None
    error: str | None = None
    basis: str = ""
    dead: bool = False
    same: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """A page of rows of one entity of one connection (its uid), mapped under ``basis`` by run ``run``."""

    connection: str
    entity: str
    basis: str
    run: str
    rows: list[Row]
    at: datetime


@dataclass(frozen=True, slots=True)
class Saved:
    """What keeping a batch did. Unchanged rows were not written."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    changed_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """One record as it is kept. Times are aware; ``deleted_at`` is set on a tombstone."""

    id: str
    connection: str
    entity: str
    source_id: str
    raw: bytes
    mapped: bytes | None
    basis: str
    error: str | None
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None
    run: str


class Mapped(NamedTuple):
    """What there is of a living record to see what another mapping would make of it."""

    source_id: str
    id: str
    raw: bytes
    mapped: bytes | None
    error: str | None
    basis: str


@dataclass(frozen=True, slots=True)
class RecordQuery:
    """What to read of one entity: whose records (uids; ``None``: all), which, and from where on.

    ``after`` is the ``(updated_at, id)`` of the last record of the page before: keyset paging, stable
    under writes. ``failed``: only those whose mapping failed when they were mapped last.
    """

    entity: str
    connections: tuple[str, ...] | None = None
    modified_after: datetime | None = None
    created_after: datetime | None = None
    deleted: bool = False
    after: tuple[datetime, str] | None = None
    limit: int = 100
    ids: tuple[str, ...] = field(default=())
    failed: bool = False


@dataclass(frozen=True, slots=True)
class UnifiedRecord:
    """One record as the API gives it: mapped under the mapping in force.

    ``connection`` is the connection's name. ``mapped`` is a compact JSON object of *every* unified field
    of the entity (null where the source has nothing) and ``custom_fields``; ``None`` where mapping failed,
    with ``error``. ``basis`` names the mapping that made it. ``synced_at`` is when the source last gave it.
    """

    id: str
    connection: str
    source_id: str
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None
    mapped: bytes | None
    error: str | None
    raw: bytes
    basis: str
    run: str
    synced_at: datetime | None = None

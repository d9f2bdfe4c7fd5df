"""Syncs: where a stream has got to, and what one run of it did."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final


class SyncMode(StrEnum):
    """What a run reads: what is new, everything in the history window, or nothing but our own store."""

    INCREMENTAL = "incremental"
    FULL = "full"
    REMAP = "remap"


class Trigger(StrEnum):
    """Who asked for a run."""

    SCHEDULE = "schedule"
    SPEC = "spec"
    PERSON = "person"
    REMOTE = "remote"


class RunStatus(StrEnum):
    """How a run stands or ended."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


_OF_REDO: Final = "@"
"""Stands in a cursor's basis before the redo that it was read for; no digest holds it."""


def basis_for(settings: str, *, redo: str) -> str:
    """Return the basis of what is read under these *settings*, for a *redo* of its connection, if any."""
    return f"{settings}{_OF_REDO}{redo}" if redo else settings


def redo_of(basis: str) -> str:
    """Return for which redo something was read; "" for none."""
    return basis.partition(_OF_REDO)[2]


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far the sync of one entity of one connection has come.

    ``position`` is opaque to all but the connector, and void when ``basis`` (the digest of the settings
    it was reached under) is another. While a run is under way, ``mode`` and ``since`` are what it was
    started with, ``page`` is where its next page starts, so that a stopped run goes on there, and
    ``reached`` is what ``position`` becomes at its end. ``connection`` is the connection's uid.
    """

    connection: str
    entity: str
    basis: str
    position: str | None = None
    page: str | None = None
    mode: SyncMode | None = None
    since: str | None = None
    reached: str | None = None
    run: str | None = None
    advanced_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SyncRun:
    """What a person asks of a run: which, when, why, how much, how did it end.

    ``connection`` is the connection's uid. The counts from ``read`` on are records; ``invalid`` are
    kept raw and could not be mapped.
    """

    id: str
    connection: str
    entity: str
    mode: SyncMode
    trigger: Trigger
    status: RunStatus
    started_at: datetime
    finished_at: datetime | None = None
    pages: int = 0
    read: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    invalid: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class SyncJob:
    """A sync that was asked for: of which connection (its name), how it stands, the runs it has made."""

    id: str
    connection: str
    mode: SyncMode
    status: RunStatus
    runs: tuple[str, ...] = ()
    error: str = ""

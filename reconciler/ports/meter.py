"""What the engine tells whoever counts: once a look, a turn, a run, an attempt, an answer; never per record."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

from reconciler.model.change import Change
from reconciler.model.event import Attempt, Event
from reconciler.model.sync import SyncRun
from reconciler.model.verdict import Verdict


class LookEnd(StrEnum):
    """How a look at the specs ended."""

    APPLIED = "applied"
    """Something was brought into force."""
    UNCHANGED = "unchanged"
    """The specs were read and are sound; nothing could be done or was to do."""
    INVALID = "invalid"
    """The specs have errors; what was in force stays."""
    UNREADABLE = "unreadable"
    """The specs could not be read; what was in force stays."""
    FAILED = "failed"
    """Something else went wrong: it is tried again."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at the specs came to: what it made true, and how many changes a guard holds."""

    end: LookEnd
    made: Sequence[Change] = ()
    held: int = 0


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer of the API: to which method, by which route's template (``None``: no route's), how.

    ``status`` is 0 where the client left before there was one.
    """

    method: str
    route: str | None
    status: int
    took: timedelta


class Meter(Protocol):
    """Counts what happens. It never waits, and never raises."""

    def looked(self, look: Look, at: datetime, took: timedelta) -> None:
        """Count a look at the specs that ended *at* a time."""
        ...

    def turned(self, key: str, verdict: Verdict, *, waited: timedelta, took: timedelta) -> None:
        """Count a turn of *key*: how long that waited after it was due, and how long the turn took."""
        ...

    def synced(self, run: SyncRun, connector: str) -> None:
        """Count a run that has ended, of a connection to a *connector*."""
        ...

    def attempted(self, attempt: Attempt, event: Event) -> None:
        """Count an attempt to deliver *event*."""
        ...

    def answered(self, answer: Answered) -> None:
        """Count an answer of the API."""
        ...


class Silent:
    """Counts nothing: for commands, and where metrics are off."""

    def looked(self, look: Look, at: datetime, took: timedelta) -> None:
        """Do nothing."""

    def turned(self, key: str, verdict: Verdict, *, waited: timedelta, took: timedelta) -> None:
        """Do nothing."""

    def synced(self, run: SyncRun, connector: str) -> None:
        """Do nothing."""

    def attempted(self, attempt: Attempt, event: Event) -> None:
        """Do nothing."""

    def answered(self, answer: Answered) -> None:
        """Do nothing."""


SILENT: Final = Silent()

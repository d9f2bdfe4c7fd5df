"""The time, and where specs come from."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """The time, and waiting for it."""

    def now(self) -> datetime:
        """Return the time now, aware, in UTC."""
        ...

    async def sleep(self, delay: timedelta) -> None:
        """Return when *delay* has passed."""
        ...


@dataclass(frozen=True, slots=True)
class Commit:
    """What git knows of a commit: its full id, who wrote it, its first line, when it was made."""

    sha: str
    author: str
    subject: str
    committed_at: datetime


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All spec files of one revision: path (relative, with ``/``) to content.

    ``waiting`` is the newer revision that a pin keeps back, or nothing. ``rewound`` says that the branch
    no longer holds the commit that it ended with before: somebody has rewritten its history.
    """

    revision: str
    files: Mapping[str, bytes]
    commit: Commit | None = None
    waiting: str = ""
    rewound: bool = False


class SpecSource(Protocol):
    """A folder or a git branch."""

    async def read(self) -> Snapshot:
        """Return all files of one revision, never half of two."""
        ...

    def changes(self) -> AsyncIterator[None]:
        """Yield whenever it is worth to ``read`` again; a hint, never a list of what changed."""
        ...

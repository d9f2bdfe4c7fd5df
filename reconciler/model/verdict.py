"""How one turn of a controller ended: one of three, told by type."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Done:
    """All is as it should be; look again after ``again``, or at the next change."""

    again: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """It may work later: after ``wait``, or by the backoff."""

    why: str
    wait: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Halt:
    """It will not work until a person or a spec changes something."""

    why: str


Verdict: TypeAlias = Done | Retry | Halt

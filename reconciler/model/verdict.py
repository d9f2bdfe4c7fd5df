"""How one turn of a controller ended, told by type: done, or one of three classes of trouble."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeAlias

LOOK_AGAIN: Final = timedelta(seconds=30)
"""When to look again at what waits, should the event that wakes it be missed."""


@dataclass(frozen=True, slots=True)
class Done:
    """All is as it should be; look again after ``again``, or at the next change."""

    again: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """Transient: it may work later, by the backoff, and not before ``wait``."""

    why: str
    wait: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Waiting for something else (a dependency, a window, a lock): no failure, and not counted as one.

    What ends it asks for the key again; ``again`` is when to look in any case.
    """

    why: str
    again: timedelta = LOOK_AGAIN


@dataclass(frozen=True, slots=True)
class Halt:
    """Permanent: it will not work until a person or a spec changes something.

    ``again`` is when to look whether something has changed; without it, the next ask is waited for.
    """

    why: str
    again: timedelta | None = None


Verdict: TypeAlias = Done | Retry | Wait | Halt

"""Which drift is put back now, which waits, and which is left alone because it comes back each time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from reconciler.model.change import DriftPolicy, State
from reconciler.model.resource import ResourceKey
from reconciler.plan.drift import policy_of

MEMORY: Final = timedelta(hours=1)
"""How far back healings count."""
MOST: Final = 5
"""After so many healings within ``MEMORY`` an object is left alone until a person or a commit changes it."""
FIRST_WAIT: Final = timedelta(seconds=2)
LONGEST_WAIT: Final = timedelta(seconds=300)


@dataclass(frozen=True, slots=True)
class Healing:
    """What to heal ``now``, which objects flap, and when to look again (``None``: no need)."""

    now: frozenset[ResourceKey] = frozenset()
    flapping: frozenset[ResourceKey] = frozenset()
    again: timedelta | None = None


def healing(
    state: State, healed: Mapping[str, Sequence[datetime]], now: datetime, *, since: datetime
) -> Healing:
    """Return what is to be done about the drift of *state*.

    *healed* are the times of past healings by uid; those before *since*, when the specs changed last,
    do not count. The second healing waits 2 s after the first, then three times as long, 300 s at most.
    """
    heal, flapping, waits = set(), set(), []
    for key, applied in state.applied.items():
        if policy_of(applied) is not DriftPolicy.HEAL:
            continue
        past = [at for at in healed.get(state.uids[key], ()) if at >= max(since, now - MEMORY)]
        if len(past) >= MOST:
            flapping.add(key)
            continue
        wait = past[-1] + wait_after(len(past)) - now if past else timedelta(0)
        if wait > timedelta(0):
            waits.append(wait)
        else:
            heal.add(key)
    return Healing(frozenset(heal), frozenset(flapping), min(waits, default=None))


def wait_after(healings: int) -> timedelta:
    """Return how long to wait after so many *healings*: 2 s, 6 s, 18 s, …, 300 s at most."""
    factor: int = 3 ** (healings - 1)
    return min(FIRST_WAIT * factor, LONGEST_WAIT)

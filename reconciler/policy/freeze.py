"""What the windows of a plan hold at a moment, and until when."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from reconciler.model.change import Advisory, Block, Freeze, Plan
from reconciler.model.moment import rfc3339
from reconciler.model.resource import Resource, ResourceKey
from reconciler.plan.hold import HELD_BACK, held_back
from reconciler.policy.windows import all_ended, end_of, open_among
from reconciler.spec.secrets import redact

WINDOW: Final = "WINDOW"


def frozen_at(
    plan: Plan,
    in_force: Mapping[ResourceKey, Resource],
    now: datetime | None,
    *,
    ignored: str = "",
) -> Plan:
    """Return *plan* as its windows are at *now*: what they hold is blocked, and what depends on it.

    What they held at another time, and hold no longer, is free. With *ignored*, the reason of a person,
    they hold nothing, and the plan warns of them. Without a time no window is looked at.
    """
    found = list(_closed(plan, now)) if now is not None else []
    blocks = tuple(one for one in plan.blocks if one.code not in {WINDOW, HELD_BACK})
    advisories = tuple(one for one in plan.advisories if one.code != WINDOW)
    if ignored:
        advisories += tuple(_ignored(one, ignored) for one in found)
    else:
        blocks += tuple(map(_block, found))
    blocks += held_back(plan.changes, blocks, in_force)
    return replace(plan, blocks=blocks, advisories=advisories)


def opens_at(plan: Plan, now: datetime) -> datetime | None:
    """Return when the first changes that wait for windows may go; ``None``: none waits, or for ever."""
    ends = [one.until for one in _closed(plan, now) if one.until is not None]
    return min(ends, default=None)


def only_waits(plan: Plan) -> bool:
    """Return whether all that *plan* holds is held by windows: it goes on by itself."""
    codes = {block.code for block in plan.blocks}
    return WINDOW in codes and codes <= {WINDOW, HELD_BACK}


@dataclass(frozen=True, slots=True)
class _Closed:
    """Changes that wait for the same windows: why, and until when (``None``: the windows leave no gap)."""

    keys: tuple[ResourceKey, ...]
    reasons: tuple[str, ...]
    until: datetime | None


def _closed(plan: Plan, now: datetime) -> Iterator[_Closed]:
    about: dict[ResourceKey, list[int]] = {}
    for at, freeze in enumerate(plan.freezes):
        for key in freeze.keys:
            about.setdefault(key, []).append(at)
    groups: dict[tuple[int, ...], list[ResourceKey]] = {}
    for key, places in about.items():
        groups.setdefault(tuple(places), []).append(key)
    for together, keys in groups.items():
        windows = [plan.freezes[at] for at in together]
        if open_among(windows, now):
            yield _Closed(tuple(keys), _reasons(windows, now), all_ended(windows, now))


def _reasons(windows: list[Freeze], now: datetime) -> tuple[str, ...]:
    opened = [window.reason for window in windows if end_of(window, now) is not None]
    return tuple(dict.fromkeys(map(redact, opened)))


def _block(one: _Closed) -> Block:
    first, *others = one.keys
    sure = "a person can go on: --ignore-windows REASON"
    if one.until is None:
        remedy = f"these windows leave no gap: correct the policy; or {sure}"
    else:
        remedy = f"it opens again at {rfc3339(one.until)} and goes on by itself; before that {sure}"
    return Block(first, WINDOW, _why(one), remedy, tuple(others))


def _ignored(one: _Closed, because: str) -> Advisory:
    first, *others = one.keys
    return Advisory(first, WINDOW, f"{_why(one)}; ignored: {redact(because)}", "", tuple(others))


def _why(one: _Closed) -> str:
    count = len(one.keys)
    holds = f"; {count:,} changes wait" if count > 1 else ""
    return f"a deny window is open: {', '.join(one.reasons)}{holds}"

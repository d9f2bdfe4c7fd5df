"""Conditions of objects and of the source, kept when they change; ``Synced`` is not said while it is well."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from reconciler.model.change import Block, Plan, State
from reconciler.model.condition import Condition, Reason, Status, Truth
from reconciler.model.resource import ResourceKey
from reconciler.ports import Conditions, Views

SOURCE: Final = "Source"
"""The subject of what is said of where the specs come from."""

Said = Mapping[tuple[str, Condition], Status]
"""What is said, by subject and condition."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When something is found, and in which generation."""

    at: datetime
    generation: int


def of_plan(plan: Plan, state: State, flapping: frozenset[ResourceKey], moment: Moment) -> Said:
    """Return what is to be said of objects after *plan*: those held, and those that have drifted."""
    return dict(_of_plan(plan, state, flapping, moment))


def _of_plan(
    plan: Plan, state: State, flapping: frozenset[ResourceKey], moment: Moment
) -> Iterator[tuple[tuple[str, Condition], Status]]:
    for block in plan.blocks:
        for key in (block.key, *block.also):
            uid = state.uids.get(key, str(key))
            said = f"{block.reason}; {block.remedy}"
            yield _said(uid, Condition.SYNCED, (Truth.FALSE, _reason(block), said), moment)
            if _reason(block) not in {Reason.DEPENDENCY_NOT_READY, Reason.DENY_WINDOW}:
                yield _said(uid, Condition.STALLED, (Truth.TRUE, _reason(block), said), moment)
    for drift in plan.drifts:
        if not drift.told or drift.key not in state.uids:
            continue
        uid = state.uids[drift.key]
        reason = Reason.FLAPPING if drift.key in flapping else Reason.CHANGED_OUTSIDE_GIT
        actors = ", ".join(dict.fromkeys(field.actor for field in drift.fields))
        count = "1 field" if len(drift.fields) == 1 else f"{len(drift.fields)} fields"
        said = f"{count} changed outside of git by {actors}"
        yield _said(uid, Condition.DRIFTED, (Truth.TRUE, reason, said), moment)


def _reason(block: Block) -> Reason:
    return _REASONS.get(block.code, Reason.BLOCKED)


_REASONS: Final = {
    "CONFLICT": Reason.CONFLICT,
    "HELD_BACK": Reason.DEPENDENCY_NOT_READY,
    "WINDOW": Reason.DENY_WINDOW,
}


def _said(
    uid: str, condition: Condition, told: tuple[Truth, Reason, str], moment: Moment
) -> tuple[tuple[str, Condition], Status]:
    truth, reason, message = told
    status = Status(condition, truth, reason.value, message, moment.at, moment.generation)
    return (uid, condition), status


OURS: Final = frozenset({Condition.SYNCED, Condition.STALLED, Condition.DRIFTED})
"""The conditions that a look at the specs decides."""


async def said_now(views: Views) -> Said:
    """Return what is said at present of what a look at the specs decides."""
    found = await views.conditions()
    return {
        (subject, status.condition): status
        for subject, many in found.items()
        for status in many
        if subject != SOURCE and status.condition in OURS
    }


def differ(before: Said, after: Said) -> bool:
    """Return whether something else is to be said than before."""
    return {place: _told(one) for place, one in before.items()} != {
        place: _told(one) for place, one in after.items()
    }


def _told(status: Status) -> tuple[str, str, str]:
    return status.truth, status.reason, status.message


async def keep(conditions: Conditions, before: Said, after: Said) -> list[tuple[str, Status]]:
    """Keep *after* in place of *before*; return the statuses whose truth or reason is new."""
    for subject, condition in before.keys() - after.keys():
        await conditions.clear(subject, condition)
    return [
        (subject, status)
        for (subject, _), status in after.items()
        if await conditions.put(subject, status)
    ]


def source_status(reason: Reason, message: str, moment: Moment) -> Status:
    """Return what is said of the source: it is ready unless the specs cannot be taken from it."""
    bad = reason in {Reason.INVALID_SPEC, Reason.SOURCE_UNREADABLE}
    truth = Truth.FALSE if bad else Truth.TRUE
    return Status(Condition.READY, truth, reason.value, message, moment.at, moment.generation)

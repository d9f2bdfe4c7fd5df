"""A brake on mapping changes: what changes too many stored records at once waits for a person.

A slip in one rule can make a field null in a million records, and every reader of the API sees it in its
next answer. What is over the cap is held; the rest of the plan goes on.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from reconciler.model.change import Block, Change, Plan
from reconciler.model.data_effect import DataEffect
from reconciler.model.resource import Resource, ResourceKey
from reconciler.plan.hold import HELD_BACK, held_back

MAX_CHANGED: Final = "reconciler/max-changed"
"""The annotation by which an object says how much a change of it may do to records: ``60%``, ``500``."""
TOO_MANY_CHANGED: Final = "TOO_MANY_CHANGED"

_FORM: Final = re.compile(r"(\d{1,3}(?:\.\d{1,3})?)%|(\d{1,12})")


@dataclass(frozen=True, slots=True)
class Cap:
    """How many records of one entity of one connection may change at once: a share, or a number."""

    share: float | None = None
    records: int | None = None

    def __str__(self) -> str:
        return f"{self.share:.4g}%" if self.share is not None else f"{self.records or 0:,} records"

    def allows(self, effect: DataEffect) -> bool:
        """Return whether *effect* is within it; of a sample, a number counts for all that are stored."""
        if self.share is not None:
            return effect.share * 100 <= self.share
        return effect.share * effect.stored <= (self.records or 0)


def parse_cap(text: str) -> Cap:
    """Return the cap that *text* says: ``10%`` of the records, or ``250`` of them.

    Raises:
        ValueError: for any other form, and for more than 100%.
    """
    match = _FORM.fullmatch(text.strip())
    if match is None or (match[1] is not None and float(match[1]) > 100):
        msg = f"{text!r} is neither a share, such as 10%, nor a number of records, such as 250"
        raise ValueError(msg)
    if match[1] is not None:
        return Cap(share=float(match[1]))
    return Cap(records=int(match[2]))


def braked(plan: Plan, cap: Cap | None, in_force: Mapping[ResourceKey, Resource]) -> Plan:
    """Return *plan* with the mapping changes held that do more to stored records than *cap* allows.

    An object that is annotated says for itself what is allowed. What another cap held is free.
    """
    kept = [one for one in plan.blocks if one.code not in {TOO_MANY_CHANGED, HELD_BACK}]
    found = [] if cap is None else list(_blocks(plan, cap))
    if len(kept) == len(plan.blocks) and not found:
        return plan
    blocks = (*kept, *found)
    return replace(plan, blocks=(*blocks, *held_back(plan.changes, blocks, in_force)))


def _blocks(plan: Plan, cap: Cap) -> Iterator[Block]:
    """Yield one block for each group of changes that does too much, of its worst effect."""
    changes = {change.key: change for change in plan.changes}
    worst: dict[tuple[ResourceKey, ...], list[DataEffect]] = {}
    for effect in plan.data:
        caps = [own for key in effect.causes if (own := _own_cap(changes[key])) is not None]
        if effect.causes and not any(one.allows(effect) for one in caps or [cap]):
            worst.setdefault(effect.causes, []).append(effect)
    for causes, effects in worst.items():
        yield _block(causes, max(effects, key=lambda one: one.share), len(effects), cap)


def _block(causes: tuple[ResourceKey, ...], worst: DataEffect, count: int, cap: Cap) -> Block:
    others = f"{count - 1:,} more place{'' if count == 2 else 's'}"
    more = f", and in {others}" if count > 1 else ""
    preview = worst.preview
    about = "about " if worst.sampled else ""
    share = f"{about}{worst.share:.1%}"
    reason = (
        f"{preview.differing:,} of {worst.looked_at:,} {worst.entity} of {worst.connection} would "
        f"change ({share}){more}, more than the {cap} allowed at once"
    )
    remedy = (
        f"look at the samples; if it is meant, allow it: --max-changed {_enough(worst)}, "
        f'or in the specs by the annotation {MAX_CHANGED}: "{_enough(worst)}" of {causes[0]}'
    )
    return Block(causes[0], TOO_MANY_CHANGED, reason, remedy, causes[1:])


def _enough(effect: DataEffect) -> str:
    """Return the least whole share that allows *effect*."""
    whole = int(effect.share * 100)
    return f"{whole if whole >= effect.share * 100 else whole + 1}%"


def _own_cap(change: Change) -> Cap | None:
    """Return what the object says for itself; a text that says no cap says nothing."""
    resource: Resource | None = getattr(change, "after", None) or getattr(change, "before", None)
    said = resource.body["metadata"].get("annotations", {}).get(MAX_CHANGED) if resource else None
    try:
        return parse_cap(said) if said is not None else None
    except ValueError:
        return None

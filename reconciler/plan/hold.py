"""What has to wait because something it depends on is held: the rest of a plan goes on without it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from reconciler.model.change import Block, Change, Delete, Forget, Rename
from reconciler.model.resource import Resource, ResourceKey
from reconciler.plan.outcome import resources_after

HELD_BACK: Final = "HELD_BACK"


def held_back(
    changes: tuple[Change, ...],
    blocks: Iterable[Block],
    in_force: Mapping[ResourceKey, Resource],
) -> tuple[Block, ...]:
    """Return blocks for those of *changes* that cannot be made while the ones of *blocks* are not."""
    held = {key for block in blocks for key in (block.key, *block.also)}
    found: dict[ResourceKey, Block] = {}
    while held:
        doable = [change for change in changes if change.key not in held]
        if len(doable) == len(changes):
            break
        more = {block.key: block for block in _waiting(doable, held, in_force)}
        if not more:
            break
        held |= more.keys()
        found |= more
    return tuple(found[key] for key in sorted(found))


def _waiting(
    doable: list[Change], held: set[ResourceKey], in_force: Mapping[ResourceKey, Resource]
) -> Iterator[Block]:
    after = resources_after(in_force, doable)
    users = {key: after[key].needs for key in sorted(held & after.keys())}
    for change in doable:
        gone = _old_key(change)
        user = next((key for key, needs in users.items() if gone in needs), None)
        if user is not None:
            yield _block(change.key, f"{user} needs it as long as it is held back itself")
        elif not isinstance(change, (Delete, Forget)):
            need = next(
                (need for need in sorted(change.after.needs & held) if need not in after), None
            )
            if need is not None:
                yield _block(change.key, f"it needs {need}, which is held back")


def _old_key(change: Change) -> ResourceKey | None:
    if isinstance(change, (Delete, Forget, Rename)):
        return change.before.key
    return None


def _block(key: ResourceKey, reason: str) -> Block:
    return Block(key, HELD_BACK, reason, "decide about that one first; this one follows by itself")

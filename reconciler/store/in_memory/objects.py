"""Resources in force, without a database."""

from dataclasses import replace
from datetime import datetime
from typing import assert_never

from reconciler.errors import Conflict, PlanStale
from reconciler.model.audit import Past
from reconciler.model.change import (
    Adopt,
    Change,
    Create,
    Delete,
    Forget,
    Heal,
    Rename,
    Replace,
    State,
    Update,
)
from reconciler.model.connection import ConnectionState
from reconciler.model.drift import DriftKind, Resolution
from reconciler.model.identity import connection_uid
from reconciler.model.redo import NOT_ASKED
from reconciler.model.resource import Kind, Resource, ResourceKey
from reconciler.plan.outcome import redo_after
from reconciler.store.in_memory.credentials import forget
from reconciler.store.in_memory.records import bury_all, erase
from reconciler.store.in_memory.shelf import Draft, Kept, Shelf
from reconciler.store.times import micros, moment


class MemoryObjects:
    """``ports.Objects`` in one transaction."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft

    async def state(self) -> State:
        """Return what is in force."""
        return await self._draft.do(state_of)

    async def advance_generation(self, base: int, *, revision: str, at: datetime) -> int:
        """Take the generation from *base* to the next, or raise ``PlanStale``."""
        return await self._draft.do(_advance, base, revision, at)

    async def put(self, change: Change, *, actor: str, at: datetime) -> None:
        """Make *change* true; a rename keeps the uid, a delete removes what the resource owns."""
        await self._draft.do(_put, change, actor, at)

    async def edit(self, before: Resource, after: Resource, *, actor: str, at: datetime) -> None:
        """Put *after* in force beside what git applied."""
        await self._draft.do(_edit, (before, after), actor, at)

    async def settle(self, resource: Resource, *, actor: str, at: datetime) -> None:
        """Say that git applied *resource*, which is in force already."""
        await self._draft.do(_settle, resource, actor, at)

    async def uid(self, key: ResourceKey) -> str | None:
        """Return the identity of a resource in force."""
        return await self._draft.do(uid_of, key)

    async def last_uid(self, key: ResourceKey) -> str | None:
        """Return the identity of a resource in force, or of the last one whose data are kept."""
        return await self._draft.do(lambda shelf: uid_of(shelf, key) or _released_uid(shelf, key))


def state_of(shelf: Shelf) -> State:
    """Return what is in force."""
    uids = {kept.resource.key: uid for uid, kept in shelf.objects.items() if _in_force(kept)}
    resources = {key: shelf.objects[uid].resource for key, uid in sorted(uids.items())}
    applied = {key: base for key, uid in uids.items() if (base := shelf.objects[uid].applied)}
    edits = {
        key: drift.fields
        for drift in shelf.drifts.values()
        if drift.kind is DriftKind.CONFIG and drift.resolved_at is None
        for key, uid in uids.items()
        if uid == drift.uid
    }
    redo = {key: one for key, uid in uids.items() if (one := shelf.objects[uid].redo) != NOT_ASKED}
    return State(shelf.generation, resources, shelf.revision, uids, applied, edits, redo)


def states_of(shelf: Shelf) -> dict[str, ConnectionState]:
    """Return how each connection in force is, under the name it has now."""
    return {
        uid: replace(state, key=shelf.objects[uid].resource.key)
        for uid, state in shelf.states.items()
        if _in_force(shelf.objects[uid])
    }


def uid_of(shelf: Shelf, key: ResourceKey) -> str | None:
    """Return the uid of a resource in force."""
    found = (uid for uid, kept in shelf.objects.items() if _in_force(kept) and _is(kept, key))
    return next(found, None)


def _in_force(kept: Kept) -> bool:
    return kept.released_at is None


def _is(kept: Kept, key: ResourceKey) -> bool:
    return kept.resource.key == key


def _advance(shelf: Shelf, base: int, revision: str, at: datetime) -> int:
    if shelf.generation != base:
        who = [past.actor for past in shelf.history if past.generation == shelf.generation]
        by = f" by {who[-1]}" if who else ""
        moved = (
            ""
            if shelf.moved_at is None
            else f", moved there{by} at {moment(shelf.moved_at).isoformat(timespec='seconds')}"
        )
        raise PlanStale(
            f"the plan holds for generation {base}, and the state is at generation "
            f"{shelf.generation}{moved}",
            hint="plan again, and apply the new plan",
        )
    shelf.generation, shelf.revision, shelf.moved_at = base + 1, revision, micros(at)
    return shelf.generation


def _put(shelf: Shelf, change: Change, actor: str, at: datetime) -> None:
    before: Resource | None = getattr(change, "before", None)
    old = None if before is None else _applied(shelf, before.key)
    uid = _made_true(shelf, change, at)
    after: Resource | None = getattr(change, "after", None)
    _remember(shelf, (change.key, uid, change.action.word), (old, after), actor, at)


def _remember(
    shelf: Shelf,
    what: tuple[ResourceKey, str, str],
    sides: tuple[Resource | None, Resource | None],
    actor: str,
    at: datetime,
) -> None:
    before, after = (None if side is None else side.canonical for side in sides)
    past = Past(*what, actor, at, shelf.generation, shelf.revision, before, after)
    shelf.history.append(past)


def _applied(shelf: Shelf, key: ResourceKey) -> Resource | None:
    uid = uid_of(shelf, key)
    if uid is None:
        return None
    kept = shelf.objects[uid]
    return kept.applied or kept.resource


def _edit(shelf: Shelf, sides: tuple[Resource, Resource], actor: str, at: datetime) -> None:
    before, after = sides
    uid = _must_find(shelf, before.key)
    kept = shelf.objects[uid]
    applied = kept.applied or kept.resource
    beside = None if applied.digest == after.digest else applied
    shelf.objects[uid] = kept._replace(resource=after, applied=beside)
    _remember(shelf, (after.key, uid, "edit"), (kept.resource, after), actor, at)


def _settle(shelf: Shelf, resource: Resource, actor: str, at: datetime) -> None:
    uid = _must_find(shelf, resource.key)
    old = _applied(shelf, resource.key)
    shelf.objects[uid] = shelf.objects[uid]._replace(resource=resource, applied=None)
    _remember(shelf, (resource.key, uid, "settle"), (old, resource), actor, at)


def _made_true(shelf: Shelf, change: Change, at: datetime) -> str:
    match change:
        case Create(after=after):
            uid = _free_uid(shelf, after.key)
        case Update(after=after) | Adopt(after=after) | Heal(after=after):
            uid = _must_find(shelf, change.before.key)
        case Rename(after=after):
            uid = _must_find(shelf, change.before.key)
            if uid_of(shelf, after.key) is not None:
                raise Conflict(
                    f"{after.key} is in force already; {change.before.key} cannot take its name"
                )
        case Replace(after=after):
            uid = _must_find(shelf, change.before.key)
            _start_anew(shelf, uid, at, elsewhere=change.elsewhere)
        case Forget() | Delete():
            uid = _must_find(shelf, change.before.key)
            kept = shelf.objects[uid]
            _close_drifts(shelf, uid, at)
            if isinstance(change, Forget) or not _remove(shelf, uid, kept.resource, at):
                shelf.objects[uid] = kept._replace(released_at=micros(at))
            else:
                del shelf.objects[uid]
            return uid
        case _:
            assert_never(change)
    observed: Resource | None = getattr(change, "observed", None)
    known = shelf.objects[uid].redo if uid in shelf.objects else NOT_ASKED
    redo = redo_after(change, known, at)
    kept = Kept(after) if observed is None else Kept(observed, applied=after)
    shelf.objects[uid] = kept._replace(redo=redo)
    return uid


def _close_drifts(shelf: Shelf, uid: str, at: datetime) -> None:
    for drift in list(shelf.drifts.values()):
        if drift.uid == uid and drift.resolved_at is None:
            shelf.drifts[drift.id] = drift.over(Resolution.REMOVED, at)
    for place in [place for place in shelf.conditions if place[0] == uid]:
        del shelf.conditions[place]


def _must_find(shelf: Shelf, key: ResourceKey) -> str:
    uid = uid_of(shelf, key)
    if uid is None:
        raise Conflict(f"{key} is not in force any more", hint="plan again: the state has moved on")
    return uid


def _free_uid(shelf: Shelf, key: ResourceKey) -> str:
    if uid_of(shelf, key) is not None:
        raise Conflict(
            f"{key} is in force already, and cannot be created again",
            hint="plan again: the state has moved on",
        )
    released = _released_uid(shelf, key)
    if released is not None:
        return released
    name = key.name if key.kind is Kind.CONNECTION else str(key)
    taken: set[str] = set()
    while (uid := connection_uid(name, taken=frozenset(taken))) in shelf.objects:
        taken.add(uid)
    return uid


def _released_uid(shelf: Shelf, key: ResourceKey) -> str | None:
    released = [
        (-kept.released_at, uid)
        for uid, kept in shelf.objects.items()
        if _is(kept, key) and kept.released_at is not None
    ]
    return min(released)[1] if released else None


def _remove(shelf: Shelf, uid: str, resource: Resource, at: datetime) -> bool:
    """Remove what a resource owns; return whether nothing of it is kept."""
    if resource.key.kind is not Kind.CONNECTION:
        return True
    _void(shelf, uid)
    forget(shelf, uid)
    _end_tokens(shelf, uid, at)
    if _retained(resource):
        return False
    erase(shelf, uid, None)
    return True


def _start_anew(shelf: Shelf, uid: str, at: datetime, *, elsewhere: bool) -> None:
    _close_drifts(shelf, uid, at)
    resource = shelf.objects[uid].resource
    if resource.key.kind is not Kind.CONNECTION:
        return
    _void(shelf, uid)
    if elsewhere:
        forget(shelf, uid)
        _end_tokens(shelf, uid, at)
    if _retained(resource):
        bury_all(shelf, uid, at)
    else:
        erase(shelf, uid, None)


def _end_tokens(shelf: Shelf, uid: str, at: datetime) -> None:
    for token in list(shelf.tokens.values()):
        alive = token.revoked_at is None or token.revoked_at > at
        if token.connection == uid and alive:
            shelf.tokens[token.id] = replace(token, revoked_at=at)


def _void(shelf: Shelf, uid: str) -> None:
    shelf.states.pop(uid, None)
    shelf.cursors = {place: one for place, one in shelf.cursors.items() if place[0] != uid}


def _retained(resource: Resource) -> bool:
    return bool(resource.spec.get("deletionPolicy") == "retain")

"""Edits outside of git, through the API and the dashboard: in force at once, and told as drift."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from reconciler.engine.apply import change_event
from reconciler.engine.drifting import Edited, note_edit, note_end, note_exception, open_drifts
from reconciler.engine.inforce import InForce, chooses
from reconciler.errors import Conflict, Invalid, NotFound, PlanStale, SpecInvalid
from reconciler.model.audit import AuditEntry
from reconciler.model.change import Change, Create, Delete, State, Update
from reconciler.model.drift import Resolution
from reconciler.model.event import Event
from reconciler.model.resource import Kind, Owner, Resource, ResourceKey
from reconciler.model.value import canonical
from reconciler.plan.compare import immutable
from reconciler.plan.diff import diff
from reconciler.plan.drift import Sighting
from reconciler.plan.effects import effects_of
from reconciler.plan.paths import dotted
from reconciler.ports import Clock, EditDone, EditWish, Permit, Store, UnitOfWork
from reconciler.spec.load import load
from reconciler.spec.written import file_of

EDITABLE: Final = frozenset(
    {
        Kind.CONNECTION,
        Kind.MAPPING,
        Kind.SYNC_SCHEDULE,
        Kind.ALERT_ROUTE,
        Kind.OVERRIDE,
        Kind.EXPECTATION,
    }
)
"""What can be written through the API; connectors, environments and sets live in git alone."""

TRIES: Final = 5
"""How often an edit is begun anew when the state has moved on meanwhile."""

REQUEST: Final = "request.yaml"


class Edits:
    """Writes single objects, each in a transaction with its drift, its audit entry and its events."""

    def __init__(
        self,
        store: Store,
        in_force: InForce,
        clock: Clock,
        *,
        catalogue: Mapping[str, bytes],
        changed: Callable[[], Awaitable[None]],
    ) -> None:
        self._store = store
        self._in_force = in_force
        self._clock = clock
        self._catalogue = catalogue
        self._changed = changed

    async def draft(self, wish: EditWish) -> tuple[State, Create | Update | None]:
        """Return the state that is in force, and the change of it that *wish* asks for (``None``: none).

        Raises:
            SpecInvalid: if the document has errors.
            Conflict: if something else is in force than the writer has seen.
            Invalid: if it may not be changed in place, or not here.
        """
        state = (await self._in_force.look()).state
        after = self._loaded(wish, state)
        before = state.resources.get(after.key)
        if wish.permit is not None:
            await wish.permit(state, before, after)
        _check(wish, before, after)
        if before is not None and before.digest == after.digest:
            return state, None
        return state, _change(before, after)

    async def put(self, wish: EditWish) -> EditDone:
        """Put what *wish* says in force.

        Raises:
            SpecInvalid: if the document has errors.
            Conflict: if something else is in force than the writer has seen.
            Invalid: if it may not be changed in place, or not here.
        """
        for left in reversed(range(TRIES)):
            state, change = await self.draft(wish)
            if change is None:
                key = _key(wish.document)
                return EditDone(state.resources[key], False, False, key in state.applied)
            try:
                done = await self._write(wish, state, change)
            except PlanStale:
                if not left:
                    raise
                continue
            await self._changed()
            return done
        raise AssertionError

    async def remove(
        self, key: ResourceKey, *, actor: str, request_id: str = "", permit: Permit | None = None
    ) -> None:
        """Take an object out of force that was made through the API.

        Raises:
            NotFound: if there is none.
            Invalid: if git owns it, it is protected, or others need it.
        """
        for left in reversed(range(TRIES)):
            state = (await self._in_force.look()).state
            before = state.resources.get(key)
            if before is None:
                raise NotFound(f"{key} is not in force")
            if permit is not None:
                await permit(state, before, None)
            _check_removal(before, state)
            wish = EditWish({}, actor, request_id)
            try:
                await self._commit(wish, state, Delete(before))
            except PlanStale:
                if not left:
                    raise
                continue
            await self._changed()
            return

    def _loaded(self, wish: EditWish, state: State) -> Resource:
        """Return the resource of the document, checked against what it touches."""
        key = _key(wish.document)
        others = [one for one in _around(wish.document, state) if one.key != key]
        files = {
            REQUEST: canonical(wish.document),
            "in-force.yaml": file_of(others),
        }
        loaded = load({k: v for k, v in files.items() if v}, catalogue=self._catalogue)
        problems = [one for one in loaded.errors if one.origin.file == REQUEST]
        if problems:
            raise SpecInvalid(problems)
        made = loaded.resources[key]
        known = state.resources.get(key)
        owner = known.owner if known is not None else Owner.API
        origin = known.origin if known is not None else None
        return replace(made, owner=owner, origin=origin)

    async def _write(self, wish: EditWish, state: State, change: Create | Update) -> EditDone:
        await self._commit(wish, state, change)
        after = change.after
        if isinstance(change, Create):
            return EditDone(after, True, True, False)
        applied = _applied(state, change.before)
        drifted = after.owner is Owner.GIT and applied.digest != after.digest
        return EditDone(after, False, True, drifted)

    async def _commit(self, wish: EditWish, state: State, change: Change) -> None:
        seen = Sighting(wish.actor, self._clock.now())
        async with self._store.begin() as unit:
            await unit.objects.advance_generation(
                state.generation, revision=state.revision, at=seen.at
            )
            events = [change_event(change, seen.at, seen.actor)]
            if isinstance(change, Update) and change.after.owner is Owner.GIT:
                events += await _edit(unit, state, change, seen)
            else:
                if isinstance(change, Delete):  # before it goes, and its drift with it
                    key = change.key
                    events += await note_end(unit.ledger, key, Resolution.REVERTED, seen)
                await unit.objects.put(change, actor=seen.actor, at=seen.at)
                events += await _exception(unit, wish, change, seen)
            await unit.audit.record(_entry(wish, change, seen))
            await unit.outbox.emit(events)
            await unit.commit()


def _change(before: Resource | None, after: Resource) -> Create | Update:
    if before is None:
        return Create(after)
    fields = tuple(diff(before.body, after.body))
    return Update(before, after, fields, effects_of(after.key.kind, fields))


async def _exception(
    unit: UnitOfWork, wish: EditWish, change: Change, seen: Sighting
) -> list[Event]:
    """Keep in the ledger what an exception makes otherwise."""
    if not wish.instead:
        return []
    uid = await unit.objects.uid(change.key)
    return await note_exception(unit.ledger, (change.key, uid or ""), wish.instead, seen)


async def _edit(unit: UnitOfWork, state: State, change: Update, seen: Sighting) -> list[Event]:
    before, after = change.before, change.after
    await unit.objects.edit(before, after, actor=seen.actor, at=seen.at)
    known = (await open_drifts(unit.ledger)).get(after.key)
    edited = Edited(state.uids[before.key], _applied(state, before), after)
    return await note_edit(unit.ledger, known, edited, seen)


def _applied(state: State, resource: Resource) -> Resource:
    return state.applied.get(resource.key, resource)


def _key(document: Mapping[str, Any]) -> ResourceKey:
    kind = document.get("kind")
    metadata = document.get("metadata")
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    if kind not in {one.value for one in EDITABLE} or not isinstance(name, str):
        known = ", ".join(sorted(one.value for one in EDITABLE))
        raise Invalid(
            f"{str(kind)[:64]!r} cannot be written here",
            hint=f"what can: {known}; all else is declared in git",
        )
    return ResourceKey(Kind(kind), name)


def _around(document: Mapping[str, Any], state: State) -> Iterator[Resource]:
    """Yield what is in force and bears on the document: what it names, and mappings beside it."""
    spec = document.get("spec")
    spec = spec if isinstance(spec, Mapping) else {}
    target = spec.get("target")
    named = {ResourceKey(Kind.CONNECTION, str(spec.get("connection")))}
    if isinstance(target, Mapping) and target.get("kind") in set(Kind):
        named.add(ResourceKey(Kind(str(target["kind"])), str(target.get("name"))))
    named |= {
        need for key in named if key in state.resources for need in state.resources[key].needs
    }
    connections = [
        state.resources[key]
        for key in named
        if key.kind is Kind.CONNECTION and key in state.resources
    ]
    for key, resource in sorted(state.resources.items()):
        beside = key.kind is Kind.MAPPING and (
            resource.needs & named
            # its tests are run on all layers, and those below are of mappings that select
            or any(chooses(resource.spec, one) for one in connections)
        )
        if key.kind is Kind.CONNECTOR or key in named or beside:
            yield resource


def _check(wish: EditWish, before: Resource | None, after: Resource) -> None:
    if wish.expected is not None and (
        before is None or not before.digest.startswith(wish.expected)
    ):
        raise Conflict(
            f"{after.key} is not as you have seen it: somebody else has changed it",
            hint="read it again, and make your change on what is there now",
        )
    fixed = immutable(after.key.kind, tuple(diff(before.body, after.body))) if before else ()
    if fixed:
        raise Invalid(
            f"{after.key}: {dotted(fixed[0])} cannot be changed in place",
            hint="another system is another connection; declare the replacement in the specs",
        )


def _check_removal(before: Resource, state: State) -> None:
    if before.owner is Owner.GIT:
        raise Invalid(
            f"{before.key} is declared in the specs, and would come back",
            hint="take it out of the specs; to pause it meanwhile: reconciler suspend",
        )
    if before.spec.get("protect") is True:
        raise Invalid(f"{before.key} is protected", hint="set protect to false first")
    users = sorted(str(key) for key, one in state.resources.items() if before.key in one.needs)
    if users:
        raise Invalid(
            f"{before.key} is needed by {', '.join(users[:5])}", hint="remove those first"
        )


def _entry(wish: EditWish, change: Change, seen: Sighting) -> AuditEntry:
    before, after = getattr(change, "before", None), getattr(change, "after", None)
    data = {
        "action": change.action.word,
        "before": before.digest if before else None,
        "after": after.digest if after else None,
        "fields": [dotted(field.path) for field in getattr(change, "fields", ())],
    }
    return AuditEntry(seen.at, seen.actor, "object.edited", str(change.key), data, wish.request_id)

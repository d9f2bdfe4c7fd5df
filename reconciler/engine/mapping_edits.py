"""Mappings edited beside git: each edit is an exception for a time, told beforehand, with what to commit.

The exception is an ``Override``. Where a ``Mapping`` of the connection is in force, that is its target, and
the patch is what a commit would change in it; else it is of the connection, and lies over its default.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from reconciler.engine.edits import Edits
from reconciler.engine.effect import after, data_effects
from reconciler.engine.inforce import InForce, Situation
from reconciler.engine.merging import PatchMaker, Target
from reconciler.engine.pausing import mapping_document, mapping_key
from reconciler.errors import Conflict, Invalid, NotFound, PlanBlocked, PlanStale, SpecInvalid
from reconciler.mapping.problems import MappingInvalid
from reconciler.model.change import ABSENT, Change, Delete, FieldDrift, Plan, State
from reconciler.model.data_effect import DataEffect
from reconciler.model.problem import Problem, Severity
from reconciler.model.resource import Kind, Origin, Resource
from reconciler.plan.brake import Cap, braked, parse_cap
from reconciler.plan.diff import same
from reconciler.ports import Clock, CommitPatch, EditWish, MappingEdited, MappingWish, Permit, Views

LASTS: Final = timedelta(days=7)
LONGEST: Final = timedelta(days=365)
TRIES: Final = 5
SAMPLE: Final = 20_000
"""How many records are looked at for an answer, which somebody waits for."""
REASON: Final = "edited through the API"


@dataclass(frozen=True, slots=True)
class _Draft:
    """An edit that is thought through: what it changes in which situation, and what comes of it."""

    before: Situation
    after: Situation
    connection: Resource
    change: Change | None
    override: Resource | None
    target: Target
    wish: EditWish


class MappingEditor:
    """``ports.MappingEdits`` over single edits; *patches* makes what is to be committed."""

    def __init__(
        self, edits: Edits, in_force: InForce, views: Views, clock: Clock, patches: PatchMaker
    ) -> None:
        self._edits = edits
        self._in_force = in_force
        self._views = views
        self._clock = clock
        self._patches = patches

    async def preview(self, wish: MappingWish) -> MappingEdited:
        """Return what *wish* would come to; nothing is written.

        Raises:
            NotFound: if there is no such connection, or its system has no such entity.
            SpecInvalid: if rules cannot be taken.
            Conflict: if another mapping is in force than the writer has seen.
        """
        draft = await self._draft(wish)
        return await self._told(draft, wish, await self._effect(draft))

    async def put(self, wish: MappingWish) -> MappingEdited:
        """Put what *wish* says in force; see ``preview``.

        Raises:
            PlanBlocked: if it changes more stored records than is allowed.
        """
        for left in reversed(range(TRIES)):
            draft = await self._draft(wish)
            effect = await self._effect(draft)
            _check_cap(draft, effect, wish)
            told = await self._told(draft, wish, effect)
            try:
                await self._write(draft, wish)
            except PlanStale:
                if not left:
                    raise
                continue
            return told
        raise AssertionError

    async def end(self, wish: MappingWish) -> MappingEdited:
        """End what was edited; git holds again.

        Raises:
            NotFound: if nothing was edited.
        """
        nothing = replace(wish, fields={}, custom_fields={}, merge=False, max_changed=None)
        before = (await self._in_force.look()).state.resources
        key = mapping_key(wish.connection, wish.entity)
        if key not in before:
            raise NotFound(f"the mapping of {wish.entity} of {wish.connection} was not edited")
        return await self.put(nothing)

    async def _write(self, draft: _Draft, wish: MappingWish) -> None:
        if isinstance(draft.change, Delete):
            await self._edits.remove(
                draft.change.key,
                actor=wish.actor,
                request_id=wish.request_id,
                permit=draft.wish.permit,
            )
        elif draft.change is not None:
            await self._edits.put(draft.wish)

    # ── thought through ──────────────────────────────────────────────────────────────────────────

    async def _draft(self, wish: MappingWish) -> _Draft:
        now = self._clock.now()
        before = (await self._in_force.look()).at(now)
        connection = before.connection(wish.connection)
        if not before.maps(connection, wish.entity):
            known = ", ".join(before.entities(connection))
            msg = f"{wish.connection} has no {wish.entity[:64]!r}"
            raise NotFound(msg, hint=f"it has {known}")
        _check_seen(before, connection, wish)
        target = _target(before.state, connection, wish.entity)
        target = replace(target, patch=_patch(before.state, target, wish))
        asked = self._asked(before.state, wish, target)
        change, override = await self._change(before.state, asked, target)
        later = before.of(after(_plan(before.state, change), before.state))
        _check_rules(later, connection.key.name, wish.entity)
        asked = replace(asked, instead=tuple(_instead(before, later, target, (wish.actor, now))))
        return _Draft(before, later, connection, change, override, target, asked)

    def _asked(self, state: State, wish: MappingWish, target: Target) -> EditWish:
        """Return the edit of the override; it is bound to the state that was looked at."""
        known = state.resources.get(target.override)
        spec = known.spec if known is not None and wish.merge else {}
        now = self._clock.now()
        until = wish.until or _moment(spec.get("until")) or now + LASTS
        if not now < until <= now + LONGEST:
            raise Invalid(
                "until is not within a year from now",
                hint="an edit is for a time: 7 days by default",
            )
        reason = wish.reason or spec.get("reason") or REASON
        document = mapping_document(target.place, target.patch, until, reason, by=wish.actor)
        permit = _bound(state.generation, wish.permit)
        return EditWish(document, wish.actor, wish.request_id, None, permit)

    async def _change(
        self, state: State, asked: EditWish, target: Target
    ) -> tuple[Change | None, Resource | None]:
        """Return the change, and the override that is then in force."""
        known = state.resources.get(target.override)
        if not target.patch:
            if asked.permit is not None:
                await asked.permit(state, known, None)
            return (None if known is None else Delete(known)), None
        _, change = await self._edits.draft(asked)
        return change, known if change is None else change.after

    async def _effect(self, draft: _Draft) -> DataEffect | None:
        plan = _plan(draft.before.state, draft.change)
        effects = await data_effects(plan, draft.before, self._views, limit=SAMPLE)
        mine = (draft.connection.key.name, draft.target.entity)
        return next((one for one in effects if (one.connection, one.entity) == mine), None)

    async def _told(
        self, draft: _Draft, wish: MappingWish, effect: DataEffect | None
    ) -> MappingEdited:
        connection = draft.after.connection(draft.connection.key.name)
        commit = CommitPatch()
        if draft.override is not None:
            commit = await self._patches.patch(draft.before.state, draft.target)
        created = draft.override is not None and draft.target.override not in (
            draft.before.state.resources
        )
        basis = draft.after.mapping_basis(connection, wish.entity)
        return MappingEdited(draft.override, created, basis, effect, commit)


def _target(state: State, connection: Resource, entity: str) -> Target:
    """Return what an edit is an exception of: the connection's own mapping, or the connection."""
    name = connection.key.name
    own = [
        key
        for key, one in sorted(state.resources.items())
        if key.kind is Kind.MAPPING
        and one.spec["entity"] == entity
        and one.spec.get("connection") == name
    ]
    return Target(connection.key, entity, own[-1] if own else None)


def _edited(state: State, target: Target, own: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the patch of what was edited already; *own* are the rules of the mapping that it is over."""
    known = state.resources.get(target.override)
    patch: Mapping[str, Any] = known.spec["patch"] if known is not None else {}
    if "mappings" not in patch:
        return patch
    whole: Mapping[str, Any] = patch["mappings"].get(target.entity, {})
    return {  # it was made when there was no mapping yet
        part: {
            name: _instead_of(own.get(part, {}).get(name), rule, (part, name))
            for name, rule in rules.items()
        }
        for part, rules in whole.items()
    }


def _patch(state: State, target: Target, wish: MappingWish) -> Mapping[str, Any]:
    """Return the patch of the edit: each rule as a whole, in place of the one that it stands for."""
    own = {} if target.mapping is None else state.resources[target.mapping].spec
    known = _edited(state, target, own) if wish.merge else {}
    made = {}
    for part, rules in (("fields", wish.fields), ("customFields", wish.custom_fields)):
        told = dict(known.get(part, {}))
        for name, rule in rules.items():
            if rule is not None:
                told[name] = _instead_of(own.get(part, {}).get(name), rule, (part, name))
            elif wish.merge:
                told.pop(name, None)
            else:
                told[name] = None
        if told:
            made[part] = told
    return made


def _instead_of(old: Any, new: Any, at: tuple[str, ...]) -> Any:
    """Return the merge patch that makes *new* of *old*; it cannot make a null, which takes a key away."""
    if new is None:
        raise Invalid(
            f"{'.'.join(at)}: an edit cannot say null inside a rule",
            hint="leave the key out; a value that the map does not name becomes null by unknown: 'null'",
        )
    if not isinstance(new, Mapping):
        return new
    was = old if isinstance(old, Mapping) else {}
    gone = {key: None for key in was if key not in new}
    said = {key: _instead_of(was.get(key), one, (*at, key)) for key, one in new.items()}
    return {**gone, **said}


def _instead(
    before: Situation, later: Situation, target: Target, by: tuple[str, datetime]
) -> Iterator[FieldDrift]:
    """Yield what the edit makes otherwise than what holds without it, rule by rule."""
    rest = {key: one for key, one in before.state.resources.items() if key != target.override}
    without = before.of(replace(before.state, resources=rest))
    old, new = (
        side.rules(side.connection(target.connection.name), target.entity)
        for side in (without, later)
    )
    for part, was, now in (
        ("fields", old.fields, new.fields),
        ("customFields", old.custom_fields, new.custom_fields),
    ):
        for name in sorted(target.patch.get(part, {})):
            held, made = (side[name].body if name in side else ABSENT for side in (was, now))
            if not same(held, made):
                yield FieldDrift((*target.way, part, name), held, made, *by)


def _plan(state: State, change: Change | None) -> Plan:
    changes = () if change is None else (change,)
    return Plan("", state.generation, state.revision, changes, 0)


def _bound(generation: int, permit: Permit | None) -> Permit:
    """Return what refuses the edit in any other state than the one that it was thought through in."""

    async def bound(state: State, before: Resource | None, later: Resource | None) -> None:
        if permit is not None:
            await permit(state, before, later)
        if state.generation != generation:
            raise PlanStale("the state has moved on while the edit was thought through")

    return bound


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


# ── what stands in the way ───────────────────────────────────────────────────────────────────────


def _check_seen(before: Situation, connection: Resource, wish: MappingWish) -> None:
    if wish.expected is None or wish.expected == before.mapping_basis(connection, wish.entity):
        return
    raise Conflict(
        f"{wish.entity} of {wish.connection} is not mapped as you have seen it",
        hint="read the mapping again, and make your change on what is there now",
    )


def _check_rules(later: Situation, name: str, entity: str) -> None:
    """Compile the mapping that would be in force, whether there are records or not."""
    try:
        later.mapper(later.connection(name), entity)
    except MappingInvalid as error:
        raise SpecInvalid(
            [
                Problem(
                    Severity.ERROR,
                    "R104",
                    str(one),
                    Origin(f"request:{'.'.join(one.path)}"),
                    one.hint,
                )
                for one in error.problems
            ]
        ) from None


def _check_cap(draft: _Draft, effect: DataEffect | None, wish: MappingWish) -> None:
    if wish.max_changed is None or effect is None or draft.change is None:
        return
    plan = replace(_plan(draft.before.state, draft.change), data=(effect,))
    found = braked(plan, _cap(wish.max_changed), draft.before.state.resources).blocks
    if found:
        raise PlanBlocked(found[0].reason, hint="look at the samples; if it is meant, allow more")


def _cap(text: str) -> Cap:
    try:
        return parse_cap(text)
    except ValueError as error:
        raise Invalid(f"max_changed: {error}") from None

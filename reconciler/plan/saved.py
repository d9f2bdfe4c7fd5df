"""Plans in files (``plan --out``): exactly what was shown, with a digest over it.

The digest tells a file that was cut short or edited by hand from one that is merely stale. It is not a
signature: whoever can write the file can write its digest.
"""

from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from reconciler.errors import Invalid, PlanTampered
from reconciler.model.change import (
    ABSENT,
    Action,
    Adopt,
    Advisory,
    Block,
    Change,
    Create,
    Delete,
    Drifted,
    DriftPolicy,
    Effect,
    FieldChange,
    FieldDrift,
    Forget,
    Freeze,
    Heal,
    Plan,
    Rename,
    Replace,
    Update,
)
from reconciler.model.resource import Kind, Origin, Owner, Resource, ResourceKey
from reconciler.model.value import canonical, digest, digest_of
from reconciler.plan.planner import plan_id
from reconciler.plan.saved_data import SavedEffect, effect_in, effect_out

FORMAT: Final = "reconciler-plan"
VERSION: Final = 4

_AGAIN: Final = "plan again with --out and apply the new file"


def dump(plan: Plan) -> bytes:
    """Return *plan* as the content of a file; equal plans give equal bytes."""
    content = msgspec.to_builtins(_saved_plan(plan))
    whole = {"format": FORMAT, "version": VERSION, "digest": digest_of(content), "plan": content}
    return canonical(whole) + b"\n"


def load_plan(text: bytes) -> Plan:
    """Return the plan that ``dump`` made *text* of.

    Raises:
        PlanTampered: if it is no saved plan, or not as it was saved.
        Invalid: if another version of the format was saved.
    """
    whole = _decoded(text)
    if whole.get("version") != VERSION:
        msg = (
            f"the plan file has format version {whole.get('version')}, this program reads {VERSION}"
        )
        raise Invalid(msg, hint=_AGAIN)
    content = whole.get("plan")
    if digest_of(content) != whole.get("digest"):
        raise PlanTampered("the plan file is not as it was saved", hint=_AGAIN)
    try:
        plan = _plan(msgspec.convert(content, type=_Plan))
    except (msgspec.ValidationError, ValueError, KeyError) as error:
        raise PlanTampered(f"the plan file cannot be read: {error}", hint=_AGAIN) from error
    if plan_id(plan.base, plan.changes) != plan.id:
        raise PlanTampered("the plan file's id is not that of its changes", hint=_AGAIN)
    return plan


def _decoded(text: bytes) -> dict[str, Any]:
    try:
        whole = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise PlanTampered(
            f"the plan file is cut short or no JSON: {error}", hint=_AGAIN
        ) from error
    if not isinstance(whole, dict) or whole.get("format") != FORMAT:
        raise PlanTampered("the file holds no saved plan", hint=_AGAIN)
    return whole


class _Struct(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A part of the file."""


class _Origin(_Struct, frozen=True):
    file: str
    line: int
    column: int


class _Resource(_Struct, frozen=True):
    key: tuple[Kind, str]
    body: str
    needs: tuple[tuple[Kind, str], ...]
    owner: Owner
    origin: _Origin | None = None
    previous_name: str | None = None


class _Field(_Struct, frozen=True):
    path: tuple[str, ...]
    before: Any = msgspec.UNSET
    after: Any = msgspec.UNSET


class _Change(_Struct, frozen=True):
    action: str
    before: _Resource | None = None
    after: _Resource | None = None
    fields: tuple[_Field, ...] = ()
    because: tuple[tuple[str, ...], ...] = ()
    costs: tuple[str, ...] = ()
    effects: tuple[Effect, ...] = ()
    observed: _Resource | None = None


class _FieldDrift(_Struct, frozen=True):
    path: tuple[str, ...]
    actor: str
    at: datetime
    applied: Any = msgspec.UNSET
    observed: Any = msgspec.UNSET


class _Drifted(_Struct, frozen=True):
    key: tuple[Kind, str]
    policy: DriftPolicy
    fields: tuple[_FieldDrift, ...]
    ignored: tuple[_FieldDrift, ...] = ()
    conflicts: tuple[tuple[str, ...], ...] = ()
    let_be: bool = False


class _Block(_Struct, frozen=True):
    key: tuple[Kind, str]
    code: str
    reason: str
    remedy: str
    also: tuple[tuple[Kind, str], ...] = ()


class _Freeze(_Struct, frozen=True):
    deny: str
    seconds: int
    zone: str
    reason: str
    keys: tuple[tuple[Kind, str], ...]


class _Place(_Struct, frozen=True):
    key: tuple[Kind, str]
    path: tuple[str, ...]
    origin: _Origin


class _Plan(_Struct, frozen=True):
    id: str
    base: int
    revision: str
    changes: tuple[_Change, ...]
    unchanged: int
    blocks: tuple[_Block, ...] = ()
    unmanaged: tuple[_Resource, ...] = ()
    places: tuple[_Place, ...] = ()
    left_out: int = 0
    drifts: tuple[_Drifted, ...] = ()
    settled: tuple[_Resource, ...] = ()
    advisories: tuple[_Block, ...] = ()
    freezes: tuple[_Freeze, ...] = ()
    data: tuple[SavedEffect, ...] = ()


# ── out ──────────────────────────────────────────────────────────────────────────────────────────


def _saved_plan(plan: Plan) -> _Plan:
    places = [
        _Place((key.kind, key.name), path, _origin_out(origin))
        for (key, path), origin in sorted(plan.places.items())
    ]
    return _Plan(
        plan.id,
        plan.base,
        plan.revision,
        tuple(map(_change_out, plan.changes)),
        plan.unchanged,
        tuple(map(_block_out, plan.blocks)),
        tuple(map(_resource_out, plan.unmanaged)),
        tuple(places),
        plan.left_out,
        tuple(map(_drifted_out, plan.drifts)),
        tuple(map(_resource_out, plan.settled)),
        tuple(map(_block_out, plan.advisories)),
        tuple(map(_freeze_out, plan.freezes)),
        tuple(map(effect_out, plan.data)),
    )


def _freeze_out(one: Freeze) -> _Freeze:
    keys = tuple((key.kind, key.name) for key in one.keys)
    return _Freeze(one.deny, int(one.lasts.total_seconds()), one.zone, one.reason, keys)


def _block_out(block: Block | Advisory) -> _Block:
    also = tuple((key.kind, key.name) for key in block.also)
    return _Block((block.key.kind, block.key.name), block.code, block.reason, block.remedy, also)


def _drifted_out(drift: Drifted) -> _Drifted:
    return _Drifted(
        (drift.key.kind, drift.key.name),
        drift.policy,
        tuple(map(_field_drift_out, drift.fields)),
        tuple(map(_field_drift_out, drift.ignored)),
        drift.conflicts,
        drift.let_be,
    )


def _field_drift_out(field: FieldDrift) -> _FieldDrift:
    applied, observed = _told(field.applied), _told(field.observed)
    return _FieldDrift(field.path, field.actor, field.at, applied, observed)


def _change_out(change: Change) -> _Change:
    before: Resource | None = getattr(change, "before", None)
    after: Resource | None = getattr(change, "after", None)
    observed: Resource | None = getattr(change, "observed", None)
    return _Change(
        change.action.word,
        _resource_out(before) if before is not None else None,
        _resource_out(after) if after is not None else None,
        tuple(map(_field_out, getattr(change, "fields", ()))),
        getattr(change, "because", ()),
        getattr(change, "costs", ()),
        tuple(sorted(getattr(change, "effects", ()))),
        _resource_out(observed) if observed is not None else None,
    )


def _field_out(field: FieldChange) -> _Field:
    return _Field(field.path, _told(field.before), _told(field.after))


def _told(value: Any) -> Any:
    return msgspec.UNSET if value is ABSENT else value


def _resource_out(resource: Resource) -> _Resource:
    return _Resource(
        (resource.key.kind, resource.key.name),
        resource.canonical.decode(),
        tuple((need.kind, need.name) for need in sorted(resource.needs)),
        resource.owner,
        _origin_out(resource.origin) if resource.origin is not None else None,
        resource.previous_name,
    )


def _origin_out(origin: Origin) -> _Origin:
    return _Origin(origin.file, origin.line, origin.column)


# ── in ───────────────────────────────────────────────────────────────────────────────────────────


def _plan(saved: _Plan) -> Plan:
    return Plan(
        id=saved.id,
        base=saved.base,
        revision=saved.revision,
        changes=tuple(map(_change, saved.changes)),
        unchanged=saved.unchanged,
        blocks=tuple(map(_block, saved.blocks)),
        unmanaged=tuple(map(_resource, saved.unmanaged)),
        places={(ResourceKey(*p.key), p.path): _origin(p.origin) for p in saved.places},
        left_out=saved.left_out,
        drifts=tuple(map(_drifted, saved.drifts)),
        settled=tuple(map(_resource, saved.settled)),
        advisories=tuple(map(_advisory, saved.advisories)),
        freezes=tuple(map(_freeze, saved.freezes)),
        data=tuple(map(effect_in, saved.data)),
    )


def _freeze(saved: _Freeze) -> Freeze:
    keys = tuple(ResourceKey(*key) for key in saved.keys)
    return Freeze(saved.deny, timedelta(seconds=saved.seconds), saved.zone, saved.reason, keys)


def _advisory(saved: _Block) -> Advisory:
    also = tuple(ResourceKey(*key) for key in saved.also)
    return Advisory(ResourceKey(*saved.key), saved.code, saved.reason, saved.remedy, also)


def _block(saved: _Block) -> Block:
    also = tuple(ResourceKey(*key) for key in saved.also)
    return Block(ResourceKey(*saved.key), saved.code, saved.reason, saved.remedy, also)


def _drifted(saved: _Drifted) -> Drifted:
    return Drifted(
        ResourceKey(*saved.key),
        saved.policy,
        tuple(map(_field_drift, saved.fields)),
        tuple(map(_field_drift, saved.ignored)),
        saved.conflicts,
        saved.let_be,
    )


def _field_drift(saved: _FieldDrift) -> FieldDrift:
    applied, observed = _meant(saved.applied), _meant(saved.observed)
    return FieldDrift(saved.path, applied, observed, saved.actor, saved.at)


def _change(saved: _Change) -> Change:
    action = Action[saved.action.upper()]
    before, after = saved.before, saved.after
    if before is not None and after is not None:
        return _moved(action, (_resource(before), _resource(after)), saved)
    if before is not None and action in {Action.FORGET, Action.DELETE}:
        gone = _resource(before)
        return Forget(gone) if action is Action.FORGET else Delete(gone)
    if after is not None and action is Action.CREATE:
        return Create(_resource(after))
    raise ValueError(f"{saved.action} lacks a resource")


def _moved(action: Action, sides: tuple[Resource, Resource], saved: _Change) -> Change:
    fields = tuple(map(_field, saved.fields))
    effects = frozenset(saved.effects)
    observed = _resource(saved.observed) if saved.observed is not None else None
    match action:
        case Action.UPDATE:
            return Update(*sides, fields, effects, observed)
        case Action.HEAL:
            return Heal(*sides, fields, effects, observed)
        case Action.REPLACE:
            return Replace(*sides, fields, saved.because, saved.costs, effects)
        case Action.RENAME:
            return Rename(*sides, fields, effects, observed)
        case Action.ADOPT:
            return Adopt(*sides, fields)
        case _:
            raise ValueError(f"{saved.action} has no before and after")


def _field(saved: _Field) -> FieldChange:
    return FieldChange(saved.path, _meant(saved.before), _meant(saved.after))


def _meant(value: Any) -> Any:
    return ABSENT if value is msgspec.UNSET else value


def _resource(saved: _Resource) -> Resource:
    text = saved.body.encode()
    return Resource(
        ResourceKey(*saved.key),
        text,
        digest(text),
        frozenset(ResourceKey(*need) for need in saved.needs),
        saved.owner,
        _origin(saved.origin) if saved.origin is not None else None,
        saved.previous_name,
    )


def _origin(saved: _Origin) -> Origin:
    return Origin(saved.file, saved.line, saved.column)

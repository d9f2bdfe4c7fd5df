"""Resources in force: their rows, their identity, and the generation that counts their changes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, assert_never

from sqlalchemy import Connection, bindparam, exists, func, or_, select

from reconciler.errors import Conflict, PlanStale
from reconciler.model.change import (
    Adopt,
    Change,
    Create,
    Delete,
    FieldDrift,
    Forget,
    Heal,
    Marks,
    Rename,
    Replace,
    State,
    Update,
)
from reconciler.model.drift import DriftKind
from reconciler.model.identity import connection_uid
from reconciler.model.redo import NOT_ASKED, Redo
from reconciler.model.resource import Kind, Owner, Resource, ResourceKey
from reconciler.plan.outcome import redo_after
from reconciler.store import belongings
from reconciler.store.rows import (
    AnyRow,
    observed_fields,
    redo_fields,
    resource_fields,
    to_applied,
    to_redo,
    to_resource,
)
from reconciler.store.tables import meta, objects
from reconciler.store.times import micros, moment
from reconciler.store.transaction import Transaction
from reconciler.store.trust_rows import to_field_drifts
from reconciler.store.trust_tables import drifts, object_history

_IN_FORCE = objects.c.released_at.is_(None)
_GENERATION = select(meta.c.generation, meta.c.revision)
_DIGESTS = select(
    objects.c.kind,
    objects.c.name,
    func.coalesce(objects.c.observed_digest, objects.c.applied_digest),
).where(_IN_FORCE)
_ODD = (
    select(objects.c.uid)
    .where(_IN_FORCE, or_(objects.c.observed.is_not(None), objects.c.owner != Owner.GIT.value))
    .limit(1)
)
_WRITE = objects.update().where(objects.c.uid == bindparam("which"))
_RELEASE = _WRITE.values(released_at=bindparam("released_at"))
_BY_NAME = (
    objects.c.kind == bindparam("kind"),
    objects.c.name == bindparam("name"),
)
_FIND = select(objects).where(*_BY_NAME, _IN_FORCE)
_FIND_RELEASED = (
    select(objects.c.uid, objects.c.redo, objects.c.redo_at)
    .where(*_BY_NAME, objects.c.released_at.is_not(None))
    .order_by(objects.c.released_at.desc(), objects.c.uid)
    .limit(1)
)
_OPEN_DRIFTS = (
    select(objects.c.kind, objects.c.name, drifts.c.fields)
    .join(drifts, drifts.c.uid == objects.c.uid)
    .where(_IN_FORCE, drifts.c.resolved_at.is_(None), drifts.c.kind == bindparam("config"))
)
_TAKEN = select(exists().where(objects.c.uid == bindparam("uid")))


class SqlObjects:
    """``ports.Objects`` in one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def state(self) -> State:
        """Return what is in force."""
        return await self._transaction.do(read_state)

    async def advance_generation(self, base: int, *, revision: str, at: datetime) -> int:
        """Take the generation from *base* to the next, or raise ``PlanStale``."""
        return await self._transaction.do(_advance, base, revision, at)

    async def put(self, change: Change, *, actor: str, at: datetime) -> None:
        """Make *change* true; a rename keeps the uid, a delete removes what the resource owns."""
        await self._transaction.do(_put, change, actor, at)

    async def edit(self, before: Resource, after: Resource, *, actor: str, at: datetime) -> None:
        """Put *after* in force beside what git applied."""
        await self._transaction.do(_edit, (before, after), actor, at)

    async def settle(self, resource: Resource, *, actor: str, at: datetime) -> None:
        """Say that git applied *resource*, which is in force already."""
        await self._transaction.do(_settle, resource, actor, at)

    async def uid(self, key: ResourceKey) -> str | None:
        """Return the identity of a resource in force, as this transaction sees it."""
        return await self._transaction.do(_uid, key)

    async def last_uid(self, key: ResourceKey) -> str | None:
        """Return the identity of a resource in force, or of the last one whose data are kept."""
        return await self._transaction.do(_last_uid, key)


def read_generation(connection: Connection) -> int:
    """Return how often the state has changed."""
    generation: int = connection.execute(_GENERATION).one().generation
    return generation


def read_state(connection: Connection) -> State:
    """Return what is in force: generation, resources and uids of one moment."""
    at = connection.execute(_GENERATION).one()
    resources: dict[ResourceKey, Resource] = {}
    uids: dict[ResourceKey, str] = {}
    applied: dict[ResourceKey, Resource] = {}
    redo: dict[ResourceKey, Redo] = {}
    for row in connection.execute(
        select(objects).where(_IN_FORCE).order_by(objects.c.kind, objects.c.name)
    ):
        resource = to_resource(row)
        resources[resource.key] = resource
        uids[resource.key] = row.uid
        base = to_applied(row)
        if base is not None:
            applied[resource.key] = base
        if (known := to_redo(row)) is not NOT_ASKED:
            redo[resource.key] = known
    edits = _edits(connection) if applied else {}
    return State(at.generation, resources, at.revision, uids, applied, edits, redo)


def read_marks(connection: Connection) -> Marks:
    """Return the digests of what is in force: no body is read."""
    at = connection.execute(_GENERATION).one()
    found = {(kind, name): digest for kind, name, digest in connection.execute(_DIGESTS)}
    return Marks(at.generation, found, plain=connection.execute(_ODD).first() is None)


def _edits(connection: Connection) -> dict[ResourceKey, tuple[FieldDrift, ...]]:
    """Return which fields were changed outside of git, by whom and when, of each object."""
    found = connection.execute(_OPEN_DRIFTS, {"config": DriftKind.CONFIG.value})
    return {ResourceKey(Kind(row.kind), row.name): to_field_drifts(row.fields) for row in found}


def read_resource(connection: Connection, key: ResourceKey) -> Resource | None:
    """Return one resource in force."""
    row = _find(connection, key)
    return None if row is None else to_resource(row)


def _advance(connection: Connection, base: int, revision: str, at: datetime) -> int:
    moved = connection.execute(
        meta.update()
        .where(meta.c.generation == base)
        .values(generation=base + 1, revision=revision, moved_at=micros(at))
    )
    if moved.rowcount == 1:
        return base + 1
    now = connection.execute(select(meta.c.generation, meta.c.moved_at)).one()
    raise PlanStale(
        f"the plan holds for generation {base}, and the state is at generation "
        f"{now.generation}{_who_moved(connection, now.generation, now.moved_at)}",
        hint="plan again, and apply the new plan",
    )


def _who_moved(connection: Connection, generation: int, moved_at: int | None) -> str:
    if moved_at is None:
        return ""
    actor = connection.scalar(
        select(object_history.c.actor)
        .where(object_history.c.generation == generation)
        .order_by(object_history.c.seq.desc())
        .limit(1)
    )
    by = f" by {actor}" if actor else ""
    return f", moved there{by} at {moment(moved_at).isoformat(timespec='seconds')}"


# ── a change, made true ──────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Stamp:
    """By whom, when, and in which generation of which revision."""

    actor: str
    at: int
    generation: int
    revision: str


@dataclass(frozen=True, slots=True)
class _Entry:
    """What history keeps of a change."""

    uid: str
    before: bytes | None
    after: bytes | None


def _put(connection: Connection, change: Change, actor: str, at: datetime) -> None:
    now = connection.execute(_GENERATION).one()
    stamp = _Stamp(actor, micros(at), now.generation, now.revision)
    entry = _made_true(connection, change, stamp)
    _remember(connection, (change.key, change.action.word), entry, stamp)


def _edit(
    connection: Connection, sides: tuple[Resource, Resource], actor: str, at: datetime
) -> None:
    before, after = sides
    now = connection.execute(_GENERATION).one()
    stamp = _Stamp(actor, micros(at), now.generation, now.revision)
    row = _must_find(connection, before.key)
    same = row.applied_digest == after.digest
    fields = observed_fields(after, None if same else after)
    connection.execute(_WRITE, {"which": row.uid, "generation": now.generation, **fields})
    entry = _Entry(row.uid, row.observed or row.applied, after.canonical)
    _remember(connection, (after.key, "edit"), entry, stamp)


def _settle(connection: Connection, resource: Resource, actor: str, at: datetime) -> None:
    now = connection.execute(_GENERATION).one()
    stamp = _Stamp(actor, micros(at), now.generation, now.revision)
    row = _must_find(connection, resource.key)
    connection.execute(_WRITE, {"which": row.uid, **_applied(resource, stamp)})
    entry = _Entry(row.uid, row.applied, resource.canonical)
    _remember(connection, (resource.key, "settle"), entry, stamp)


def _uid(connection: Connection, key: ResourceKey) -> str | None:
    row = _find(connection, key)
    return None if row is None else str(row.uid)


def _made_true(connection: Connection, change: Change, stamp: _Stamp) -> _Entry:
    match change:
        case Create(after=after):
            return _Entry(_create(connection, change, stamp), None, after.canonical)
        case Update() | Adopt() | Heal():
            row = _must_find(connection, change.before.key)
        case Rename(before=before, after=after):
            row = _must_find(connection, before.key)
            if _find(connection, after.key) is not None:
                raise Conflict(
                    f"{after.key} is in force already; {before.key} cannot take its name"
                )
        case Replace(before=before):
            row = _must_find(connection, before.key)
            belongings.start_anew(connection, row, stamp.at, elsewhere=change.elsewhere)
        case Forget(before=before) | Delete(before=before):
            row = _must_find(connection, before.key)
            _remove(connection, row, stamp, keep=isinstance(change, Forget))
            return _Entry(row.uid, row.applied, None)
        case _:
            assert_never(change)
    observed: Resource | None = getattr(change, "observed", None)
    redo = redo_fields(redo_after(change, to_redo(row), moment(stamp.at)))
    applied = _applied(change.after, stamp, observed)
    connection.execute(_WRITE, {"which": row.uid, **applied, **redo})
    return _Entry(row.uid, row.applied, change.after.canonical)


def _create(connection: Connection, change: Create, stamp: _Stamp) -> str:
    after = change.after
    if _find(connection, after.key) is not None:
        raise Conflict(
            f"{after.key} is in force already, and cannot be created again",
            hint="plan again: the state has moved on",
        )
    released = _released(connection, after.key)
    known = NOT_ASKED if released is None else to_redo(released)
    redo = redo_fields(redo_after(change, known, moment(stamp.at)))
    fields = {**_applied(after, stamp), **redo}
    if released is not None:
        connection.execute(_WRITE, {"which": released.uid, **fields, "released_at": None})
        return str(released.uid)
    uid = _new_uid(connection, after.key)
    connection.execute(objects.insert(), {"uid": uid, **fields})
    return uid


def _applied(after: Resource, stamp: _Stamp, observed: Resource | None = None) -> dict[str, Any]:
    return {
        **resource_fields(after, observed),
        "generation": stamp.generation,
        "revision": stamp.revision,
        "applied_at": stamp.at,
        "applied_by": stamp.actor,
    }


def _remove(connection: Connection, row: AnyRow, stamp: _Stamp, *, keep: bool) -> None:
    """Take a resource out of force; its row stays where data stays, to be found by name again."""
    belongings.close_drifts(connection, row.uid, stamp.at)
    if keep or not belongings.remove(connection, row, stamp.at):
        connection.execute(_RELEASE, {"which": row.uid, "released_at": stamp.at})
    else:
        connection.execute(objects.delete().where(objects.c.uid == row.uid))


def _remember(
    connection: Connection, what: tuple[ResourceKey, str], entry: _Entry, stamp: _Stamp
) -> None:
    key, change = what
    connection.execute(
        object_history.insert(),
        {
            "uid": entry.uid,
            "kind": key.kind.value,
            "name": key.name,
            "change": change,
            "actor": stamp.actor,
            "changed_at": stamp.at,
            "generation": stamp.generation,
            "revision": stamp.revision,
            "before": entry.before,
            "after": entry.after,
        },
    )


# ── identity ─────────────────────────────────────────────────────────────────────────────────────


def _find(connection: Connection, key: ResourceKey) -> AnyRow | None:
    return connection.execute(_FIND, _named(key)).one_or_none()


def _must_find(connection: Connection, key: ResourceKey) -> AnyRow:
    row = _find(connection, key)
    if row is None:
        raise Conflict(f"{key} is not in force any more", hint="plan again: the state has moved on")
    return row


def _released(connection: Connection, key: ResourceKey) -> AnyRow | None:
    """Return the uid under which data of that name was kept when it was let go of last, and its redo."""
    return connection.execute(_FIND_RELEASED, _named(key)).one_or_none()


def _last_uid(connection: Connection, key: ResourceKey) -> str | None:
    released = _released(connection, key)
    return _uid(connection, key) or (None if released is None else str(released.uid))


def _named(key: ResourceKey) -> dict[str, str]:
    return {"kind": key.kind.value, "name": key.name}


def _new_uid(connection: Connection, key: ResourceKey) -> str:
    """Return a uid of the key alone, unless a renamed one has it already."""
    name = key.name if key.kind is Kind.CONNECTION else str(key)
    taken: frozenset[str] = frozenset()
    while True:
        uid = connection_uid(name, taken=taken)
        if not connection.scalar(_TAKEN, {"uid": uid}):
            return uid
        taken |= {uid}

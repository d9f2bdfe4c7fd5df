"""What a plan would do to stored records: the new mapping run over the raw ones, and compared."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from reconciler.datamodel.reader import entities
from reconciler.engine.causes import Causes, maps
from reconciler.engine.inforce import Situation
from reconciler.errors import NotFound
from reconciler.model.change import Create, Delete, Effect, Forget, Plan, Rename, Replace, State
from reconciler.model.data_effect import DataEffect
from reconciler.model.record import Mapped
from reconciler.model.redo import NOT_ASKED
from reconciler.model.resource import Kind, Resource
from reconciler.plan.outcome import redo_after, resources_after
from reconciler.plan.preview import Tally
from reconciler.ports import Views

if TYPE_CHECKING:
    from reconciler.mapping.compile import Mapper

PAGE: Final = 500
LIMIT: Final = 100_000
"""How many records of one entity of one connection are looked at; beyond it a sample of as many."""
TOGETHER: Final = 1_000_000
"""How many are looked at for one plan: what touches very many connections looks at fewer of each."""
FEWEST: Final = 1_000
"""But at no fewer than these of each."""
_LATER: Final = datetime.max.replace(tzinfo=UTC)
"""When a plan that is not applied yet would be: later than all that was."""
_DIGITS: Final = 12
"""How many digits of the digest in an id decide whether its record is in the sample."""

Place = tuple[str, str]
"""The uid of a connection, and an entity."""


def after(plan: Plan, state: State) -> State:
    """Return the state that *plan* leads to."""
    resources = resources_after(state.resources, plan.changes)
    renamed = {c.key: state.uids[c.before.key] for c in plan.changes if isinstance(c, Rename)}
    uids = {key: uid for key, uid in {**state.uids, **renamed}.items() if key in resources}
    redo = dict(state.redo)
    for change in plan.changes:
        if not isinstance(change, (Create, Delete, Forget)):
            known = redo.pop(change.before.key, NOT_ASKED)
            redo[change.key] = redo_after(change, known, _LATER)
    later = state.generation + 1
    return replace(state, generation=later, resources=resources, uids=uids, redo=redo)


async def data_effects(
    plan: Plan,
    before: Situation,
    views: Views,
    *,
    limit: int = LIMIT,
    now: datetime | None = None,
) -> list[DataEffect]:
    """Return what *plan* does to stored records, for each entity whose mapping it changes.

    All records are mapped, up to *limit* of an entity of a connection; of more, as many that their ids
    choose. *now* tells which overrides hold (default: when *before* was looked at).
    """
    if not _touches_mapping(plan):
        return []
    before = before if now is None else before.at(now)
    later = before.of(after(plan, before.state))
    counts = await views.counts()
    touched = list(_touched(plan, before, later, counts))
    causes = Causes(plan, before, later)
    limit = min(limit, max(FEWEST, TOGETHER // max(len(touched), 1)))
    return [
        await _effect(views, sides, causes, Look(min(limit, stored), stored))
        for sides in touched
        if (stored := counts[sides.place])
    ]


async def with_data(
    plan: Plan,
    before: Situation,
    views: Views,
    *,
    limit: int = LIMIT,
    now: datetime | None = None,
) -> Plan:
    """Return *plan* with what it does to stored records in it."""
    return replace(plan, data=tuple(await data_effects(plan, before, views, limit=limit, now=now)))


async def with_costs(plan: Plan, before: Situation, views: Views) -> Plan:
    """Return *plan* with how many stored records each replacement has to read again."""
    if not any(isinstance(change, Replace) for change in plan.changes):
        return plan
    counts = await views.counts()
    changes = tuple(
        _costed(change, before, counts) if isinstance(change, Replace) else change
        for change in plan.changes
    )
    return replace(plan, changes=changes)


def _costed(change: Replace, before: Situation, counts: Mapping[tuple[str, str], int]) -> Replace:
    if change.key.kind is Kind.MAPPING:
        stored = sum(count for place, count in counts.items() if _is_mapped(change, before, place))
        told = "mapped"
    else:
        uid = before.state.uids.get(change.before.key)
        stored = sum(count for (held, _), count in counts.items() if held == uid)
        told = "read"
    if not stored:
        return change
    records = "record is" if stored == 1 else "records are"
    return replace(change, costs=(*change.costs, f"{stored:,} stored {records} {told} again"))


def _is_mapped(change: Replace, before: Situation, place: tuple[str, str]) -> bool:
    uid, entity = place
    return before.holds(uid) and maps(change.after, before.connection(before.name_of(uid)), entity)


# ── one entity of one connection ─────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Sides:
    """One entity of one connection, in the situation before and in the one after."""

    place: Place
    before: Situation
    after: Situation

    @property
    def old(self) -> Resource:
        return self.before.connection(self.before.name_of(self.place[0]))

    @property
    def new(self) -> Resource:
        return self.after.connection(self.after.name_of(self.place[0]))


@dataclass(frozen=True, slots=True)
class Look:
    """How many records are looked at, of how many that are stored."""

    at: int
    stored: int

    @property
    def whole(self) -> bool:
        """Whether all are looked at."""
        return self.at >= self.stored


async def _effect(views: Views, sides: _Sides, causes: Causes, look: Look) -> DataEffect:
    from reconciler.mapping.meaning import closed_fields, meanings  # noqa: PLC0415  not every plan maps

    entity = entities()[sides.place[1]]
    old, new = sides.old, sides.new
    mappers = sides.before.mapper(old, entity.name), sides.after.mapper(new, entity.name)
    tally, seen = Tally(entity.name, closed=closed_fields(entity)), 0
    async for page in _pages(views, sides.place, look):
        _count(tally, sides.place[0], page, mappers)
        seen += len(page)
    rules = sides.before.rules(old, entity.name), sides.after.rules(new, entity.name)
    return DataEffect(
        old.key.name,
        entity.name,
        tally.result(),
        seen,
        seen if look.whole else max(seen, look.stored),
        causes.of(old, new, entity.name),
        meanings(*rules, entity),
    )


def _count(
    tally: Tally, uid: str, page: Sequence[Mapped], mappers: "tuple[Mapper, Mapper]"
) -> None:
    """Count a page: what is stored under the old mapping is what that makes; the rest it makes now."""
    old, new = mappers
    before = [(record.mapped, record.error) for record in page]
    stale = [at for at, record in enumerate(page) if record.basis != old.basis]
    if stale:
        made = old(uid, [page[at].raw for at in stale])
        for at, one in zip(stale, made, strict=True):
            before[at] = one
    after_ = new(uid, [record.raw for record in page])
    tally.take([record.source_id for record in page], before, after_)


async def _pages(views: Views, place: Place, look: Look) -> AsyncIterator[Sequence[Mapped]]:
    """Yield all records page by page, each once, or a sample of them."""
    uid, entity = place
    if look.whole:
        reached = ""
        while page := await views.mapped(uid, entity, after=reached, limit=PAGE):
            yield page
            reached = page[-1].source_id
        return
    ids = await _sample(views, place, look)
    for at in range(0, len(ids), PAGE):
        yield await views.mapped(uid, entity, limit=PAGE, ids=ids[at : at + PAGE])


async def _sample(views: Views, place: Place, look: Look) -> Sequence[str]:
    """Return as many ids. They are digests: the lowest are a sample, the same one each time."""
    uid, entity = place
    prefix, whole = entities()[entity].prefix, 16**_DIGITS
    wanted = look.at + 4 * int(look.at**0.5) + 4  # how many are below a bound varies by its root
    while True:
        share = min(1.0, wanted / look.stored)
        below = f"{prefix}_{int(share * (whole - 1)):0{_DIGITS}x}" if share < 1 else f"{prefix}_g"
        ids = await views.ids_below(uid, entity, below)
        if len(ids) >= look.at or share == 1.0:
            return ids[: look.at]
        wanted *= 2


# ── which entities ─────────────────────────────────────────────────────────


def _touches_mapping(plan: Plan) -> bool:
    for change in plan.changes:
        if change.key.kind in {Kind.MAPPING, Kind.CONNECTOR, Kind.OVERRIDE}:
            return True
        if isinstance(change, Replace):
            return True
        if Effect.REMAP in getattr(change, "effects", frozenset()):
            return True
    return False


def _touched(
    plan: Plan, before: Situation, later: Situation, counts: Mapping[Place, int]
) -> Iterator[_Sides]:
    elsewhere = {
        change.key
        for change in plan.changes
        if isinstance(change, Replace) and change.key.kind is Kind.CONNECTION and change.elsewhere
    }
    for place in sorted(counts):
        uid, entity = place
        if not before.holds(uid) or not later.holds(uid):
            continue
        sides = _Sides(place, before, later)
        old, new = sides.old, sides.new
        if new.key in elsewhere:  # its records are those of another system, and are read anew
            continue
        try:
            mapped = before.maps(old, entity) and later.maps(new, entity)
        except NotFound:
            continue
        if mapped and before.mapping_basis(old, entity) != later.mapping_basis(new, entity):
            yield sides

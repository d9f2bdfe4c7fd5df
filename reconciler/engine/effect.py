"""What a plan would do to stored records: the new mapping run over the raw ones, and compared."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from reconciler.engine.inforce import Situation, chooses
from reconciler.model.change import Create, Delete, Effect, Forget, Plan, Rename, Replace, State
from reconciler.model.record import RecordQuery
from reconciler.model.redo import NOT_ASKED
from reconciler.model.resource import Kind, Resource, ResourceKey
from reconciler.plan.outcome import redo_after, resources_after
from reconciler.plan.preview import Preview, Tally
from reconciler.ports import Views

if TYPE_CHECKING:
    from reconciler.mapping.compile import Mapper

PAGE: Final = 500
LIMIT: Final = 100_000
"""How many records of one entity of one connection are looked at; beyond it the sentence says so."""
_LATER: Final = datetime.max.replace(tzinfo=UTC)
"""When a plan that is not applied yet would be: later than all that was."""


@dataclass(frozen=True, slots=True)
class DataEffect:
    """What happens to the records of one entity of one connection."""

    connection: str
    entity: str
    preview: Preview
    looked_at: int
    stored: int
    causes: tuple[ResourceKey, ...] = field(default=())

    def sentence(self) -> str:
        """Return the effect in words: ``1,204 of 3,310 purchase-orders change, 3 become null``."""
        told = f"{self.connection}: {self.preview.sentence()}"
        if self.looked_at < self.stored:
            told += f" (the first {self.looked_at:,} of {self.stored:,} were looked at)"
        return told


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
    plan: Plan, before: Situation, views: Views, *, limit: int = LIMIT
) -> list[DataEffect]:
    """Return what *plan* does to stored records, for each entity whose mapping it changes."""
    if not _touches_mapping(plan):
        return []
    later = Situation(after(plan, before.state), before.catalogue, now=before.now)
    counts = await views.counts()
    effects = []
    for connection, entity in _touched(before, later, counts):
        uid = before.uid(connection)
        old = before.mapper(connection, entity)
        new = later.mapper(later.connection(later.name_of(uid)), entity)
        tally, seen = await _compare(views, (uid, entity), (old, new), limit)
        causes = _causes(plan, connection, entity)
        stored = counts[uid, entity]
        effects.append(
            DataEffect(connection.key.name, entity, tally.result(), seen, stored, causes)
        )
    return effects


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
    return before.holds(uid) and _maps(change.after, before.connection(before.name_of(uid)), entity)


def notes(effects: list[DataEffect]) -> Mapping[ResourceKey, list[str]]:
    """Return the sentences to print under the changes that cause them."""
    told: dict[ResourceKey, list[str]] = {}
    for effect in effects:
        for cause in effect.causes:
            told.setdefault(cause, []).append(effect.sentence())
    return told


async def _compare(
    views: Views, what: tuple[str, str], mappers: "tuple[Mapper, Mapper]", limit: int
) -> tuple[Tally, int]:
    uid, entity = what
    old, new = mappers
    tally, seen = Tally(entity), 0
    query = RecordQuery(entity=entity, connections=(uid,), limit=PAGE)
    while seen < limit:
        page = await views.records(query)
        if not page:
            break
        raws = [record.raw for record in page]
        tally.add(
            [
                (record.source_id, _decoded(text))
                for record, (text, _) in zip(page, old(uid, raws), strict=True)
            ],
            [(_decoded(text), error) for text, error in new(uid, raws)],
        )
        seen += len(page)
        query = replace(query, after=(page[-1].updated_at, page[-1].id))
    return tally, seen


def _decoded(text: bytes | None) -> dict[str, object] | None:
    return msgspec.json.decode(text) if text is not None else None


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
    before: Situation, later: Situation, counts: Mapping[tuple[str, str], int]
) -> Iterator[tuple[Resource, str]]:
    for uid, entity in sorted(counts):
        if not before.holds(uid) or not later.holds(uid):
            continue
        old = before.connection(before.name_of(uid))
        new = later.connection(later.name_of(uid))
        if before.mapper(old, entity).basis != later.mapper(new, entity).basis:
            yield old, entity


def _causes(plan: Plan, connection: Resource, entity: str) -> tuple[ResourceKey, ...]:
    """Return the changes of *plan* that this entity of *connection* is mapped by."""
    found = []
    for change in plan.changes:
        resource = change.before if isinstance(change, (Delete, Forget)) else change.after
        if (
            change.key.kind is Kind.MAPPING and _maps(resource, connection, entity)
        ) or change.key in (
            connection.key,
            ResourceKey(Kind.CONNECTOR, connection.spec["connector"]),
        ):
            found.append(change.key)
    return tuple(found[:1])


def _maps(mapping: Resource, connection: Resource, entity: str) -> bool:
    spec = mapping.spec
    return bool(spec["entity"] == entity) and chooses(spec, connection)

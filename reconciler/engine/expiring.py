"""Edits of mappings that are over: their time has come, or git has come to say the same."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from reconciler.engine.apply import change_event
from reconciler.engine.drifting import note_end
from reconciler.engine.inforce import InForce, Situation
from reconciler.engine.pausing import is_mapping_edit
from reconciler.errors import NotFound
from reconciler.model.audit import AuditEntry
from reconciler.model.change import Delete, State
from reconciler.model.drift import Resolution
from reconciler.model.resource import Kind, Resource, ResourceKey
from reconciler.plan.drift import Sighting
from reconciler.ports import Clock, Store

ACTOR: Final = "reconciler"


@dataclass(frozen=True, slots=True)
class Over:
    """An edit that is over, and how it ended."""

    override: Resource
    resolution: Resolution


async def end_edits(store: Store, in_force: InForce, clock: Clock) -> tuple[Over, ...]:
    """Take edits of mappings out of force that are over, each with its drift; return which.

    Nothing about records changes by that: what has expired holds no longer, and what git says as well
    is said by git.

    Raises:
        PlanStale: if the state has moved on meanwhile; the next look does it.
    """
    situation = await in_force.look()
    found = tuple(edits_over(situation, clock.now()))
    if not found:
        return ()
    seen = Sighting(ACTOR, clock.now())
    state = situation.state
    async with store.begin() as unit:
        await unit.objects.advance_generation(state.generation, revision=state.revision, at=seen.at)
        for one in found:
            change = Delete(one.override)
            # The drift ends first: what is removed takes what is left of it along.
            ended = await note_end(unit.ledger, change.key, one.resolution, seen)
            await unit.objects.put(change, actor=seen.actor, at=seen.at)
            await unit.outbox.emit([change_event(change, seen.at, seen.actor), *ended])
            await unit.audit.record(_entry(one, seen))
        await unit.commit()
    return found


def edits_over(situation: Situation, now: datetime) -> Iterator[Over]:
    """Yield the edits of mappings in *situation* that are over at *now*."""
    for key, override in sorted(situation.state.resources.items()):
        if key.kind is not Kind.OVERRIDE or not is_mapping_edit(override):
            continue
        if datetime.fromisoformat(override.spec["until"]) <= now:
            yield Over(override, Resolution.EXPIRED)
        elif _is_merged(situation, override, now):
            yield Over(override, Resolution.ADOPTED)


def _is_merged(situation: Situation, override: Resource, now: datetime) -> bool:
    """Return whether what is mapped with *override*, and no other, is mapped so without it."""
    target = override.spec["target"]
    key = ResourceKey(Kind(target["kind"]), target["name"])
    mapping = situation.state.resources.get(key)
    if mapping is None:
        return False
    if key.kind is Kind.MAPPING:
        places = [(str(mapping.spec.get("connection")), str(mapping.spec["entity"]))]
    else:
        places = [(key.name, entity) for entity in override.spec["patch"].get("mappings", {})]
    with_it, without = (_alone(situation, one, now) for one in (override, None))
    try:
        return all(_basis(with_it, place) == _basis(without, place) for place in places)
    except NotFound:
        return False


def _alone(situation: Situation, override: Resource | None, now: datetime) -> Situation:
    state: State = situation.state
    kept = {key: one for key, one in state.resources.items() if key.kind is not Kind.OVERRIDE}
    if override is not None:
        kept[override.key] = override
    return situation.at(now).of(replace(state, resources=kept))


def _basis(situation: Situation, place: tuple[str, str]) -> str:
    connection, entity = place
    return situation.mapping_basis(situation.connection(connection), entity)


def _entry(one: Over, seen: Sighting) -> AuditEntry:
    data: dict[str, object] = {
        "action": "delete",
        "before": one.override.digest,
        "after": None,
        "fields": [],
        "resolution": one.resolution.value,
    }
    return AuditEntry(seen.at, seen.actor, "object.edited", str(one.override.key), data)

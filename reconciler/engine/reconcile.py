"""From specs to plan: read the source, load, compare with what is in force, and say what it does."""

from collections.abc import Mapping, MutableMapping
from dataclasses import replace

from reconciler.engine.wish import Wish
from reconciler.errors import SpecInvalid
from reconciler.model.change import Absent, Create, Delete, Forget, Plan, State
from reconciler.model.resource import Origin, ResourceKey
from reconciler.model.value import Path
from reconciler.plan.planner import make_plan
from reconciler.ports import Snapshot
from reconciler.spec.load import Loaded, load, locate


def read_specs(
    snapshot: Snapshot,
    wish: Wish,
    *,
    catalogue: Mapping[str, bytes],
    cache: MutableMapping[bytes, bytes] | None,
) -> Loaded:
    """Return what the specs of *snapshot* say.

    Raises:
        SpecInvalid: with all problems, if any of them is an error.
    """
    loaded = load(snapshot.files, environment=wish.environment, catalogue=catalogue, cache=cache)
    if loaded.errors:
        raise SpecInvalid(loaded.problems)
    return loaded


def consider(loaded: Loaded, snapshot: Snapshot, state: State, wish: Wish) -> Plan:
    """Return the plan that takes *state* to what *loaded* declares, each field with its line."""
    plan = make_plan(
        loaded.resources.values(),
        state,
        revision=snapshot.revision,
        prune=wish.prune,
        max_deletes=wish.max_deletes,
        scope=wish.scope,
        heal=wish.heal,
        now=wish.now,
        let_be=wish.asked.let_be,
        anew=wish.asked.anew,
    )
    return replace(plan, places=_places(plan, snapshot))


def _places(plan: Plan, snapshot: Snapshot) -> dict[tuple[ResourceKey, Path], Origin]:
    places: dict[tuple[ResourceKey, Path], Origin] = {}
    for change in plan.changes:
        if isinstance(change, (Create, Forget, Delete)):
            continue
        for field_change in change.fields:
            if not isinstance(field_change.after, Absent):
                place = locate(snapshot.files, change.after, field_change.path)
                places[change.key, field_change.path] = place
    return places

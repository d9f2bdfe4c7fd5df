"""From specs to plan: read the source, load, compare with what is in force, and say what it does."""

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, replace

from reconciler.engine.wish import Wish
from reconciler.errors import SpecInvalid
from reconciler.model.change import Absent, Create, Delete, Forget, Plan, State
from reconciler.model.problem import Severity
from reconciler.model.resource import Origin, ResourceKey
from reconciler.model.value import Path
from reconciler.plan.planner import make_plan
from reconciler.policy.ruling import NO_POLICY, Around, Ruling, governed, ruling_on
from reconciler.ports import Snapshot
from reconciler.spec.load import Loaded, load, locate
from reconciler.spec.reading import by_place


@dataclass(frozen=True, slots=True)
class SpecsRead:
    """What specs say, and what the team's policy beside them says of it."""

    loaded: Loaded
    ruling: Ruling


def read_specs(
    snapshot: Snapshot,
    wish: Wish,
    *,
    catalogue: Mapping[str, bytes],
    cache: MutableMapping[bytes, bytes] | None,
) -> SpecsRead:
    """Return what the specs of *snapshot* say, and what its policy says of them.

    Raises:
        SpecInvalid: with all problems, if any of them is an error; a rule that is broken is none.
    """
    loaded = load(snapshot.files, environment=wish.environment, catalogue=catalogue, cache=cache)
    ruling, problems = ruling_on(snapshot.files, loaded.resources)
    every = sorted((*loaded.problems, *problems), key=by_place)
    if any(one.severity is Severity.ERROR for one in every):
        raise SpecInvalid(every)
    return SpecsRead(loaded, ruling)


def consider(
    loaded: Loaded, snapshot: Snapshot, state: State, wish: Wish, ruling: Ruling = NO_POLICY
) -> Plan:
    """Return the plan that takes *state* to what *loaded* declares, each field with its line.

    What breaks a rule of *ruling*, and what its windows are about while they are open, is held.
    """
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
    plan = replace(plan, places=_places(plan, snapshot))
    around = Around(
        loaded.resources, state.resources, wish.scope, wish.now, ignored=wish.ignore_windows
    )
    return governed(plan, ruling, around)


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

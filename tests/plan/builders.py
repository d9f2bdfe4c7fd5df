"""Resources for the tests of this room, written short; and what hypothesis makes of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import strategies as st

from reconciler.model.change import Delete, Forget, Plan, Rename, State
from reconciler.model.resource import Kind, Origin, Owner, Resource, ResourceKey, make_resource
from reconciler.model.value import Path

CONNECTION: Mapping[str, Any] = {
    "connector": "tryton",
    "config": {"base_url": "http://erp:8000"},
    "auth": {"method": "password", "password": {"env": "ACME_PASSWORD"}},
    "entities": ["purchase-orders", "vendors"],
    "history": "90d",
}


@dataclass(frozen=True)
class Around:
    """What a resource has beside its spec."""

    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[ResourceKey, ...] = ()
    owner: Owner = Owner.GIT
    line: int | None = 1
    was: str | None = None


def key(text: str) -> ResourceKey:
    kind, name = text.split("/")
    return ResourceKey(Kind(kind), name)


def at(one: Resource, *path: str) -> tuple[ResourceKey, Path]:
    """Return the place of a field, as plans ask for it."""
    return one.key, path


def resource(
    text: str, spec: Mapping[str, Any] | None = None, around: Around | None = None
) -> Resource:
    around = around or Around()
    made = make_resource(
        key(text),
        {
            "metadata": {"labels": around.labels, "annotations": around.annotations},
            "spec": {} if spec is None else spec,
        },
        needs=frozenset(around.needs),
        owner=around.owner,
        origin=Origin(f"specs/{key(text).name}.yaml", around.line) if around.line else None,
    )
    return replace(made, previous_name=around.was)


def connection(name: str, around: Around | None = None, **spec: Any) -> Resource:
    return resource(f"Connection/{name}", {**CONNECTION, **spec}, around)


def state(*resources: Resource, generation: int = 41) -> State:
    return State(generation, {one.key: one for one in resources})


def applied(plan: Plan, before: State) -> State:
    """Make *plan* true the way a store does, on values."""
    assert plan.base == before.generation
    assert not plan.blocks
    resources = dict(before.resources)
    for change in plan.changes:
        if isinstance(change, (Delete, Forget)):
            del resources[change.key]
            continue
        if isinstance(change, Rename):
            del resources[change.before.key]
        resources[change.key] = change.after
    generation = before.generation + bool(plan.changes)
    return replace(before, generation=generation, resources=resources)


def words(plan: Plan) -> list[str]:
    """Return sign and key of each change, in order."""
    return [f"{change.action.value} {change.key}" for change in plan.changes]


def codes(plan: Plan) -> list[tuple[str, str]]:
    return [(str(block.key), block.code) for block in plan.blocks]


def shuffled(value: Any) -> Any:
    """Return *value* with the keys of every object the other way round."""
    if isinstance(value, Mapping):
        return {name: shuffled(value[name]) for name in reversed(list(value))}
    if isinstance(value, list):
        return [shuffled(one) for one in value]
    return value


names = st.sampled_from(["a", "b", "c", "name", "fields", "env"])
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | st.sampled_from([0.0, 1.0, -0.5, 1e20])
    | st.sampled_from(["", "a", "1", "true", "null", "two\nlines"])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=12,
)
objects = st.dictionaries(names, values, max_size=4)


def bodies_of(parts: Iterable[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Return bodies whose objects are made of *parts*, so that they meet the patterns of a table."""
    keys = st.sampled_from([*sorted(parts), "entities", "other", "zzz"])
    inner = st.recursive(
        scalars | st.lists(st.sampled_from(["vendors", "assets"]), max_size=2),
        lambda below: st.dictionaries(keys, below, max_size=4),
        max_leaves=14,
    )
    return st.fixed_dictionaries(
        {
            "metadata": st.fixed_dictionaries(
                {
                    "labels": st.dictionaries(names, st.sampled_from(["1", "2"]), max_size=2),
                    "annotations": st.dictionaries(names, st.sampled_from(["1", "2"]), max_size=1),
                }
            ),
            "spec": st.dictionaries(keys, inner, max_size=5),
        }
    )

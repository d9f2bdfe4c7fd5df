"""Whatever the specs say: once applied nothing is to do, and what is called changed names a field."""

import asyncio
import random
from collections.abc import Mapping
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.connectors.catalogue import catalogue_files
from reconciler.engine.apply import apply
from reconciler.engine.reconcile import consider
from reconciler.engine.wish import Wish
from reconciler.model.change import Plan, Update
from reconciler.model.resource import Resource, ResourceKey
from reconciler.plan.paths import dotted
from reconciler.plan.render.text import render_text
from reconciler.ports import Snapshot
from reconciler.spec.load import load
from reconciler.store.memory import MemoryStore
from tests.fakes import TurnedClock

ENTITIES = ("purchase-orders", "vendors", "materials", "work-orders")
STATUSES = ("approved", "sent", "closed", "rejected")
CALM = settings(
    max_examples=30,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)

words = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=8)
safe = words.filter(lambda word: "{" not in word)
labels = st.dictionaries(st.sampled_from(["plant", "team", "tier"]), st.sampled_from("abc"))
spans = st.sampled_from(["1h", "60m", "3600s", "24h", "1d", "7d", "1w", "90d", "2160h"])
days = st.sampled_from(["24h", "1d", "7d", "1w", "168h", "90d", "2160h", "365d"])
all_of_them = st.permutations([*ENTITIES, ENTITIES[0]])
sets = st.lists(st.sampled_from(ENTITIES), min_size=1, max_size=6)


def parts(required: Mapping[str, Any], **optional: st.SearchStrategy[Any]) -> Any:
    """Return mappings with all of *required*, and any of *optional*."""
    kept = {name: st.just(value) for name, value in required.items()}
    return st.fixed_dictionaries(
        kept, optional={name.rstrip("_"): one for name, one in optional.items()}
    )


drifting = {
    "drift": st.sampled_from(["report", "heal", "ignore"]),
    "ignore": st.lists(
        parts(
            {"reason": "others see to it"},
        ).flatmap(
            lambda rule: st.lists(
                st.sampled_from(["/spec/suspend", "/spec/entities", "/metadata/labels"]),
                min_size=1,
            ).map(lambda paths: {**rule, "paths": paths})
        ),
        max_size=2,
    ),
}
connections = parts(
    {
        "connector": "sandbox",
        "config": {"base_url": "http://127.0.0.1:8055"},
        "auth": {"method": "api_key", "key": {"env": "SANDBOX_API_KEY"}},
    },
    entities=all_of_them,
    history=days,
    deletions=parts({}, every=spans, brake=st.sampled_from(["10%", "5%", "100%"])),
    health=parts({}, every=spans, strikes=st.integers(1, 10)),
    deletionPolicy=st.sampled_from(["retain", "delete"]),
    protect=st.booleans(),
    retention=parts({}, raw=days, deleted=days),
    suspend=st.booleans(),
    **drifting,
)
rules = st.one_of(
    st.builds(lambda word: {"value": word}, words),
    st.builds(
        lambda values, unknown: {"from": "state", "values": values, "unknown": unknown},
        st.dictionaries(words, words, min_size=1, max_size=4),
        st.sampled_from(["keep", "null"]),
    ),
    st.builds(lambda word: {"from": "descr", "default": word}, words),
    st.builds(lambda word: {"template": f"{word} {{{{ source.no }}}}"}, safe),
)
mappings = parts(
    {"entity": "purchase-orders"},
    inherit=st.booleans(),
    fields=st.fixed_dictionaries(
        {},
        optional={
            "title": rules,
            "notes": rules,
            "status": st.dictionaries(words, st.sampled_from(STATUSES), min_size=1, max_size=4).map(
                lambda values: {"from": "state", "values": values}
            ),
        },
    ),
    customFields=st.dictionaries(
        st.sampled_from(["cost_center", "is_rush", "x1"]), rules, max_size=2
    ),
    **drifting,
)
schedules = parts(
    {},
    entities=sets,
    jitter=st.sampled_from(["0s", "60s", "1m", "10m"]),
    mode=st.sampled_from(["incremental", "full"]),
    catchUp=st.sampled_from(["once", "none"]),
    suspend=st.booleans(),
    full=parts({"every": "7d"}),
    windows=st.lists(
        st.sampled_from(
            [
                {"deny": "0 22 * * 6", "for": "4h", "timeZone": "Europe/Amsterdam"},
                {"deny": "0 22 * * 6", "for": "4h"},
                {"deny": "0 2 * * *", "for": "60m"},
            ]
        ),
        max_size=3,
    ),
    **drifting,
).flatmap(
    lambda spec: st.sampled_from(
        [{}, {"every": "15m"}, {"every": "1h"}, {"cron": "*/15 6-18 * * 1-5"}]
    ).map(lambda more: {**spec, **more})
)


@st.composite
def documents(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Return documents of one to three systems, some with a mapping and a schedule."""
    found = []
    for number in range(draw(st.integers(1, 3))):
        name = f"plant-{number}"
        found.append(document("Connection", name, draw(connections), draw(labels)))
        if draw(st.booleans()):
            spec = {"connection": name, **draw(mappings)}
            found.append(document("Mapping", f"{name}-orders", spec, draw(labels)))
        if draw(st.booleans()):
            spec = {"connection": name, **draw(schedules)}
            found.append(document("SyncSchedule", f"{name}-often", spec, draw(labels)))
    return found


def document(kind: str, name: str, spec: Any, marks: Mapping[str, str]) -> dict[str, Any]:
    metadata = {"name": name, "labels": dict(marks)} if marks else {"name": name}
    return {"apiVersion": "reconciler/v1", "kind": kind, "metadata": metadata, "spec": spec}


def turned(value: Any, chance: random.Random, name: str = "") -> Any:
    """Return the same in another order: keys of mappings, and the items of what is a set."""
    if isinstance(value, dict):
        items = [(key, turned(one, chance, key)) for key, one in value.items()]
        chance.shuffle(items)
        return dict(items)
    if isinstance(value, list):
        items = [turned(one, chance) for one in value]
        if name in {"entities", "paths", "windows"}:
            chance.shuffle(items)
        return items
    return value


class Plain(yaml.SafeDumper):
    """Writes each value out, and no anchors, which specs do not take."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_scalar(self, tag: str, value: str, style: str | None = None) -> yaml.ScalarNode:
        """Quote texts, which may look like a truth value, and nothing else."""
        quoted = style if tag.endswith(":str") else ""
        return super().represent_scalar(tag, value, quoted)


def files_of(made: list[dict[str, Any]]) -> dict[str, bytes]:
    text = yaml.dump_all(made, Dumper=Plain, default_style='"', sort_keys=False, allow_unicode=True)
    return {"specs.yaml": text.encode()}


def resources_of(files: Mapping[str, bytes]) -> Mapping[ResourceKey, Resource]:
    loaded = load(files, catalogue=catalogue_files())
    assert not loaded.errors, (loaded.errors[0], files["specs.yaml"].decode())
    return loaded.resources


async def planned(store: MemoryStore, files: Mapping[str, bytes]) -> Plan:
    loaded = load(files, catalogue=catalogue_files())
    assert not loaded.errors, (loaded.errors[0], files["specs.yaml"].decode())
    return consider(loaded, Snapshot("r", files), await store.views.state(), Wish())


@CALM
@given(documents())
def test_what_was_applied_leaves_nothing_to_do(made: list[dict[str, Any]]) -> None:
    async def work() -> None:
        store, files = MemoryStore(), files_of(made)
        await apply(await planned(store, files), store, TurnedClock(), actor="cli:ada")
        plan = await planned(store, files)
        assert (plan.changes, plan.drifts, plan.unmanaged) == ((), (), ())
        assert plan.unchanged == len(made)

    asyncio.run(work())


@CALM
@given(documents(), documents())
def test_what_is_called_changed_names_a_field_and_the_plan_prints_it(
    first: list[dict[str, Any]], second: list[dict[str, Any]]
) -> None:
    async def work() -> None:
        store = MemoryStore()
        plan = await planned(store, files_of(first))
        await apply(plan, store, TurnedClock(), actor="cli:ada")
        plan = await planned(store, files_of(second))
        shown = render_text(plan, diff=True)
        for change in plan.changes:
            if isinstance(change, Update):
                assert change.fields
                assert change.before.digest != change.after.digest
                assert all(dotted(field.path) in shown for field in change.fields)
        same = {
            key
            for key, one in resources_of(files_of(second)).items()
            if (known := (await store.views.state()).resources.get(key)) is not None
            and known.digest == one.digest
        }
        assert not same & {change.key for change in plan.changes}
        if plan.doable:
            await apply(plan, store, TurnedClock(), actor="cli:ada")
        assert not (await planned(store, files_of(second))).doable

    asyncio.run(work())


@CALM
@given(documents(), st.integers(0, 1000))
def test_another_order_of_keys_and_sets_is_no_change(made: list[dict[str, Any]], seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  no secret
    other = [turned(one, chance) for one in made]
    chance.shuffle(other)

    async def work() -> None:
        store = MemoryStore()
        await apply(await planned(store, files_of(made)), store, TurnedClock(), actor="cli:ada")
        assert (await planned(store, files_of(other))).empty

    asyncio.run(work())

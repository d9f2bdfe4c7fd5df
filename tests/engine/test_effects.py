"""What a plan says of stored records is what a comparison of all of them, before and after, finds."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.datamodel.reader import entities
from reconciler.engine.effect import data_effects
from reconciler.engine.inforce import InForce
from reconciler.engine.reader import RecordReader
from reconciler.engine.remap import Remap
from reconciler.model.change import ABSENT, Plan
from reconciler.model.data_effect import DataEffect, Failing, Meaning, Turn
from reconciler.model.identity import record_id
from reconciler.model.record import Batch, RecordQuery, Row
from reconciler.model.resource import Kind, Resource, ResourceKey, make_resource
from reconciler.model.value import canonical, digest_of
from reconciler.plan.planner import make_plan
from reconciler.ports import SyncRequest
from reconciler.store.memory import MemoryStore
from tests.fakes import NOON
from tests.plant import CONNECTOR, Plant, connection, make_plant, mapping

ORDERS = "purchase-orders"
HOUR = timedelta(hours=1)

Answers = dict[str, tuple[dict[str, Any] | None, str | None]]


async def answers(plant: Plant) -> Answers:
    """Return every live record as the API would answer it now."""
    reader = RecordReader(plant.store.views, InForce(plant.store.views, {"plant": CONNECTOR}))
    query: RecordQuery | None = RecordQuery(ORDERS, limit=3)
    found: Answers = {}
    while query is not None:
        page, place = await reader.page(query)
        for one in page:
            decoded = None if one.mapped is None else _decoded(one.mapped)
            found[one.source_id] = (decoded, one.error)
        query = None if place is None else replace(query, after=place)
    return found


def _decoded(text: bytes) -> dict[str, Any]:
    flat: dict[str, Any] = msgspec.json.decode(text)
    custom = flat.pop("custom_fields")
    return {**flat, **{f"custom_fields.{name}": value for name, value in custom.items()}}


def brute(before: Answers, after: Answers) -> dict[str, Any]:
    """Compare all records, in the plainest way."""
    changed = nulled = failed = failing = recovered = 0
    fields: Counter[str] = Counter()
    nulls: Counter[str] = Counter()
    fills: Counter[str] = Counter()
    moves: Counter[tuple[Any, Any]] = Counter()
    for key, (old, _) in before.items():
        new = after[key][0]
        if new is None:
            failed += 1
            failing += old is not None
        elif old is None:
            recovered += 1
        else:
            differing = [
                name
                for name in {*old, *new}
                if canonical([old.get(name, "absent-1")]) != canonical([new.get(name, "absent-2")])
            ]
            gone = [
                name for name in differing if old.get(name) is not None and new.get(name) is None
            ]
            come = [n for n in differing if old.get(n) is None and new.get(n) is not None]
            changed += bool(differing)
            nulled += bool(gone)
            fields.update(differing)
            nulls.update(gone)
            fills.update(come)
            if "status" in differing:
                moves[old["status"], new["status"]] += 1
    return {
        "total": len(before),
        "changed": changed,
        "nulled": nulled,
        "failed": failed,
        "failing": failing,
        "recovered": recovered,
        "fields": dict(fields),
        "nulled_fields": dict(nulls),
        "filled_fields": dict(fills),
        "moves": dict(moves),
    }


def told(effect: DataEffect) -> dict[str, Any]:
    preview = effect.preview
    return {
        "total": preview.total,
        "changed": preview.changed,
        "nulled": preview.nulled,
        "failed": preview.failed,
        "failing": preview.failing,
        "recovered": preview.recovered,
        "fields": dict(preview.fields),
        "nulled_fields": dict(preview.nulled_fields),
        "filled_fields": dict(preview.filled_fields),
        "moves": {(one.before, one.after): one.records for one in preview.moves.get("status", ())},
    }


SOURCES = st.sampled_from(["no", "state", "total", "label", "missing"])
STATUSES = st.sampled_from(["approved", "sent", "closed", "draft", None])
RULES = st.fixed_dictionaries(
    {},
    optional={
        "number": st.builds(lambda path: {"from": path, "type": "string"}, SOURCES),
        "title": st.builds(lambda path: {"from": path}, SOURCES)
        | st.just({"value": "an order"})
        | st.just({"template": "{{ source.no }} {{ source.label }}"}),
        "total_gross": st.builds(lambda path: {"from": path, "type": "decimal"}, SOURCES),
        "status": st.fixed_dictionaries(
            {
                "from": st.just("state"),
                "values": st.dictionaries(st.sampled_from(["open", "done", "?"]), STATUSES),
            },
            optional={"unknown": st.sampled_from(["other", "null", "error", "keep"])},
        ),
    },
)
CUSTOM = st.dictionaries(
    st.sampled_from(["plant_state", "kind"]),
    st.builds(lambda path: {"from": path}, SOURCES)
    | st.builds(lambda path: {"from": path, "type": "integer"}, SOURCES),
    max_size=2,
)
LAYER = st.fixed_dictionaries({"fields": RULES, "customFields": CUSTOM})
RECORDS = st.lists(
    st.fixed_dictionaries(
        {
            "no": st.sampled_from(["PO-1", "PO-2", "", 7]),
            "state": st.sampled_from(["open", "done", "?", "lost", None, 3]),
            "total": st.sampled_from(["1.50", "x", None, 12, "12.00"]),
        },
        optional={"label": st.sampled_from(["a", "b", 1, 1.0, True, ["x"], {"y": 1}])},
    ),
    min_size=1,
    max_size=12,
)
LAYERS = ("default", "selector", "connection", "override")


def override(fields: dict[str, Any], until: str = "2030-01-01T00:00:00Z") -> Resource:
    target = {"kind": "Mapping", "name": "acme-orders"}
    spec = {"target": target, "until": until, "reason": "try it", "patch": fields}
    return make_resource(ResourceKey(Kind.OVERRIDE, "trial"), {"spec": spec})


def labelled(labels: dict[str, str]) -> Resource:
    plain = connection()
    return make_resource(plain.key, {"metadata": {"labels": labels}, "spec": plain.spec})


def specs(layers: dict[str, dict[str, Any]]) -> list[Resource]:
    """Return the specs of these layers: some may be missing, and each says it in its own way."""
    default = layers.get("default")
    made = [labelled({"plant": "a"} if "selector" in layers else {})]
    if default is not None:
        streams = {**CONNECTOR.spec["streams"], ORDERS: default}
        made.append(make_resource(CONNECTOR.key, {"spec": {"streams": streams}}))
    chosen = {
        "selector": {"matchLabels": {"plant": "a"}},
        "entity": ORDERS,
        "inherit": True,
        "fields": {"number": {"from": "state", "type": "string"}},
        "customFields": {},
    }
    made.append(make_resource(ResourceKey(Kind.MAPPING, "by-label"), {"spec": chosen}))
    made.append(mapping(**layers.get("connection", {"fields": {}, "customFields": {}})))
    if "override" in layers:
        made.append(override(layers["override"]))
    return made


async def stored(plant: Plant, records: list[dict[str, Any]]) -> str:
    """Keep *records* as mapped under what is in force, every third under nothing of now, one dead."""
    situation = await plant.in_force.look()
    acme = situation.connection("acme")
    uid, mapper = situation.uid(acme), situation.mapper(acme, ORDERS)
    raws = [canonical(record) for record in records]
    made = mapper(uid, raws)
    for basis, chosen in ((mapper.basis, (0, 1)), ("of old", (2,))):
        rows = [
            Row(
                str(at),
                record_id("po", uid, str(at)),
                raw,
                bytes.fromhex(digest_of(raw.decode())[:32]),
                *(made[at] if basis == mapper.basis else (b'{"custom_fields":{}}', None)),
            )
            for at, raw in enumerate(raws)
            if at % 3 in chosen
        ]
        async with plant.store.begin() as unit:
            await unit.records.save(Batch(uid, ORDERS, basis, "run", rows, NOON))
            await unit.records.bury(uid, ORDERS, ["4"], at=NOON)
            await unit.commit()
    return uid


async def compared(
    before: dict[str, Any], after: dict[str, Any], records: list[dict[str, Any]]
) -> None:
    """Say what a plan from *before* to *after* does, apply it, and see that it did just that."""
    plant = await make_plant(MemoryStore())
    await plant.declare(*specs(before))
    await stored(plant, records)
    old = await answers(plant)
    situation = await plant.in_force.look()
    plan = make_plan(specs(after), situation.state, revision="test", prune=True)
    effects = await data_effects(plan, situation, plant.store.views)
    await plant.declare(*specs(after))
    expected = brute(old, await answers(plant))
    if not effects:
        assert not (expected["changed"])
        assert not (expected["failing"])
        assert not (expected["recovered"])
        return
    (effect,) = effects
    assert told(effect) == expected
    assert effect.looked_at == effect.stored == len(old)
    assert set(effect.causes) <= {change.key for change in plan.changes}
    assert effect.causes
    await Remap(plant.store, plant.in_force, plant.clock).all()
    assert brute(old, await answers(plant)) == expected


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(st.sampled_from(LAYERS), LAYER),
    st.dictionaries(st.sampled_from(LAYERS), LAYER),
    RECORDS,
)
def test_the_numbers_of_a_plan_are_those_of_a_comparison_of_all_records(
    before: dict[str, Any], after: dict[str, Any], records: list[dict[str, Any]]
) -> None:
    asyncio.run(compared(before, after, records))


# ── told by hand ─────────────────────────────────────────────────────────────────────────────────

NEW_STATUS = {"from": "state", "values": {"open": "sent", "done": "closed"}}


async def effect_of(plant: Plant, *resources: Resource, **how: Any) -> tuple[Plan, DataEffect]:
    situation = await plant.in_force.look()
    plan = make_plan(resources, situation.state, revision="test", prune=True)
    (effect,) = await data_effects(plan, situation, plant.store.views, **how)
    return plan, effect


async def synced(plant: Plant, count: int = 4) -> None:
    for at in range(count):
        plant.order(f"{at:03}", state="done" if at % 4 == 3 else "open", total=f"{at}.00")
    await plant.syncs.run(SyncRequest("acme"))


async def test_an_effect_says_which_values_move_and_what_filters_find_no_more(plant: Plant) -> None:
    await synced(plant)
    _, effect = await effect_of(plant, connection(), mapping(fields={"status": NEW_STATUS}))
    (move,) = effect.preview.moves["status"]
    assert (move.before, move.after, move.records) == ("approved", "sent", 3)
    assert effect.meanings == (Meaning("status", Turn.VALUES, ("approved",), ("sent",)),)
    assert [one.source_id for one in effect.preview.samples] == ["000", "001", "002"]


async def test_fields_that_come_and_go_are_told_though_no_record_has_them(plant: Plant) -> None:
    await synced(plant)
    rules: dict[str, Any] = {
        "fields": {"title": {"from": "nothing"}, "total_gross": {"value": None}},
        "customFields": {"kind": {"from": "nothing"}},
    }
    _, effect = await effect_of(plant, connection(), mapping(**rules))
    assert [(one.field, one.turn) for one in effect.meanings] == [
        ("title", Turn.FILLED),
        ("total_gross", Turn.EMPTIED),
        ("custom_fields.kind", Turn.ADDED),
    ]
    assert effect.preview.nulled_fields == {"total_gross": 4}


async def test_what_fails_is_told_by_field_and_why(plant: Plant) -> None:
    await synced(plant)
    strict = {"from": "state", "values": {"done": "closed"}, "unknown": "error"}
    _, effect = await effect_of(
        plant, connection(), mapping(fields={"status": strict, "order_date": {"from": "no"}})
    )
    preview = effect.preview
    assert (preview.failed, preview.failing) == (4, 4)
    assert preview.failed_fields == {"status": 3, "order_date": 1}
    assert preview.failures == {Failing.ENUM: 3, Failing.TYPE: 1}
    assert effect.share == 1.0
    assert "status" in str(preview.samples[0].error)
    assert preview.samples[0].before is ABSENT


async def test_values_that_the_value_map_does_not_know_are_counted(plant: Plant) -> None:
    await synced(plant)
    few = {"from": "state", "values": {"done": "closed"}}
    _, effect = await effect_of(plant, connection(), mapping(fields={"status": few}))
    assert effect.preview.unlisted_fields == {"status": 3}


async def test_causes_are_told_the_nearest_first(plant: Plant) -> None:
    base = mapping(fields={"status": NEW_STATUS})
    await plant.declare(connection(), base)
    await synced(plant)
    changed = {**CONNECTOR.spec["streams"][ORDERS], "fields": {"title": {"from": "no"}}}
    connector = make_resource(
        CONNECTOR.key, {"spec": {"streams": {**CONNECTOR.spec["streams"], ORDERS: changed}}}
    )
    by_label = mapping(
        "by-label", connection=None, selector={"matchLabels": {"p": "a"}}, customFields={}
    )
    trial = override({"fields": {"number": {"from": "state"}}})
    plan, effect = await effect_of(plant, labelled({"p": "a"}), base, connector, by_label, trial)
    assert [str(key) for key in effect.causes] == [
        "Mapping/by-label",
        "Override/trial",
        "Connection/acme",
        "Connector/plant",
    ]
    assert {change.key for change in plan.changes} == set(effect.causes)


async def test_an_override_that_has_ended_already_does_nothing(plant: Plant) -> None:
    base = mapping(fields={"status": NEW_STATUS})
    await plant.declare(connection(), base)
    await synced(plant)
    trial = override({"fields": {"number": {"from": "state"}}}, until=(NOON + HOUR).isoformat())
    situation = await plant.in_force.look()
    plan = make_plan([connection(), base, trial], situation.state, revision="test")
    views = plant.store.views
    assert len(await data_effects(plan, situation, views, now=NOON)) == 1
    assert await data_effects(plan, situation, views, now=NOON + HOUR) == []


async def test_another_system_under_the_same_name_is_no_mapping_change(plant: Plant) -> None:
    await synced(plant)
    situation = await plant.in_force.look()
    plan = make_plan([connection(connector="other")], situation.state, revision="r")
    assert await data_effects(plan, situation, plant.store.views) == []


@pytest.mark.parametrize("size", [1, 10, 50, 119, 120, 500])
async def test_a_sample_is_as_large_as_asked_and_says_so(size: int) -> None:
    plant = await make_plant(MemoryStore())
    await stored(plant, [{"no": str(n), "state": "open", "total": "1"} for n in range(121)])
    _, effect = await effect_of(
        plant, connection(), mapping(fields={"status": NEW_STATUS}), limit=size
    )
    assert effect.looked_at == effect.preview.total == min(size, 120)
    assert (effect.stored, effect.sampled) == (120, size < 120)
    assert ("a sample" in effect.sentence()) is (size < 120)


async def test_a_sample_is_taken_from_old_and_new_records_alike() -> None:
    plant = await make_plant(MemoryStore())
    rest = {"no": "1", "total": "1"}
    records = [{"state": "open" if n < 1500 else "done", **rest} for n in range(3001)]
    await stored(plant, records)
    fields = {"status": {"from": "state", "values": {"open": "sent", "done": "closed"}}}
    _, effect = await effect_of(plant, connection(), mapping(fields=fields), limit=1000)
    changed = effect.preview.moves["status"][0].records
    assert effect.looked_at == 1000
    assert 400 < changed < 600


def test_ids_are_digests_of_which_a_bound_takes_a_share() -> None:
    prefix = entities()[ORDERS].prefix
    ids = [record_id(prefix, "u", str(n)) for n in range(2000)]
    assert 400 < sum(one < f"{prefix}_4" for one in ids) < 600

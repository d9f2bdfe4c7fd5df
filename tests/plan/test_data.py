"""What a plan does to stored records, as people and programs read it; and saved with the plan."""

import json
from dataclasses import replace

from jsonschema import Draft202012Validator

from reconciler.model.change import ABSENT, Plan
from reconciler.model.data_effect import DataEffect, Failing, Meaning, Move, Preview, Sample, Turn
from reconciler.plan.planner import make_plan
from reconciler.plan.render.data import notes_of
from reconciler.plan.render.github import render_github
from reconciler.plan.render.json import FORMAT_VERSION, to_json
from reconciler.plan.render.markdown import render_markdown
from reconciler.plan.render.schema import plan_schema
from reconciler.plan.render.text import render_text
from reconciler.plan.saved import dump, load_plan
from tests.plan.builders import key, resource, state

ORDERS = key("Mapping/orders")
PREVIEW = Preview(
    "purchase-orders",
    total=3310,
    changed=1207,
    nulled=3,
    failed=2,
    failing=2,
    recovered=1,
    fields={"status": 1204, "custom_fields.kind": 3, "total_gross": 3},
    nulled_fields={"total_gross": 3},
    filled_fields={"custom_fields.kind": 3},
    failed_fields={"total_net": 2},
    unlisted_fields={"status": 4},
    failures={Failing.TYPE: 2},
    moves={"status": (Move("approved", "sent", 1200), Move(None, "other", 4))},
    samples=(
        Sample("17", "status", "approved", "sent"),
        Sample("19", "total_gross", "12.50", None),
        Sample("20", "custom_fields.kind", ABSENT, "@here `x`"),
        Sample("21", "", ABSENT, ABSENT, 'total_net: "abc" is not a decimal number'),
    ),
)
MEANINGS = (
    Meaning("status", Turn.VALUES, ("approved",), ("sent",)),
    Meaning("title", Turn.FILLED),
    Meaning("notes", Turn.RULE),
    Meaning("custom_fields.kind", Turn.ADDED),
)
EFFECT = DataEffect("acme", "purchase-orders", PREVIEW, 3310, 3310, (ORDERS,), MEANINGS)


def plan_of(*effects: DataEffect) -> Plan:
    before = state(resource("Mapping/orders", {"a": 1}))
    return replace(make_plan([resource("Mapping/orders", {"a": 2})], before), data=effects)


TOLD = [
    (
        "acme: 1,207 of 3,310 purchase-orders change (status 1,204, custom_fields.kind 3, "
        "total_gross 3), 3 become null, 2 fail, 1 that failed do not any more"
    ),
    (
        "  status: approved -> sent 1,200, null -> other 4; 4 unknown to the value map; "
        "a filter by approved finds nothing more, new: sent"
    ),
    '  custom_fields.kind: (absent) -> "@here `x`" (20); 3 of 3,310 filled; new in answers',
    '  total_gross: "12.50" -> null (19); 3 become null',
    "  title: 0 of 3,310 filled; was null in all records",
    '  2 fail (type 2): 21: total_net: "abc" is not a decimal number',
]


def test_people_read_a_sentence_and_a_line_a_field() -> None:
    assert notes_of(plan_of(EFFECT)) == {ORDERS: TOLD}


def test_every_form_tells_it_under_the_change_that_it_comes_of() -> None:
    plan = plan_of(EFFECT)
    text = render_text(plan).splitlines()
    place = next(at for at, line in enumerate(text) if "Mapping/orders" in line)
    assert [line.strip() for line in text[place + 1 : place + 7]] == [one.strip() for one in TOLD]
    for form in (render_markdown(plan), render_github(plan)):
        assert "1,207 of 3,310 purchase-orders change" in form
        assert "status: approved -> sent 1,200" in form


def test_very_many_effects_are_told_the_worst_first_and_then_counted() -> None:
    effects = [replace(EFFECT, connection=f"c-{n:03}") for n in range(60)]
    worst = replace(EFFECT, connection="worst", preview=replace(PREVIEW, changed=3000))
    lines = notes_of(plan_of(*effects, worst))[ORDERS]
    assert lines[0].startswith("worst: 3,000 of 3,310")
    assert lines[-1] == "and 11 more entities of connections, where 13,310 records change"
    assert len(lines) == 8 * len(TOLD) + 42 + 1


def test_programs_read_all_of_it_as_the_schema_says() -> None:
    told = to_json(plan_of(EFFECT), tool_version="1")
    Draft202012Validator(plan_schema()).validate(told)
    assert told["format_version"] == FORMAT_VERSION
    (effect,) = told["data_effects"]
    assert effect["causes"] == ["Mapping/orders"]
    assert (effect["differing"], effect["failures"]) == (1210, {"type": 2})
    by_name = {one["field"]: one for one in effect["fields"]}
    assert by_name["status"]["moves"][0] == {"before": "approved", "after": "sent", "records": 1200}
    assert by_name["status"]["meaning"] == {"turn": "values", "gone": ["approved"], "new": ["sent"]}
    assert by_name["custom_fields.kind"]["samples"] == [{"source_id": "20", "after": "@here `x`"}]
    assert by_name["total_net"]["failed"] == 2
    assert json.loads(json.dumps(told)) == told


def test_a_saved_plan_has_it_and_comes_back_as_it_was() -> None:
    sampled = replace(EFFECT, looked_at=100, causes=())
    plan = plan_of(EFFECT, sampled)
    assert load_plan(dump(plan)) == plan
    assert list(load_plan(dump(plan)).data[0].preview.fields) == list(PREVIEW.fields)


def test_a_plan_is_the_same_whatever_is_stored() -> None:
    assert plan_of(EFFECT).id == plan_of().id

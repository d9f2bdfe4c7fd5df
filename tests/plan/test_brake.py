"""A mapping change that does too much to stored records waits for a person."""

from dataclasses import replace

import pytest

from reconciler.model.change import Plan
from reconciler.model.data_effect import DataEffect, Preview
from reconciler.model.resource import ResourceKey
from reconciler.plan.brake import MAX_CHANGED, Cap, braked, parse_cap
from reconciler.plan.planner import make_plan
from tests.plan.builders import Around, key, resource, state

ORDERS, VENDORS = key("Mapping/orders"), key("Mapping/vendors")
IN_FORCE = {one: resource(str(one), {"a": 1}) for one in (ORDERS, VENDORS)}


def effect(
    *causes: ResourceKey, differing: int = 30, looked_at: int = 100, stored: int | None = None
) -> DataEffect:
    preview = Preview("purchase-orders", total=looked_at, changed=differing)
    stored = looked_at if stored is None else stored
    return DataEffect("acme", "purchase-orders", preview, looked_at, stored, causes)


def plan_of(*effects: DataEffect, allowed: str | None = None) -> Plan:
    """Return a plan that changes two mappings, and does this to records."""
    notes = {} if allowed is None else {MAX_CHANGED: allowed}
    before = replace(state(), resources=IN_FORCE)
    wanted = [
        resource("Mapping/orders", {"a": 2}, Around(annotations=notes)),
        resource("Mapping/vendors", {"a": 2}),
        resource("SyncSchedule/s", {"every": "1h"}, Around(needs=(ORDERS,))),
    ]
    return replace(make_plan(wanted, before), data=effects)


def held(plan: Plan, cap: Cap | None) -> list[str]:
    return sorted(f"{one.code} {one.key}" for one in braked(plan, cap, IN_FORCE).blocks)


@pytest.mark.parametrize(
    ("text", "cap"),
    [
        ("10%", Cap(share=10)),
        (" 0.5% ", Cap(share=0.5)),
        ("100%", Cap(share=100)),
        ("0", Cap(records=0)),
        ("250", Cap(records=250)),
    ],
)
def test_a_cap_is_a_share_or_a_number(text: str, cap: Cap) -> None:
    assert parse_cap(text) == cap


@pytest.mark.parametrize("text", ["", "ten", "-1", "101%", "10 %", "1e3", "0.5"])
def test_what_is_neither_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="neither a share"):
        parse_cap(text)


def test_what_is_over_the_cap_is_held_and_the_rest_goes_on() -> None:
    plan = braked(plan_of(effect(ORDERS)), Cap(share=10), IN_FORCE)
    (block,) = [one for one in plan.blocks if one.code == "TOO_MANY_CHANGED"]
    assert block.key == ORDERS
    assert (
        "30 of 100 purchase-orders of acme would change (30.0%), more than the 10%" in block.reason
    )
    assert "--max-changed 30%" in block.remedy
    assert [change.key for change in plan.doable] == [VENDORS, key("SyncSchedule/s")]


@pytest.mark.parametrize("cap", [None, Cap(share=30), Cap(records=30), Cap(share=100)])
def test_what_is_within_the_cap_goes_on(cap: Cap | None) -> None:
    plan = plan_of(effect(ORDERS))
    assert braked(plan, cap, IN_FORCE) is plan


def test_of_a_sample_a_number_counts_for_all_that_is_stored() -> None:
    sampled = plan_of(effect(ORDERS, differing=10, stored=10_000))
    assert held(sampled, Cap(records=999)) == ["TOO_MANY_CHANGED Mapping/orders"]
    assert held(sampled, Cap(records=1000)) == []


def test_all_changes_that_it_comes_of_are_held_once() -> None:
    both = plan_of(effect(ORDERS, VENDORS), effect(ORDERS, VENDORS, differing=60))
    (block,) = braked(both, Cap(share=10), IN_FORCE).blocks
    assert (block.key, block.also) == (ORDERS, (VENDORS,))
    assert "60 of 100" in block.reason
    assert "in 1 more place" in block.reason


def test_an_object_says_for_itself_what_is_allowed() -> None:
    assert held(plan_of(effect(ORDERS), allowed="30%"), Cap(share=10)) == []
    assert held(plan_of(effect(ORDERS), allowed="20%"), Cap(share=50)) != []
    assert held(plan_of(effect(ORDERS), allowed="much"), Cap(share=10)) != []


def test_what_another_cap_held_is_free() -> None:
    plan = braked(plan_of(effect(ORDERS)), Cap(share=10), IN_FORCE)
    assert braked(plan, Cap(share=50), IN_FORCE).blocks == ()
    assert braked(plan, None, IN_FORCE).blocks == ()


def test_what_needs_something_that_is_held_and_not_there_waits_too() -> None:
    wanted = [resource("Mapping/orders"), resource("SyncSchedule/s", {}, Around(needs=(ORDERS,)))]
    plan = braked(replace(make_plan(wanted, state()), data=(effect(ORDERS),)), Cap(share=10), {})
    codes = sorted(f"{one.code} {one.key}" for one in plan.blocks)
    assert codes == ["HELD_BACK SyncSchedule/s", "TOO_MANY_CHANGED Mapping/orders"]

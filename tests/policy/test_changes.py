"""Rules and windows over the changes of a plan: what they see, what they hold, and for how long."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reconciler.model.change import Freeze, Plan, State
from reconciler.model.resource import Resource
from reconciler.plan.planner import make_plan
from reconciler.plan.render.schema import plan_schema
from reconciler.plan.scope import Scope
from reconciler.policy.freeze import frozen_at, only_waits, opens_at
from reconciler.policy.objects import broken_by
from reconciler.policy.policy import SEEN, Over, Policy
from reconciler.policy.ruling import Around, Ruling, governed
from tests.policy.making import by_key, made, policy, rule, window

PROD = {"env": "prod"}
OLD = made("Connection/acme", PROD, connector="sap", history="90d", protect=False)
NEW = made("Connection/acme", PROD, connector="sap", history="30d", protect=False)
ORDERS = made("Mapping/acme-orders", connection="acme", entity="purchase-orders")
DURING = datetime(2026, 5, 30, 12, tzinfo=UTC)
AFTER = datetime(2026, 6, 1, 10, tzinfo=UTC)


def planned(
    said: Policy,
    declared: Iterable[Resource],
    in_force: Iterable[Resource] = (),
    *,
    now: datetime = AFTER,
    **more: Any,
) -> Plan:
    wanted, there = by_key(*declared), by_key(*in_force)
    scope = more.pop("scope", Scope())
    ignored = more.pop("ignored", "")
    plan = make_plan(wanted.values(), State(7, there), scope=scope, **more)
    ruling = Ruling(said, broken_by(said, wanted))
    return governed(plan, ruling, Around(wanted, there, scope, now, ignored))


def told(plan: Plan) -> list[str]:
    return [f"{block.code} {block.key}" for block in plan.blocks]


@pytest.mark.parametrize(
    ("said", "held"),
    [
        ({"deny": "diff[?path == '/spec/history']"}, True),
        ({"deny": "diff[?path == '/spec/other']"}, False),
        ({"deny": "contains(effects, 'resync')"}, True),
        ({"require": "length(diff) < `2`"}, False),
        ({"require": "actions == ['create']"}, True),
        ({"deny": "kind", "actions": ["create", "delete"]}, False),
        ({"deny": "kind", "actions": ["update"]}, True),
        ({"deny": "kind", "kinds": ["Mapping"]}, False),
        ({"deny": "length(previous_address)"}, True),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_a_rule_over_changes_sees_the_plan_as_its_json_tells_it(
    said: dict[str, Any],
    *,
    held: bool,
) -> None:
    plan = planned(policy(rule("r", over="change", **said)), [NEW], [OLD])
    assert told(plan) == (["POLICY Connection/acme"] if held else [])
    assert plan.applyable is not held


def test_a_rule_sees_no_key_that_the_json_of_a_plan_does_not_have() -> None:
    told_of = plan_schema()["properties"]["changes"]["items"]["properties"]
    assert set(SEEN[Over.CHANGE]) <= set(told_of)
    assert {"notes", "costs", "blocked"} == set(told_of) - set(SEEN[Over.CHANGE])


def test_a_replace_is_a_delete_and_a_create_as_well() -> None:
    other = made("Connection/acme", PROD, connector="tryton")
    for action in ("replace", "delete", "create"):
        said = policy(rule("r", over="change", actions=[action], deny="kind"))
        assert told(planned(said, [other], [OLD])) == ["POLICY Connection/acme"]


def test_what_is_removed_is_reached_by_its_labels() -> None:
    said = policy(
        rule(
            "keep",
            over="change",
            actions=["forget"],
            selector={"matchLabels": PROD},
            deny="kind",
        )
    )
    other = made("Connection/other", connector="sap")
    plan = planned(said, [other], [OLD, other], prune=True)
    assert told(plan) == ["POLICY Connection/acme"]


def test_taking_the_label_away_does_not_lead_out_of_a_rule() -> None:
    said = policy(rule("r", over="change", selector={"matchLabels": PROD}, deny="kind"))
    assert told(planned(said, [made("Connection/acme", connector="sap")], [OLD]))
    assert not told(planned(said, [made("Connection/x", connector="sap")]))


def test_an_object_that_breaks_a_rule_is_held_though_it_does_not_change_and_others_go_on() -> None:
    said = policy(rule("safe", kinds=["Connection"], require="spec.protect"))
    plan = planned(said, [OLD, ORDERS], [OLD])
    assert told(plan) == ["POLICY Connection/acme"]
    assert [str(change.key) for change in plan.doable] == ["Mapping/acme-orders"]


def test_what_needs_a_held_new_object_is_held_too() -> None:
    needing = replace(ORDERS, needs=frozenset({OLD.key}))
    said = policy(rule("safe", kinds=["Connection"], require="spec.protect"))
    free = made("Connection/free", connector="sap", protect=True)
    plan = planned(said, [OLD, needing, free])
    assert told(plan) == ["POLICY Connection/acme", "HELD_BACK Mapping/acme-orders"]
    assert [str(change.key) for change in plan.doable] == ["Connection/free"]


def test_a_warning_holds_nothing() -> None:
    plan = planned(policy(rule("safe", require="spec.protect", severity="warning")), [OLD])
    assert told(plan) == []
    (warned,) = plan.advisories
    assert (str(warned.key), warned.code, warned.reason) == (
        "Connection/acme",
        "POLICY",
        "safe: That is our rule.",
    )


def test_what_a_scope_leaves_out_is_not_told() -> None:
    said = policy(rule("safe", require="spec.protect"))
    assert told(planned(said, [OLD, ORDERS], scope=Scope(only=("Mapping/*",)))) == [
        "POLICY Mapping/acme-orders"
    ]


WEEKEND = window(timeZone="Europe/Amsterdam")


def test_a_window_holds_changes_while_it_is_open_and_says_until_when() -> None:
    said = policy(windows=(WEEKEND,))
    plan = planned(said, [NEW, ORDERS], [OLD], now=DURING)
    (block,) = plan.blocks
    assert (block.code, {block.key, *block.also}) == ("WINDOW", {NEW.key, ORDERS.key})
    assert "plant shutdown" in block.reason
    assert "2026-06-01T08:00:00Z" in block.remedy
    assert "--ignore-windows" in block.remedy
    assert not plan.applyable
    assert only_waits(plan)
    assert opens_at(plan, DURING) == AFTER.replace(hour=8)
    assert planned(said, [NEW, ORDERS], [OLD], now=AFTER).blocks == ()


def test_a_window_holds_nothing_where_nothing_changes() -> None:
    plan = planned(policy(windows=(WEEKEND,)), [OLD], [OLD], now=DURING)
    assert (plan.blocks, plan.freezes) == ((), ())
    assert opens_at(plan, DURING) is None


def test_a_window_is_about_its_own_objects_alone() -> None:
    said = policy(windows=(window(selector={"matchLabels": PROD}),))
    free = made("Connection/free", {"env": "dev"}, connector="sap")
    plan = planned(said, [NEW, ORDERS, free], [OLD], now=DURING)
    assert [str(change.key) for change in plan.doable] == ["Connection/free"]


def test_windows_of_different_objects_end_each_at_its_time() -> None:
    said = policy(
        windows=(
            window("0 8 * * *", "6h", kinds=["Connection"], reason="stocktaking"),
            window("0 10 * * *", "8h", kinds=["Mapping", "Connection"], reason="month's end"),
        )
    )
    plan = planned(said, [NEW, ORDERS], [OLD], now=DURING)
    reasons = {block.key.kind.value: block for block in plan.blocks}
    assert "stocktaking, month's end" in reasons["Connection"].reason
    assert "month's end" in reasons["Mapping"].reason
    assert "T18:00:00Z" in reasons["Connection"].remedy
    plan = planned(said, [NEW, ORDERS], [OLD], now=DURING.replace(hour=9))
    assert told(plan) == ["WINDOW Connection/acme"]
    assert opens_at(plan, DURING.replace(hour=9)) == DURING.replace(hour=18)


def test_a_person_with_a_reason_goes_on_and_is_warned() -> None:
    plan = planned(policy(windows=(WEEKEND,)), [NEW], [OLD], now=DURING, ignored="agreed")
    assert plan.blocks == ()
    (warned,) = plan.advisories
    assert warned.reason == "a deny window is open: plant shutdown; ignored: agreed"


def test_a_person_who_ignores_windows_ignores_no_rule() -> None:
    said = policy(rule("safe", require="spec.protect"), windows=(WEEKEND,))
    plan = planned(said, [NEW], [OLD], now=DURING, ignored="agreed")
    assert told(plan) == ["POLICY Connection/acme"]


def test_windows_without_a_gap_say_so() -> None:
    plan = planned(policy(windows=(window("0 0 * * *", "48h"),)), [NEW], [OLD], now=DURING)
    assert "leave no gap" in plan.blocks[0].remedy
    assert opens_at(plan, DURING) is None


@pytest.mark.parametrize(("made_at", "later"), [(DURING, AFTER), (AFTER, DURING)])
def test_a_plan_that_is_kept_is_held_by_the_windows_of_the_time_when_it_is_applied(
    made_at: datetime, later: datetime
) -> None:
    said = policy(
        rule("many", over="change", kinds=["AlertRoute"], deny="kind"), windows=(WEEKEND,)
    )
    needing = replace(ORDERS, needs=frozenset({OLD.key}))
    everything = [OLD, needing, made("AlertRoute/ops")]
    kept = planned(said, everything, now=made_at)
    assert frozen_at(kept, {}, later) == planned(said, everything, now=later)
    assert frozen_at(frozen_at(kept, {}, later), {}, made_at) == kept


def test_without_a_time_no_window_is_looked_at() -> None:
    shut = Freeze("* * * * *", timedelta(minutes=1), "UTC", "why", (NEW.key,))
    plan = replace(make_plan([NEW], State(7, by_key(OLD))), freezes=(shut,))
    assert frozen_at(plan, by_key(OLD), None).blocks == ()

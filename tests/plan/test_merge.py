"""Three ways at once: what git applied, what git says now, and what is there."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
from hypothesis import given

from reconciler.model.change import (
    Change,
    Delete,
    Drifted,
    FieldDrift,
    Forget,
    Heal,
    Plan,
    State,
    Update,
)
from reconciler.model.resource import Resource, ResourceKey
from reconciler.plan.diff import diff
from reconciler.plan.drift import Sighting, field_drifts
from reconciler.plan.merge import merge, put_at, value_at
from reconciler.plan.outcome import in_force_after
from reconciler.plan.planner import make_plan
from tests.plan.builders import Around, codes, connection, key, objects, resource, words

AT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
APPLIED = connection("acme")
RAISED = connection("acme", history="365d")
EDITED = connection("acme", entities=["vendors"])


def then(change: Change) -> Resource:
    """Return what is in force once *change*, which removes nothing, is made."""
    assert not isinstance(change, (Delete, Forget))
    return in_force_after(change)


def drifted(applied: Resource, observed: Resource, *others: Resource) -> State:
    """Return a state in which somebody has made *observed* of *applied*."""
    edits = field_drifts((), applied, observed, Sighting("ui:jo", AT))
    return State(
        41,
        {one.key: one for one in (observed, *others)},
        applied={applied.key: applied},
        edits={applied.key: edits},
    )


def healing(plan_of: Resource, state: State) -> Plan:
    return make_plan([plan_of], state, heal={plan_of.key})


def test_what_was_edited_elsewhere_is_drift_and_no_change() -> None:
    plan = make_plan([APPLIED], drifted(APPLIED, EDITED))
    assert plan.empty
    path = ("spec", "entities")
    before, after = ["purchase-orders", "vendors"], ["vendors"]
    edit = FieldDrift(path, before, after, "ui:jo", AT)
    assert [(one.key, one.fields) for one in plan.drifts] == [(APPLIED.key, (edit,))]
    assert plan.drifted


def test_git_and_an_edit_of_other_fields_both_hold() -> None:
    plan = make_plan([RAISED], drifted(APPLIED, EDITED))
    (change,) = plan.changes
    assert isinstance(change, Update)
    assert [field.path for field in change.fields] == [("spec", "history")]
    spec = then(change).spec
    assert (spec["history"], spec["entities"]) == ("365d", ["vendors"])
    assert plan.applyable


def test_the_same_field_moved_both_ways_is_a_conflict_that_names_who() -> None:
    plan = make_plan([RAISED], drifted(APPLIED, connection("acme", history="30d")))
    assert codes(plan) == [("Connection/acme", "CONFLICT")]
    assert "spec.history (by ui:jo)" in plan.blocks[0].reason
    assert not plan.applyable


def test_a_conflict_holds_its_own_object_alone() -> None:
    mapping = resource("Mapping/m", {"connection": "other"}, Around(needs=(key("Connection/b"),)))
    state = drifted(APPLIED, connection("acme", history="30d"))
    plan = make_plan([RAISED, connection("b"), mapping], state)
    assert [str(change.key) for change in plan.doable] == ["Connection/b", "Mapping/m"]
    assert plan.applyable


def test_what_git_has_come_to_say_is_settled_and_nothing_is_to_do() -> None:
    plan = make_plan([EDITED], drifted(APPLIED, EDITED))
    assert (plan.changes, plan.drifts, plan.settled) == ((), (), (EDITED,))


def test_the_same_edit_in_git_beside_another_change_is_no_conflict() -> None:
    both = connection("acme", history="365d", entities=["vendors"])
    plan = make_plan([both], drifted(APPLIED, EDITED))
    assert not plan.blocks
    assert plan.drifts[0].conflicts == ()
    assert then(plan.changes[0]) == both


def test_healing_puts_back_what_was_edited() -> None:
    plan = healing(APPLIED, drifted(APPLIED, EDITED))
    assert words(plan) == ["↺ Connection/acme"]
    (change,) = plan.changes
    assert isinstance(change, Heal)
    assert then(change) == APPLIED


def test_healing_decides_a_conflict_for_git() -> None:
    plan = healing(RAISED, drifted(APPLIED, connection("acme", history="30d")))
    assert not plan.blocks
    assert then(plan.changes[0]) == RAISED


RULE = {"paths": ["/spec/entities"], "reason": "chosen by hand", "until": "2026-12-31T00:00:00Z"}


def test_an_ignored_field_is_left_alone_by_plans_by_applying_and_by_healing() -> None:
    applied = connection("acme", ignore=[RULE])
    edited = connection("acme", ignore=[RULE], entities=["vendors"], history="30d")
    state = drifted(applied, edited)
    (change,) = healing(applied, state).changes
    spec = then(change).spec
    assert (spec["entities"], spec["history"]) == (["vendors"], "90d")
    wanted = connection("acme", ignore=[RULE], entities=["materials"])
    plan = make_plan([wanted], drifted(applied, connection("acme", ignore=[RULE], entities=[])))
    assert not plan.blocks
    assert then(plan.changes[0]).spec["entities"] == []


def test_a_rule_holds_until_its_day() -> None:
    applied = connection("acme", ignore=[RULE])
    state = drifted(applied, connection("acme", ignore=[RULE], entities=["vendors"]))
    before = make_plan([applied], state, now=AT).drifts[0]
    after = make_plan([applied], state, now=datetime(2027, 1, 1, tzinfo=UTC)).drifts[0]
    assert (before.told, after.told) == (False, True)


def test_drift_keeps_who_made_it_and_when_while_its_value_stays() -> None:
    first = field_drifts((), APPLIED, EDITED, Sighting("ui:jo", AT))
    later = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
    more = connection("acme", entities=["vendors"], history="30d")
    both = field_drifts(first, APPLIED, more, Sighting("api:key-7", later))
    assert [(field.path[-1], field.actor, field.at) for field in both] == [
        ("entities", "ui:jo", AT),
        ("history", "api:key-7", later),
    ]


@given(objects, objects, objects)
def test_merging_takes_gits_fields_and_keeps_the_others(
    old: dict[str, Any], new: dict[str, Any], there: dict[str, Any]
) -> None:
    applied, desired, observed = (resource("Mapping/m", spec) for spec in (old, new, there))
    merged = merge(applied, desired, observed)
    clash = set(merged.conflicts)
    for change in diff(applied.body, desired.body):
        touched = any(kept.path[: len(change.path)] == change.path for kept in merged.kept)
        assert touched or value_at(merged.observed.body, change.path) == change.after
    for kept in merged.kept:
        assert value_at(merged.observed.body, kept.path) == kept.after
        assert kept.path not in clash
    if not merged.kept:
        assert merged.observed == desired


@given(objects, objects)
def test_putting_every_difference_makes_the_other(one: dict[str, Any], two: dict[str, Any]) -> None:
    body = msgspec.json.decode(msgspec.json.encode({"spec": one}))
    for change in diff({"spec": one}, {"spec": two}):
        put_at(body, change.path, change.after)
    assert not list(diff(body, {"spec": two}))


@given(objects, objects, objects)
def test_applying_what_can_be_applied_converges(
    old: dict[str, Any], new: dict[str, Any], there: dict[str, Any]
) -> None:
    applied, desired, observed = (resource("Mapping/m", spec) for spec in (old, new, there))
    state = drifted(applied, observed) if applied != observed else State(41, {applied.key: applied})
    plan = make_plan([desired], state, heal={desired.key})
    assert not plan.blocks
    now: dict[ResourceKey, Resource] = dict(state.resources)
    for change in plan.changes:
        now[change.key] = then(change)
    assert now[desired.key].digest == desired.digest
    again = make_plan([desired], replace(state, resources=now, applied={}, edits={}))
    assert again.empty


def test_a_drifted_object_knows_whether_it_is_told() -> None:
    quiet = connection("acme", drift="ignore")
    state = drifted(quiet, connection("acme", drift="ignore", history="30d"))
    (drift,) = make_plan([quiet], state).drifts
    assert isinstance(drift, Drifted)
    assert not drift.told

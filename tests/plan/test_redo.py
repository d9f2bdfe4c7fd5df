"""An object replaced on request, its work done once more on request, and known drift left as it is."""

import json
from dataclasses import replace

import pytest
from jsonschema import Draft202012Validator

from reconciler.errors import Invalid, NotFound
from reconciler.model.change import Effect, Plan, Rename, Replace, State, Update
from reconciler.model.redo import REDO, Redo
from reconciler.model.resource import Resource, ResourceKey
from reconciler.plan.asked import Asked, check_asked
from reconciler.plan.compare import REPLACEABLE
from reconciler.plan.planner import Scope, make_plan
from reconciler.plan.render.github import render_github
from reconciler.plan.render.json import to_json
from reconciler.plan.render.markdown import render_markdown
from reconciler.plan.render.schema import plan_schema
from reconciler.plan.render.text import render_text
from reconciler.plan.saved import dump, load_plan
from tests.plan.builders import Around, codes, connection, key, resource, state, words
from tests.plan.test_merge import APPLIED, EDITED, RAISED, drifted

ACME = connection("acme")
MAPPING = resource("Mapping/m", {"connection": "acme", "fields": {}})
SCHEDULE = resource("SyncSchedule/s", {"connection": "acme", "every": "1h"})
ROUTE = resource("AlertRoute/ops")
EVERY = (ACME, MAPPING, SCHEDULE, ROUTE)


def replacing(*names: str, declared: tuple[Resource, ...] = EVERY, max_deletes: int = 10) -> Plan:
    anew = {key(name) for name in names}
    return make_plan(declared, state(*EVERY), anew=anew, max_deletes=max_deletes)


def with_redo(one: Resource, value: str) -> Resource:
    around = Around(annotations={REDO: value})
    return resource(str(one.key), one.spec, around)


def known(one: Resource, redo: Redo) -> State:
    return replace(state(one), redo={one.key: redo})


# ── replaced on request ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "effects", "costs"),
    [
        ("Connection/acme", {Effect.RECHECK, Effect.RESYNC}, 2),
        ("Mapping/m", {Effect.REDO}, 0),
        ("SyncSchedule/s", {Effect.REDO}, 0),
    ],
)
def test_an_unchanged_object_is_replaced_when_asked_for(
    name: str, effects: set[Effect], costs: int
) -> None:
    plan = replacing(name)
    (change,) = plan.changes
    assert isinstance(change, Replace)
    assert (str(change.key), change.fields, change.because) == (name, (), ())
    assert change.effects == effects
    assert len(change.costs) == costs
    assert (plan.unchanged, plan.blocks) == (3, ())


def test_the_costs_of_the_same_system_are_its_cursors_and_records_and_no_id() -> None:
    (change,) = replacing("Connection/acme").changes
    assert isinstance(change, Replace)
    cursors, records = change.costs
    assert "cursors of purchase-orders, vendors are lost" in cursors
    assert records.endswith("until they are read again, under the ids they had")


def test_what_changes_too_is_told_and_an_immutable_field_is_the_reason_where_there_is_one() -> None:
    longer = connection("acme", history="365d")
    (change,) = replacing("Connection/acme", declared=(longer,)).changes
    assert isinstance(change, Replace)
    assert [field.path[-1] for field in change.fields] == ["history"]
    other = connection("acme", connector="sap")
    (change,) = replacing("Connection/acme", declared=(other,)).changes
    assert isinstance(change, Replace)
    assert change.because == (("spec", "connector"),)


def test_a_replace_on_request_is_another_plan_than_none_and_the_same_each_time() -> None:
    assert replacing("Mapping/m").id == replacing("Mapping/m").id != replacing().id
    assert replacing().empty


def test_guards_hold_as_for_any_replace() -> None:
    guarded = connection("acme", protect=True)
    plan = make_plan([guarded], state(guarded), anew={guarded.key})
    assert codes(plan) == [("Connection/acme", "PROTECTED")]
    capped = replacing("Connection/acme", "Mapping/m", max_deletes=1)
    assert [code for _, code in codes(capped)] == ["TOO_MANY_DELETES"]
    assert capped.doable == ()


def test_drift_does_not_survive_a_replace_and_the_plan_shows_what_goes() -> None:
    plan = make_plan([APPLIED], drifted(APPLIED, EDITED), anew={APPLIED.key})
    (change,) = plan.changes
    assert isinstance(change, Replace)
    (field,) = change.fields
    assert (field.before, field.after) == (["vendors"], ["purchase-orders", "vendors"])
    assert "; ended by this plan" in render_text(plan)


def asked_of(name: str, scope: Scope | None = None, declared: tuple[Resource, ...] = EVERY) -> None:
    force = {one.key for one in EVERY}
    asked = Asked(anew=frozenset({key(name)}))
    check_asked(asked, scope or Scope(), declared=declared, in_force=force)


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        ("Connection/nobody", NotFound, "it is not declared in the specs"),
        ("Connection/new", NotFound, "it is not in force under this name"),
        ("AlertRoute/ops", Invalid, "it holds nothing that could be made anew"),
        ("Connector/acme", Invalid, "it holds nothing that could be made anew"),
    ],
)
def test_what_cannot_be_replaced_is_refused_in_words(
    name: str, error: type[Invalid], said: str
) -> None:
    with pytest.raises(error, match=said) as caught:
        asked_of(name, declared=(*EVERY, connection("new")))
    assert caught.value.hint


def test_what_is_declared_and_in_force_can_be_replaced_unless_the_scope_leaves_it_out() -> None:
    for one in EVERY:
        if one.key.kind in REPLACEABLE:
            asked_of(str(one.key))
    with pytest.raises(Invalid, match="outside of --only"):
        asked_of("Mapping/m", Scope(only=("Connection/*",)))


@pytest.mark.parametrize("name", ["Connection/acme", "Mapping/m", "SyncSchedule/s"])
def test_every_form_says_that_it_was_asked_for(name: str) -> None:
    plan = replacing(name)
    assert f"-/+ {name}" in render_text(plan)
    assert "asked for; made anew" in render_text(plan)
    assert "asked for; made anew" in render_markdown(plan)
    assert render_github(plan).startswith("::warning ")
    told = to_json(plan, tool_version="1")
    Draft202012Validator(plan_schema()).validate(told)
    (change,) = told["changes"]
    assert (change["actions"], change["reason"]) == (["delete", "create"], "replace_by_request")
    assert change["replace_paths"] == []
    assert load_plan(dump(plan)) == plan


# ── work done once more ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("one", [ACME, MAPPING, SCHEDULE], ids=lambda one: str(one.key))
@pytest.mark.parametrize(
    ("redo", "value", "asks"),
    [
        (Redo(), "2026-05-01", True),
        (Redo("2026-04-01"), "2026-05-01", True),
        (Redo("2026-05-01"), "2026-05-01", False),
        (Redo("2026-05-01"), "", False),
    ],
    ids=["first", "another", "the same", "empty"],
)
def test_another_text_than_the_last_asks_for_the_work_once_more(
    one: Resource, redo: Redo, value: str, *, asks: bool
) -> None:
    (change,) = make_plan([with_redo(one, value)], known(one, redo)).changes
    assert isinstance(change, Update)
    assert change.effects == ({Effect.REDO} if asks else set())


def test_taking_the_annotation_out_asks_for_nothing() -> None:
    asking = with_redo(ACME, "2026-05-01")
    (change,) = make_plan([ACME], known(asking, Redo("2026-05-01"))).changes
    assert isinstance(change, Update)
    assert change.effects == set()


def test_what_has_not_changed_is_in_no_plan_whatever_is_known_of_it() -> None:
    asking = with_redo(ACME, "2026-05-01")
    assert make_plan([asking], state(asking)).empty
    assert make_plan([asking], known(asking, Redo("2026-05-01"))).empty


def test_a_new_name_and_a_new_text_at_once_are_one_rename_that_asks() -> None:
    around = Around(annotations={REDO: "x"}, was="acme")
    (change,) = make_plan([connection("new", around)], known(ACME, Redo())).changes
    assert isinstance(change, Rename)
    assert Effect.REDO in change.effects


def test_a_text_that_somebody_wrote_beside_git_asks_when_git_says_it() -> None:
    asking = with_redo(APPLIED, "x")
    plan = make_plan([asking], drifted(APPLIED, asking))
    (change,) = plan.changes
    assert isinstance(change, Update)
    assert change.effects == {Effect.REDO}
    assert (plan.settled, plan.drifts) == ((), ())


def test_on_other_kinds_the_annotation_means_nothing() -> None:
    (change,) = make_plan([with_redo(ROUTE, "x")], state(ROUTE)).changes
    assert isinstance(change, Update)
    assert change.effects == set()


@pytest.mark.parametrize(
    ("one", "sentence"),
    [
        (ACME, "all its entities are read in full"),
        (MAPPING, "what it maps is mapped again, with no call to the source"),
        (SCHEDULE, "it runs once, now"),
    ],
    ids=["connection", "mapping", "schedule"],
)
def test_every_form_has_the_effect_and_the_sentence(one: Resource, sentence: str) -> None:
    plan = make_plan([with_redo(one, "x")], state(one))
    text = render_text(plan, diff=True)
    assert "[redo]" in text
    assert f"once more (reconciler/redo): {sentence}" in text
    assert '+ metadata.annotations."reconciler/redo": x   [redo]' in text
    assert sentence in render_markdown(plan)
    assert sentence in render_github(plan)
    told = to_json(plan, tool_version="1")
    Draft202012Validator(plan_schema()).validate(told)
    (change,) = told["changes"]
    assert change["effects"] == ["redo"]
    assert [operation["effects"] for operation in change["diff"]] == [["redo"]]
    assert sentence in json.dumps(change["notes"])
    assert load_plan(dump(plan)) == plan


# ── drift that is known ──────────────────────────────────────────────────────────────────────────


def leaving(declared: Resource, let_be: set[ResourceKey], heal: set[ResourceKey]) -> Plan:
    return make_plan([declared], drifted(APPLIED, EDITED), let_be=let_be, heal=heal)


def test_known_drift_is_left_and_not_told_and_the_plan_says_so() -> None:
    plan = leaving(APPLIED, {APPLIED.key}, {APPLIED.key})
    assert (plan.empty, plan.drifted) == (True, False)
    (drift,) = plan.drifts
    assert drift.let_be
    sentence = "left as it is this once (--ignore-drift)"
    assert sentence in render_text(plan)
    assert "drifted" not in render_text(plan).splitlines()[-1]
    assert sentence in render_markdown(plan)
    assert render_github(plan).startswith("::notice ")
    told = to_json(plan, tool_version="1")
    Draft202012Validator(plan_schema()).validate(told)
    assert (told["summary"]["drift"], told["drift"][0]["let_be"]) == (0, True)
    assert load_plan(dump(plan)) == plan


def test_drift_of_others_is_told_and_healed_as_ever() -> None:
    assert leaving(APPLIED, {key("Mapping/m")}, set()).drifted
    healed = leaving(APPLIED, {key("Mapping/m")}, {APPLIED.key})
    assert words(healed) == ["↺ Connection/acme"]


def test_gits_changes_go_on_beside_known_drift_and_a_conflict_still_holds() -> None:
    plan = leaving(RAISED, {APPLIED.key}, set())
    (change,) = plan.changes
    assert isinstance(change, Update)
    assert change.observed is not None
    assert change.observed.spec["entities"] == ["vendors"]
    other = connection("acme", entities=["materials"])
    assert codes(leaving(other, {APPLIED.key}, set())) == [("Connection/acme", "CONFLICT")]


def test_names_that_are_nothing_and_contradictions_are_refused() -> None:
    force = {ACME.key}
    check = Asked(let_be=frozenset({ACME.key}))
    check_asked(check, Scope(), declared=(), in_force=force)
    with pytest.raises(NotFound, match="nothing declared or in force is called so"):
        check_asked(
            Asked(let_be=frozenset({MAPPING.key})), Scope(), declared=(ACME,), in_force=force
        )
    both = Asked(frozenset({ACME.key}), frozenset({ACME.key}))
    with pytest.raises(Invalid, match="does not leave its drift"):
        check_asked(both, Scope(), declared=(ACME,), in_force=force)

"""From declared and in force to a plan."""

import re
from dataclasses import replace

import pytest

from reconciler.model.change import (
    Adopt,
    Create,
    Delete,
    Effect,
    FieldChange,
    Forget,
    Rename,
    Replace,
    State,
    Update,
)
from reconciler.model.resource import Origin, Owner, Resource
from reconciler.plan.compare import ADOPT
from reconciler.plan.planner import Scope, make_plan
from tests.plan.builders import Around, applied, at, codes, connection, key, resource, state, words

ACME = connection("acme")
LONGER = connection("acme", history="365d")
NEEDS_ACME = Around(needs=(ACME.key,))
MAPPING = resource("Mapping/m", {"connection": "acme", "fields": {}}, NEEDS_ACME)


def test_what_is_declared_and_not_in_force_is_created() -> None:
    plan = make_plan([MAPPING, ACME], state(), revision="abc")
    assert plan.changes == (Create(ACME), Create(MAPPING))
    assert (plan.base, plan.revision, plan.unchanged) == (41, "abc", 0)
    assert plan.applyable


def test_what_differs_is_updated_with_its_fields_and_effects() -> None:
    plan = make_plan([LONGER, MAPPING], state(ACME, MAPPING))
    field = FieldChange(("spec", "history"), "90d", "365d")
    assert plan.changes == (Update(ACME, LONGER, (field,), frozenset({Effect.RESYNC})),)
    assert plan.unchanged == 1


def test_the_same_makes_an_empty_plan() -> None:
    plan = make_plan([MAPPING, ACME], state(ACME, MAPPING))
    assert plan.empty
    assert not plan.applyable
    assert plan.unchanged == 2


def test_the_same_inputs_have_the_same_id_in_any_order_and_others_have_another() -> None:
    one = make_plan([LONGER, MAPPING], state(ACME), revision="a")
    assert one == make_plan([MAPPING, LONGER], state(ACME), revision="a")
    others = [
        make_plan([LONGER, MAPPING], state(ACME, generation=42)),
        make_plan([LONGER], state(ACME)),
        make_plan([ACME, MAPPING], state(LONGER)),
    ]
    assert len({one.id, *(other.id for other in others)}) == 4
    assert re.fullmatch("[0-9a-f]{32}", one.id)


def test_there_and_back_again_is_three_plans_with_three_ids() -> None:
    now, ids = state(ACME), []
    for wanted in (LONGER, ACME, LONGER):
        plan = make_plan([wanted], now)
        ids.append(plan.id)
        now = applied(plan, now)
    assert len(set(ids)) == 3


def test_a_field_that_cannot_change_in_place_makes_a_replace_that_says_what_it_costs() -> None:
    other = connection("acme", connector="sap", history="365d")
    (change,) = make_plan([other], state(ACME)).changes
    assert isinstance(change, Replace)
    assert change.because == (("spec", "connector"),)
    assert [field.path[-1] for field in change.fields] == ["connector", "history"]
    assert change.effects == {Effect.RECHECK, Effect.REMAP, Effect.RESYNC}
    cursors, tokens, ids = change.costs
    assert "API tokens die" in tokens
    assert "cursors of purchase-orders, vendors are lost" in cursors
    assert cursors.endswith("a full read of the last 365d")
    assert "where sap gives it the source key it had" in ids


def test_the_costs_of_a_replace_need_no_entities_and_no_history() -> None:
    one, other = ({"connector": name} for name in ("tryton", "sap"))
    plan = make_plan([resource("Connection/a", other)], state(resource("Connection/a", one)))
    (change,) = plan.changes
    assert isinstance(change, Replace)
    assert change.costs[0].startswith("the sync cursors of all its entities are lost")
    assert change.costs[0].endswith("is a full read")


def test_a_previous_name_makes_a_rename_with_nothing_lost() -> None:
    new = connection("acme-erp", Around(was="acme"), history="365d")
    plan = make_plan([new], state(ACME))
    (change,) = plan.changes
    assert isinstance(change, Rename)
    assert (change.before, change.after) == (ACME, new)
    assert [field.path for field in change.fields] == [("spec", "history")]
    assert change.effects == {Effect.RESYNC}
    assert make_plan([new], applied(plan, state(ACME))).empty


def test_a_previous_name_that_is_no_longer_in_force_asks_for_nothing() -> None:
    new = connection("acme-erp", Around(was="acme"))
    assert words(make_plan([new], state())) == ["+ Connection/acme-erp"]
    plan = make_plan([new], state(new, ACME))
    assert plan.empty
    assert plan.unmanaged == (ACME,)


def test_a_previous_name_that_is_still_declared_blocks() -> None:
    plan = make_plan([connection("new", Around(was="acme")), ACME], state(ACME))
    assert codes(plan) == [("Connection/new", "RENAME_SOURCE_DECLARED")]


def test_two_that_say_they_were_the_same_block() -> None:
    wanted = [connection(name, Around(was="acme")) for name in ("one", "two")]
    plan = make_plan(wanted, state(ACME))
    assert codes(plan) == [("Connection/one", "RENAME_AMBIGUOUS")]
    assert plan.blocks[0].reason == "one and two both say that they were acme"


def test_renaming_and_replacing_at_once_blocks() -> None:
    new = connection("new", Around(was="acme"), connector="sap")
    assert codes(make_plan([new], state(ACME))) == [("Connection/new", "RENAME_AND_REPLACE")]


def test_what_is_no_longer_declared_is_kept_without_prune() -> None:
    plan = make_plan([ACME], state(ACME, MAPPING))
    assert plan.empty
    assert plan.unmanaged == (MAPPING,)


def test_pruning_goes_by_the_policy_kept_with_the_object() -> None:
    keeps = connection("keeps", deletionPolicy="retain")
    drops = connection("drops", deletionPolicy="delete")
    before = state(ACME, keeps, drops, MAPPING)
    plan = make_plan([resource("AlertRoute/ops")], before, prune=True)
    assert plan.changes[1:] == (Delete(MAPPING), Forget(keeps), Delete(drops), Forget(ACME))
    assert plan.unmanaged == ()
    assert not plan.blocks


def test_only_what_git_owns_is_pruned_or_told_to_be_unmanaged() -> None:
    pinned = resource("Override/night", {"suspend": True}, Around(owner=Owner.API))
    plan = make_plan([ACME], state(ACME, pinned), prune=True)
    assert plan.empty
    assert make_plan([ACME], state(ACME, pinned)).unmanaged == ()


def test_specs_that_hold_nothing_prune_nothing() -> None:
    plan = make_plan([], state(ACME, MAPPING), prune=True)
    assert plan.empty
    assert codes(plan) == [("Connection/acme", "EMPTY_SPECS")]
    assert "all 2 objects" in plan.blocks[0].reason
    assert plan.unmanaged == (ACME, MAPPING)
    assert make_plan([], state(), prune=True).blocks == ()


def test_what_the_api_owns_is_not_taken_over_by_a_spec_that_names_it() -> None:
    mine = replace(ACME, owner=Owner.API)
    for wanted in (LONGER, connection("new", Around(was="acme"))):
        plan = make_plan([wanted], state(mine))
        assert codes(plan) == [(str(wanted.key), "OWNED_BY_API")]
        assert ADOPT in plan.blocks[0].remedy


def test_a_spec_that_equals_what_the_api_owns_blocks_too_for_its_next_edit_would() -> None:
    before = state(replace(ACME, owner=Owner.API))
    plan = make_plan([ACME], before)
    assert plan.empty
    assert codes(plan) == [("Connection/acme", "OWNED_BY_API")]
    assert make_plan([ACME], before, scope=Scope(only=("Mapping",))).blocks == ()


def test_a_spec_may_ask_to_adopt_what_the_api_owns() -> None:
    asking = connection("acme", Around(annotations={ADOPT: "true"}), history="365d")
    plan = make_plan([asking], state(replace(ACME, owner=Owner.API)))
    (change,) = plan.changes
    assert isinstance(change, Adopt)
    assert [field.path[-1] for field in change.fields] == [ADOPT, "history"]
    assert not plan.blocks
    assert make_plan([asking], applied(plan, state(ACME))).empty


def test_adopting_moves_the_owner_even_where_no_field_differs() -> None:
    asking = connection("acme", Around(annotations={ADOPT: "true"}))
    plan = make_plan([asking], state(replace(asking, owner=Owner.API)))
    assert plan.changes == (Adopt(replace(asking, owner=Owner.API), asking, ()),)


@pytest.mark.parametrize(
    "wanted", [resource("AlertRoute/ops"), connection("acme", connector="sap", protect=False)]
)
def test_what_was_protected_when_it_was_applied_is_neither_removed_nor_replaced(
    wanted: Resource,
) -> None:
    before = state(connection("acme", protect=True), resource("AlertRoute/ops"))
    plan = make_plan([wanted], before, prune=True)
    assert ("Connection/acme", "PROTECTED") in codes(plan)


def test_protection_is_lifted_by_a_change_of_its_own() -> None:
    now = state(connection("acme", protect=True))
    plan = make_plan([connection("acme", protect=False)], now)
    assert not plan.blocks
    now = applied(plan, now)
    assert not make_plan([connection("acme", connector="sap", protect=False)], now).blocks


def test_a_protected_connection_may_change_in_place_and_be_renamed() -> None:
    before = state(connection("acme", protect=True))
    new = connection("new", Around(was="acme"), protect=True, history="1d")
    assert not make_plan([new], before).blocks


def test_more_removals_than_allowed_block_and_say_how_many_there_are() -> None:
    before = state(*(resource(f"Mapping/m{place}") for place in range(3)), ACME)
    wanted = [connection("acme", connector="sap")]
    assert not make_plan(wanted, before, prune=True, max_deletes=4).blocks
    plan = make_plan(wanted, before, prune=True, max_deletes=3)
    assert [code for _, code in codes(plan)] == ["TOO_MANY_DELETES"]
    assert plan.blocks[0].remedy.endswith("--max-deletes 4")


def test_ten_removals_are_allowed_by_default_and_eleven_are_not() -> None:
    ops = resource("AlertRoute/ops")
    mappings = [resource(f"Mapping/m{place}") for place in range(11)]
    assert not make_plan([ops], state(ops, *mappings[:10]), prune=True).blocks
    assert make_plan([ops], state(ops, *mappings), prune=True).blocks


def test_a_reference_that_leads_nowhere_blocks_unless_the_connector_may_be_built_in() -> None:
    assert codes(make_plan([MAPPING], state())) == [("Mapping/m", "REFERENCE_MISSING")]
    built_in = connection("acme", Around(needs=(key("Connector/tryton"),)))
    assert not make_plan([built_in], state()).blocks


def test_a_need_that_the_scope_leaves_out_blocks_until_it_is_in_force() -> None:
    scope = Scope(only=("Mapping",))
    plan = make_plan([ACME, MAPPING], state(), scope=scope)
    assert words(plan) == ["+ Mapping/m"]
    assert codes(plan) == [("Mapping/m", "REFERENCE_MISSING")]
    assert plan.blocks[0].remedy == "take it into the plan: --only Connection/acme"
    assert not make_plan([ACME, MAPPING], state(ACME), scope=scope).blocks


def test_what_is_needed_by_something_that_stays_is_not_removed() -> None:
    pinned = resource("Override/night", {}, replace(NEEDS_ACME, owner=Owner.API))
    ops = resource("AlertRoute/ops")
    plan = make_plan([ops], state(ops, ACME, pinned), prune=True)
    assert codes(plan) == [("Connection/acme", "STILL_NEEDED")]
    assert plan.blocks[0].reason == "Override/night needs it, and stays"
    renamed = make_plan([connection("new", Around(was="acme"))], state(ACME, pinned))
    assert codes(renamed) == [("Connection/acme", "STILL_NEEDED")]


def test_references_in_a_circle_block_even_if_only_one_of_them_changes() -> None:
    one = resource("Mapping/a", {}, Around(needs=(key("Mapping/b"),)))
    other = resource("Mapping/b", {"x": 1}, Around(needs=(one.key,)))
    plan = make_plan([one, other], state(one, resource("Mapping/b")))
    assert codes(plan) == [("Mapping/a", "REFERENCE_CYCLE")]
    assert "Mapping/a -> Mapping/b -> Mapping/a" in plan.blocks[0].reason
    assert make_plan([one, other], state(one, other)).blocks == ()


def test_what_is_declared_twice_blocks_with_both_places() -> None:
    plan = make_plan([ACME, connection("acme", Around(line=9))], state(ACME))
    assert codes(plan) == [("Connection/acme", "DECLARED_TWICE")]
    assert plan.blocks[0].reason.endswith("(specs/acme.yaml:1:1 and specs/acme.yaml:9:1)")
    nowhere = connection("acme", Around(line=None))
    (block,) = make_plan([nowhere, replace(nowhere)], state(ACME)).blocks
    assert block.reason == "it is declared more than once"


def test_a_scope_keeps_changes_out_and_counts_them() -> None:
    gone = connection("gone", Around(labels={"plant": "b"}))
    before = state(ACME, gone, resource("SyncSchedule/s", {"every": "1h"}))
    wanted = [LONGER, MAPPING, resource("SyncSchedule/s", {"every": "1h"})]
    plan = make_plan(wanted, before, prune=True, scope=Scope(only=("Mapping",)))
    assert words(plan) == ["+ Mapping/m"]
    assert (plan.left_out, plan.unchanged) == (2, 0)
    kept = make_plan(wanted, before, scope=Scope(exclude=("connection",)))
    assert (words(kept), kept.unmanaged, kept.unchanged) == (["+ Mapping/m"], (), 1)
    assert make_plan(wanted, before).left_out == 0


def test_a_scope_covers_a_change_by_its_old_name_and_labels_too() -> None:
    old = connection("acme", Around(labels={"plant": "a"}))
    new = connection("new", Around(was="acme"))
    for scope in (Scope(only=("*/acme",)), Scope(selector={"plant": "a"}), Scope(only=("*/new",))):
        assert words(make_plan([new], state(old), scope=scope)) == ["→ Connection/new"]


def test_only_places_of_changed_fields_are_kept() -> None:
    history = at(ACME, "spec", "history")
    place = Origin("specs/acme.yaml", 7)
    places = {history: place, at(ACME, "spec", "connector"): place}
    assert make_plan([LONGER], state(ACME), places=places).places == {history: place}
    assert make_plan([ACME], State(), places=places).places == {}

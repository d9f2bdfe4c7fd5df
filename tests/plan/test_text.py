"""A plan as a person reads it."""

import re
from dataclasses import replace

from reconciler.model.change import State
from reconciler.model.resource import Origin, Owner
from reconciler.plan.compare import ADOPT
from reconciler.plan.planner import Scope, make_plan
from reconciler.plan.render.text import render_text
from tests.plan.builders import Around, at, connection, resource, state

MAPPING = resource(
    "Mapping/acme-purchase-orders",
    {"fields": {"status": {"from": "state"}}, "tests": [{"name": "a", "x": 1}]},
)
ACME = connection("acme")
OLD = resource("SyncSchedule/every-15", {"every": "15m"})
GONE = connection("old-wms")
LINE = connection("line", deletionPolicy="delete")
BEFORE = state(ACME, MAPPING, OLD, GONE, LINE, resource("AlertRoute/ops"))
WANTED = [
    connection("acme", history="365d", auth={"method": "password", "password": {"file": "/run/a"}}),
    resource(
        "Mapping/acme-purchase-orders",
        {
            "fields": {
                "status": {
                    "from": "details.state",
                    "values": {
                        "quotation": "pending_approval",
                        "processing": "sent",
                        "done": "closed",
                    },
                }
            },
            "tests": [{"name": "a"}],
        },
    ),
    resource("SyncSchedule/15min", {"every": "15m"}, Around(was="every-15")),
    connection("line", connector="sap"),
    connection("new"),
    resource("AlertRoute/ops"),
]
REVISION = "9f31c0a" + "0" * 33


def test_a_plan_is_a_line_a_change_and_the_counts() -> None:
    assert render_text(make_plan(WANTED, BEFORE, revision=REVISION)) == (
        "Plan at 9f31c0a, generation 41 -> 42\n"
        "\n"
        "  ~ Connection/acme               specs/acme.yaml:1                  "
        "spec.auth.password, spec.history [recheck, resync]\n"
        "-/+ Connection/line               specs/line.yaml:1                  "
        "spec.connector cannot be changed in place; spec.deletionPolicy [recheck, remap, resync]\n"
        "        ! the sync cursors of purchase-orders, vendors are lost; "
        "the next sync of each is a full read of the last 90d\n"
        "        ! the connection's API tokens die, and what its customer gave goes; make new ones for the new system\n"
        "        ! a record keeps its id only where sap gives it the source key it had\n"
        "  + Connection/new                specs/new.yaml:1\n"
        "  ~ Mapping/acme-purchase-orders  specs/acme-purchase-orders.yaml:1  "
        "spec.fields.status.from, spec.fields.status.values and 1 more [remap]\n"
        "  → SyncSchedule/15min            specs/15min.yaml:1                 "
        "renamed from every-15\n"
        "  x Connection/old-wms                                               "
        "no longer in specs; pruning is off, kept (--prune would forget it)\n"
        "\n"
        "Plan: 1 to create, 2 to update, 1 to replace, 1 to rename. 1 unchanged, 1 unmanaged.\n"
    )


def test_the_fields_are_shown_on_demand_with_their_places_effects_and_both_values() -> None:
    places = {
        at(WANTED[0], "spec", "history"): Origin("specs/acme.yaml", 12),
    }
    plan = replace(make_plan(WANTED, BEFORE), places=places)
    shown = render_text(plan, diff=True)
    for lines in (
        '        ~ spec.auth.password: {env: ACME_PASSWORD} -> {file: "/run/a"}   [recheck]\n',
        "        ~ spec.history: 90d -> 365d   specs/acme.yaml:12   [resync]\n",
        "        - spec.deletionPolicy: delete\n",
        "        + spec:\n            auth: {method: password, password: {env: ACME_PASSWORD}}\n",
        "        + spec.fields.status.values:   [remap]\n            done: closed\n",
        "        - spec.tests[name=a].x: 1\n",
    ):
        assert lines in shown


def test_a_long_value_is_shown_as_two_blocks() -> None:
    one, other = ({"template": f"{{% if x %}}\n{word}\n{{% endif %}}"} for word in ("a", "b"))
    plan = make_plan([resource("Mapping/m", other)], state(resource("Mapping/m", one)))
    assert (
        "        ~ spec.template:   [remap]\n"
        "          - |\n"
        "          -   {% if x %}\n"
        "          -   a\n"
        "          -   {% endif %}\n"
        "          + |\n"
        "          +   {% if x %}\n"
        "          +   b\n"
        "          +   {% endif %}\n"
    ) in render_text(plan, diff=True)


def test_a_body_that_is_no_object_before_is_shown_whole() -> None:
    plan = make_plan([resource("Mapping/m", {"a": 1})], state(resource("Mapping/m", {})))
    assert "        + spec.a: 1   [remap]\n" in render_text(plan, diff=True)


def test_notes_stand_under_their_change() -> None:
    told = "1,204 of 3,310 purchase-orders change (status 1,204), 3 become null, 0 fail"
    shown = render_text(make_plan(WANTED, BEFORE), notes={MAPPING.key: [told]})
    assert f" [remap]\n        {told}\n" in shown


def test_nothing_to_do_is_said_in_a_line() -> None:
    assert render_text(make_plan([ACME, MAPPING], state(ACME, MAPPING))) == (
        "No changes. 2 objects match.\n"
    )
    assert render_text(make_plan([ACME], state(ACME))) == "No changes. 1 object matches.\n"
    assert render_text(make_plan([], State())) == "No changes. 0 objects match.\n"


def test_what_is_kept_is_told_even_if_there_is_nothing_to_do() -> None:
    assert render_text(make_plan([ACME], state(ACME, MAPPING), revision="main")) == (
        "Plan at main, generation 41\n"
        "\n"
        "  x Mapping/acme-purchase-orders  "
        "no longer in specs; pruning is off, kept (--prune would delete it)\n"
        "\n"
        "No changes. 1 object matches, 1 unmanaged.\n"
    )


def test_removals_say_what_becomes_of_the_data() -> None:
    wanted = [ACME, resource("AlertRoute/ops")]
    shown = render_text(make_plan(wanted, BEFORE, prune=True), diff=True)
    assert (
        "  - Connection/line               no longer in specs; removed with what it owns" in shown
    )
    assert (
        "  x Connection/old-wms            no longer in specs; let go of, its data is kept" in shown
    )
    assert shown.endswith("Plan: 1 to forget, 3 to delete. 2 unchanged.\n")


def test_an_adoption_says_that_the_api_gives_it_up() -> None:
    asking = connection("acme", Around(annotations={ADOPT: "true"}))
    plan = make_plan([asking], state(replace(ACME, owner=Owner.API)))
    assert 'taken over from the API; metadata.annotations."reconciler/adopt"' in render_text(plan)
    same = make_plan([asking], state(replace(asking, owner=Owner.API)))
    assert render_text(same).splitlines()[2].endswith("taken over from the API")


def test_a_rename_tells_its_other_fields_too() -> None:
    plan = make_plan([connection("new", Around(was="acme"), history="1d")], state(ACME))
    assert "renamed from acme; spec.history [resync]" in render_text(plan)


def test_blocks_say_why_and_what_to_do() -> None:
    plan = make_plan([connection("acme", connector="sap")], state(connection("acme", protect=True)))
    shown = render_text(plan)
    assert (
        "\nblocked Connection/acme: PROTECTED: it is protected (spec.protect), "
        "and this plan would replace it\n        declare it as it was with protect: false"
    ) in shown
    assert shown.endswith("Blocked: nothing can be applied as it stands.\n")
    empty = render_text(make_plan([], state(ACME), prune=True))
    assert "blocked Connection/acme: EMPTY_SPECS" in empty
    assert "No changes." in empty


def test_a_partial_plan_says_so() -> None:
    shown = render_text(make_plan(WANTED, BEFORE, scope=Scope(only=("Mapping",))))
    assert "\nPartial: 4 objects outside of --only, --exclude and --selector would change" in shown
    one = render_text(make_plan(WANTED[:1], BEFORE, scope=Scope(only=("Mapping",))))
    assert "Partial: 1 object outside" in one


def test_no_line_ends_in_spaces_and_no_colour_is_used_unless_asked_for() -> None:
    shown = render_text(make_plan(WANTED, BEFORE), diff=True)
    assert "\x1b" not in shown
    assert all(line == line.rstrip() for line in shown.splitlines())


def test_colour_changes_nothing_but_the_colour() -> None:
    plan = make_plan(WANTED, BEFORE, max_deletes=0)
    coloured = render_text(plan, diff=True, color=True)
    assert "\x1b[33m  ~\x1b[0m Connection/acme" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == render_text(plan, diff=True)


def test_columns_are_aligned_by_what_a_terminal_shows() -> None:
    wide = replace(connection("a"), origin=Origin("specs/工場.yaml", 1))
    longer = replace(connection("b"), origin=Origin("specs/plant.yaml", 1))
    plan = make_plan(
        [wide, longer], state(connection("a", history="1d"), connection("b", history="1d"))
    )
    first, second = render_text(plan).splitlines()[2:4]
    assert second.index("spec.history") - first.index("spec.history") == 2


def test_a_very_long_name_does_not_push_the_others_out_of_sight() -> None:
    long = replace(connection("a" * 63), origin=Origin("specs/" + "x" * 90 + ".yaml", 1))
    lines = render_text(make_plan([long, ACME], State())).splitlines()
    short = next(line for line in lines if "acme" in line)
    assert len(short) < 90


def test_a_resource_from_no_file_has_no_place() -> None:
    shown = render_text(make_plan([connection("acme", Around(line=None))], State()))
    assert "  + Connection/acme\n" in shown


def test_nothing_that_came_from_a_file_can_drive_the_terminal() -> None:
    bad = "\x1b[2J"
    one = replace(
        connection("acme", Around(labels={bad: bad}), history=bad), origin=Origin(f"{bad}.yaml", 1)
    )
    plan = make_plan([one, replace(one)], state(ACME), revision=bad)
    shown = render_text(plan, diff=True, notes={ACME.key: [bad]})
    assert all(line.isprintable() for line in shown.splitlines())
    assert shown.count("\\u001b[2J") >= 6

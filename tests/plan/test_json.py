"""A plan as a program reads it, and the schema that says what it can count on."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from reconciler.model.change import Plan
from reconciler.model.resource import Origin
from reconciler.plan.planner import Scope, make_plan
from reconciler.plan.render.json import FORMAT_VERSION, to_json
from reconciler.plan.render.schema import main, plan_schema
from tests.plan.builders import Around, at, connection, resource, state

SHIPPED = Path(__file__).parents[2] / "docs" / "plan-schema.json"
ACME = connection("acme")
LONGER = connection("acme", history="365d", auth={"method": "password"}, drift="heal")
OLD = resource("SyncSchedule/every-15", {"every": "15m"})
NEW = resource("SyncSchedule/15min", {"every": "15m"}, Around(was="every-15"))


def document(plan: Plan) -> dict[str, Any]:
    return to_json(plan, tool_version="0.1.0", environment="prod")


def validated(told: dict[str, Any]) -> dict[str, Any]:
    Draft202012Validator(plan_schema()).validate(told)
    assert json.loads(json.dumps(told)) == told
    return told


def test_the_shipped_schema_is_sound_and_what_the_command_prints(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Draft202012Validator.check_schema(plan_schema())
    main()
    assert SHIPPED.read_text(encoding="utf-8") == capsys.readouterr().out, (
        "run: python -m reconciler.plan.render.schema > docs/plan-schema.json"
    )


def test_an_update_is_told_field_by_field_with_json_pointers() -> None:
    places = {at(ACME, "spec", "history"): Origin("specs/acme.yaml", 12, 12)}
    plan = make_plan([LONGER], state(ACME), revision="4f1c9ab", places=places)
    told = validated(document(plan))
    assert told["format_version"] == FORMAT_VERSION
    assert told["generation"] == {"base": 41, "next": 42}
    assert (told["id"], told["revision"], told["environment"]) == (plan.id, "4f1c9ab", "prod")
    assert told["applyable"]
    (change,) = told["changes"]
    assert change["address"] == "Connection/acme"
    assert change["actions"] == ["update"]
    assert change["reason"] == "differs"
    assert change["effects"] == ["recheck", "resync"]
    assert change["source"] == {"file": "specs/acme.yaml", "line": 1, "column": 1}
    assert change["diff"] == [
        {
            "op": "remove",
            "path": "/spec/auth/password",
            "before": {"env": "ACME_PASSWORD"},
            "effects": ["recheck"],
            "source": None,
        },
        {"op": "add", "path": "/spec/drift", "after": "heal", "effects": [], "source": None},
        {
            "op": "replace",
            "path": "/spec/history",
            "before": "90d",
            "after": "365d",
            "effects": ["resync"],
            "source": {"file": "specs/acme.yaml", "line": 12, "column": 12},
        },
    ]


def test_a_created_object_is_told_whole() -> None:
    (change,) = validated(document(make_plan([ACME], state())))["changes"]
    assert [one["path"] for one in change["diff"]] == ["/metadata", "/spec"]
    assert change["diff"][1]["after"] == ACME.spec


def test_a_replace_is_a_delete_and_a_create_with_paths_and_costs() -> None:
    plan = make_plan([connection("acme", connector="sap")], state(ACME))
    (change,) = validated(document(plan))["changes"]
    assert change["actions"] == ["delete", "create"]
    assert change["reason"] == "replace_because_immutable"
    assert change["replace_paths"] == ["/spec/connector"]
    assert len(change["costs"]) == 3


def test_a_rename_tells_its_old_address() -> None:
    (change,) = validated(document(make_plan([NEW], state(OLD))))["changes"]
    assert change["previous_address"] == "SyncSchedule/every-15"
    assert change["actions"] == ["rename"]


def test_the_summary_counts_each_action_and_what_is_left() -> None:
    drop = connection("drop", deletionPolicy="delete")
    wanted = [LONGER, NEW, resource("AlertRoute/ops")]
    plan = make_plan(wanted, state(ACME, OLD, drop, connection("keep")), prune=True, max_deletes=1)
    told = validated(document(plan))
    assert told["summary"] == {
        "create": 1,
        "update": 1,
        "replace": 0,
        "rename": 1,
        "adopt": 0,
        "heal": 0,
        "forget": 1,
        "delete": 1,
        "noop": 0,
        "unmanaged": 0,
        "warnings": 0,
        "blocked": 1,
        "left_out": 0,
        "drift": 0,
        "conflict": 0,
        "settled": 0,
    }
    assert told["applyable"]
    assert [one["address"] for one in told["changes"] if one["blocked"]] == [
        "Connection/keep",
        "Connection/drop",
    ]
    assert told["blocks"][0]["code"] == "TOO_MANY_DELETES"
    assert [change["source"] for change in told["changes"][-2:]] == [None, None]


def test_what_is_unmanaged_says_what_pruning_would_do() -> None:
    told = validated(document(make_plan([NEW], state(NEW, ACME, OLD))))
    assert [(one["address"], one["prune_would"]) for one in told["unmanaged"]] == [
        ("Connection/acme", "forget"),
        ("SyncSchedule/every-15", "delete"),
    ]
    assert told["generation"] == {"base": 41, "next": 41}


def test_a_partial_plan_is_not_complete() -> None:
    plan = make_plan([LONGER], state(ACME), scope=Scope(only=("Mapping",)))
    assert validated(document(plan))["complete"] is False


def test_notes_are_told_with_their_change() -> None:
    plan = make_plan([LONGER], state(ACME))
    told = to_json(plan, tool_version="0.1.0", notes={ACME.key: ["3 records fail"]})
    assert validated(told)["changes"][0]["notes"] == ["3 records fail"]
    assert told["environment"] is None

"""A saved plan is the plan, or it is refused."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconciler.errors import Invalid, PlanTampered
from reconciler.model.change import Advisory, Freeze, Plan
from reconciler.model.resource import Origin, Owner
from reconciler.model.value import digest_of
from reconciler.plan.compare import ADOPT
from reconciler.plan.planner import make_plan
from reconciler.plan.saved import dump, load_plan
from tests.plan.builders import Around, at, connection, resource, state

ACME = connection("acme")
ASKING = connection("mine", Around(annotations={ADOPT: "true"}), history="1d")


def full_plan() -> Plan:
    """Return a plan with a change of every kind, a block, and something unmanaged."""
    before = state(
        ACME,
        connection("line"),
        connection("gone"),
        replace(connection("mine"), owner=Owner.API),
        resource("SyncSchedule/old", {"every": "1h"}),
        resource("Mapping/m", {"a": 1, "tests": [{"name": "x", "n": None}]}),
        resource("Mapping/drop", {}, Around(needs=(ACME.key,), line=None)),
    )
    wanted = [
        connection("acme", history="365d"),
        connection("line", connector="sap"),
        ASKING,
        connection("new"),
        resource("SyncSchedule/new", {"every": "1h"}, Around(was="old")),
        resource("Mapping/m", {"b": 1.0, "tests": [{"name": "x"}]}),
    ]
    places = {at(ACME, "spec", "history"): Origin("specs/acme.yaml", 9, 3)}
    plan = make_plan(wanted, before, revision="abc", prune=True, max_deletes=0, places=places)
    warned = Advisory(ACME.key, "POLICY", "it has no owner", "name one", (ACME.key,))
    shut = Freeze("0 22 * * 5", timedelta(hours=60), "Europe/Amsterdam", "stocktaking", (ACME.key,))
    return replace(plan, unmanaged=(ACME,), left_out=2, advisories=(warned,), freezes=(shut,))


def test_a_plan_comes_back_as_it_was_saved() -> None:
    plan = full_plan()
    assert {change.action.word for change in plan.changes} == {
        "create",
        "update",
        "replace",
        "rename",
        "adopt",
        "forget",
        "delete",
    }
    assert plan.blocks
    assert plan.places
    assert load_plan(dump(plan)) == plan


def test_equal_plans_give_equal_files_that_end_in_a_line() -> None:
    assert dump(full_plan()) == dump(full_plan())
    assert dump(full_plan()).endswith(b"}\n")


def test_a_secret_is_saved_as_its_reference() -> None:
    assert b'{\\"env\\":\\"ACME_PASSWORD\\"}' in dump(make_plan([ACME], state()))


def test_a_file_that_was_edited_is_told_from_a_stale_one() -> None:
    text = dump(full_plan())
    with pytest.raises(PlanTampered, match="not as it was saved") as caught:
        load_plan(text.replace(b'"365d"', b'"366d"', 1).replace(b"365d", b"366d"))
    assert "plan again" in caught.value.hint


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[]", b"{}", b"apiVersion: x", b"\xff", b'{"format":"other"}', b"[" * 5000],
)
def test_what_is_no_saved_plan_is_said_to_be_none(text: bytes) -> None:
    with pytest.raises(PlanTampered, match=r"cut short or no JSON|holds no saved plan"):
        load_plan(text)


def test_a_file_of_another_version_is_not_called_tampered() -> None:
    whole = json.loads(dump(full_plan()))
    with pytest.raises(Invalid, match="format version 9, this program reads 4") as caught:
        load_plan(json.dumps({**whole, "version": 9}).encode())
    assert not isinstance(caught.value, PlanTampered)


def forged(edit: Callable[[dict[str, Any]], object]) -> bytes:
    """Return a file whose content was edited and whose digest was made to fit."""
    whole = json.loads(dump(full_plan()))
    edit(whole["plan"])
    whole["digest"] = digest_of(whole["plan"])
    return json.dumps(whole).encode()


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda plan: plan.pop("base"), "cannot be read"),
        (lambda plan: plan.update(colour=1), "cannot be read"),
        (lambda plan: plan["changes"][0].update(action="explode"), "cannot be read"),
        (lambda plan: plan["changes"][0].update(action="delete"), "cannot be read: delete"),
        (lambda plan: plan["changes"][0].pop("before"), "cannot be read: update lacks"),
        (lambda plan: plan["changes"][-1].update(action="create"), "cannot be read: create lacks"),
        (lambda plan: plan["changes"][0].update(effects=["boom"]), "cannot be read"),
        (lambda plan: plan.update(base=7), "id is not that of its changes"),
        (lambda plan: plan["changes"].pop(), "id is not that of its changes"),
        (
            lambda plan: plan["changes"][0]["after"].update(body='{"metadata":{},"spec":{}}'),
            "id is not that of its changes",
        ),
    ],
)
def test_a_file_that_was_forged_badly_is_refused(
    edit: Callable[[dict[str, Any]], object], message: str
) -> None:
    with pytest.raises(PlanTampered, match=message):
        load_plan(forged(edit))


def test_no_saved_plan_ever_ends_in_a_foreign_error() -> None:
    text = dump(full_plan())
    for place in range(0, len(text), 97):
        with pytest.raises(PlanTampered):
            load_plan(text[:place])

"""A plan beside the lines of a pull request."""

import re
from dataclasses import replace

from reconciler.model.change import Block, Delete, Drifted, DriftPolicy, FieldDrift
from reconciler.model.resource import Origin
from reconciler.plan.planner import make_plan
from reconciler.plan.render.github import render_github
from tests.fakes import NOON
from tests.plan.builders import at, connection, resource, state
from tests.plan.test_text import BEFORE, WANTED

ACME = connection("acme")
LONGER = connection("acme", history="365d")
COMMAND = re.compile(r"::(notice|warning) ((?:\w+=[^:,\n]*,?)+)::([^\n]*)\n")


def read(text: str) -> list[tuple[str, dict[str, str], str]]:
    """Read workflow commands the way the runner does: split, then undo the escapes."""
    found = []
    for line in text.splitlines(keepends=True):
        match = COMMAND.fullmatch(line)
        assert match, line
        level, properties, data = match.groups()
        pairs = dict(pair.split("=", 1) for pair in properties.split(","))
        found.append((level, {name: plain(value) for name, value in pairs.items()}, plain(data)))
    return found


def plain(text: str) -> str:
    for code, letter in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, letter)
    return text


def test_what_destroys_comes_first_as_a_warning_and_the_rest_as_notices() -> None:
    found = read(render_github(make_plan(WANTED, BEFORE)))
    assert [(level, told["title"]) for level, told, _ in found] == [
        ("warning", "replace Connection/line"),
        ("notice", "update Connection/acme"),
        ("notice", "create Connection/new"),
        ("notice", "update Mapping/acme-purchase-orders"),
        ("notice", "rename SyncSchedule/15min"),
    ]
    _, told, text = found[0]
    assert told == {
        "file": "specs/line.yaml",
        "line": "1",
        "col": "1",
        "title": "replace Connection/line",
    }
    assert text.startswith("spec.connector cannot be changed in place")
    assert "\nthe sync cursors of purchase-orders, vendors are lost" in text


def test_the_data_effect_stands_with_its_change() -> None:
    plan = make_plan([LONGER], state(ACME))
    ((_, _, text),) = read(render_github(plan, notes={ACME.key: ["3 of 9 records change"]}))
    assert text == "spec.history [resync]\n3 of 9 records change"


def test_it_points_to_the_first_field_that_changes() -> None:
    plan = replace(
        make_plan([LONGER], state(ACME)),
        places={at(LONGER, "spec", "history"): Origin("specs/acme.yaml", 12, 5)},
    )
    ((_, told, _),) = read(render_github(plan))
    assert (told["file"], told["line"], told["col"]) == ("specs/acme.yaml", "12", "5")


def test_a_block_is_a_warning_and_so_is_the_change_that_it_blocks() -> None:
    block = Block(ACME.key, "protected", "it is protected", "take protect out first")
    plan = replace(make_plan([LONGER], state(ACME)), blocks=(block,))
    found = read(render_github(plan))
    assert [(level, told["title"]) for level, told, _ in found] == [
        ("warning", "blocked Connection/acme"),
        ("warning", "update Connection/acme"),
    ]
    assert found[0][1]["file"] == "specs/acme.yaml"
    assert found[0][2] == "protected: it is protected\ntake protect out first"


def test_drift_is_a_warning_of_its_own() -> None:
    field = FieldDrift(("spec", "history"), "90d", "1d", "api:jane", NOON)
    drift = Drifted(ACME.key, DriftPolicy.REPORT, (field,))
    quiet = Drifted(ACME.key, DriftPolicy.IGNORE, (field,))
    plan = replace(make_plan([ACME], state(ACME)), drifts=(drift, quiet))
    ((level, told, text),) = read(render_github(plan))
    assert (level, told) == ("warning", {"title": "drift of Connection/acme"})
    assert text.endswith("\n! spec.history: 90d -> 1d   by api:jane at 2026-11-24T12:00:00Z")


def test_what_is_removed_has_no_file_and_is_a_warning() -> None:
    plan = replace(make_plan([], state()), changes=(Delete(resource("AlertRoute/ops")),))
    ((level, told, text),) = read(render_github(plan))
    assert (level, told) == ("warning", {"title": "delete AlertRoute/ops"})
    assert text == "no longer in specs; removed with what it owns"


def test_nothing_from_specs_can_begin_a_command_of_its_own() -> None:
    evil = "50%,a:b\r\n::set-output name=x::y\n::stop-commands::t"
    one = replace(LONGER, origin=Origin(evil, 3))
    plan = replace(make_plan([one], state(ACME)), blocks=(Block(ACME.key, evil, evil, evil),))
    text = render_github(plan, notes={ACME.key: [evil]})
    found = read(text)
    assert len(found) == 2
    assert all(line.startswith("::warning ") for line in text.splitlines())
    assert found[0][1]["file"] == "50%,a:b\\r\\n::set-output name=x::y\\n::stop-commands::t"


def test_no_change_is_no_command() -> None:
    assert render_github(make_plan([ACME], state(ACME))) == ""

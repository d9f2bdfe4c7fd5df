"""Objects named on the command line: replaced on request, done once more, drift left as it is."""

import json
from pathlib import Path

import pytest

from tests.cli.test_trust import MAPPING, SENT, edit, folder, must, typed

__all__ = ["folder"]  # the fixture, under its name

CONNECTION = "Connection/plant-a"


def annotated(folder: Path, name: str, value: str) -> None:
    """Give the starter's object *name* the annotation with *value*."""
    room = {"Connection": "connections", "Mapping": "mappings", "SyncSchedule": "schedules"}
    kind, _, short = name.partition("/")
    file = folder / "specs" / room[kind] / f"{short}.yaml"
    text = file.read_text()
    assert f"name: {short}" in text
    lines = [
        f"{line}\n  annotations: {{reconciler/redo: {value!r}}}"
        if line.strip() == f"name: {short}"
        else line
        for line in text.splitlines()
        if "reconciler/redo" not in line
    ]
    file.write_text("\n".join(lines) + "\n")


def test_an_unchanged_object_is_replaced_on_request_and_the_plan_says_what_it_costs(
    folder: Path,
) -> None:
    told = must("plan", "--replace", CONNECTION)
    assert f"-/+ {CONNECTION}" in told
    assert "asked for; made anew" in told
    assert "the sync cursors of" in told
    assert "1 to replace. 4 unchanged." in told
    assert "No changes" in must("plan")
    applied = must("apply", "--replace", CONNECTION, "--auto-approve")
    assert "Applied. Generation 2 is in force." in applied
    assert "or now: reconciler sync plant-a" in applied
    assert "No changes" in must("plan")
    (first, *_) = json.loads(must("history", CONNECTION, "-o", "json"))
    assert first["change"] == "replace"


def test_several_are_replaced_and_a_saved_plan_does_exactly_that(folder: Path) -> None:
    both = ("--replace", CONNECTION, "--replace", MAPPING)
    must("plan", *both, "--out", "plan.bin")
    refused = typed("apply", "plan.bin", "--replace", MAPPING, "--auto-approve")
    assert refused.exit_code == 1
    assert "a saved plan is applied exactly as it is" in refused.output
    assert "2 to replace" in must("apply", "plan.bin", "--auto-approve")
    assert typed("plan", "--detailed-exitcode", *both).exit_code == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--replace", "Mapping/nobody"), "NOT_FOUND --replace Mapping/nobody: it is not declared"),
        (("--replace", "AlertRoute/ops"), "it holds nothing that could be made anew"),
        (("--replace", "plant-a"), "'plant-a' is not Kind/name"),
        (("--replace", MAPPING, "--only", "Connection/*"), "outside of --only"),
        (("--replace", MAPPING, "--base", "HEAD"), "--base compares two revisions"),
        (("--ignore-drift", "Mapping/nobody"), "nothing declared or in force is called so"),
        (("--ignore-drift", MAPPING, "--replace", MAPPING), "does not leave its drift as it is"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_in_words(
    folder: Path, words: tuple[str, ...], said: str
) -> None:
    told = typed("plan", *words)
    assert told.exit_code == 1
    assert said in told.output


def test_what_is_not_in_force_cannot_be_replaced(folder: Path) -> None:
    file = folder / "specs" / "connections" / "plant-a.yaml"
    (folder / "specs" / "new.yaml").write_text(file.read_text().replace("plant-a", "plant-new"))
    told = typed("plan", "--replace", "Connection/plant-new")
    assert told.exit_code == 1
    assert "it is not in force under this name" in told.output


def test_known_drift_is_left_for_once_and_neither_told_nor_healed(folder: Path) -> None:
    edit(MAPPING, fields=SENT)
    assert typed("plan", "--detailed-exitcode").exit_code == 3
    told = typed("plan", "--detailed-exitcode", "--ignore-drift", MAPPING)
    assert told.exit_code == 0
    assert "left as it is this once (--ignore-drift)" in told.stdout
    edit(CONNECTION, history="30d")
    must("apply", "--heal", "--ignore-drift", MAPPING, "--auto-approve")
    (left,) = json.loads(typed("drift", "-o", "json").stdout)["drift"]
    assert left["address"] == MAPPING


def test_an_annotation_asks_for_the_work_once_and_the_plan_says_so(folder: Path) -> None:
    annotated(folder, CONNECTION, "monday")
    told = must("plan")
    assert "[redo]" in told
    assert "once more (reconciler/redo): all its entities are read in full" in told
    assert "or now: reconciler sync plant-a" in must("apply", "--auto-approve")
    assert "No changes" in must("plan")
    annotated(folder, CONNECTION, "tuesday")
    assert "[redo]" in must("plan")

"""The team's own rules at the command line: lint in each form, held plans, freezes, saved plans."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from reconciler.app import house
from reconciler.cli.main import app
from reconciler.cli.starting import write_starter
from reconciler.plan.asked import Asked
from reconciler.settings import Settings

POLICY = """\
rules:
  - name: history-of-a-year
    kinds: [Connection]
    require: "spec.history == '365d'"
    message: "A connection keeps a year."
    severity: {severity}
"""
SHUT = """\
windows:
  - deny: "0 0 * * *"
    for: 48h
    kinds: [Connection]
    reason: plant shutdown
"""


def typed(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the starter and a policy that its one connection breaks."""
    write_starter(tmp_path)
    monkeypatch.delenv("RECONCILER_ENV", raising=False)
    with chdir(tmp_path):
        say(POLICY.format(severity="error"))
        yield tmp_path


def say(text: str) -> None:
    Path("specs/reconciler-policy.yaml").write_text(text)


CONNECTION = Path("specs/connections/plant-a.yaml")


def place() -> tuple[str, int]:
    """Return where the connection begins."""
    lines = CONNECTION.read_text().splitlines()
    return str(CONNECTION), 1 + next(n for n, line in enumerate(lines) if line.startswith("api"))


async def audited() -> dict[str, object]:
    async with house(Settings()) as built:
        return dict((await built.store.views.audit())[-1].data)


def test_validate_tells_a_broken_rule_at_its_object_and_exits_with_1(folder: Path) -> None:
    told = typed("validate")
    file, line = place()
    assert told.exit_code == 1
    said = "error POLICY history-of-a-year A connection keeps a year. (Connection/plant-a)"
    assert f"{file}:{line}:1: {said}" in told.stdout
    assert "specs/reconciler-policy.yaml:2:11" in told.stdout


def test_validate_tells_it_to_programs(folder: Path) -> None:
    (problem,) = json.loads(typed("validate", "--format", "json").stdout)["problems"]
    file, line = place()
    assert (problem["code"], problem["severity"]) == ("POLICY history-of-a-year", "error")
    assert (problem["file"], problem["line"]) == (file, line)


def test_validate_tells_it_to_github(folder: Path) -> None:
    told = typed("validate", "--format", "github").stdout
    file, line = place()
    assert told.startswith(f"::error file={file},line={line},col=1,")
    assert "title=POLICY history-of-a-year::A connection keeps a year." in told


def test_validate_tells_it_to_code_scanning(folder: Path) -> None:
    (run,) = json.loads(typed("validate", "--format", "sarif").stdout)["runs"]
    (rule,), (result,) = run["tool"]["driver"]["rules"], run["results"]
    assert rule["id"] == result["ruleId"] == "POLICY/history-of-a-year"
    assert (result["ruleIndex"], result["level"]) == (0, "error")
    assert "history-of-a-year" in rule["shortDescription"]["text"]
    (found,) = result["locations"]
    file, line = place()
    assert found["physicalLocation"]["artifactLocation"]["uri"] == file
    assert found["physicalLocation"]["region"]["startLine"] == line


def test_a_warning_is_told_and_nothing_fails(folder: Path) -> None:
    say(POLICY.format(severity="warning"))
    told = typed("validate")
    assert told.exit_code == 0
    assert "warning POLICY history-of-a-year" in told.stdout
    assert "5 resources in 6 files are valid" in told.stdout
    assert typed("apply", "--auto-approve").exit_code == 0
    again = typed("plan")
    assert "warning Connection/plant-a: POLICY: history-of-a-year" in again.stdout
    assert "No changes." in again.stdout


def test_a_broken_policy_is_a_broken_spec(folder: Path) -> None:
    say(POLICY.format(severity="fatal"))
    told = typed("validate")
    assert told.exit_code == 1
    assert "specs/reconciler-policy.yaml:6:15: error R105" in told.stdout
    plan = typed("plan")
    assert plan.exit_code == 1
    assert "specs/reconciler-policy.yaml:6:15" in plan.stderr
    assert "1 errors" in typed("doctor").stdout


def test_what_breaks_a_rule_is_held_and_the_rest_is_applied(folder: Path) -> None:
    extra = CONNECTION.read_text().replace("name: plant-a", "name: plant-b")
    extra = "\n".join(
        "  history: 365d" if line.startswith("  history:") else line for line in extra.split("\n")
    )
    Path("specs/connections/plant-b.yaml").write_text(extra)
    told = typed("apply", "--auto-approve")
    assert told.exit_code == 1
    assert "blocked Connection/plant-a: POLICY: history-of-a-year: A connection" in told.stdout
    assert "Applied. Generation 1 is in force." in told.stdout
    listed = json.loads(typed("get", "connections", "-o", "json").stdout)
    assert [one["name"] for one in listed] == ["plant-b"]


@pytest.mark.parametrize("form", ["text", "json", "markdown", "github"])
@pytest.mark.parametrize("severity", ["error", "warning"])
def test_a_plan_tells_it_in_each_form(folder: Path, form: str, severity: str) -> None:
    say(POLICY.format(severity=severity))
    told = typed("plan", "--format", form)
    assert told.exit_code == 0
    assert "history-of-a-year: A connection keeps a year." in told.stdout
    if form == "json":
        whole = json.loads(told.stdout)
        (one,) = whole["blocks" if severity == "error" else "warnings"][:1]
        assert (one["address"], one["code"]) == ("Connection/plant-a", "POLICY")
        assert whole["summary"]["warnings"] == (severity == "warning")


def test_an_object_in_force_that_comes_to_break_a_rule_is_told_by_the_next_plan(
    folder: Path,
) -> None:
    say("rules: []\n")
    assert typed("apply", "--auto-approve").exit_code == 0
    assert typed("plan").stdout.startswith("No changes.")
    assert typed("plan").stdout.startswith("No changes.")
    say(POLICY.format(severity="error"))
    for _ in range(2):
        assert "blocked Connection/plant-a: POLICY" in typed("plan").stdout
    assert typed("apply", "--auto-approve").exit_code == 1
    say("rules: []\n")
    assert typed("plan").stdout.startswith("No changes.")


def test_a_window_holds_what_it_is_about_and_a_person_goes_on_with_a_reason(folder: Path) -> None:
    say(SHUT)
    told = typed("apply", "--auto-approve")
    assert told.exit_code == 1
    assert "WINDOW: a deny window is open: plant shutdown" in told.stdout
    assert "--ignore-windows REASON" in told.stdout
    assert json.loads(typed("get", "connections", "-o", "json").stdout) == []
    assert typed("apply", "--auto-approve", "--ignore-windows", "x").exit_code == 1
    told = typed("apply", "--auto-approve", "--ignore-windows", "agreed with the plant")
    assert told.exit_code == 0, told.output
    assert "ignored: agreed with the plant" in told.stdout


async def test_the_reason_is_kept_in_the_audit_log(folder: Path) -> None:
    from reconciler.cli.specs import _applied, _Options  # noqa: PLC0415  in this loop

    say(SHUT)
    options = _Options(None, (), (), None, False, 10, Asked(), ignore_windows="agreed")
    await _applied(Path("specs"), options, None, diff=False, approved=True)
    kept = (await audited())["windows_ignored"]
    assert isinstance(kept, dict)
    assert kept["reason"] == "agreed"
    assert "plant shutdown" in kept["windows"][0]


def test_nothing_waits_where_nothing_changes(folder: Path) -> None:
    say("rules: []\n")
    assert typed("apply", "--auto-approve").exit_code == 0
    say(SHUT)
    for _ in range(2):
        told = typed("plan")
        assert (told.exit_code, told.stdout) == (0, "No changes. 5 objects match.\n\n")


@pytest.mark.parametrize("looking", [[], ["--ignore-windows", "just a look"]], ids=["", "ignoring"])
def test_a_saved_plan_is_held_by_the_windows_of_its_own_commit(
    folder: Path, looking: list[str]
) -> None:
    say(SHUT)
    assert typed("plan", "--out", "plan.bin", *looking).exit_code == 0
    say("rules: []\n")
    told = typed("apply", "plan.bin", "--auto-approve")
    assert told.exit_code == 1
    assert "WINDOW: a deny window is open: plant shutdown" in told.stdout
    assert json.loads(typed("get", "connections", "-o", "json").stdout) == []


def test_a_saved_plan_goes_on_for_a_person_with_a_reason(folder: Path) -> None:
    say(SHUT)
    assert typed("plan", "--out", "plan.bin").exit_code == 0
    told = typed("apply", "plan.bin", "--auto-approve", "--ignore-windows", "agreed")
    assert told.exit_code == 0, told.output
    assert len(json.loads(typed("get", "connections", "-o", "json").stdout)) == 1


def test_the_policy_beside_a_single_file_holds_for_it(folder: Path) -> None:
    said = CONNECTION.read_text().replace("{{ vars.sandbox_port }}", "8055")
    Path("specs/plant-a.yaml").write_text(said)
    told = typed("validate", "specs/plant-a.yaml")
    assert "error POLICY history-of-a-year" in told.stdout


def test_a_policy_is_neither_formatted_nor_migrated(folder: Path) -> None:
    odd = "rules:   []\n"
    say(odd)
    assert typed("fmt").exit_code == 0
    assert typed("migrate").exit_code == 0
    assert Path("specs/reconciler-policy.yaml").read_text() == odd


def test_a_folder_with_a_policy_alone_holds_no_specs(tmp_path: Path) -> None:
    with chdir(tmp_path):
        Path("specs").mkdir()
        say(SHUT)
        assert "no *.yaml or *.yml file in it" in typed("validate").stderr


def test_the_schema_of_the_policy_is_json_schema(folder: Path) -> None:
    from jsonschema import Draft202012Validator  # noqa: PLC0415  slow to import

    schema = json.loads(typed("schema", "policy").stdout)
    Draft202012Validator.check_schema(schema)
    good = {"rules": [{"name": "a", "message": "it is so", "require": "spec"}], "windows": []}
    judge = Draft202012Validator(schema)
    assert judge.is_valid(good)
    assert not judge.is_valid({"rules": [{"nam": "a"}]})


def git(*words: str) -> None:
    names = {f"GIT_{who}_{what}": "test@example.invalid" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}  # fmt: skip
    subprocess.run(["git", *words], check=True, capture_output=True, env={**os.environ, **names})


def test_two_revisions_are_compared_under_the_policy_of_the_newer_one(folder: Path) -> None:
    say("rules: [broken\n")
    git("init", "-q")
    git("add", "specs")
    git("commit", "-qm", "one")
    say(POLICY.format(severity="error") + SHUT)
    told = typed("plan", "--base", "HEAD")
    assert told.exit_code == 0, told.output
    assert "blocked Connection/plant-a: POLICY: history-of-a-year" in told.stdout
    assert "WINDOW" not in told.stdout


def test_a_commit_with_a_policy_alone_declares_nothing(folder: Path) -> None:
    say("rules: []\n")
    git("init", "-q")
    git("add", "specs/reconciler-policy.yaml")
    git("commit", "-qm", "one")
    told = typed("plan", "--base", "HEAD")
    assert "Plan: 5 to create. 0 unchanged." in told.stdout

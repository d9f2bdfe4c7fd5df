"""Drift, pauses, locks and history at the command line."""

import asyncio
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import chdir
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from reconciler.app import edits, house
from reconciler.cli.main import app
from reconciler.cli.starting import write_starter
from reconciler.engine.writer import NAME
from reconciler.model.resource import Kind, ResourceKey
from reconciler.model.value import merge_patch
from reconciler.ports import EditWish
from reconciler.sandbox import Sandbox
from reconciler.settings import Settings
from reconciler.spec.written import document_of

MAPPING = "Mapping/plant-a-purchase-orders"


def typed(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def must(*words: str) -> str:
    told = typed(*words)
    assert told.exit_code == 0, told.output
    return told.stdout


def edit(name: str, **spec: object) -> None:
    """Edit an object as somebody at the dashboard."""

    async def work() -> None:
        async with house(Settings()) as built:
            kind, _, short = name.partition("/")
            state = (await built.in_force.look()).state
            document = document_of(state.resources[ResourceKey(Kind(kind), short)])
            changed = merge_patch(document, {"spec": spec})
            await edits(built).put(EditWish(changed, "ui:jo"))

    asyncio.run(work())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the starter, applied."""
    write_starter(tmp_path)
    monkeypatch.delenv("RECONCILER_ENV", raising=False)
    with chdir(tmp_path):
        must("apply", "--auto-approve")
        yield tmp_path


SENT = {"status": {"values": {"ORDERED": "approved"}}}


def test_without_drift_the_exit_code_is_nought(folder: Path) -> None:
    told = typed("drift")
    assert told.exit_code == 0
    assert "No drift. 5 objects are as applied" in told.stdout


def test_drift_is_told_with_the_two_ways_out_and_a_code_of_its_own(folder: Path) -> None:
    edit(MAPPING, fields=SENT)
    told = typed("drift")
    assert told.exit_code == 3
    assert "spec.fields.status.values.ORDERED: sent -> approved   by ui:jo" in told.stdout
    assert f"reconciler adopt {MAPPING} --write" in told.stdout
    assert f"reconciler apply --only {MAPPING} --heal" in told.stdout
    assert typed("drift", "--exit-zero").exit_code == 0
    (drift,) = json.loads(typed("drift", "-o", "json").stdout)["drift"]
    assert drift["diff"][0]["by"] == "ui:jo"


def test_a_plan_that_found_nothing_to_do_hides_nothing_from_the_next(folder: Path) -> None:
    quiet = must("plan", "--detailed-exitcode")
    assert quiet == must("plan", "--detailed-exitcode")
    shutil.rmtree(folder / ".reconciler" / "cache")
    assert quiet == must("plan", "--detailed-exitcode")
    edit(MAPPING, fields=SENT)
    assert typed("plan", "--detailed-exitcode").exit_code == 3
    must("apply", "--heal", "--auto-approve")
    assert "No changes" in must("plan", "--detailed-exitcode")
    file = next(
        path
        for path in (folder / "specs").rglob("*.yaml")
        if MAPPING.partition("/")[2] in path.read_text()
    )
    said = file.read_text()
    file.write_text(said + "# a remark\n")
    assert "No changes" in must("plan", "--detailed-exitcode")
    file.unlink()
    assert "No changes" not in typed("plan", "--prune", "--max-deletes", "99").output
    file.write_text("kind: [")
    assert typed("plan").exit_code == 1
    file.write_text(said)
    assert "No changes" in must("plan", "--detailed-exitcode")
    assert typed("plan", "--only", "Mapping/nobody").exit_code == 1


def test_a_field_can_be_left_out_for_once(folder: Path) -> None:
    edit(MAPPING, fields=SENT)
    told = typed("drift", "--ignore", "/spec/fields")
    assert told.exit_code == 0
    assert "1 more ignored by rule" in told.stdout


def test_plans_tell_change_and_drift_apart(folder: Path) -> None:
    assert typed("plan", "--detailed-exitcode").exit_code == 0
    edit(MAPPING, fields=SENT)
    drifted = typed("plan", "--detailed-exitcode")
    assert drifted.exit_code == 3
    assert "No changes" in drifted.stdout
    assert "1 drifted" in drifted.stdout
    file = folder / "specs" / "connections" / "plant-a.yaml"
    file.write_text(file.read_text().replace("history: 90d", "history: 30d"))
    both = typed("plan", "--detailed-exitcode")
    assert both.exit_code == 4, both.output


def test_apply_heals_on_request_alone(folder: Path) -> None:
    edit(MAPPING, fields=SENT)
    assert "No changes" in must("apply", "--auto-approve")
    assert typed("drift").exit_code == 3
    told = must("apply", "--heal", "--only", MAPPING, "--auto-approve")
    assert f"↺ {MAPPING}" in told
    assert typed("drift").exit_code == 0


def test_what_a_guard_holds_is_not_applied_and_the_rest_is(folder: Path) -> None:
    edit(MAPPING, fields=SENT)
    mapping = folder / "specs" / "mappings" / "plant-a-purchase-orders.yaml"
    mapping.write_text(mapping.read_text().replace("ORDERED: sent", "ORDERED: closed"))
    file = folder / "specs" / "connections" / "plant-a.yaml"
    file.write_text(file.read_text().replace("history: 90d", "history: 30d"))
    told = typed("apply", "--auto-approve")
    assert told.exit_code == 1
    assert "CONFLICT" in told.stdout
    assert "Applied. Generation 3 is in force." in told.stdout
    described = json.loads(typed("describe", "Connection/plant-a", "-o", "json").stdout)
    assert described["spec"]["history"] == "30d"


def test_a_pause_is_in_force_at_once_and_ends_when_told(folder: Path) -> None:
    told = must("suspend", "plant-a", "--reason", "ERP upgrade", "--for", "8h")
    assert "Connection/plant-a is suspended until" in told
    described = json.loads(must("describe", "Connection/plant-a", "-o", "json"))
    assert described["status"]["overrides"] == ["Override/suspend-connection-plant-a"]
    refused = typed("sync", "plant-a", "vendors")
    assert refused.exit_code == 1
    assert "is suspended" in refused.output
    must("resume", "plant-a")
    assert typed("resume", "plant-a").exit_code == 1
    assert "No changes" in must("plan")


def test_only_what_can_rest_is_suspended(folder: Path) -> None:
    told = typed("suspend", MAPPING, "--reason", "because")
    assert told.exit_code == 1
    assert "cannot be suspended" in told.output
    unknown = typed("suspend", "plant-x", "--reason", "because")
    assert unknown.exit_code == 1
    assert "did you mean 'plant-a'" in unknown.output


def test_a_second_apply_is_refused_while_another_process_reconciles(folder: Path) -> None:
    async def take() -> None:
        async with house(Settings()) as built, built.store.begin() as unit:
            now, lease = datetime.now(UTC), timedelta(minutes=5)  # noqa: TID251  beside a real process
            await unit.leases.acquire(NAME, "run on host-a, pid 7, aa", now=now, lease=lease)
            await unit.commit()

    asyncio.run(take())
    file = folder / "specs" / "connections" / "plant-a.yaml"
    file.write_text(file.read_text().replace("history: 90d", "history: 30d"))
    told = typed("apply", "--auto-approve")
    assert told.exit_code == 1
    assert "another process reconciles here: run on host-a, pid 7, aa, since" in told.output
    assert "run on host-a, pid 7, aa" in must("locks")


def test_history_tells_who_did_what(folder: Path) -> None:
    edit(MAPPING, fields=SENT)
    first = json.loads(must("history", MAPPING, "-o", "json"))[0]
    assert (first["change"], first["actor"]) == ("edit", "ui:jo")
    assert first["fields"] == ["spec.fields.status.values.ORDERED"]
    assert "ui:jo" in must("history")
    assert "drift.detected" in must("events", MAPPING)


def test_adopting_shows_the_diff_and_writes_on_request_with_comments_kept(folder: Path) -> None:
    file = folder / "specs" / "mappings" / "plant-a-purchase-orders.yaml"
    before = file.read_text()
    edit(MAPPING, fields=SENT)
    shown = typed("adopt", MAPPING)
    assert shown.exit_code == 0
    assert "ORDERED: sent" in shown.stdout
    assert file.read_text() == before
    must("adopt", MAPPING, "--write")
    after = file.read_text()
    assert after == before.replace("ORDERED: sent", "ORDERED: approved")
    assert after != before
    assert "No changes" in must("plan")
    assert typed("drift").exit_code == 0
    assert "its drift is over" in must("apply", "--auto-approve")
    assert typed("plan", "--detailed-exitcode").exit_code == 0


def test_what_has_not_drifted_cannot_be_adopted(folder: Path) -> None:
    assert "has not drifted" in typed("adopt", MAPPING).output
    assert "say which objects" in typed("adopt").output


def test_what_was_made_through_the_api_becomes_a_file_that_git_takes_over(folder: Path) -> None:
    must("suspend", "plant-a", "--reason", "ERP upgrade", "--for", "8h")
    name = "Override/suspend-connection-plant-a"
    must("adopt", name, "--write")
    told = must("plan")
    assert f"= {name}" in told
    must("apply", "--auto-approve")
    assert "No changes" in must("plan")


def test_all_that_is_in_force_is_exported_as_specs_that_say_the_same(folder: Path) -> None:
    assert "5 files written to exported" in must("export", "exported")
    assert "No changes. 5 objects match" in must("plan", "exported")
    assert typed("export", "exported").exit_code == 1


def test_exported_specs_can_be_imported_elsewhere(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    must("export", "exported")
    monkeypatch.setenv("RECONCILER_STATE_DIR", str(folder / "elsewhere"))
    assert "5 objects: 5 changed" in must("import", "exported")
    assert "5 objects: 0 changed" in must("import", "exported")
    (one,) = json.loads(must("get", "mappings", "-o", "json"))
    assert one["owner"] == "api"


def git(*words: str) -> None:
    given = (
        "-c",
        "user.name=Ada",
        "-c",
        "user.email=ada@example.com",
        "-c",
        "commit.gpgsign=false",
    )
    subprocess.run(["git", *given, *words], check=True, capture_output=True)


@pytest.mark.slow
def test_two_revisions_are_compared_offline(tmp_path: Path) -> None:
    with chdir(tmp_path):
        git("init", "--initial-branch", "main")
        (tmp_path / "README.md").write_text("nothing yet\n")
        git("add", ".")
        git("commit", "--message", "Begin")
        git("tag", "empty")
        write_starter(tmp_path)
        git("add", ".")
        git("commit", "--message", "Add specs")
        first = must("plan", "--base", "empty")
        assert "Plan: 5 to create. 0 unchanged." in first
        assert "No changes" in must("plan", "--base", "HEAD")
        file = tmp_path / "specs" / "connections" / "plant-a.yaml"
        file.write_text(file.read_text().replace("history: 90d", "history: 30d"))
        told = typed("plan", "--base", "HEAD", "--diff", "--detailed-exitcode")
        assert told.exit_code == 2
        assert "spec.history: 90d -> 30d" in told.stdout
        assert not (tmp_path / ".reconciler" / "state.db").exists()
        wrong = typed("plan", "--base", "nowhere")
        assert wrong.exit_code == 1
        assert "nowhere: no such revision" in wrong.output


async def test_systems_are_asked_before_they_are_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Sandbox(port=0) as plant:
        write_starter(tmp_path)
        file = tmp_path / "specs" / "environments" / "dev.yaml"
        file.write_text(file.read_text().replace("8055", str(plant.port)))
        monkeypatch.delenv("RECONCILER_ENV", raising=False)
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("SANDBOX_API_KEY", plant.credentials.api_key)
        fine = await asyncio.to_thread(typed, "plan", "--check")
        assert fine.exit_code == 0, fine.output
        assert "checked Connection/plant-a: answers" in fine.output
        plant.switch(refuse=True)
        refused = await asyncio.to_thread(typed, "plan", "--check")
        assert refused.exit_code == 1
        assert "error AUTHENTICATION_FAILED Connection/plant-a" in refused.output

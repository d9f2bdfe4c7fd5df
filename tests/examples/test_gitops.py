"""examples/gitops: its workflows are run, command by command, on a repository with two commits."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from reconciler.forges.forge import Kind
from tests.examples.machines import AWAITED, Actions, GitLab, Machine, put_program
from tests.forges.standin import SECRET, StandIn, on_loopback

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "gitops"
MARKER = "<!-- reconciler-plan:prod:specs -->\n"


@dataclass
class Site:
    """A repository, a build machine that has it checked out, and the forge it belongs to."""

    folder: Path
    machine: Machine
    forge: StandIn

    def git(self, *words: str) -> str:
        told = subprocess.run(
            ["git", *words], cwd=self.folder, capture_output=True, text=True, check=True
        )
        return told.stdout.strip()

    def commit(self, message: str) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.folder / "specs" / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))


@pytest.fixture
def repository(
    tmp_path: Path, program: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The example as a repository of its own, with one commit."""
    program("git")
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Jane")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "jane@acme.example")
    folder = tmp_path / "specs-repository"
    shutil.copytree(EXAMPLE, folder)
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main"], cwd=folder, check=True)
    return folder


@pytest.fixture(params=["actions", "gitlab"])
def site(request: pytest.FixtureRequest, repository: Path, tmp_path: Path) -> Iterator[Site]:
    programs = tmp_path / "programs"
    programs.mkdir()
    put_program(programs, ROOT)
    kind = Kind.GITHUB if request.param == "actions" else Kind.GITLAB
    forge = StandIn(kind, anonymous=kind is Kind.GITHUB)
    with on_loopback(forge) as address:
        state = {"RECONCILER_STATE_DIR": str(tmp_path / "state")}
        machine = (
            _actions(repository, programs, state, address)
            if request.param == "actions"
            else _gitlab(repository, programs, state, address)
        )
        made = Site(repository, machine, forge)
        base = made.commit("One plant")
        _tell(made, base, base)
        yield made


def _actions(folder: Path, programs: Path, state: dict[str, str], address: str) -> Machine:
    environment = {
        **state,
        "GITHUB_API_URL": address,
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "acme/specs",
        "GITHUB_RUN_ID": "42",
        "GITHUB_EVENT_PATH": str(programs / "event.json"),
        "GITHUB_STEP_SUMMARY": str(programs / "summary.md"),
    }
    # SQLite in a folder stands for the PostgreSQL that a real set-up has.
    told = {"github.token": SECRET, "secrets.RECONCILER_DATABASE_URL": ""}
    return Actions(folder, programs, environment, told)


def _gitlab(folder: Path, programs: Path, state: dict[str, str], address: str) -> Machine:
    environment = {
        **state,
        "GITLAB_CI": "true",
        "GITLAB_TOKEN": SECRET,
        "CI_API_V4_URL": f"{address}/api/v4",
        "CI_PROJECT_ID": "17",
        "CI_MERGE_REQUEST_IID": "7",
        "CI_JOB_URL": "https://gitlab.com/acme/specs/-/jobs/42",
    }
    return GitLab(folder, programs, environment)


def _tell(site: Site, base: str, head: str) -> None:
    """Tell the machine which pull request it runs for."""
    pull = {"number": 7, "head": {"sha": head}, "base": {"sha": base}}
    machine = site.machine
    (machine.programs / "event.json").write_text(json.dumps({"pull_request": pull}))
    machine.told = {**machine.told, "github.event.pull_request.base.sha": base}
    commits = {"CI_COMMIT_SHA": head, "CI_MERGE_REQUEST_DIFF_BASE_SHA": base, "GITHUB_SHA": head}
    machine.environment = {**machine.environment, **commits}


def propose(site: Site) -> str:
    """Commit a change on a branch, tell the machine of its pull request, and return its hash."""
    base = site.git("rev-parse", "HEAD")
    site.edit("connection.yaml", "history: 90d", "history: 365d")
    site.edit("schedule.yaml", "every: 15m", "every: 5m")
    head = site.commit("Reach back a year, and ask more often")
    _tell(site, base, head)
    return head


def test_from_pull_request_to_merge_and_the_look_for_drift(site: Site) -> None:
    assert site.machine.run("apply") == 0, site.machine.printed
    assert "Generation 1 is in force" in site.machine.printed
    head = propose(site)

    for _ in range(2):
        assert site.machine.run("plan") == 0, site.machine.printed
    (comment,) = site.forge.texts
    assert comment.startswith(f"{MARKER}### Plan for `prod`: 2 to update\n")
    assert "\n- spec.history: 90d\n+ spec.history: 365d\n" in comment
    assert [(one["commit"], one["state"]) for one in site.forge.statuses] == [(head, "success")] * 2
    assert site.forge.statuses[0]["description"] == "Plan for `prod`: 2 to update"

    assert site.machine.run("drift") == 0, site.machine.printed
    assert "Merged and not applied yet" in site.machine.printed
    assert site.machine.run("apply") == 0, site.machine.printed
    assert site.machine.run("drift") == 0, site.machine.printed
    assert site.machine.printed.endswith("Nothing has drifted, and nothing waits to be applied.\n")
    assert SECRET not in site.machine.printed


def test_a_mistake_fails_the_check_and_leaves_the_comment_as_it_was(site: Site) -> None:
    head = propose(site)
    site.edit("connection.yaml", "history: 365d", "histroy: 365d")
    assert site.machine.run("plan") == 1
    assert "did you mean" in site.machine.printed
    assert not site.forge.comments
    if site.forge.kind is Kind.GITHUB:  # GitLab shows the failed job by itself
        (status,) = site.forge.statuses
        assert (status["commit"], status["state"]) == (head, "failure")
        assert re.search(r"::error file=specs/connection\.yaml,line=\d+,", site.machine.printed)


@pytest.mark.parametrize("site", ["actions"], indirect=True)
def test_the_plan_stands_beside_the_lines_and_on_the_page_of_the_run(site: Site) -> None:
    site.machine.run("apply")
    propose(site)
    assert site.machine.run("plan") == 0, site.machine.printed
    found = re.findall(
        r"::notice file=(\S+?),line=\d+,col=\d+,title=update (\S+?)::", site.machine.printed
    )
    assert found == [
        ("specs/connection.yaml", "Connection/acme-plant"),
        ("specs/schedule.yaml", "SyncSchedule/acme-plant"),
    ]
    assert (site.machine.programs / "summary.md").read_text().startswith(MARKER)


@pytest.mark.parametrize(
    ("code", "ends", "said"),
    [
        (0, 0, "Nothing has drifted"),
        (2, 0, "Merged and not applied yet"),
        (3, 3, "Changed outside of git.*\nreconciler drift specs --exit-zero"),
        (4, 4, "Changed outside of git.*\nreconciler drift specs --exit-zero"),
        (1, 1, "could not be looked at"),
        (7, 7, "could not be looked at"),
    ],
)
def test_each_exit_code_of_the_plan_has_a_meaning_for_the_job(
    tmp_path: Path, code: int, ends: int, said: str
) -> None:
    program = tmp_path / "reconciler"
    program.write_text(f'#!/bin/sh\necho reconciler "$@"\n[ "$1" = drift ] || exit {code}\n')
    program.chmod(0o755)
    environment = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    script = ["sh", str(EXAMPLE / "ci" / "drift.sh")]
    done = subprocess.run(script, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == ends
    assert re.search(said, done.stdout + done.stderr)
    assert done.stdout.startswith("reconciler plan specs --detailed-exitcode\n")


def test_what_is_awaited_is_typed_somewhere_and_not_there_yet() -> None:
    typed = "\n".join(path.read_text() for path in EXAMPLE.rglob("*.yml"))
    for text in AWAITED:
        assert text in typed
    environment = {**os.environ, "COLUMNS": "200", "PYTHONPATH": str(ROOT)}
    line = [sys.executable, "-m", "reconciler", "plan", "--help"]
    told = subprocess.run(line, env=environment, capture_output=True, text=True, check=True)
    assert ("--base" in told.stdout) == (not AWAITED), "it is here: empty AWAITED"


def test_the_workflows_run_for_what_they_say() -> None:
    actions = yaml.safe_load((EXAMPLE / ".github" / "workflows" / "reconciler.yml").read_text())
    events = actions[True]  # YAML 1.1 reads the key `on` so
    assert set(events) == {"pull_request", "push", "schedule"}
    assert actions["permissions"] == {"contents": "read"}
    asked = {name: job["if"].split("'")[1] for name, job in actions["jobs"].items()}
    assert asked == {"plan": "pull_request", "apply": "push", "drift": "schedule"}
    gitlab = yaml.safe_load((EXAMPLE / ".gitlab-ci.yml").read_text())
    assert [gitlab[job]["stage"] for job in gitlab["stages"]] == gitlab["stages"]
    assert "secrets." not in str(actions["jobs"]["plan"]), "a pull request needs none"

"""What a workflow says at its forge, told by the environment of each build machine."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from reconciler.cli.main import app
from reconciler.forges.forge import Kind
from reconciler.forges.repository import Repository
from reconciler.forges.surroundings import Surroundings, surroundings, token_name
from tests.forges.standin import COMMIT, MARKER, SECRET, StandIn, on_loopback

HEAD = "77d0e1c" + "0" * 33
EVENT = {"pull_request": {"number": 7, "head": {"sha": HEAD}}}
PLAN = f"{MARKER}\n### Plan\n"


def typed(*words: str, text: str | None = None) -> Result:
    return CliRunner().invoke(app, ["ci", *words], input=text)


@pytest.fixture(autouse=True)
def _no_build_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take out what the machine that runs the tests says of itself."""
    for name in ("GITLAB_CI", "GITEA_ACTIONS", "FORGEJO_ACTIONS", "GITHUB_EVENT_PATH"):
        monkeypatch.delenv(name, raising=False)
    for name in ("GITHUB_REPOSITORY", "GITHUB_TOKEN", "GH_TOKEN", "GITLAB_TOKEN", "GITEA_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def event(tmp_path: Path) -> Path:
    path = tmp_path / "event.json"
    path.write_text(json.dumps(EVENT))
    return path


@pytest.fixture(params=[Kind.GITHUB, Kind.GITEA, Kind.FORGEJO, Kind.GITLAB], ids=str)
def machine(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, event: Path
) -> Iterator[StandIn]:
    """A build machine of each forge, as its environment has it, with a stand-in behind it."""
    there = StandIn(request.param)
    with on_loopback(there) as address:
        environments = {
            Kind.GITHUB: {"GITHUB_API_URL": address},
            Kind.GITEA: {"GITHUB_API_URL": f"{address}/api/v1", "GITEA_ACTIONS": "true"},
            Kind.FORGEJO: {"GITHUB_API_URL": f"{address}/api/v1", "FORGEJO_ACTIONS": "true"},
            Kind.GITLAB: {"CI_API_V4_URL": f"{address}/api/v4", "GITLAB_CI": "true"},
        }
        actions = {
            "GITHUB_REPOSITORY": "acme/specs",
            "GITHUB_SERVER_URL": address,
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_SHA": COMMIT,
            "GITHUB_RUN_ID": "42",
            "GITHUB_TOKEN": SECRET,
        }
        gitlab = {
            "CI_PROJECT_ID": "17",
            "CI_MERGE_REQUEST_IID": "7",
            "CI_COMMIT_SHA": HEAD,
            "CI_JOB_URL": f"{address}/acme/specs/-/jobs/42",
            "GITLAB_TOKEN": SECRET,
        }
        told = gitlab if there.kind is Kind.GITLAB else actions
        for name, value in {**told, **environments[there.kind]}.items():
            monkeypatch.setenv(name, value)
        yield there


def test_a_plan_becomes_the_one_comment_of_its_pull_request(
    machine: StandIn, tmp_path: Path
) -> None:
    file = tmp_path / "plan.md"
    for text in ("first", "second"):
        file.write_text(PLAN + text)
        told = typed("comment", str(file))
        assert told.exit_code == 0, told.output
        assert told.stderr == "The comment of pull request 7 is up to date.\n"
    assert machine.texts == [PLAN + "second"]


def test_a_comment_may_come_by_standard_input_with_a_marker_of_its_own(machine: StandIn) -> None:
    told = typed("comment", "--marker", "<!-- drift -->", text="no drift\n")
    assert told.exit_code == 0, told.output
    assert machine.texts == ["<!-- drift -->\nno drift\n"]


def test_the_status_is_that_of_the_head_and_leads_to_the_run(machine: StandIn) -> None:
    told = typed("status", "--state", "success", "--summary", "2 to update")
    assert told.exit_code == 0, told.output
    assert told.stderr == "reconciler/plan of 77d0e1c is success.\n"
    (one,) = machine.statuses
    assert one["commit"] == HEAD
    assert one["description"] == "2 to update"
    assert one["target_url"].endswith(("/acme/specs/actions/runs/42", "/acme/specs/-/jobs/42"))


def test_options_say_it_where_no_build_machine_does(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret = tmp_path / "token"
    secret.write_text(SECRET + "\n")
    with on_loopback(StandIn(Kind.GITEA)) as address:
        there = ["--repository", f"{address}/acme/specs", "--forge", "gitea"]
        token = ["--token", f"file:{secret}"]
        told = typed("comment", "--pull-request", "7", *there, *token, text=PLAN)
        assert told.exit_code == 0, told.output
        options = ["--state", "failure", "--commit", COMMIT, "--context", "drift"]
        told = typed("status", *options, *there, *token)
    assert told.exit_code == 0, told.output
    assert told.stderr == "drift of 9f31c0a is failure.\n"


@pytest.mark.parametrize(
    ("words", "text", "said"),
    [
        (["comment"], PLAN, "for no pull request"),
        (["comment", "nowhere.md"], None, "cannot be read"),
        (["comment", "--pull-request", "7"], "", "is empty"),
        (["comment", "--pull-request", "7"], "### no marker", "begins with no marker"),
        (["comment", "--pull-request", "7"], PLAN, "no repository is known"),
        (["status", "--state", "success"], None, "no commit is known"),
        (["status", "--state", "success", "--commit", COMMIT], None, "no repository is known"),
    ],
)
def test_what_is_not_known_is_asked_for(words: list[str], text: str | None, said: str) -> None:
    told = typed(*words, text=text)
    assert told.exit_code == 1
    assert said in told.stderr
    assert "Traceback" not in told.output


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ([], "the environment variable GITHUB_TOKEN is not set"),
        (["--token", "ghp_literal"], "write env:NAME or file:PATH"),
        (["--token", "env:"], "write env:NAME or file:PATH"),
        (["--token", "file:nowhere"], "the file nowhere cannot be read"),
    ],
)
def test_a_token_is_a_reference_that_leads_somewhere(more: list[str], said: str) -> None:
    options = ["--commit", COMMIT, "--repository", "https://github.com/acme/specs", *more]
    told = typed("status", "--state", "success", *options)
    assert told.exit_code == 1
    assert said in told.stderr
    assert "ghp_literal" not in told.output


def test_a_refusal_of_the_forge_is_told_in_words(machine: StandIn) -> None:
    told = typed("status", "--state", "success", "--commit", "main")
    assert told.exit_code == 1
    assert "'main' is no whole commit hash" in told.stderr


def test_the_environment_of_each_build_machine_is_understood() -> None:
    assert surroundings({}, {}) == Surroundings()
    actions = {"GITHUB_REPOSITORY": "acme/specs", "GITHUB_SHA": COMMIT}
    github = Repository(Kind.GITHUB, "https://api.github.com", "acme/specs")
    assert surroundings(actions, {}) == Surroundings(github, None, COMMIT)
    assert surroundings(actions, EVENT) == Surroundings(github, 7, HEAD)
    spoken = {"issue": {"number": 9, "pull_request": {"url": "x"}}}
    assert surroundings(actions, spoken).pull_request == 9
    assert surroundings(actions, {"issue": {"number": 9}}).pull_request is None
    merged = {
        "GITLAB_CI": "true",
        "CI_PROJECT_ID": "99",
        "CI_MERGE_REQUEST_PROJECT_ID": "17",
        "CI_MERGE_REQUEST_IID": "7",
        "CI_COMMIT_SHA": COMMIT,
        "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": HEAD,
    }
    gitlab = Repository(Kind.GITLAB, "https://gitlab.com/api/v4", "17")
    assert surroundings(merged, {}) == Surroundings(gitlab, 7, HEAD)
    pushed = {"GITLAB_CI": "true", "CI_PROJECT_ID": "99", "CI_COMMIT_SHA": COMMIT}
    assert surroundings(pushed, {}).commit == COMMIT
    assert surroundings(pushed, {}).pull_request is None


def test_the_token_is_the_first_that_is_set() -> None:
    assert token_name(Kind.GITEA, {"GITHUB_TOKEN": "x"}) == "GITHUB_TOKEN"
    assert token_name(Kind.GITEA, {"GITHUB_TOKEN": "x", "GITEA_TOKEN": "y"}) == "GITEA_TOKEN"
    assert token_name(Kind.GITLAB, {}) == "GITLAB_TOKEN"

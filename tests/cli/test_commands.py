"""The command line: help with examples, outputs in each form, and refusals in words."""

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from reconciler.app import house, person
from reconciler.cli.main import app
from reconciler.cli.starting import write_starter
from reconciler.model.audit import AuditEntry, broken_link
from reconciler.settings import Settings

ROOT = Path(__file__).parents[2]
COMMANDS = (
    "init", "validate", "schema", "plan", "apply", "run", "sync", "connect", "reconcile", "get", "describe", "records", "explain",
    "fmt", "migrate", "drift", "adopt", "export", "import", "history", "events", "suspend", "resume", "disconnect", "forget", "locks", "pin", "rollback", "doctor", "version", "demo",
    "ci comment", "ci status", "mapping show", "mapping suggest", "mapping test", "token create", "token list", "token show", "token rotate", "token revoke", "secrets status", "secrets rotate",
    "deliveries list", "deliveries show", "deliveries retry", "route list", "route test", "route enable",
    "alerts list", "alerts ack", "silence add", "silence list", "silence end",
)  # fmt: skip


def typed(line: str) -> Result:
    return CliRunner().invoke(app, line.split())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the starter, in which commands are typed."""
    write_starter(tmp_path)
    monkeypatch.delenv("RECONCILER_ENV", raising=False)
    with chdir(tmp_path):
        yield tmp_path


def test_the_starter_is_what_this_clone_runs_on() -> None:
    starter = ROOT / "reconciler" / "cli" / "starter" / "specs"
    files = {path.relative_to(starter): path.read_bytes() for path in starter.rglob("*.yaml")}
    own = {p.relative_to(ROOT / "specs"): p.read_bytes() for p in (ROOT / "specs").rglob("*.yaml")}
    assert files == own


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_shows_an_example(command: str) -> None:
    told = typed(f"{command} --help")
    assert told.exit_code == 0
    assert f"Example: reconciler {command}" in told.stdout


def test_the_starter_is_valid(folder: Path) -> None:
    told = typed("validate")
    assert told.exit_code == 0
    assert "5 resources in 5 files are valid" in told.stdout


@pytest.mark.parametrize(
    ("form", "sign"),
    [
        ("json", '"R101"'),
        ("github", "::error file=specs/connections/plant-a.yaml,line="),
        ("sarif", '"2.1.0"'),
        ("text", "did you mean 'history'?"),
    ],
)
def test_problems_are_printed_in_each_form(folder: Path, form: str, sign: str) -> None:
    file = folder / "specs" / "connections" / "plant-a.yaml"
    file.write_text(file.read_text().replace("  history:", "  histroy:"))
    told = typed(f"validate --format {form}")
    assert told.exit_code == 1
    assert sign in told.stdout


@pytest.mark.parametrize("kind", ["", "Connection", "Mapping", "Expectation"])
def test_the_schema_of_a_kind_is_json_schema(kind: str) -> None:
    told = typed(f"schema {kind}".strip())
    assert told.exit_code == 0
    assert json.loads(told.stdout)["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_an_unknown_kind_has_no_schema() -> None:
    told = typed("schema Conection")
    assert told.exit_code == 1
    assert "Connection" in told.stderr


def test_a_plan_as_json_says_what_it_would_do(folder: Path) -> None:
    told = json.loads(typed("plan --format json").stdout)
    assert told["format_version"] == "1.3"
    assert told["summary"]["create"] == 5


def test_what_is_in_force_is_listed_in_each_form(folder: Path) -> None:
    assert typed("apply --auto-approve").exit_code == 0
    table = typed("get connections").stdout
    assert re.search(r"^plant-a +sandbox +pending +0", table, re.MULTILINE)
    assert json.loads(typed("get connections -o json").stdout)[0]["name"] == "plant-a"
    assert yaml.safe_load(typed("get connections -o yaml").stdout)[0]["connector"] == "sandbox"
    described = yaml.safe_load(typed("describe Connection/plant-a").stdout)
    assert described["spec"]["auth"]["key"] == {"env": "SANDBOX_API_KEY"}
    assert "plant-a-daily-business" in typed("get schedules").stdout


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("get conections", "did you mean 'connections'?"),
        ("get connections nobody", "no Connection 'nobody'"),
        ("describe plant-a", "write Connection/acme-erp"),
        ("describe Connection/nobody", "no Connection/nobody is in force"),
        ("records nobody vendors", "no connection 'nobody'"),
        ("sync nobody", "no connection 'nobody'"),
        ("plan nowhere", "no such file or folder"),
        ("plan --only Mapping/typo", "Mapping/typo"),
        ("plan --selector plant", "label=value"),
        ("token create", "--connection NAME"),
        ("token create --connection a --admin", "exclude each other"),
        ("token create --connection a --selector b=c", "exclude each other"),
        ("token create --role viewer --admin", "exclude each other"),
        ("token create --selector customer", "label=value"),
        ("token create --role viewer --cidr 10.0.0.1/8", "--cidr"),
        ("token create --role viewer --expires soon", "--expires"),
        ("token create --role viewer --expires 0s", "has expired"),
        ("token create --role viewer --api-version 2020-01-01", "no version '2020-01-01'"),
        ("token rotate nosuch", "no token 'nosuch'"),
        ("token rotate nosuch --grace 31d", "out of bounds"),
        ("token show nosuch", "no token 'nosuch'"),
        ("token create --connection nobody", "no connection 'nobody'"),
        ("token revoke nosuch", "no token 'nosuch'"),
        ("run --bind 0.0.0.0:80", "--behind-proxy"),
        ("run --bind nonsense", "HOST:PORT"),
        ("plan --env nowhere", "nowhere"),
    ],
)
def test_what_cannot_be_done_is_said_in_words(folder: Path, line: str, said: str) -> None:
    told = typed(line)
    assert told.exit_code == 1
    assert said in told.stderr
    assert "Traceback" not in told.stderr


def test_a_token_is_shown_once_listed_and_revoked(folder: Path) -> None:
    typed("apply --auto-approve")
    text = typed("token create --connection plant-a").stdout.strip()
    assert text.startswith("rcn_")
    (listed,) = json.loads(typed("token list -o json").stdout)
    assert (listed["connection"], listed["state"]) == ("plant-a", "valid")
    assert text not in json.dumps(listed)
    assert typed(f"token revoke {listed['id']}").exit_code == 0
    assert json.loads(typed("token list -o json").stdout)[0]["state"] == "revoked"


def test_a_token_says_all_that_it_is_but_its_text(folder: Path) -> None:
    typed("apply --auto-approve")
    limits = "--cidr 10.0.0.0/8 --expires 30d --description hall-2"
    text = typed(f"token create acme --selector plant=a --role operator {limits}").stdout.strip()
    told = typed(f"token show {text.split('_')[1]}").stdout
    shown = yaml.safe_load(told)
    assert text.rpartition("_")[0] not in told
    assert shown["prefix"] == f"rcn_{shown['id']}_…"
    assert (shown["role"], shown["selector"], shown["state"]) == ("operator", "plant=a", "valid")
    assert shown["scopes"] == ["read:records", "read:status", "run:sync"]
    assert (shown["networks"], shown["description"]) == (["10.0.0.0/8"], "hall-2")
    assert shown["created_by"].startswith("cli")
    assert shown["expires_at"] is not None


def test_a_selector_that_chooses_nothing_is_said(folder: Path) -> None:
    told = typed("token create --selector customer=nobody")
    assert told.exit_code == 0
    assert "No connection has customer=nobody now" in told.stderr


def test_a_rotated_token_lives_for_its_grace_beside_the_new_one(folder: Path) -> None:
    old = typed("token create desk --role viewer").stdout.split("_")[1]
    text = typed(f"token rotate {old} --grace 24h").stdout.strip()
    listed = {one["id"]: one for one in json.loads(typed("token list -o json").stdout)}
    new = text.split("_")[1]
    assert (listed[old]["state"], listed[old]["replaced_by"]) == ("retiring", new)
    assert (listed[new]["state"], listed[new]["role"]) == ("valid", "viewer")
    again = typed(f"token rotate {old}")
    assert (again.exit_code, f"{new} came in its place" in again.stderr) == (1, True)


def test_deeds_with_tokens_are_in_the_audit_log_by_the_person_and_without_a_text(
    folder: Path,
) -> None:
    first = typed("token create desk --role viewer").stdout.strip()
    second = typed(f"token rotate {first.split('_')[1]}").stdout.strip()
    third = second.split("_")[1]
    assert "is revoked" in typed(f"token revoke {third}").stdout
    assert "was already revoked" in typed(f"token revoke {third}").stdout

    async def read() -> list[AuditEntry]:
        async with house(Settings()) as built:
            return list(await built.store.views.audit())

    entries = asyncio.run(read())
    deeds = ["token.created", "token.rotated", "token.created", "token.revoked"]
    assert [one.deed for one in entries] == deeds
    assert {one.actor for one in entries} == {person()}
    assert broken_link(entries) is None
    for text in (first, second):
        assert text.split("_", 2)[2][:43] not in repr(entries)


def test_pruning_takes_out_what_is_no_longer_declared(folder: Path) -> None:
    typed("apply --auto-approve")
    (folder / "specs" / "alerts" / "operations.yaml").unlink()
    kept = typed("plan --detailed-exitcode")
    assert (kept.exit_code, "pruning is off" in kept.stdout) == (0, True)
    assert "- AlertRoute/operations" in typed("apply --auto-approve --prune").stdout
    assert "AlertRoute" not in typed("plan").stdout

"""The page about policies: each of its examples does what the page says."""

import re
from collections.abc import Iterator
from contextlib import chdir
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import pytest
from typer.testing import CliRunner

from reconciler.cli.main import app
from reconciler.connectors.catalogue import catalogue_files
from reconciler.engine.reconcile import consider, read_specs
from reconciler.engine.wish import Wish
from reconciler.model.change import Action, State
from reconciler.model.resource import Kind
from reconciler.plan.render.text import render_text
from reconciler.policy.language import ActionName, KindName, PolicyRule, PolicyWindow
from reconciler.policy.policy import SEEN, Over
from reconciler.policy.reading import read_policy
from reconciler.ports import Snapshot

PAGE = (Path(__file__).parents[2] / "docs" / "policy.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
YAML = {text.partition("\n")[0].removeprefix("# "): text for kind, text in BLOCKS if kind == "yaml"}
FILES = {name: text for name, text in YAML.items() if name.startswith("specs/")}
SATURDAY = datetime(2026, 5, 30, 12, tzinfo=UTC)


def of(kind: str) -> str:
    (text,) = (str(text) for name, text in BLOCKS if name == kind)
    return text


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    with chdir(tmp_path):
        yield tmp_path


def test_validate_says_what_the_page_says(folder: Path) -> None:
    command, _, said = of("console").partition("\n")
    told = CliRunner().invoke(app, command.removeprefix("$ reconciler ").split())
    assert told.exit_code == 1
    assert told.stdout.rstrip() == said.rstrip()


def test_a_plan_in_a_freeze_says_what_the_page_says() -> None:
    fixed = FILES["specs/acme.yaml"].replace("  connector:", "  protect: true\n  connector:")
    files = {**FILES, "specs/acme.yaml": fixed}
    snapshot = Snapshot("main@sha1:3f2a9c1b7d20", {n: t.encode() for n, t in files.items()})
    wish = Wish(now=SATURDAY)
    read = read_specs(snapshot, wish, catalogue=catalogue_files(), cache=None)
    plan = consider(read.loaded, snapshot, State(41), wish, read.ruling)
    assert render_text(plan).rstrip() == of("text").rstrip()


@pytest.mark.parametrize(
    "name",
    [name for name, text in YAML.items() if "steps:" not in text and name != "specs/acme.yaml"],
)
def test_each_policy_on_the_page_is_sound(name: str) -> None:
    read = read_policy({"reconciler-policy.yaml": YAML[name].encode()})
    assert read.problems == ()
    assert read.policy.rules or read.policy.windows


def test_the_page_names_every_key_kind_action_and_name_that_there_is() -> None:
    keys = {
        info.alias or name
        for model in (PolicyRule, PolicyWindow)
        for name, info in model.model_fields.items()
    }
    words = {
        *keys,
        *get_args(KindName),
        *get_args(ActionName),
        *SEEN[Over.CHANGE],
        *SEEN[Over.OBJECT],
    }
    assert [word for word in sorted(words) if f"`{word}`" not in PAGE] == []


def test_the_language_knows_every_action_and_every_kind_of_object() -> None:
    assert set(get_args(ActionName)) == {action.word for action in Action}
    made = {Kind.CONNECTION_SET.value, Kind.ENVIRONMENT.value}
    assert set(get_args(KindName)) == {kind.value for kind in Kind} - made


def test_a_name_that_is_missing_is_no_owner() -> None:
    read = read_policy({"reconciler-policy.yaml": YAML["rules to begin with"].encode()})
    rules = {rule.name: rule for rule in read.policy.rules}
    owned = {"metadata": {"labels": {"owner": "ada"}, "annotations": {"on-call": "ops"}}}
    assert rules["has-an-owner"].search(owned) == "ops"
    named = {"metadata": {"name": "acme-erp", "labels": {"customer": "acme"}}}
    assert rules["names-begin-with-the-customer"].search(named) is True
    assert rules["not-more-often-than-every-quarter-of-an-hour"].search({"spec": {"every": "5m"}})
    hourly = {"spec": {"cron": "0 * * * *"}}
    assert not rules["not-more-often-than-every-quarter-of-an-hour"].search(hourly)
    assert rules["everything-is-not-read-again-by-surprise"].search({"effects": ["resync"]})

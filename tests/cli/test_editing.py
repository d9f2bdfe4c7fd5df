"""``fmt`` and ``migrate``: the form of files, on the command line."""

from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from reconciler.cli.main import app
from reconciler.cli.starting import write_starter

SCHEDULE = Path("specs/schedules/plant-a.yaml")


def typed(line: str) -> Result:
    return CliRunner().invoke(app, line.split())


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder with the starter, in which commands are typed."""
    write_starter(tmp_path)
    with chdir(tmp_path):
        yield tmp_path


@pytest.mark.parametrize("command", ["fmt", "migrate"])
def test_every_command_shows_an_example(command: str) -> None:
    assert f"Example: reconciler {command}" in typed(f"{command} --help").stdout


def test_the_starter_is_in_form(folder: Path) -> None:
    told = typed("fmt --check")
    assert (told.exit_code, told.stdout) == (0, "All files are in this form.\n")


def test_check_and_diff_write_nothing_and_fmt_does(folder: Path) -> None:
    good = SCHEDULE.read_text()
    wild = good.replace("  every: 15m\n", "  every:   15m  \n\n\n")
    SCHEDULE.write_text(wild)
    SCHEDULE.chmod(0o640)
    checked = typed("fmt --check")
    assert (checked.exit_code, checked.stdout) == (1, f"would be changed: {SCHEDULE}\n")
    shown = typed("fmt --diff")
    assert shown.exit_code == 0
    assert "-  every:   15m  \n" in shown.stdout
    assert "+  every: 15m\n" in shown.stdout
    assert SCHEDULE.read_text() == wild
    assert typed("fmt").stdout == f"changed: {SCHEDULE}\n"
    assert SCHEDULE.read_text() == good.replace("  every: 15m\n", "  every: 15m\n\n")
    assert SCHEDULE.stat().st_mode & 0o777 == 0o640
    assert not list(SCHEDULE.parent.glob(".*"))


def test_a_file_that_is_refused_is_told_and_the_others_are_formatted(folder: Path) -> None:
    Path("specs/broken.yaml").write_text("a: yes\n")
    SCHEDULE.write_text("\n" + SCHEDULE.read_text())
    told = typed("fmt")
    assert told.exit_code == 1
    assert "specs/broken.yaml:1:4" in told.stderr
    assert told.stdout == f"changed: {SCHEDULE}\n"
    assert Path("specs/broken.yaml").read_text() == "a: yes\n"


def test_migrate_says_that_nothing_is_to_be_rewritten_when_it_is_so(folder: Path) -> None:
    told = typed("migrate")
    assert told.exit_code == 0
    assert told.stdout.startswith("6 documents in 5 files are of reconciler/v1, the only version")
    Path("specs/old.yaml").write_text("apiVersion: reconciler/v0\nkind: Mapping\n---\nkind: X\n")
    told = typed("migrate")
    assert told.exit_code == 1
    assert "specs/old.yaml: document 1: apiVersion 'reconciler/v0' is not known" in told.stderr
    assert "specs/old.yaml: document 2: apiVersion (none) is not known" in told.stderr


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    told = typed(f"fmt {tmp_path / 'nowhere'}")
    assert told.exit_code == 1
    assert "no such file or folder" in told.stderr

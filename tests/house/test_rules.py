"""The rules of the house, each as a test."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "reconciler").rglob("*.py"))
SAYS_NOTHING = {"utils", "util", "helpers", "helper", "common", "manager", "base", "core", "misc"}


def tracked(*patterns: str) -> list[Path]:
    told = subprocess.run(
        ["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / line for line in told.stdout.splitlines() if (ROOT / line).is_file()]


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_has_a_reason_a_good_name_and_less_than_400_lines(module: Path) -> None:
    text = module.read_text()
    assert ast.get_docstring(ast.parse(text)), "no docstring"
    assert text.count("\n") <= 400
    assert module.stem not in SAYS_NOTHING


def test_nothing_is_left_unfinished() -> None:
    marks = re.compile("TO" + "DO|FIX" + "ME|XX" + "X|NotImplemented" + "Error")
    assert not [path for path in MODULES if marks.search(path.read_text())]


def test_no_file_holds_a_download_address_or_a_path_of_a_machine() -> None:
    addresses = re.compile(r"(index-url|registry\s*=|resolved\"?:).*https?://|/(root|home)/\w")
    found = []
    for path in tracked():
        if path == Path(__file__) or path.suffix in {".png", ".ico"}:
            continue
        if addresses.search(path.read_text(errors="replace")):
            found.append(path.relative_to(ROOT))
    assert not found


def test_constraints_pin_names_and_versions_and_nothing_else() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line]
    assert not [
        line
        for line in lines
        if not line.startswith("#") and not re.fullmatch(r"[A-Za-z0-9._-]+==[\w.+]+( ; .+)?", line)
    ]


def test_imports_point_down() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    told = subprocess.run([program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout


def test_every_event_is_documented() -> None:
    from reconciler.model.event import EventType  # noqa: PLC0415

    text = (ROOT / "docs" / "events.md").read_text()
    assert not [event for event in EventType if f"`{event}`" not in text]


def test_every_decision_record_has_its_five_headings() -> None:
    headings = ["Context", "Decision", "Alternatives", "Consequences", "How we shall know"]
    for path in sorted((ROOT / "docs" / "adr").glob("0*.md")):
        assert re.findall(r"^## (.+)$", path.read_text(), re.MULTILINE) == headings, path.name


def test_every_condition_and_reason_is_documented() -> None:
    from reconciler.model.condition import Condition, Reason  # noqa: PLC0415

    text = (ROOT / "docs" / "conditions.md").read_text()
    assert not [one for one in (*Condition, *Reason) if f"`{one}`" not in text]

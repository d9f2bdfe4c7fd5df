"""What builds, tests and ships the project holds together."""

import re
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
MAKEFILE = (ROOT / "Makefile").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _asked() -> set[str]:
    """Every package that the project, its extras or its groups ask for."""
    project = PROJECT["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    lists += PROJECT["dependency-groups"].values()
    texts = [text for texts in lists for text in texts if isinstance(text, str)]
    return {_normal(re.split(r"[\[<>=!~; ]", text, maxsplit=1)[0]) for text in texts}


def test_every_package_that_is_asked_for_is_pinned() -> None:
    pins = {line.partition("==")[0] for line in (ROOT / "constraints.txt").read_text().splitlines()}
    assert _asked() <= {_normal(name) for name in pins}


def test_the_erp_of_the_tests_is_imported_by_the_program_that_starts_it_and_by_nothing_else() -> (
    None
):
    folders = (ROOT / name for name in ("reconciler", "tests", "examples", "benchmarks"))
    modules = [path for folder in folders for path in folder.rglob("*.py")]
    imported = re.compile(r"^\s*(?:from|import)\s+(?:trytond|proteus)\b", re.MULTILINE)
    theirs = [path for path in modules if imported.search(path.read_text())]
    assert theirs == [ROOT / "examples" / "tryton" / "client.py"]


def test_examples_and_benchmarks_keep_the_rule_of_400_lines() -> None:
    folders = (ROOT / name for name in ("examples", "benchmarks"))
    modules = [path for folder in folders for path in folder.rglob("*.py")]
    assert not [path for path in modules if path.read_text().count("\n") > 400]


def test_every_make_target_that_the_readme_names_is_there() -> None:
    named = set(re.findall(r"\bmake ([a-z]+)", (ROOT / "README.md").read_text()))
    targets = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))
    assert {"demo", "test"} <= named <= targets


def test_every_file_that_make_runs_is_there() -> None:
    assert not [
        name for name in re.findall(r"python (\S+\.py)", MAKEFILE) if not (ROOT / name).is_file()
    ]


def test_the_ci_script_is_executable_bash_that_stops_at_the_first_fault() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert "set -euo pipefail" in script.read_text()
    subprocess.run(["bash", "-n", script], check=True)


def test_the_image_runs_as_a_user_without_rights_and_copies_what_is_there() -> None:
    users = re.findall(r"^USER (\S+)", DOCKERFILE, re.MULTILINE)
    assert users
    assert users[-1] not in {"root", "0"}
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    assert not [name for names in copied for name in names.split() if not (ROOT / name).exists()]

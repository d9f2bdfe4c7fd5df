"""Build machines in small: they read a workflow file and run the commands of one job, as they stand."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

AWAITED: Mapping[str, str] = {}
"""What the workflows type and the program does not take yet, and what is typed for it in the meantime."""

INSTALLS = re.compile(r"pip install \S+")
"""What is installed on these machines already: this very program."""


@dataclass(frozen=True, slots=True)
class Step:
    """Some lines for a shell, the environment they have, and whether they are for when all went wrong."""

    lines: str
    environment: Mapping[str, str]
    after_failure: bool = False


@dataclass
class Machine:
    """A machine with a checkout at *folder*. ``told`` are the values of ``${{ expressions }}``."""

    folder: Path
    programs: Path
    environment: Mapping[str, str]
    told: Mapping[str, str] = field(default_factory=dict)
    awaited: Mapping[str, str] = field(default_factory=lambda: AWAITED)
    printed: str = ""

    def run(self, job: str) -> int:
        """Run the steps of *job* the way the machine would; return the exit code of the first that failed."""
        failed = 0
        for step in self.steps(job):
            if step.after_failure == bool(failed):
                code = self._run(step)
                failed = failed or code
        return failed

    def steps(self, job: str) -> Iterator[Step]:
        """Yield what a job runs."""
        raise AssertionError(job)

    def _run(self, step: Step) -> int:
        lines = step.lines
        for text, instead in self.awaited.items():
            lines = lines.replace(text, instead)
        here = {
            "PATH": f"{self.programs}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.programs),
            "NO_COLOR": "1",
        }
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", lines],
            cwd=self.folder,
            env={**here, **self.environment, **step.environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        self.printed += f"$ {lines}\n{done.stdout}{done.stderr}"
        return done.returncode


class Actions(Machine):
    """GitHub Actions: ``run:`` steps, three layers of ``env:``, expressions in double braces."""

    def workflow(self) -> Mapping[str, Any]:
        """Return the workflow file."""
        path = self.folder / ".github" / "workflows" / "reconciler.yml"
        read: Mapping[str, Any] = yaml.safe_load(path.read_text())
        return read

    def steps(self, job: str) -> Iterator[Step]:
        """Yield the ``run:`` steps."""
        whole = self.workflow()
        found = whole["jobs"][job]
        for step in found["steps"]:
            if "run" not in step or INSTALLS.match(step["run"]):
                continue
            layers = (whole.get("env", {}), found.get("env", {}), step.get("env", {}))
            environment = {name: self._value(v) for layer in layers for name, v in layer.items()}
            condition = step.get("if")
            assert condition in {None, "failure()"}, condition
            yield Step(self._value(step["run"]), environment, condition is not None)

    def _value(self, text: str) -> str:
        return re.sub(r"\$\{\{ (.+?) \}\}", lambda match: self.told[match[1]], str(text))


class GitLab(Machine):
    """GitLab CI: the lines of ``script:`` in one shell, global and own ``variables:``."""

    def workflow(self) -> Mapping[str, Any]:
        """Return the workflow file."""
        read: Mapping[str, Any] = yaml.safe_load((self.folder / ".gitlab-ci.yml").read_text())
        return read

    def steps(self, job: str) -> Iterator[Step]:
        """Yield the one step that a job is."""
        whole = self.workflow()
        before = [line for line in whole["default"]["before_script"] if not INSTALLS.match(line)]
        lines = "\n".join([*before, *whole[job]["script"]])
        yield Step(lines, {**whole.get("variables", {}), **whole[job].get("variables", {})})


def put_program(folder: Path, root: Path) -> None:
    """Put a ``reconciler`` there that is this clone's."""
    program = folder / "reconciler"
    program.write_text(
        f'#!/bin/sh\nPYTHONPATH="{root}" exec "{sys.executable}" -m reconciler "$@"\n'
    )
    program.chmod(0o755)

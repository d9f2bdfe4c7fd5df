"""How a plan is shown: to people, to programs, at a forge; and how the systems answered."""

import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from reconciler.cli.failure import colored
from reconciler.cli.output import Form, show_value
from reconciler.errors import Invalid, ReconcilerError

if TYPE_CHECKING:
    from reconciler.model.change import Plan
    from reconciler.model.resource import ResourceKey


class PlanForm(StrEnum):
    """The forms of a plan."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"
    GITHUB = "github"


def tell_answers(answers: "Mapping[ResourceKey, ReconcilerError | None]", made: "Plan") -> None:
    """Say how the systems answered; end with 1 if one did not. What the specs ask for in vain has its place."""
    from reconciler.plan.render.words import origin_of  # noqa: PLC0415

    origins = {change.key: origin_of(change) for change in made.changes}
    for key, error in answers.items():
        if error is None:
            sys.stderr.write(f"checked {key}: answers, and takes the credentials\n")
        else:
            hint = f"\n      {error.hint}" if error.hint else ""
            origin = origins.get(key)
            written = origin if isinstance(error, Invalid) else None
            place = f"{written.file}:{written.line}: " if written else ""
            message = error.message.removeprefix(f"{key}: ")
            sys.stderr.write(f"error {error.code} {place}{key}: {message}{hint}\n")
    if any(answers.values()):
        raise typer.Exit(1)


def print_plan(made: "Plan", form: PlanForm, *, env: str | None, diff: bool) -> None:
    """Print a plan as text or JSON, with what it does to stored records."""
    if form is PlanForm.JSON:
        from reconciler import __version__  # noqa: PLC0415
        from reconciler.plan.render.json import to_json  # noqa: PLC0415

        told = to_json(made, tool_version=__version__, environment=env)
        show_value(told, Form.JSON)
        return
    from reconciler.plan.render.text import render_text  # noqa: PLC0415

    text = render_text(made, diff=diff, color=colored(sys.stdout))
    sys.stdout.write(text + "\n")


def print_for_forge(made: "Plan", form: PlanForm, *, env: str | None, path: Path) -> None:
    """Print a plan as a comment of a pull request, or as annotations of a workflow."""
    from reconciler.plan.render.github import render_github  # noqa: PLC0415
    from reconciler.plan.render.markdown import render_markdown  # noqa: PLC0415

    if form is PlanForm.GITHUB:
        sys.stdout.write(render_github(made))
    else:
        sys.stdout.write(render_markdown(made, environment=env, path=str(path)))

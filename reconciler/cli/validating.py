"""``validate`` and ``schema``: whether specs are sound, and what they may say."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from reconciler.cli.failure import colored, fail
from reconciler.cli.output import Form, show_value
from reconciler.cli.specs import Env, SpecsPath
from reconciler.errors import Invalid, ReconcilerError


class ProblemForm(StrEnum):
    """The forms of problems."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    SARIF = "sarif"


def validate(
    path: SpecsPath = Path("specs"),
    env: Env = None,
    form: Annotated[ProblemForm, typer.Option("--format", help="How to print.")] = ProblemForm.TEXT,
) -> None:
    """Check specs, offline: all problems at once, each with file, line and column.

    Example: reconciler validate specs/ --format github
    """
    from reconciler.app import parse_cache, read_folder  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415
    from reconciler.spec import report  # noqa: PLC0415

    cache = parse_cache(Settings())
    try:
        snapshot, loaded = read_folder(path, env, cache)
    except ReconcilerError as error:
        fail(error)
    render = {
        ProblemForm.JSON: report.render_json,
        ProblemForm.GITHUB: report.render_github,
        ProblemForm.SARIF: report.render_sarif,
    }
    if form is ProblemForm.TEXT:
        text = report.render_text(loaded.problems, color=colored(sys.stdout))
    else:
        text = render[form](loaded.problems)
    if text and (loaded.problems or form is not ProblemForm.TEXT):
        sys.stdout.write(text + "\n")
    if loaded.errors:
        raise typer.Exit(1)
    cache.save()
    if form is ProblemForm.TEXT:
        sys.stdout.write(
            f"{len(loaded.resources):,} resources in {len(snapshot.files):,} files are valid. "
            "Nothing was contacted.\n"
        )


def schema(
    kind: Annotated[
        str | None, typer.Argument(help="A kind, or policy; default: all kinds.")
    ] = None,
) -> None:
    """Print the JSON Schema of a kind, for editors.

    Example: reconciler schema Connection > connection.schema.json
    """
    if kind == "policy":
        from reconciler.policy.language import policy_schema  # noqa: PLC0415

        show_value(policy_schema(), Form.JSON)
        return
    from reconciler.spec.schema import json_schema  # noqa: PLC0415

    try:
        show_value(json_schema(kind), Form.JSON)
    except Invalid as error:
        fail(error)

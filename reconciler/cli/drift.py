"""``drift``: what was changed outside of git. Never writes."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reconciler.cli.failure import go
from reconciler.cli.output import Form, show_value
from reconciler.cli.specs import Env, SpecsPath

if TYPE_CHECKING:
    from reconciler.app import House
    from reconciler.model.change import Drifted, Plan


def drift(
    path: SpecsPath = Path("specs"),
    env: Env = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option(help="A field to leave out this once, as a JSON pointer; may be repeated."),
    ] = None,
    output: Annotated[Form, typer.Option("-o", "--output", help="How to print.")] = Form.TABLE,
    exit_zero: Annotated[
        bool, typer.Option("--exit-zero", help="End with 0 though there is drift.")
    ] = False,
) -> None:
    """Show what was changed outside of git. Exit code 0: nothing, 3: drift, 1: an error.

    Example: reconciler drift specs/ --ignore /spec/suspend
    """
    found = go(_drift(path, env, tuple(ignore or ()), output))
    if found and not exit_zero:
        raise typer.Exit(3)


async def _drift(path: Path, env: str | None, ignore: tuple[str, ...], form: Form) -> bool:
    from reconciler.app import house  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    async with house(Settings()) as built:
        made = await _looked(built, path, env)
        state = (await built.in_force.look()).state
    drifts = tuple(_without(one, ignore) for one in made.drifts)
    told = [one for one in drifts if one.told]
    if form in {Form.JSON, Form.YAML}:
        from reconciler.plan.render.drift import drift_json  # noqa: PLC0415

        shown: list[dict[str, Any]] = [drift_json(one) for one in drifts]
        show_value({"revision": state.revision, "drift": shown}, form)
    else:
        from reconciler.plan.render.drift import drift_text  # noqa: PLC0415

        text = drift_text(drifts, revision=state.revision, in_force=len(state.resources))
        sys.stdout.write(text + "\n")
    return bool(told)


async def _looked(built: "House", path: Path, env: str | None) -> "Plan":
    """Return the plan of the specs at *path*; where there are none, of what git applied last."""
    from reconciler.app import plan_folder  # noqa: PLC0415
    from reconciler.engine.wish import Wish  # noqa: PLC0415
    from reconciler.plan.planner import make_plan  # noqa: PLC0415

    if _there(path):
        return await plan_folder(built, path, Wish(environment=env))
    state = (await built.in_force.look()).state
    return make_plan({**state.resources, **state.applied}.values(), state, now=built.clock.now())


def _there(path: Path) -> bool:
    return path.exists()


def _without(found: "Drifted", ignore: tuple[str, ...]) -> "Drifted":
    """Return *found* with the fields at or below the pointers of *ignore* among the ignored ones."""
    from dataclasses import replace  # noqa: PLC0415

    from reconciler.plan.paths import pointer  # noqa: PLC0415

    def meant(path: tuple[str, ...]) -> bool:
        told = pointer(path)
        return any(told == one or told.startswith(f"{one.rstrip('/')}/") for one in ignore)

    quiet = tuple(field for field in found.fields if meant(field.path))
    loud = tuple(field for field in found.fields if not meant(field.path))
    return replace(found, fields=loud, ignored=(*found.ignored, *quiet))

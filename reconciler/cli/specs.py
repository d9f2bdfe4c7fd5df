"""``plan`` and ``apply``: what specs would do, and that it is done."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reconciler.cli.braking import SAMPLE, MaxChanged, Sample, cap_of
from reconciler.cli.failure import fail, go
from reconciler.cli.named import LetBe, Replaced, left_to_do, named
from reconciler.cli.showing import PlanForm, print_for_forge, print_plan, tell_answers
from reconciler.errors import Invalid, PlanStale, ReconcilerError
from reconciler.model.duration import parse_duration

if TYPE_CHECKING:
    from reconciler.app import House
    from reconciler.engine.wish import Wish
    from reconciler.model.change import Plan
    from reconciler.model.resource import ResourceKey
    from reconciler.plan.asked import Asked
    from reconciler.plan.brake import Cap

SpecsPath = Annotated[Path, typer.Argument(help="Folder of specs, or one file.", show_default=True)]
Env = Annotated[
    str | None,
    typer.Option("--env", envvar="RECONCILER_ENV", help="The Environment whose variables hold."),
]
Names = Annotated[
    list[str] | None,
    typer.Option(help="Kind/name, or a pattern (Mapping/acme-*); may be repeated."),
]


Wait = Annotated[
    str | None, typer.Option(help="Wait so long for another process that reconciles to end: 60s.")
]


@dataclass(frozen=True, slots=True)
class _Options:
    env: str | None
    only: Sequence[str]
    exclude: Sequence[str]
    selector: str | None
    prune: bool
    max_deletes: int
    asked: "Asked"
    heal: bool = False
    ignore_windows: str = ""
    brake: "Cap | None" = None
    sample: int = SAMPLE

    def wish(self) -> "Wish":
        from reconciler.engine.wish import Wish  # noqa: PLC0415
        from reconciler.plan.scope import Scope  # noqa: PLC0415

        scope = Scope(
            only=tuple(self.only), exclude=tuple(self.exclude), selector=_labels(self.selector)
        )
        return Wish(
            self.env,
            scope,
            self.prune,
            self.max_deletes,
            ignore_windows=self.ignore_windows,
            asked=self.asked,
            max_changed=self.brake,
            sample=self.sample,
        )


def _labels(text: str | None) -> dict[str, str]:
    """Return ``a=b,c=d`` as labels."""
    if not text:
        return {}
    pairs = [part.partition("=") for part in text.split(",")]
    if any(not name or not sign for name, sign, _ in pairs):
        fail(Invalid(f"--selector {text!r} is not of the form label=value,label=value"))
    return {name.strip(): value.strip() for name, _, value in pairs}


Selector = Annotated[str | None, typer.Option(help="Only resources with these labels: a=b,c=d.")]
IgnoreWindows = Annotated[
    str | None,
    typer.Option(
        metavar="REASON",
        help="Go on though a deny window of the policy is open, and say why; apply keeps it in the audit log.",
    ),
]
Prune = Annotated[bool, typer.Option("--prune", help="Delete what is no longer in the specs.")]
MaxDeletes = Annotated[int, typer.Option(help="Refuse to delete more than this.", min=0)]


def plan(
    path: SpecsPath = Path("specs"),
    env: Env = None,
    only: Names = None,
    exclude: Names = None,
    selector: Selector = None,
    prune: Prune = False,
    max_deletes: MaxDeletes = 10,
    diff: Annotated[
        bool, typer.Option("--diff", help="Show each field, before and after.")
    ] = False,
    form: Annotated[PlanForm, typer.Option("--format", help="How to print.")] = PlanForm.TEXT,
    out: Annotated[Path | None, typer.Option(help="Save the plan, to apply exactly it.")] = None,
    detailed_exitcode: Annotated[
        bool,
        typer.Option(
            "--detailed-exitcode", help="0 nothing, 2 changes, 3 drift only, 4 both, 1 an error."
        ),
    ] = False,
    base: Annotated[
        str | None,
        typer.Option(
            help="Compare with this revision of git instead of what is in force; offline."
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Ask each new or changed system whether it answers.")
    ] = False,
    ignore_windows: IgnoreWindows = None,
    replace: Replaced = None,
    ignore_drift: LetBe = None,
    max_changed: MaxChanged = None,
    sample: Sample = SAMPLE,
) -> None:
    """Show what apply would do, and what it does to stored records. Changes nothing.

    Example: reconciler plan specs/ --diff --out plan.bin
    """
    if base is not None and (check or out is not None or replace or ignore_drift):
        hint = "--check, --out, --replace and --ignore-drift are about what is in force"
        fail(Invalid("--base compares two revisions", hint=hint))
    options = _Options(
        env,
        only or (),
        exclude or (),
        selector,
        prune,
        max_deletes,
        named(replace, ignore_drift),
        ignore_windows=_because(ignore_windows),
        brake=cap_of(max_changed),
        sample=sample,
    )
    shown = _Shown(form, diff, out, base, check)
    made = go(_planned(path, options, shown))
    if detailed_exitcode and (made.changes or made.drifted):
        raise typer.Exit(_CODES[bool(made.changes), made.drifted])


def _because(reason: str | None) -> str:
    """Return why windows are ignored, or end the program if that is no reason."""
    if reason is not None and not 3 <= len(reason.strip()) <= 500:
        fail(
            Invalid(
                "--ignore-windows takes a reason of 3 to 500 characters",
                hint='say why: --ignore-windows "agreed with the plant"',
            )
        )
    return (reason or "").strip()


_CODES = {(True, False): 2, (False, True): 3, (True, True): 4}


@dataclass(frozen=True, slots=True)
class _Shown:
    """How a plan is made and shown."""

    form: PlanForm
    diff: bool
    out: Path | None
    base: str | None
    check: bool


async def _planned(path: Path, options: _Options, shown: _Shown) -> "Plan":
    from reconciler.app import house, plan_folder  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    answers: Mapping[ResourceKey, ReconcilerError | None] = {}
    if shown.base is not None:
        from reconciler.app.comparing import plan_since  # noqa: PLC0415

        made = await plan_since(Settings(), path, shown.base, options.wish())
    else:
        async with house(Settings()) as built:
            made = await plan_folder(built, path, options.wish())
            if shown.check:
                from reconciler.app.comparing import asked  # noqa: PLC0415

                answers = await asked(built, made)
    if shown.form in {PlanForm.MARKDOWN, PlanForm.GITHUB}:
        print_for_forge(made, shown.form, env=options.env, path=path)
    else:
        print_plan(made, shown.form, env=options.env, diff=shown.diff)
    if shown.out is not None:
        from reconciler.plan.saved import dump  # noqa: PLC0415

        _write(shown.out, dump(made))
        sys.stderr.write(
            f"Saved as {shown.out}. Apply exactly this with: reconciler apply {shown.out}\n"
        )
    tell_answers(answers, made)
    return made


def apply(
    path: Annotated[
        Path, typer.Argument(help="Folder of specs, or a plan saved by plan --out.")
    ] = Path("specs"),
    env: Env = None,
    only: Names = None,
    exclude: Names = None,
    selector: Selector = None,
    prune: Prune = False,
    max_deletes: MaxDeletes = 10,
    diff: Annotated[
        bool, typer.Option("--diff", help="Show each field, before and after.")
    ] = False,
    heal: Annotated[
        bool, typer.Option("--heal", help="Put back what was changed outside of git.")
    ] = False,
    auto_approve: Annotated[bool, typer.Option("--auto-approve", help="Do not ask.")] = False,
    wait: Wait = None,
    ignore_windows: IgnoreWindows = None,
    replace: Replaced = None,
    ignore_drift: LetBe = None,
    max_changed: MaxChanged = None,
    sample: Sample = SAMPLE,
) -> None:
    """Bring specs into force, in one transaction. Asks first on a terminal.

    What a guard holds back stays as it is, the rest is applied; the exit code is 1 then.

    Example: reconciler apply specs/ --auto-approve
    """
    options = _Options(
        env,
        only or (),
        exclude or (),
        selector,
        prune,
        max_deletes,
        named(replace, ignore_drift),
        heal,
        _because(ignore_windows),
        cap_of(max_changed),
        sample,
    )
    go(_applied(path, options, parse_wait(wait), diff=diff, approved=auto_approve))


def parse_wait(wait: str | None, option: str = "--wait") -> timedelta | None:
    """Return the time that an option says, or end the program."""
    try:
        return parse_duration(wait) if wait else None
    except ValueError as error:
        fail(Invalid(f"{option}: {error}"))


async def _applied(
    path: Path, options: _Options, waits: timedelta | None, *, diff: bool, approved: bool
) -> None:
    from reconciler.app import house, plan_folder, writing  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    async with house(Settings()) as opened:
        if _is_saved(path):
            if options.asked:
                msg = "a saved plan is applied exactly as it is"
                raise Invalid(msg, hint="say --replace and --ignore-drift to plan --out")
            made = await _loaded(opened, path, options)
        else:
            made = await plan_folder(opened, path, options.wish(), heal=options.heal)
        print_plan(made, PlanForm.TEXT, env=options.env, diff=diff)
        if made.empty and not made.blocks and not made.settled:
            return
        if made.doable and not _agreed(approved=approved):
            sys.stderr.write("Nothing was applied.\n")
            raise typer.Exit(1)
        async with writing(opened, "apply", waits) as built:
            await _make_true(built, made, options.ignore_windows)


async def _make_true(built: "House", made: "Plan", ignored: str) -> None:
    from reconciler.app import person  # noqa: PLC0415
    from reconciler.engine.apply import apply as apply_plan  # noqa: PLC0415

    if made.freezes:  # who was asked, or waited, may have come into a window
        made = await _frozen(built, made, ignored)
    generation = await apply_plan(made, built.store, built.clock, actor=person(), ignored=ignored)
    if made.doable:
        sys.stdout.write(f"Applied. Generation {generation} is in force.\n")
    for resource in made.settled:
        sys.stdout.write(f"{resource.key}: the specs say what was edited; its drift is over.\n")
    for line in left_to_do(made):
        sys.stdout.write(line + "\n")
    for run in await built.remap.all():
        sys.stdout.write(
            f"Mapped {run.read:,} stored {run.entity} again: {run.updated:,} changed, "
            "no call to the source.\n"
        )
    if made.blocks:
        held = len(made.held)
        sys.stderr.write(f"{held} held back; see the blocks above.\n")
        raise typer.Exit(1)


async def _frozen(built: "House", made: "Plan", ignored: str) -> "Plan":
    """Return *made* as its windows are now."""
    from reconciler.policy.freeze import frozen_at  # noqa: PLC0415

    in_force = (await built.store.views.state()).resources
    return frozen_at(made, in_force, built.clock.now(), ignored=ignored)


async def _loaded(built: "House", path: Path, options: _Options) -> "Plan":
    """Return the plan saved at *path*, if it still holds; else say which objects moved on.

    Its windows are looked at now, whether they were open when it was made or not; so is the brake that
    is given, or else the one that it was made with holds.
    """
    from reconciler.plan.brake import braked  # noqa: PLC0415
    from reconciler.plan.saved import load_plan  # noqa: PLC0415

    made = load_plan(_read(path))
    state = await built.store.views.state()
    if made.base == state.generation:
        if options.brake is not None:
            made = braked(made, options.brake, state.resources)
        return await _frozen(built, made, options.ignore_windows)
    moved = [
        str(change.key)
        for change in made.changes
        if (now := state.resources.get(change.key)) is not None
        and now.digest != getattr(getattr(change, "before", None), "digest", None)
    ]
    named = f"; changed since: {', '.join(moved)}" if moved else ""
    msg = f"{path} is stale: made from generation {made.base}, now {state.generation}{named}"
    raise PlanStale(msg, hint=f"plan again: reconciler plan --out {path}")


def _is_saved(path: Path) -> bool:
    return path.is_file() and path.suffix not in {".yaml", ".yml"}


def _read(path: Path) -> bytes:
    return path.read_bytes()


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        fail(Invalid(f"{path}: cannot be written: {error.strerror}"))


def _agreed(*, approved: bool) -> bool:
    if approved:
        return True
    if not sys.stdin.isatty():
        fail(Invalid("not a terminal, so nobody can be asked", hint="give --auto-approve"))
    return typer.confirm("Apply?", default=False)

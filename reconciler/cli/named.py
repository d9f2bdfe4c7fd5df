"""What ``plan`` and ``apply`` are asked for object by object: ``--replace`` and ``--ignore-drift``."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from reconciler.cli.inspect import parse_key

if TYPE_CHECKING:
    from reconciler.model.change import Plan
    from reconciler.plan.asked import Asked

Replaced = Annotated[
    list[str] | None,
    typer.Option(
        "--replace",
        metavar="KIND/NAME",
        help="Make this object anew, changed or not; may be repeated.",
    ),
]
LetBe = Annotated[
    list[str] | None,
    typer.Option(
        "--ignore-drift",
        metavar="KIND/NAME",
        help="Leave drift of this object as it is this once, and do not count it; may be repeated.",
    ),
]


def named(replaced: Sequence[str] | None, let_be: Sequence[str] | None) -> "Asked":
    """Return what the two options name, or end the program where that is no object."""
    from reconciler.plan.asked import Asked  # noqa: PLC0415  not every command plans

    return Asked(frozenset(map(parse_key, replaced or ())), frozenset(map(parse_key, let_be or ())))


def left_to_do(made: "Plan") -> Iterator[str]:
    """Yield, once *made* is applied, what it asks for of other systems: the running reconciler does it."""
    from reconciler.model.change import Effect, Replace  # noqa: PLC0415
    from reconciler.model.resource import Kind  # noqa: PLC0415

    for change in made.doable:
        asked = Effect.REDO in getattr(change, "effects", ()) or isinstance(change, Replace)
        if asked and change.key.kind is Kind.CONNECTION:
            now = f"reconciler sync {change.key.name}"
            yield f"{change.key}: to be read in full by reconciler run, or now: {now}"
        elif asked and change.key.kind is Kind.SYNC_SCHEDULE:
            yield f"{change.key}: runs once as soon as reconciler run looks"

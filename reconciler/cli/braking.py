"""``--max-changed`` and ``--sample``: how much a mapping change may do to stored records, and how it is seen."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from reconciler.cli.failure import fail
from reconciler.errors import Invalid

if TYPE_CHECKING:
    from reconciler.plan.brake import Cap

SAMPLE: Final = 100_000
"""Of how many records of an entity a plan looks at each."""

MaxChanged = Annotated[
    str | None,
    typer.Option(
        envvar="RECONCILER_MAX_CHANGED",
        metavar="SHARE|NUMBER",
        help="Hold mapping changes that change more of an entity's stored records: 10%, 250.",
    ),
]
Sample = Annotated[
    int,
    typer.Option(
        help="Of an entity with more stored records than this, look at a sample of as many.", min=1
    ),
]


def cap_of(text: str | None) -> "Cap | None":
    """Return the cap that ``--max-changed`` says, or end the program where it says none."""
    from reconciler.plan.brake import parse_cap  # noqa: PLC0415

    try:
        return parse_cap(text) if text else None
    except ValueError as error:
        return fail(Invalid(f"--max-changed: {error}"))

"""``alerts`` and ``silence``: what is wrong now, who is on it, and what nobody wants to hear of."""

import sys
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reconciler.cli.failure import fail, go
from reconciler.cli.inspect import Output
from reconciler.cli.output import Form, moment, show
from reconciler.errors import Invalid
from reconciler.model.duration import parse_duration

if TYPE_CHECKING:
    from reconciler.app import House
    from reconciler.engine.granting import By
    from reconciler.model.alert import Alert, Silence

alerts = typer.Typer(
    help="What is wrong now: list, ack.", no_args_is_help=True, rich_markup_mode=None
)
silence = typer.Typer(
    help="What nobody wants to hear of for a while: add, list, end.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@alerts.command("list")
def list_(
    everything: Annotated[
        bool, typer.Option("--all", help="Also what is over, of the last 30 days.")
    ] = False,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=500)] = 100,
    output: Output = Form.TABLE,
) -> None:
    """List what is wrong now, the newest first.

    Example: reconciler alerts list
    """
    go(_list(everything, limit, output))


async def _list(everything: bool, limit: int, form: Form) -> None:
    from reconciler.app import house  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    async with house(Settings()) as built:
        found = await built.store.views.alerts(ended=everything, limit=limit)
    show(
        [_row(one) for one in found],
        form,
        columns=("id", "name", "subject", "part", "reason", "since", "acknowledged_by"),
        wide=("severity", "until", "count", "note"),
        nothing="nothing is wrong",
    )


def _row(one: "Alert") -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.type.value,
        "severity": one.severity.value,
        "subject": one.subject,
        "part": one.part or None,
        "reason": one.reason or None,
        "since": moment(one.opened_at),
        "until": moment(one.closed_at),
        "count": one.count,
        "acknowledged_by": one.acked_by or None,
        "note": one.note or None,
    }


@alerts.command()
def ack(
    idents: Annotated[
        list[str], typer.Argument(metavar="ID...", help="As alerts list shows them.")
    ],
    note: Annotated[str, typer.Option(help="For those who read it later.")] = "",
) -> None:
    """Say that you are on it: it is neither repeated nor escalated any more.

    Example: reconciler alerts ack alt_8c6f1f0a5e0d4b7c9a2e3f4d5b6c --note "restarting the ERP"
    """
    go(_ack(idents, note))


async def _ack(idents: list[str], note: str) -> None:
    from reconciler.app import house  # noqa: PLC0415
    from reconciler.engine.hushing import acknowledge  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    async with house(Settings()) as built, built.store.begin() as unit:
        done = [await acknowledge(unit, ident, _by(built), note=note) for ident in idents]
        await unit.commit()
    for one in done:
        sys.stdout.write(f"{one.subject}: {one.type.value} is acknowledged by {one.acked_by}.\n")


@silence.command()
def add(
    matchers: Annotated[
        list[str],
        typer.Argument(metavar="NAME=PATTERN...", help="All must fit: connection=acme-*, host=…"),
    ],
    lasts: Annotated[str, typer.Option("--for", help="How long: 2h.")] = "1h",
    comment: Annotated[str, typer.Option("-m", "--comment", help="Why.")] = "",
) -> None:
    """Silence alerts for a while: what is still wrong then is told afterwards.

    Names are connection, entity, event, connector, host, severity, subject, or any label.

    Example: reconciler silence add connection=acme-* --for 2h -m "ERP upgrade"
    """
    from reconciler.engine.hushing import matchers_of  # noqa: PLC0415

    if not comment:
        fail(Invalid("--comment is missing", hint="others will ask why nothing is heard"))
    try:
        found, span = matchers_of(matchers), parse_duration(lasts)
    except ValueError as error:
        fail(Invalid(str(error)))
    go(_add(found, span, comment))


async def _add(matchers: dict[str, str], span: timedelta, comment: str) -> None:
    from reconciler.app import house  # noqa: PLC0415
    from reconciler.engine.hushing import silence as silenced  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    async with house(Settings()) as built, built.store.begin() as unit:
        by = _by(built)
        lasts = (by.at, by.at + span)
        made = await silenced(unit, matchers, by, lasts=lasts, comment=comment)
        await unit.commit()
    sys.stdout.write(f"{made.id}\n")
    sys.stderr.write(f"Silent until {moment(made.ends_at)}; sooner: silence end {made.id}\n")


@silence.command("list")
def list_silences(
    everything: Annotated[
        bool, typer.Option("--all", help="Also those that have ended, of the last 30 days.")
    ] = False,
    output: Output = Form.TABLE,
) -> None:
    """List silences, the one that ends last first.

    Example: reconciler silence list
    """
    go(_silences(everything, output))


async def _silences(everything: bool, form: Form) -> None:
    from reconciler.app import house  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    async with house(Settings()) as built:
        now = built.clock.now()
        found = await built.store.views.silences()
    show(
        [_silence(one, now) for one in found if everything or one.ends_at > now],
        form,
        columns=("id", "matchers", "ends_at", "created_by", "comment"),
        wide=("starts_at", "active"),
        nothing="nothing is silenced",
    )


def _silence(one: "Silence", now: datetime) -> dict[str, Any]:
    return {
        "id": one.id,
        "matchers": [f"{name}={pattern}" for name, pattern in one.matchers.items()],
        "comment": one.comment,
        "created_by": one.created_by,
        "starts_at": moment(one.starts_at),
        "ends_at": moment(one.ends_at),
        "active": one.active(now),
    }


@silence.command()
def end(
    ident: Annotated[str, typer.Argument(metavar="ID", help="As silence list shows it.")],
) -> None:
    """End a silence now; what is still wrong is told.

    Example: reconciler silence end sil_019f0000000000000000000000
    """
    go(_end(ident))


async def _end(ident: str) -> None:
    from reconciler.app import house  # noqa: PLC0415
    from reconciler.engine.hushing import end_silence  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    async with house(Settings()) as built:
        kept = await built.store.views.silences()
        known = next((one for one in kept if one.id == ident), None)
        async with built.store.begin() as unit:
            await end_silence(unit, known, ident, _by(built))
            await unit.commit()
    sys.stdout.write(f"The silence {ident} has ended.\n")


def _by(built: "House") -> "By":
    from reconciler.app import person  # noqa: PLC0415
    from reconciler.engine.granting import By  # noqa: PLC0415

    return By(person(), built.clock.now())

"""``secrets``: under which keys stored credentials are sealed, and how they get under another. Never a value."""

import sys
from dataclasses import asdict
from typing import Any

import typer

from reconciler.cli.failure import go
from reconciler.cli.inspect import Output
from reconciler.cli.output import Form, show

secrets = typer.Typer(
    help="Keys that seal stored credentials: status, rotate.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@secrets.command()
def status(output: Output = Form.TABLE) -> None:
    """List keys by id: which seals, which are given, how many rows each seals. Never a value.

    Example: reconciler secrets status
    """
    go(_status(output))


async def _status(form: Form) -> None:
    from reconciler.app import house  # noqa: PLC0415
    from reconciler.secrets.rotation import key_use  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    async with house(Settings()) as built:
        rows: list[dict[str, Any]] = [
            {**asdict(one), "state": _state(given=one.given, seals=one.seals, rows=one.rows)}
            for one in await key_use(built.store, built.keyring)
        ]
    show(rows, form, columns=("id", "state", "rows"), nothing="nothing is sealed here yet")


def _state(*, given: bool, seals: bool, rows: int) -> str:
    if not given:
        return "missing"
    if seals:
        return "seals"
    return "opens" if rows else "unused: may be taken away"


@secrets.command()
def rotate() -> None:
    """Seal anew, under the first key, all that is sealed under others. It may be stopped and run again.

    Example: reconciler secrets rotate
    """
    go(_rotate())


async def _rotate() -> None:
    from reconciler.app import house, person  # noqa: PLC0415
    from reconciler.model.audit import AuditEntry  # noqa: PLC0415
    from reconciler.secrets.rotation import rotate as rotated  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    async with house(Settings()) as built:
        await built.check_keys()
        used = await built.store.views.sealed_under()
        if not used:
            sys.stdout.write("Nothing is sealed here yet.\n")
            return
        ring = built.keyring
        count = await rotated(built.store, ring, _tell)
        if count:
            data = {"key": ring.first, "rows": count}
            entry = AuditEntry(built.clock.now(), person(), "secrets.rotated", "Keys", data)
            async with built.store.begin() as unit:
                await unit.audit.record(entry)
                await unit.commit()
        others = [kid for kid in ring.ids if kid != ring.first]
    sys.stdout.write(f"{count:,} rows are sealed anew under the key {ring.first}.\n")
    if others:
        sys.stdout.write(f"No row needs these any more: {', '.join(others)}.\n")


def _tell(count: int) -> None:
    sys.stderr.write(f"{count:,} rows\n")

"""``disconnect`` and ``forget``: a connection's end, its data kept or erased."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from reconciler.cli.failure import fail, go
from reconciler.errors import Invalid

if TYPE_CHECKING:
    from reconciler.engine.disconnecting import Disconnected

Name = Annotated[str, typer.Argument(help="The connection's name.")]


def disconnect(
    name: Name,
    reason: Annotated[str, typer.Option(help="Why, for the audit log.")] = "disconnected",
) -> None:
    """End all access of a connection and to it, at once: tokens, credentials, links, syncs. Its records stay.

    It is taken up again when its customer connects again (reconciler connect), or with reconciler resume.

    Example: reconciler disconnect acme-erp --reason "contract ended"
    """
    done = go(_disconnect(name, reason))
    sys.stdout.write(f"Connection/{name} is disconnected: {_ended(done)}. Its records stay.\n")


def forget(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Disconnect, and erase all records, sync runs and cursors of a connection for good.

    Also one that is no longer in force and whose data were retained. The audit log keeps that it was done.

    Example: reconciler forget acme-erp --yes
    """
    if not yes:
        if not sys.stdin.isatty():
            fail(Invalid("forgetting cannot be undone", hint="say --yes"))
        typer.confirm(f"Erase all that was synced of {name}, for good?", abort=True, err=True)
    done = go(_forget(name))
    sys.stdout.write(
        f"Connection/{name} is forgotten: {_ended(done)}; "
        f"{_many(done.records, 'record')} and {_many(done.runs, 'run')} erased.\n"
    )


async def _disconnect(name: str, reason: str) -> "Disconnected":
    from reconciler.app import edits, endings, house, person  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    async with house(Settings()) as built:
        ending = endings(built, edits(built))
        return await ending.disconnect(name, actor=person(), reason=reason)


async def _forget(name: str) -> "Disconnected":
    from reconciler.app import edits, endings, house, person  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    async with house(Settings()) as built:
        return await endings(built, edits(built)).forget(name, actor=person())


def _ended(done: "Disconnected") -> str:
    tokens, links = _many(done.tokens, "token"), _many(done.links, "open link")
    return f"{tokens} revoked, {_many(done.credentials, 'credential')} dropped, {links} closed"


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"

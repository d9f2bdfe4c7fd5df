"""``token``: who may read the API. A token's text is shown once; only its digest is kept."""

import secrets
import sys
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from reconciler.cli.failure import fail, go
from reconciler.cli.inspect import Output
from reconciler.cli.output import Form, moment, show
from reconciler.errors import Invalid, NotFound
from reconciler.model.access import Scope
from reconciler.model.duration import parse_duration

if TYPE_CHECKING:
    from reconciler.app import House

token = typer.Typer(
    help="API tokens: create, list, revoke.", no_args_is_help=True, rich_markup_mode=None
)


@token.command()
def create(
    name: Annotated[str | None, typer.Argument(help="What it is for; for people.")] = None,
    connection: Annotated[
        str | None, typer.Option(help="A token that reads this connection's data only.")
    ] = None,
    admin: Annotated[bool, typer.Option("--admin", help="A token that may do everything.")] = False,
    scope: Annotated[list[Scope] | None, typer.Option(help="What it may do.")] = None,
    expires: Annotated[str | None, typer.Option(help="How long it lives: 30d.")] = None,
) -> None:
    """Make a token and print it; it is not shown again.

    Example: reconciler token create --connection acme-erp
    """
    if connection and admin:
        fail(Invalid("--connection and --admin exclude each other"))
    if not connection and not admin and not scope:
        hint = "say --connection NAME for one connection's data, or --admin"
        fail(Invalid("a token needs something it may do", hint=hint))
    chosen = frozenset(scope or ())
    if admin:
        chosen |= {Scope.ADMIN}
    if connection and not chosen:
        chosen = READER
    try:
        lives = parse_duration(expires) if expires else None
    except ValueError as error:
        fail(Invalid(f"--expires: {error}"))
    go(_create(name or connection or "admin", connection, chosen, lives))


async def _create(
    name: str, connection: str | None, scopes: frozenset[Scope], lives: timedelta | None
) -> None:
    from reconciler.app import house  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    async with house(Settings()) as built:
        text = await issue(built, name, connection, scopes=scopes, lives=lives)
    sys.stdout.write(text + "\n")
    sys.stderr.write("Keep it now: it is not shown again.\n")


READER: Final = frozenset({Scope.READ_RECORDS, Scope.READ_STATUS})
"""What a connection's own token may do."""


async def issue(
    built: "House",
    name: str,
    connection: str | None,
    *,
    scopes: frozenset[Scope] = READER,
    lives: timedelta | None = None,
) -> str:
    """Keep a new token and return its text, which nobody can read again."""
    from reconciler.engine.tokens import CHANCE, TokenWish, mint  # noqa: PLC0415
    from reconciler.web.versions import CURRENT  # noqa: PLC0415  FastAPI is heavy

    situation = await built.in_force.look()
    uid = situation.uid(situation.connection(connection)) if connection else None
    now = built.clock.now()
    wish = TokenWish(name, scopes, CURRENT.name, uid, now + lives if lives else None)
    text, kept = mint(wish, chance=secrets.token_bytes(CHANCE), now=now)
    async with built.store.begin() as unit:
        await unit.tokens.put(kept)
        await unit.commit()
    return text


@token.command("list")
def list_(output: Output = Form.TABLE) -> None:
    """List tokens: what each may do, and when it was used last.

    Example: reconciler token list
    """
    go(_list(output))


async def _list(form: Form) -> None:
    from reconciler.app import house  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    async with house(Settings()) as built:
        situation = await built.in_force.look()
        now = built.clock.now()
        rows: list[dict[str, Any]] = [
            {
                "id": kept.id,
                "name": kept.name,
                "connection": situation.name_of(kept.connection) if kept.connection else None,
                "scopes": sorted(kept.scopes),
                "state": _state(kept.revoked_at, kept.expires_at, now),
                "api_version": kept.api_version,
                "created_at": moment(kept.created_at),
                "last_used_at": moment(kept.last_used_at),
            }
            for kept in await built.store.views.tokens()
        ]
    show(
        rows,
        form,
        columns=("id", "name", "connection", "scopes", "state", "last_used_at"),
        wide=("created_at", "api_version"),
        nothing="there is no token; reconciler token create --connection NAME",
    )


def _state(revoked: datetime | None, expires: datetime | None, now: datetime) -> str:
    if revoked is not None:
        return "revoked"
    return "expired" if expires is not None and expires <= now else "valid"


@token.command()
def revoke(
    ident: Annotated[str, typer.Argument(metavar="ID", help="As token list shows it.")],
) -> None:
    """Make a token worthless, at once.

    Example: reconciler token revoke k3n5d7q2x4c6z
    """
    go(_revoke(ident))


async def _revoke(ident: str) -> None:
    from dataclasses import replace  # noqa: PLC0415

    from reconciler.app import house  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    async with house(Settings()) as built:
        found = [kept for kept in await built.store.views.tokens() if kept.id == ident]
        if not found:
            raise NotFound(f"no token {ident!r}", hint="reconciler token list")
        async with built.store.begin() as unit:
            await unit.tokens.put(replace(found[0], revoked_at=built.clock.now()))
            await unit.commit()
    sys.stdout.write(f"Token {ident} is revoked.\n")

"""``token``: who may call the API. A token's text is shown once; only its digest is kept."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from reconciler.cli.failure import fail, go
from reconciler.cli.inspect import Output
from reconciler.cli.output import Form, moment, show, show_value
from reconciler.errors import Invalid, NotFound
from reconciler.model.access import Role, Scope, Token
from reconciler.model.duration import parse_duration
from reconciler.model.selector import Selector, format_selector, parse_selector

if TYPE_CHECKING:
    from datetime import datetime

    from reconciler.app import House
    from reconciler.engine.granting import By
    from reconciler.engine.inforce import Situation
    from reconciler.engine.tokens import TokenWish
    from reconciler.model.resource import ResourceKey

T = TypeVar("T")

token = typer.Typer(
    help="API tokens: create, list, show, rotate, revoke.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Ident = Annotated[str, typer.Argument(metavar="ID", help="As token list shows it.")]


@token.command()
def create(
    name: Annotated[str | None, typer.Argument(help="What it is for; for people.")] = None,
    connection: Annotated[
        str | None, typer.Option(help="A token that reads this connection's data only.")
    ] = None,
    selector: Annotated[
        str | None,
        typer.Option(help="A token over the connections with these labels: a=b,c=d."),
    ] = None,
    role: Annotated[Role | None, typer.Option(help="What it may do, as a named set.")] = None,
    scope: Annotated[list[Scope] | None, typer.Option(help="What it may do, one by one.")] = None,
    admin: Annotated[bool, typer.Option("--admin", help="The same as --role admin.")] = False,
    expires: Annotated[str | None, typer.Option(help="How long it lives: 30d.")] = None,
    cidr: Annotated[
        list[str] | None, typer.Option(help="A network that it is heard from: 10.0.0.0/8.")
    ] = None,
    description: Annotated[str, typer.Option(help="More about it; for people.")] = "",
    api_version: Annotated[
        str | None, typer.Option(help="The API version it is answered in; default: the current.")
    ] = None,
) -> None:
    """Make a token and print it; it is not shown again.

    Example: reconciler token create --connection acme-erp
    """
    if admin and (connection or (role and role is not Role.ADMIN)):
        other = "--connection" if connection else "--role"
        fail(Invalid(f"{other} and --admin exclude each other"))
    if connection and selector:
        fail(Invalid("--connection and --selector exclude each other"))
    chosen = Role.ADMIN if admin else role
    if not chosen and not scope:
        chosen = _reader(connection or selector)
    of = _Of(connection, _read("--selector", parse_selector, selector) or ())
    lives = _read("--expires", parse_duration, expires)
    may = _May(chosen, frozenset(scope or ()), tuple(cidr or ()), description, api_version)
    go(_create(name or connection or selector or (chosen or Role.ADMIN).value, of, may, lives))


def _reader(over: str | None) -> Role:
    if not over:
        hint = "say --connection NAME for one connection's data, or --role, or --admin"
        fail(Invalid("a token needs something it may do", hint=hint))
    return Role.READER


def _read(option: str, parse: Callable[[str], T], text: str | None) -> T | None:
    try:
        return None if text is None else parse(text)
    except ValueError as error:
        fail(Invalid(f"{option}: {error}"))


@dataclass(frozen=True, slots=True)
class _Of:
    """Which connections a token is over: one by name, those that a selector chooses, or all."""

    connection: str | None
    selector: Selector = ()

    def found(self, situation: "Situation") -> "tuple[ResourceKey | None, str | None]":
        """Return key and uid of the one connection, if it is one; raise ``NotFound`` without it."""
        if self.connection is None:
            return None, None
        resource = situation.connection(self.connection)
        return resource.key, situation.uid(resource)


@dataclass(frozen=True, slots=True)
class _May:
    """What a token may do, and how it is limited beside that."""

    role: Role | None
    scopes: frozenset[Scope] = frozenset()
    networks: tuple[str, ...] = ()
    description: str = ""
    api_version: str | None = None

    def wish(self, name: str, uid: str | None, of: _Of, ends: "datetime | None") -> "TokenWish":
        """Return the wish for such a token; raise ``Invalid`` for what makes no sense."""
        from reconciler.engine.tokens import TokenWish, networks_of  # noqa: PLC0415
        from reconciler.web.versions import CURRENT, VERSIONS  # noqa: PLC0415  FastAPI is heavy

        known = [version.name for version in VERSIONS]
        if self.api_version is not None and self.api_version not in known:
            hint = f"there is {', '.join(known)}"
            raise Invalid(f"--api-version: no version {self.api_version[:32]!r}", hint=hint)
        try:
            networks = networks_of(self.networks)
        except ValueError as error:
            raise Invalid(f"--cidr: {error}") from None
        return TokenWish(
            name,
            self.scopes,
            self.api_version or CURRENT.name,
            uid,
            ends,
            role=self.role,
            selector=of.selector,
            networks=networks,
            description=self.description,
        )


async def _create(name: str, of: _Of, may: _May, lives: timedelta | None) -> None:
    from reconciler.app import house  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    async with house(Settings()) as built:
        text = await _issued(built, name, of, may, lives)
        if of.selector and not (await built.in_force.look()).chosen(of.selector):
            told = format_selector(of.selector)
            sys.stderr.write(f"No connection has {told} now: the token sees nothing yet.\n")
    _tell(text)


async def issue(built: "House", name: str, connection: str | None) -> str:
    """Keep a new token that reads one connection, or all, and return its text: nobody can read it again."""
    return await _issued(built, name, _Of(connection), _May(Role.READER), None)


async def _issued(built: "House", name: str, of: _Of, may: _May, lives: timedelta | None) -> str:
    from reconciler.engine.granting import Granting  # noqa: PLC0415

    by = _by(built)
    key, uid = of.found(await built.in_force.look())
    wish = may.wish(name, uid, of, by.at + lives if lives is not None else None)
    async with built.store.begin() as unit:
        text, _ = await Granting(unit, by).mint(wish, key=key)
        await unit.commit()
    return text


def _by(built: "House") -> "By":
    from reconciler.app import person  # noqa: PLC0415
    from reconciler.engine.granting import By  # noqa: PLC0415

    return By(person(), built.clock.now())


def _tell(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stderr.write("Keep it now: it is not shown again.\n")


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
        situation, now = await built.in_force.look(), built.clock.now()
        rows = [_row(kept, situation, now) for kept in await built.store.views.tokens()]
    show(
        rows,
        form,
        columns=("id", "name", "connection", "selector", "role", "scopes", "state", "last_used_at"),
        wide=("expires_at", "networks", "created_at", "created_by", "api_version"),
        nothing="there is no token; reconciler token create --connection NAME",
    )


@token.command("show")
def show_one(ident: Ident, output: Output = Form.YAML) -> None:
    """Show all of one token but its text.

    Example: reconciler token show k3n5d7q2x4c6z
    """
    go(_show(ident, output))


async def _show(ident: str, form: Form) -> None:
    from reconciler.app import house  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    async with house(Settings()) as built:
        kept = await built.store.views.token(ident)
        if kept is None:
            raise NotFound(f"no token {ident[:64]!r}", hint="reconciler token list")
        row = _row(kept, await built.in_force.look(), built.clock.now())
    show_value(row, Form.JSON if form is Form.JSON else Form.YAML)


def _row(kept: Token, situation: "Situation", now: "datetime") -> dict[str, Any]:
    return {
        "id": kept.id,
        "prefix": kept.prefix,
        "name": kept.name,
        "description": kept.description or None,
        "connection": situation.name_of(kept.connection) if kept.connection else None,
        "selector": format_selector(kept.selector) or None,
        "role": kept.role.value if kept.role else None,
        "scopes": sorted(scope.value for scope in kept.scopes),
        "state": _state(kept, situation, now),
        "networks": list(kept.networks),
        "api_version": kept.api_version,
        "created_at": moment(kept.created_at),
        "created_by": kept.created_by or None,
        "expires_at": moment(kept.expires_at),
        "revoked_at": moment(kept.revoked_at),
        "replaced_by": kept.replaced_by,
        "last_used_at": moment(kept.last_used_at),
    }


def _state(kept: Token, situation: "Situation", now: "datetime") -> str:
    """Return how a token stands; one whose connection is not in force is worth nothing for now."""
    found = kept.state(now).value
    gone = kept.connection is not None and not situation.holds(kept.connection)
    return "connection-gone" if gone and found in {"valid", "retiring"} else found


@token.command()
def revoke(ident: Ident) -> None:
    """Make a token worthless, at once.

    Example: reconciler token revoke k3n5d7q2x4c6z
    """
    go(_revoke(ident))


async def _revoke(ident: str) -> None:
    from reconciler.app import house  # noqa: PLC0415
    from reconciler.engine.granting import Granting  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    async with house(Settings()) as built, built.store.begin() as unit:
        was_good = await Granting(unit, _by(built)).revoke(ident)
        await unit.commit()
    sys.stdout.write(f"Token {ident} {'is' if was_good else 'was already'} revoked.\n")


@token.command()
def rotate(
    ident: Ident,
    grace: Annotated[str, typer.Option(help="How long the old one lives on: 24h.")] = "0s",
) -> None:
    """Make a new text for the rights of a token, and print it; the old one dies after the grace.

    Example: reconciler token rotate k3n5d7q2x4c6z --grace 24h
    """
    go(_rotate(ident, _read("--grace", parse_duration, grace) or timedelta(0)))


async def _rotate(ident: str, grace: timedelta) -> None:
    from reconciler.app import house  # noqa: PLC0415
    from reconciler.engine.granting import Granting  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    async with house(Settings()) as built, built.store.begin() as unit:
        by = _by(built)
        text, _ = await Granting(unit, by).rotate(ident, grace=grace)
        await unit.commit()
    _tell(text)
    sys.stderr.write(f"Token {ident} is worthless from {moment(by.at + grace)} on.\n")

"""``connect``: the link by which a customer gives or renews credentials."""

import sys
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reconciler.cli.failure import fail, go
from reconciler.cli.inspect import Output
from reconciler.cli.output import Form, moment, show
from reconciler.errors import Invalid
from reconciler.model.duration import format_duration, parse_duration

if TYPE_CHECKING:
    from reconciler.engine.linking import LinkDesk
    from reconciler.engine.links import LinkWish


def connect(
    name: Annotated[str, typer.Argument(metavar="CONNECTION", help="The connection's name.")],
    expires: Annotated[str, typer.Option(help="How long it is good, 1h to 7d.")] = "24h",
    redirect: Annotated[
        str, typer.Option(help="Where the customer goes at the end; at an allowed place.")
    ] = "",
    state: Annotated[str, typer.Option(help="Goes along with the redirect, as it is.")] = "",
    show_token: Annotated[
        bool, typer.Option("--show-token", help="Show the new API token to the customer, once.")
    ] = False,
    grace: Annotated[
        str, typer.Option(help="How long the token before stays good, at most 7d.")
    ] = "0s",
    server_url: Annotated[
        str | None,
        typer.Option(help="Where customers reach the server; default RECONCILER_PUBLIC_URL."),
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="List its links instead.")] = False,
    revoke: Annotated[
        str | None, typer.Option(metavar="ID", help="Make a link good no more instead.")
    ] = None,
    output: Output = Form.TABLE,
) -> None:
    """Make a link by which the customer of a connection gives or renews credentials, and print it.

    Who has the link can use it, once; send it to nobody else. Older links of the connection end.

    Example: reconciler connect acme-erp --expires 48h

    Example: reconciler connect acme-erp --list
    """
    if list_ and revoke:
        fail(Invalid("--list and --revoke exclude each other"))
    if list_:
        go(_list(name, output))
    elif revoke:
        go(_revoke(name, revoke))
    else:
        asked = _Asked(expires, redirect, state, show_token, grace)
        go(_mint(name, asked, server_url))


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the options say of a new link."""

    expires: str
    redirect: str
    state: str
    shown: bool
    grace: str

    def wish(self) -> "LinkWish":
        """Return what the link is to be."""
        from reconciler.engine.links import LinkWish  # noqa: PLC0415

        return LinkWish(
            lives=_span("--expires", self.expires),
            redirect=self.redirect,
            state=self.state,
            shown=self.shown,
            grace=_span("--grace", self.grace),
        )


async def _mint(name: str, asked: _Asked, server_url: str | None) -> None:
    from reconciler.app import house, person  # noqa: PLC0415
    from reconciler.app.connecting import public_url  # noqa: PLC0415
    from reconciler.engine.linking import By  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    wish, settings = asked.wish(), Settings()
    address = public_url(settings, server_url)
    async with house(settings) as built:
        made = await _desk(built).mint(name, wish, By(person()))
    sys.stdout.write(f"{address}/connect/{made.text}\n")
    sys.stderr.write(
        f"Link {made.link.id} is good once, for {format_duration(wish.lives)}, for whoever has it. "
        "It is not shown again.\n"
    )


async def _list(name: str, form: Form) -> None:
    from reconciler.app import house  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    async with house(Settings()) as built:
        now = built.clock.now()
        rows: list[dict[str, Any]] = [
            {
                "id": link.id,
                "state": link.stands(now).value,
                "created_by": link.created_by,
                "created_at": moment(link.created_at),
                "expires_at": moment(link.expires_at),
                "used_at": moment(link.used_at),
                "refused": link.tries,
                "redirect": link.redirect or None,
            }
            for link in await _desk(built).listed(name)
        ]
    show(
        rows,
        form,
        columns=("id", "state", "created_by", "expires_at", "used_at", "refused"),
        wide=("created_at", "redirect"),
        nothing=f"there is no connect link; reconciler connect {name}",
    )


async def _revoke(name: str, ident: str) -> None:
    from reconciler.app import house, person  # noqa: PLC0415
    from reconciler.engine.linking import By  # noqa: PLC0415
    from reconciler.settings import Settings  # noqa: PLC0415

    async with house(Settings()) as built:
        await _desk(built).revoke(name, ident, By(person()))
    sys.stdout.write(f"Link {ident} is good no more.\n")


def _desk(built: Any) -> "LinkDesk":
    from reconciler.app.connecting import ground  # noqa: PLC0415
    from reconciler.engine.linking import LinkDesk  # noqa: PLC0415

    return LinkDesk(ground(built))


def _span(option: str, text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise Invalid(f"{option}: {error}") from None

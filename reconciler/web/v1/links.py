"""Connect links through the API: made, listed, revoked; and the token that comes of one, fetched once."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from fastapi import Request
from starlette.responses import Response

from reconciler.engine.connecting import MOST_TRIES
from reconciler.engine.linking import By
from reconciler.engine.links import LIFE, LinkWish
from reconciler.errors import Invalid, NotFound
from reconciler.model.duration import parse_duration
from reconciler.model.link import Link, LinkState
from reconciler.web.needs import ConnectDesk, Services
from reconciler.web.problems import ApiProblem, Code, Refused, refuse
from reconciler.web.security import actor_of, granted_to
from reconciler.web.v1.answers import tell
from reconciler.web.v1.bodies import read_body
from reconciler.web.v1.link_schemas import (
    ExchangeAsked,
    LinkAsked,
    LinkMade,
    Links,
    LinkTold,
    LinkWord,
    TokenHanded,
)
from reconciler.web.v1.visible import seen_uids, visible_connection

LISTED: Final = 100
"""How many links of a connection are listed, the newest first."""


@dataclass(frozen=True)
class LinkRoutes:
    """The operations on connect links."""

    services: Services

    async def create(self, request: Request, name: str) -> Response:
        """Make a link; its address is answered now and never again. Older ones of the connection end."""
        await visible_connection(self.services.in_force, granted_to(request), name)
        desk = self._desk()
        asked = await read_body(request, LinkAsked)
        try:
            made = await desk.links.mint(name, _wish(asked), _by(request))
        except NotFound:
            raise
        except Invalid as error:
            raise Refused(ApiProblem(Code.INVALID_CONTENT, error.message, error.hint)) from None
        told = _told(made.link, name, self.services.clock.now())
        url = f"{desk.public_url}/connect/{made.text}"
        return tell(LinkMade(**told.model_dump(), url=url), status=201)

    async def many(self, request: Request, name: str) -> Response:
        """Answer with how the links of a connection stand, the newest first."""
        await visible_connection(self.services.in_force, granted_to(request), name)
        now = self.services.clock.now()
        links = await self._desk().links.listed(name)
        return tell(Links(data=[_told(link, name, now) for link in links[:LISTED]]))

    async def revoke(self, request: Request, name: str, link_id: str) -> Response:
        """Make a link good no more."""
        await visible_connection(self.services.in_force, granted_to(request), name)
        await self._desk().links.revoke(name, link_id, _by(request))
        return Response(status_code=204)

    async def exchange(self, request: Request) -> Response:
        """Answer with the API token that came of a link: once."""
        desk = self._desk()
        asked = await read_body(request, ExchangeAsked)
        only = seen_uids(await self.services.in_force.look(), granted_to(request))
        if (asked.code is None) == (asked.link is None):
            raise refuse(Code.INVALID_CONTENT, "body: give a code or a link, one of the two")
        if asked.code is not None:
            handed = await desk.handing.by_code(asked.code, _by(request), only=only)
        else:
            handed = await desk.handing.by_link(asked.link or "", _by(request), only=only)
        if handed is None:
            raise refuse(
                Code.NOT_FOUND,
                "there is no token to be had for that",
                hint="a code is good once, for 10 minutes; the id of a used link once, for 24 hours",
            )
        return tell(
            TokenHanded(
                token=handed.text,
                id=handed.token.id,
                connection=handed.connection,
                link=handed.link,
                scopes=sorted(handed.token.scopes),
                api_version=handed.token.api_version,
                expires_at=handed.token.expires_at,
            )
        )

    def _desk(self) -> ConnectDesk:
        if self.services.connect is None:
            raise refuse(Code.NOT_FOUND, "this server has no connect page")
        return self.services.connect


def _wish(asked: LinkAsked) -> LinkWish:
    return LinkWish(
        lives=_span("expires", asked.expires) if asked.expires else LIFE,
        redirect=asked.redirect or "",
        state=asked.state or "",
        shown=asked.show_token,
        grace=_span("grace", asked.grace),
    )


def _span(field: str, text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise refuse(Code.INVALID_CONTENT, f"body.{field}: {error}") from None


def _by(request: Request) -> By:
    return By(actor_of(request), request.state.request_id)


def _told(link: Link, name: str, now: datetime) -> LinkTold:
    state = link.stands(now)
    word: LinkWord = state.value
    if state is LinkState.OPEN and link.tries >= MOST_TRIES:
        word = "locked"
    return LinkTold(
        id=link.id,
        connection=name,
        state=word,
        created_by=link.created_by,
        created_at=link.created_at,
        expires_at=link.expires_at,
        used_at=link.used_at,
        revoked_at=link.revoked_at,
        redirect=link.redirect or None,
        tries=link.tries,
    )

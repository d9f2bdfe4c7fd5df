"""API tokens through the API: made, listed, replaced and ended by administrators."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from fastapi import Query, Request
from starlette.responses import Response

from reconciler.engine.granting import By, Granting
from reconciler.engine.reach import Reach
from reconciler.engine.tokens import TokenWish
from reconciler.model.access import Grant, Role, Scope, Token
from reconciler.model.resource import ResourceKey
from reconciler.model.selector import selector_of
from reconciler.web.cursors import seal, unseal
from reconciler.web.needs import Services, Situation
from reconciler.web.problems import ApiProblem, Code, Refused, refuse
from reconciler.web.security import actor_of, granted_to
from reconciler.web.v1.answers import tell
from reconciler.web.v1.bodies import read_body
from reconciler.web.v1.schemas import PageQuery
from reconciler.web.v1.token_schemas import (
    ConnectionTokenAsked,
    RotateAsked,
    TokenAsked,
    TokenList,
    TokenMade,
    TokenShown,
)
from reconciler.web.v1.visible import visible_connection
from reconciler.web.versions import CURRENT, VERSIONS, pick

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_STEP: Final = timedelta(microseconds=1)


@dataclass(frozen=True)
class TokenRoutes:
    """The operations on tokens. One that the asking token is not over answers as one that is not there."""

    services: Services

    async def many(self, request: Request, query: Annotated[PageQuery, Query()]) -> Response:
        """Answer with a page of tokens, the newest first."""
        situation = await self.services.in_force.look()
        after = _place(query.cursor)
        seen = [
            token
            async for token in self._seen(Reach(granted_to(request), situation.state), after, query)
        ]
        shown, more = seen[: query.limit], len(seen) > query.limit
        cursor = _cursor(shown[-1]) if more else None
        return tell(TokenList(data=self._all(situation, shown), next_cursor=cursor))

    async def one(self, request: Request, token_id: str) -> Response:
        """Answer with one token."""
        situation, token = await self._found(request, token_id)
        return tell(shown(token, situation, self.services.clock.now()))

    async def create(self, request: Request) -> Response:
        """Make a token; the answer alone holds its text."""
        asked = await read_body(request, TokenAsked)
        if asked.name is None:
            raise _misfit("name", "give the token a name")
        return await self._create(request, asked, asked.connection)

    async def create_of_connection(self, request: Request, name: str) -> Response:
        """Make a token of one connection, to be handed to a customer's back end."""
        await visible_connection(self.services.in_force, granted_to(request), name)
        asked = await read_body(request, ConnectionTokenAsked)
        given = {**asked.model_dump(exclude_unset=True), "connection": name}
        return await self._create(request, TokenAsked.model_construct(**given), name)

    async def revoke(self, request: Request, token_id: str) -> Response:
        """Make a token worthless at once; again, nothing more happens."""
        _, token = await self._found(request, token_id)
        async with self.services.store.begin() as unit:
            await Granting(unit, self._by(request)).revoke(token.id)
            await unit.commit()
        return Response(status_code=204)

    async def rotate(self, request: Request, token_id: str) -> Response:
        """Make a new text for the rights of a token; the old one dies after the grace."""
        situation, token = await self._found(request, token_id)
        asked = await read_body(request, RotateAsked)
        async with self.services.store.begin() as unit:
            granting = Granting(unit, self._by(request))
            text, made = await granting.rotate(token.id, grace=asked.span)
            await unit.commit()
        return self._made(text, made, situation)

    async def _create(
        self, request: Request, asked: TokenAsked, connection: str | None
    ) -> Response:
        grant, key, uid = granted_to(request), None, None
        situation = await self.services.in_force.look()
        if connection is not None:
            situation, found = await visible_connection(self.services.in_force, grant, connection)
            key, uid = found.key, situation.uid(found)
        wish = _wish(asked, uid)
        _check_reach(grant, situation, wish)
        return await self._mint(request, situation, wish, key)

    async def _mint(
        self, request: Request, situation: Situation, wish: TokenWish, key: ResourceKey | None
    ) -> Response:
        by = self._by(request)
        if wish.expires_at is not None and wish.expires_at <= by.at:
            raise _misfit("expires_at", "is past")
        async with self.services.store.begin() as unit:
            text, made = await Granting(unit, by).mint(wish, key=key)
            await unit.commit()
        return self._made(text, made, situation)

    def _made(self, text: str, token: Token, situation: Situation) -> Response:
        told = shown(token, situation, self.services.clock.now())
        response = tell(TokenMade(**told.model_dump(), text=text), status=201)
        response.headers["Location"] = f"/api/v1/tokens/{token.id}"
        return response

    def _by(self, request: Request) -> By:
        now = self.services.clock.now()
        return By(actor_of(request), now, request.state.request_id)

    async def _found(self, request: Request, token_id: str) -> tuple[Situation, Token]:
        situation = await self.services.in_force.look()
        token = await self.services.store.views.token(token_id)
        if token is None or not Reach(granted_to(request), situation.state).sees_token(token):
            raise refuse(Code.NOT_FOUND, f"there is no token with the id {token_id[:64]!r}")
        return situation, token

    async def _seen(
        self, reach: Reach, after: tuple[datetime, str] | None, query: PageQuery
    ) -> AsyncIterator[Token]:
        """Yield the tokens that *reach* sees, one more than a page at most."""
        left = query.limit + 1
        while page := await self.services.store.views.tokens(after=after, limit=query.limit + 1):
            for token in page:
                if reach.sees_token(token):
                    yield token
                    left -= 1
                    if not left:
                        return
            after = (page[-1].created_at, page[-1].id)

    def _all(self, situation: Situation, tokens: Sequence[Token]) -> list[TokenShown]:
        now = self.services.clock.now()
        return [shown(token, situation, now) for token in tokens]


def shown(token: Token, situation: Situation, now: datetime) -> TokenShown:
    """Return *token* as the API shows it."""
    return TokenShown(
        id=token.id,
        prefix=token.prefix,
        name=token.name,
        description=token.description,
        role=token.role.value if token.role else None,
        scopes=sorted(scope.value for scope in token.scopes),
        connection=situation.name_of(token.connection) if token.connection else None,
        selector=dict(token.selector) or None,
        networks=list(token.networks),
        api_version=token.api_version,
        state=token.state(now).value,
        created_at=token.created_at,
        created_by=token.created_by or None,
        expires_at=token.expires_at,
        revoked_at=token.revoked_at,
        last_used_at=token.last_used_at,
        replaced_by=token.replaced_by,
    )


def _wish(asked: TokenAsked, uid: str | None) -> TokenWish:
    if uid is not None and asked.selector:
        raise _misfit("selector", "a token is of one connection or of a selector, not of both")
    role = Role(asked.role) if asked.role else None
    scopes = frozenset(Scope(word) for word in asked.scopes)
    if role is None and not scopes:
        role = Role.READER
    version = CURRENT if asked.api_version is None else pick(VERSIONS, asked.api_version)
    return TokenWish(
        asked.name or asked.connection or "",
        scopes,
        version.name,
        uid,
        asked.expires_at,
        role=role,
        selector=selector_of(asked.selector) if asked.selector else (),
        networks=asked.networks,
        description=asked.description,
    )


def _check_reach(grant: Grant, situation: Situation, wish: TokenWish) -> None:
    """Refuse a token that would be over more than the one that makes it."""
    if wish.connection is None and not Reach(grant, situation.state).includes(wish.selector):
        raise refuse(
            Code.PERMISSION_DENIED,
            "a token over some connections makes only tokens over some of those",
            hint="give connection, or a selector with at least the labels of your own",
        )


def _misfit(name: str, message: str) -> Refused:
    finding = {"where": f"body.{name}", "message": message}
    return Refused(ApiProblem(Code.INVALID_CONTENT, f"body.{name}: {message}", errors=[finding]))


def _cursor(token: Token) -> str:
    return seal([(token.created_at - _EPOCH) // _STEP, token.id], "tokens")


def _place(cursor: str | None) -> tuple[datetime, str] | None:
    if cursor is None:
        return None
    micros, token_id = unseal(cursor, "tokens", tuple[int, str])
    try:
        return _EPOCH + timedelta(microseconds=micros), token_id
    except OverflowError:
        raise refuse(Code.INVALID_REQUEST, "query.cursor is no cursor of ours") from None

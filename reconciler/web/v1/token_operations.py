"""The operations on tokens, with who may call them beside their paths."""

from collections.abc import Iterator
from typing import Final

from reconciler.model.access import Scope
from reconciler.web.problems import Code
from reconciler.web.route import Route
from reconciler.web.v1.documents import BODY_PROBLEMS, answers_model, takes_model
from reconciler.web.v1.schemas import PageQuery
from reconciler.web.v1.token_schemas import (
    ConnectionTokenAsked,
    RotateAsked,
    TokenAsked,
    TokenList,
    TokenMade,
    TokenShown,
)
from reconciler.web.v1.tokens import TokenRoutes

TOKENS: Final = "/api/v1/tokens"
ONE: Final = f"{TOKENS}/{{token_id}}"


def token_routes(tokens: TokenRoutes) -> Iterator[Route]:
    """Yield the operations on tokens."""
    yield Route(
        "GET",
        TOKENS,
        tokens.many,
        Scope.ADMIN,
        "list_tokens",
        "Tokens, the newest first",
        "tokens",
        query=PageQuery,
        answer=answers_model(TokenList),
    )
    yield Route(
        "GET",
        ONE,
        tokens.one,
        Scope.ADMIN,
        "get_token",
        "One token, without its text",
        "tokens",
        answer=answers_model(TokenShown),
        problems=(Code.NOT_FOUND,),
    )
    yield from _making(tokens)
    yield Route(
        "DELETE",
        ONE,
        tokens.revoke,
        Scope.ADMIN,
        "revoke_token",
        "Make a token worthless at once",
        "tokens",
        status=204,
        answer={"description": "It is worthless."},
        problems=(Code.NOT_FOUND,),
    )


def _making(tokens: TokenRoutes) -> Iterator[Route]:
    yield Route(
        "POST",
        TOKENS,
        tokens.create,
        Scope.ADMIN,
        "create_token",
        "Make a token",
        "tokens",
        status=201,
        answer=answers_model(TokenMade),
        problems=(Code.NOT_FOUND, *BODY_PROBLEMS),
        extra=takes_model(TokenAsked, required=True),
    )
    yield Route(
        "POST",
        "/api/v1/connections/{name}/tokens",
        tokens.create_of_connection,
        Scope.ADMIN,
        "create_connection_token",
        "Make a token of one connection",
        "tokens",
        status=201,
        answer=answers_model(TokenMade),
        problems=(Code.NOT_FOUND, *BODY_PROBLEMS),
        extra=takes_model(ConnectionTokenAsked),
    )
    yield Route(
        "POST",
        f"{ONE}/rotate",
        tokens.rotate,
        Scope.ADMIN,
        "rotate_token",
        "Make a new text for the rights of a token",
        "tokens",
        status=201,
        answer=answers_model(TokenMade),
        problems=(Code.NOT_FOUND, Code.CONFLICT, *BODY_PROBLEMS),
        extra=takes_model(RotateAsked),
    )

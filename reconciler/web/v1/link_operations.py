"""The operations on connect links, with who may call them beside their paths."""

from collections.abc import Iterator
from typing import Any, Final

from reconciler.model.access import Scope
from reconciler.web.problems import Code
from reconciler.web.route import Route
from reconciler.web.v1.documents import answers_model
from reconciler.web.v1.link_schemas import ExchangeAsked, LinkAsked, LinkMade, Links, TokenHanded
from reconciler.web.v1.links import LinkRoutes
from reconciler.web.v1.schemas import Asked

LINKS: Final = "/api/v1/connections/{name}/connect-links"

_BODY: Final = (Code.INVALID_CONTENT, Code.UNSUPPORTED_MEDIA_TYPE, Code.PAYLOAD_TOO_LARGE)


def link_routes(links: LinkRoutes) -> Iterator[Route]:
    """Yield the operations on connect links."""
    yield Route(
        "POST",
        LINKS,
        links.create,
        Scope.ADMIN,
        "create_connect_link",
        "Make a link by which a customer gives or renews credentials",
        "connect-links",
        status=201,
        answer=answers_model(LinkMade),
        problems=(Code.NOT_FOUND, *_BODY),
        extra=_body_of(LinkAsked, required=False),
    )
    yield Route(
        "GET",
        LINKS,
        links.many,
        Scope.ADMIN,
        "list_connect_links",
        "How the connect links of a connection stand",
        "connect-links",
        answer=answers_model(Links),
        problems=(Code.NOT_FOUND,),
    )
    yield Route(
        "DELETE",
        f"{LINKS}/{{link_id}}",
        links.revoke,
        Scope.ADMIN,
        "revoke_connect_link",
        "Make a connect link good no more",
        "connect-links",
        status=204,
        problems=(Code.NOT_FOUND,),
    )
    yield Route(
        "POST",
        "/api/v1/connect-links/exchange",
        links.exchange,
        Scope.ADMIN,
        "exchange_connect_link",
        "Fetch the API token that came of a connect link, once",
        "connect-links",
        answer=answers_model(TokenHanded),
        problems=(Code.NOT_FOUND, *_BODY),
        extra=_body_of(ExchangeAsked, required=True),
    )


def _body_of(shape: type[Asked], *, required: bool) -> dict[str, Any]:
    content = {"application/json": {"schema": shape.model_json_schema()}}
    return {"requestBody": {"required": required, "content": content}}

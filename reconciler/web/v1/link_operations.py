"""The operations on connect links, with who may call them beside their paths."""

from collections.abc import Iterator
from typing import Final

from reconciler.model.access import Scope
from reconciler.web.problems import Code
from reconciler.web.route import Route
from reconciler.web.v1.documents import BODY_PROBLEMS, answers_model, takes_model
from reconciler.web.v1.link_schemas import ExchangeAsked, LinkAsked, LinkMade, Links, TokenHanded
from reconciler.web.v1.links import LinkRoutes

LINKS: Final = "/api/v1/connections/{name}/connect-links"


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
        problems=(Code.NOT_FOUND, *BODY_PROBLEMS),
        extra=takes_model(LinkAsked),
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
        problems=(Code.NOT_FOUND, *BODY_PROBLEMS),
        extra=takes_model(ExchangeAsked, required=True),
    )

"""A route as a value: path, who may call it, what it reads and answers; and how it becomes FastAPI's."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import Enum
from http import HTTPStatus
from typing import Any

from fastapi import Depends, FastAPI, Request
from starlette.responses import Response

from reconciler.model.access import Scope
from reconciler.web.problems import ApiProblem, Code, Refused
from reconciler.web.security import Gatekeeper, Guard
from reconciler.web.v1.schemas import Asked


class Access(Enum):
    """Who may call a route that asks for no scope."""

    PUBLIC = "public"
    ANY_TOKEN = "any-token"  # noqa: S105 - a word, not a token


@dataclass(frozen=True, slots=True)
class Route:
    """One operation. ``access`` stands beside every path: there is no default.

    ``answer`` is what the OpenAPI document says of the answer with ``status`` and ``example`` makes one;
    ``also`` are other statuses
    that are no problem; ``problems`` are the codes that this operation may answer beside those that all
    may. A ``repeatable`` one takes an ``Idempotency-Key``. ``parameters`` say more of a parameter than its model does, ``extra`` of the operation.
    ``any_query``: what is unknown in the query is left alone, as mail programs add to links.
    ``deep`` is the last parameter of the path, if that may hold slashes.
    """

    method: str
    path: str
    endpoint: Callable[..., Awaitable[Response]]
    access: Scope | Access
    operation_id: str
    summary: str
    tag: str
    query: type[Asked] | None = None
    status: int = 200
    answer: Mapping[str, Any] = field(default_factory=dict)
    example: Callable[[], Any] | None = None
    also: tuple[int, ...] = ()
    problems: tuple[Code, ...] = ()
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    deep: str = ""
    shown: bool = True
    any_query: bool = False
    repeatable: bool = False


def mount(app: FastAPI, route: Route, keeper: Gatekeeper) -> None:
    """Give *route* to *app*, behind a guard unless it is public."""
    depends = [] if route.access is Access.PUBLIC else [Depends(_guard(route, keeper))]
    if not route.any_query:
        depends.append(Depends(_known_query(route.query)))
    app.add_api_route(
        route.path.replace(f"{{{route.deep}}}", f"{{{route.deep}:path}}"),
        route.endpoint,
        methods=[route.method],
        name=route.operation_id,
        operation_id=route.operation_id,
        summary=route.summary,
        tags=[route.tag],
        status_code=route.status,
        response_model=None,
        dependencies=depends,
        responses={
            route.status: dict(route.answer),
            **{status: {"description": HTTPStatus(status).phrase} for status in route.also},
        },
        openapi_extra=dict(route.extra),
        include_in_schema=route.shown,
    )


def _guard(route: Route, keeper: Gatekeeper) -> Guard:
    return Guard(keeper, route.access if isinstance(route.access, Scope) else None)


def _known_query(query: type[Asked] | None) -> Callable[[Request], Awaitable[None]]:
    """Return the check that a request's query has known names only, each once."""
    known = sorted(query.model_fields) if query is not None else []

    async def check(request: Request) -> None:
        given = [name for name, _ in request.query_params.multi_items()]
        wrong = [name for name in given if name not in known]
        twice = sorted({name for name in given if given.count(name) > 1} - set(wrong))
        if not wrong and not twice:
            return
        found = [(name, "is not known here") for name in dict.fromkeys(wrong)]
        found += [(name, "is given twice") for name in twice]
        raise _refused(found[:20], _hint(wrong, known))

    return check


def _refused(found: list[tuple[str, str]], hint: str) -> Refused:
    findings = [{"where": f"query.{name[:64]}", "message": message} for name, message in found]
    detail = "; ".join(f"{one['where']} {one['message']}" for one in findings[:3])
    return Refused(ApiProblem(Code.INVALID_REQUEST, detail, hint, errors=findings))


def _hint(wrong: list[str], known: list[str]) -> str:
    if not wrong:
        return "give each parameter once"
    near = get_close_matches(wrong[0], known, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"there are {', '.join(known)}" if known else "this path takes no query"

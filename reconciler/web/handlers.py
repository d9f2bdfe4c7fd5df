"""FastAPI's own errors, as problem documents."""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from reconciler.web.problems import ApiProblem, Code, answer

_CODES: Final[Mapping[int, Code]] = MappingProxyType(
    {
        400: Code.INVALID_REQUEST,
        401: Code.AUTHENTICATION_FAILED,
        403: Code.PERMISSION_DENIED,
        404: Code.NOT_FOUND,
        405: Code.METHOD_NOT_ALLOWED,
        413: Code.PAYLOAD_TOO_LARGE,
        415: Code.UNSUPPORTED_MEDIA_TYPE,
    }
)


def install(app: FastAPI) -> None:
    """Have *app* answer its own errors in our form."""
    app.exception_handler(HTTPException)(_on_http)
    app.exception_handler(RequestValidationError)(_on_validation)


async def _on_http(request: Request, error: HTTPException) -> Response:
    code = _CODES.get(error.status_code, Code.INVALID_REQUEST)
    headers = dict(error.headers or {})
    detail = str(error.detail)
    if code is Code.NOT_FOUND:
        detail = f"there is nothing at {request.url.path}"
    elif code is Code.METHOD_NOT_ALLOWED:
        allowed = _methods(request)
        headers["Allow"] = ", ".join(allowed)
        detail = f"{request.method} is not for {request.url.path}; allowed: {headers['Allow']}"
    elif error.status_code not in _CODES:
        detail = HTTPStatus(error.status_code).phrase
    return _answered(request, ApiProblem(code, detail, headers=headers))


async def _on_validation(request: Request, error: RequestValidationError) -> Response:
    found = [_finding(item) for item in error.errors()]
    detail = "; ".join(f"{item['where']}: {item['message']}" for item in found[:3])
    return _answered(request, ApiProblem(Code.INVALID_REQUEST, detail, errors=found))


def _finding(item: Mapping[str, Any]) -> dict[str, str]:
    """Return one finding; what was given is not repeated, it may be a secret in the wrong place."""
    return {
        "where": ".".join(str(part) for part in item["loc"]),
        "message": str(item["msg"]).removeprefix("Value error, "),
    }


def _methods(request: Request) -> list[str]:
    """Return the methods of every route of the path, not only of the first that knows it."""
    found: set[str] = set()
    for route in request.app.routes:
        match, _ = route.matches(request.scope)
        if match is not Match.NONE:
            found |= getattr(route, "methods", None) or set()
    return sorted(found)


def _answered(request: Request, problem: ApiProblem) -> Response:
    return answer(problem, instance=request.url.path, request_id=request.state.request_id)

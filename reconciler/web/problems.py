"""What the API says when it does not do what was asked: a closed table of codes, as RFC 9457 documents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

import msgspec
from starlette.responses import Response

MEDIA_TYPE: Final = "application/problem+json"
DOCS: Final = "/docs/api-errors"
"""Where this server publishes the table; ``type`` of a problem is an anchor there."""


class Code(StrEnum):
    """The closed set: codes are added, never changed. A client decides by these, not by texts."""

    INVALID_REQUEST = "INVALID_REQUEST"
    UNSUPPORTED_VERSION = "UNSUPPORTED_VERSION"
    AUTHENTICATION_FAILED = "AUTHENTICATION_FAILED"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    NOT_FOUND = "NOT_FOUND"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    CONFLICT = "CONFLICT"
    PLAN_STALE = "PLAN_STALE"
    PLAN_BLOCKED = "PLAN_BLOCKED"
    LOCKED = "LOCKED"
    CONNECTION_REAUTHORIZATION_REQUIRED = "CONNECTION_REAUTHORIZATION_REQUIRED"
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    MISDIRECTED_REQUEST = "MISDIRECTED_REQUEST"
    INVALID_CONTENT = "INVALID_CONTENT"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    SPEC_INVALID = "SPEC_INVALID"
    SECRET_NOT_FOUND = "SECRET_NOT_FOUND"  # noqa: S105 - the name of a code, not a secret
    RATE_LIMIT_EXCEEDED = "RATE_LIMIT_EXCEEDED"
    INTERNAL_ERROR = "INTERNAL_ERROR"
    SOURCE_ERROR = "SOURCE_ERROR"
    SOURCE_FAULT = "SOURCE_FAULT"
    SOURCE_FORBIDDEN = "SOURCE_FORBIDDEN"
    SOURCE_INVALID = "SOURCE_INVALID"
    CONNECTION_UNREACHABLE = "CONNECTION_UNREACHABLE"
    STORE_UNAVAILABLE = "STORE_UNAVAILABLE"
    REQUEST_TIMEOUT = "REQUEST_TIMEOUT"


@dataclass(frozen=True, slots=True)
class Entry:
    """What is promised of a code: its HTTP status, its title, and what to do about it."""

    status: int
    title: str
    remedy: str


TABLE: Final[Mapping[Code, Entry]] = MappingProxyType(
    {
        Code.INVALID_REQUEST: Entry(
            400,
            "The request cannot be read",
            "Correct the query, header or JSON that `errors` names; the same request fails again.",
        ),
        Code.UNSUPPORTED_VERSION: Entry(
            400,
            "No such API version",
            "Pin one of the versions of `GET /api/v1/versions` in `Reconciler-Version`.",
        ),
        Code.AUTHENTICATION_FAILED: Entry(
            401,
            "No valid token",
            "Send `Authorization: Bearer rcn_…`; make a token with `reconciler token create`.",
        ),
        Code.PERMISSION_DENIED: Entry(
            403,
            "The token may not do this",
            "Use a token with the scope that `detail` names; `GET /api/v1/me` tells what yours has.",
        ),
        Code.NOT_FOUND: Entry(
            404,
            "No such thing",
            "Check the path and the id. What a token may not see answers the same as what is not there.",
        ),
        Code.METHOD_NOT_ALLOWED: Entry(
            405,
            "No such method on this path",
            "Use one of the methods that the `Allow` header lists.",
        ),
        Code.CONFLICT: Entry(
            409, "Somebody else was first", "Read the present state, then decide again."
        ),
        Code.PLAN_STALE: Entry(
            409, "The state has moved on since the plan", "Make a new plan and apply that."
        ),
        Code.PLAN_BLOCKED: Entry(
            409, "A guard asks for a person's decision", "Do what each block of the plan says."
        ),
        Code.LOCKED: Entry(
            409, "Another run or process holds it", "Try again when that run has ended."
        ),
        Code.CONNECTION_REAUTHORIZATION_REQUIRED: Entry(
            409,
            "The connection's credentials are refused by its system",
            "Have the customer enter them anew: `reconciler connect NAME` makes the link.",
        ),
        Code.PAYLOAD_TOO_LARGE: Entry(
            413, "The body is too large", "Send less than the limit that `detail` names."
        ),
        Code.UNSUPPORTED_MEDIA_TYPE: Entry(
            415, "The body is no JSON", "Send JSON with `Content-Type: application/json`."
        ),
        Code.MISDIRECTED_REQUEST: Entry(
            421,
            "This server does not answer for that host",
            "Use a host name the server is told of; the operator sets them with `--allowed-host`.",
        ),
        Code.INVALID_CONTENT: Entry(
            422, "The body is JSON and does not fit", "Correct the fields that `errors` names."
        ),
        Code.IDEMPOTENCY_KEY_REUSED: Entry(
            422,
            "The key was used for another request",
            "Use a new `Idempotency-Key` for a new request; keep one only to repeat the same.",
        ),
        Code.SPEC_INVALID: Entry(
            422,
            "The specs have problems",
            "Correct each of the `errors`; `reconciler validate` too.",
        ),
        Code.SECRET_NOT_FOUND: Entry(
            422,
            "A secret reference leads nowhere",
            "Set what the reference names where the server runs.",
        ),
        Code.RATE_LIMIT_EXCEEDED: Entry(
            429, "Too many requests", "Wait as many seconds as `Retry-After` says."
        ),
        Code.INTERNAL_ERROR: Entry(
            500,
            "A fault of ours",
            "Try again later; if it stays, report it with the `request_id`.",
        ),
        Code.SOURCE_ERROR: Entry(
            502, "The system behind did not do what was asked", "See `detail`; try again later."
        ),
        Code.SOURCE_FAULT: Entry(
            502, "The system behind has a fault", "Try again later; syncs do so by themselves."
        ),
        Code.SOURCE_FORBIDDEN: Entry(
            502,
            "The connection's account may not do this",
            "Give the account in the source system the right that `detail` names.",
        ),
        Code.SOURCE_INVALID: Entry(
            502,
            "The system behind answered what its connector cannot read",
            "Check the connector against the system's version.",
        ),
        Code.CONNECTION_UNREACHABLE: Entry(
            503,
            "The system behind does not answer",
            "Try again after `Retry-After`; look at the connection's status first.",
        ),
        Code.STORE_UNAVAILABLE: Entry(
            503,
            "Our own database does not answer",
            "Try again after `Retry-After`; the operator finds the cause in the log by `request_id`.",
        ),
        Code.REQUEST_TIMEOUT: Entry(
            504, "It took too long", "Ask for less: a smaller `limit`, a later `modified_after`."
        ),
    }
)


@dataclass(frozen=True, slots=True)
class ApiProblem:
    """One thing that went wrong, before it is written for one request."""

    code: Code
    detail: str
    hint: str = ""
    errors: Sequence[Mapping[str, Any]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """The HTTP status of its code."""
        return TABLE[self.code].status


class Refused(Exception):
    """Raised by a route or a gate to answer with *problem*."""

    def __init__(self, problem: ApiProblem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


def refuse(code: Code, detail: str, *, hint: str = "", **headers: str) -> Refused:
    """Return the exception that answers with this problem; header names with ``_`` for ``-``."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Refused(ApiProblem(code, detail, hint, headers=named))


def document(problem: ApiProblem, *, instance: str, request_id: str) -> dict[str, Any]:
    """Return the RFC 9457 members of *problem*, with ours."""
    entry = TABLE[problem.code]
    body: dict[str, Any] = {
        "type": f"{DOCS}#{problem.code.lower()}",
        "title": entry.title,
        "status": entry.status,
        "detail": problem.detail,
        "instance": instance,
        "code": problem.code.value,
        "request_id": request_id,
        "hint": problem.hint or entry.remedy,
    }
    if problem.errors:
        body["errors"] = list(problem.errors)
    return body


def answer(problem: ApiProblem, *, instance: str, request_id: str) -> Response:
    """Return *problem* as a response."""
    headers = dict(problem.headers)
    headers["Cache-Control"] = "no-store"
    if problem.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="reconciler"'
    return Response(
        msgspec.json.encode(document(problem, instance=instance, request_id=request_id)),
        status_code=problem.status,
        headers=headers,
        media_type=MEDIA_TYPE,
    )

"""Errors of the rooms below, in the words of the API: by class, never by text."""

import math
from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final

from reconciler.errors import (
    Conflict,
    Forbidden,
    Invalid,
    Locked,
    NotFound,
    PlanBlocked,
    PlanStale,
    RateLimited,
    ReconcilerError,
    SecretMissing,
    ServerFault,
    SourceError,
    SourceInvalid,
    SpecInvalid,
    StoreUnavailable,
    TimedOut,
    Unauthorized,
    Unreachable,
)
from reconciler.web.problems import ApiProblem, Code

RETRY_AFTER: Final = timedelta(seconds=30)
"""What is asked of a client where the system behind has named no wait."""

_CODES: Final[Mapping[type[ReconcilerError], Code]] = MappingProxyType(
    {
        SpecInvalid: Code.SPEC_INVALID,
        NotFound: Code.NOT_FOUND,
        SecretMissing: Code.SECRET_NOT_FOUND,
        Invalid: Code.INVALID_REQUEST,
        PlanStale: Code.PLAN_STALE,
        PlanBlocked: Code.PLAN_BLOCKED,
        Locked: Code.LOCKED,
        Conflict: Code.CONFLICT,
        StoreUnavailable: Code.STORE_UNAVAILABLE,
        TimedOut: Code.REQUEST_TIMEOUT,
        Unreachable: Code.CONNECTION_UNREACHABLE,
        RateLimited: Code.RATE_LIMIT_EXCEEDED,
        ServerFault: Code.SOURCE_FAULT,
        # A source that refuses *its* credentials is no 401 of ours: the client's token is good.
        Unauthorized: Code.CONNECTION_REAUTHORIZATION_REQUIRED,
        Forbidden: Code.SOURCE_FORBIDDEN,
        SourceInvalid: Code.SOURCE_INVALID,
        SourceError: Code.SOURCE_ERROR,
    }
)


def translate(error: ReconcilerError) -> ApiProblem:
    """Return the problem that *error* is to a client of the API."""
    code = next((_CODES[kind] for kind in type(error).__mro__ if kind in _CODES), None)
    if code is None:
        return ApiProblem(Code.INTERNAL_ERROR, "something went wrong on our side")
    if code is Code.STORE_UNAVAILABLE:  # where our database is, is for the log alone
        text = "the request could not be answered"
        return ApiProblem(code, text, headers=_waits(error))
    return ApiProblem(code, error.message, error.hint, errors=_places(error), headers=_waits(error))


def _places(error: ReconcilerError) -> list[dict[str, Any]]:
    if not isinstance(error, SpecInvalid):
        return []
    return [
        {
            "where": str(problem.origin),
            "message": problem.message,
            "code": problem.code,
            "severity": problem.severity.value,
            "hint": problem.hint,
        }
        for problem in error.problems
    ]


def _waits(error: ReconcilerError) -> dict[str, str]:
    match error:
        case RateLimited(wait=wait) if wait is not None:
            return {"Retry-After": str(max(1, math.ceil(wait.total_seconds())))}
        case RateLimited() | Unreachable() | Locked() | StoreUnavailable():
            return {"Retry-After": str(int(RETRY_AFTER.total_seconds()))}
        case _:
            return {}

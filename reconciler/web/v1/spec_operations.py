"""The operations on specs, with who may call them beside their paths."""

from collections.abc import Iterator
from typing import Final

from reconciler.model.access import Scope
from reconciler.web.problems import Code
from reconciler.web.route import Route
from reconciler.web.v1.documents import answers_model, takes
from reconciler.web.v1.spec_schemas import (
    DriftList,
    LookTold,
    SpecHistory,
    SpecList,
    SpecQuery,
    SpecTold,
)
from reconciler.web.v1.specs import MERGE, SpecRoutes

SPECS: Final = "/api/v1/specs"
ONE: Final = f"{SPECS}/{{kind}}/{{name}}"

_WRITING: Final = (
    Code.NOT_FOUND,
    Code.CONFLICT,
    Code.PLAN_STALE,
    Code.INVALID_CONTENT,
    Code.SPEC_INVALID,
    Code.UNSUPPORTED_MEDIA_TYPE,
    Code.PAYLOAD_TOO_LARGE,
)


_ANY: Final = {"type": "object"}


def spec_routes(specs: SpecRoutes) -> Iterator[Route]:
    """Yield the operations on specs in force and on their drift."""
    yield from _reading(specs)
    yield from _changing(specs)
    yield Route(
        "POST",
        "/api/v1/reconcile",
        specs.look,
        Scope.WRITE_SPECS,
        "reconcile_now",
        "Look at the specs now",
        "specs",
        status=202,
        answer=answers_model(LookTold),
    )
    yield Route(
        "GET",
        "/api/v1/reconcile/{token}",
        specs.looked,
        Scope.READ_STATUS,
        "get_reconcile",
        "Whether a look that was asked for has ended",
        "specs",
        answer=answers_model(LookTold),
    )
    yield Route(
        "GET",
        "/api/v1/drift",
        specs.drift,
        Scope.READ_STATUS,
        "list_drift",
        "What was changed outside of git",
        "specs",
        answer=answers_model(DriftList),
    )
    yield Route(
        "POST",
        f"{ONE}/revert",
        specs.revert,
        Scope.WRITE_SPECS,
        "revert_spec",
        "Put a spec back to what git has applied",
        "specs",
        answer=answers_model(SpecTold),
        problems=(Code.NOT_FOUND, Code.CONFLICT, Code.PLAN_STALE),
    )


def _reading(specs: SpecRoutes) -> Iterator[Route]:
    yield Route(
        "GET",
        SPECS,
        specs.many,
        Scope.READ_STATUS,
        "list_specs",
        "Specs in force",
        "specs",
        query=SpecQuery,
        answer=answers_model(SpecList),
    )
    yield Route(
        "GET",
        ONE,
        specs.one,
        Scope.READ_STATUS,
        "get_spec",
        "One spec in force",
        "specs",
        answer=answers_model(SpecTold),
        problems=(Code.NOT_FOUND,),
    )
    yield Route(
        "GET",
        f"{ONE}/history",
        specs.history,
        Scope.READ_STATUS,
        "get_spec_history",
        "The changes of one spec",
        "specs",
        answer=answers_model(SpecHistory),
        problems=(Code.NOT_FOUND,),
    )


def _changing(specs: SpecRoutes) -> Iterator[Route]:
    yield Route(
        "PUT",
        ONE,
        specs.put,
        Scope.WRITE_SPECS,
        "put_spec",
        "Put a spec in force, beside git",
        "specs",
        answer=answers_model(SpecTold),
        also=(201,),
        problems=_WRITING,
        extra=takes(_ANY, required=True),
    )
    yield Route(
        "PATCH",
        ONE,
        specs.patch,
        Scope.WRITE_SPECS,
        "patch_spec",
        "Change a spec in force, beside git",
        "specs",
        answer=answers_model(SpecTold),
        problems=_WRITING,
        extra=takes(_ANY, required=True, media=MERGE),
    )
    yield Route(
        "DELETE",
        ONE,
        specs.remove,
        Scope.WRITE_SPECS,
        "delete_spec",
        "Remove a spec that was made through the API",
        "specs",
        status=204,
        answer={"description": "It is no longer in force."},
        problems=(Code.NOT_FOUND, Code.PLAN_STALE),
    )

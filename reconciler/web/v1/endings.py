"""Connections disconnected and forgotten, through the API."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Request
from pydantic import StringConstraints
from starlette.responses import Response

from reconciler.engine.disconnecting import Disconnected
from reconciler.model.access import Scope
from reconciler.web.needs import Endings, Services
from reconciler.web.problems import Code
from reconciler.web.route import Route
from reconciler.web.security import actor_of, granted_to
from reconciler.web.v1.answers import tell
from reconciler.web.v1.bodies import read_body
from reconciler.web.v1.documents import answers_model, takes_model
from reconciler.web.v1.schemas import Asked, Told
from reconciler.web.v1.visible import no_connection, visible_connection

_PROBLEMS: Final = (Code.NOT_FOUND, Code.LOCKED, Code.INVALID_CONTENT, Code.UNSUPPORTED_MEDIA_TYPE)


class EndingAsked(Asked):
    """Why a connection is disconnected."""

    reason: Annotated[str, StringConstraints(min_length=3, max_length=1024)] = "disconnected"
    """For those who read it later; kept in the audit log."""


class EndingTold(Told):
    """What was ended."""

    connection: str
    tokens: int
    """API tokens that are worthless from now on."""
    credentials: int
    """Fields that the customer had given, now gone."""
    links: int
    """Open connect links, now revoked."""
    records: int
    """Records that were erased; 0 unless it was forgotten."""
    runs: int
    """Sync runs that were erased; 0 unless it was forgotten."""


@dataclass(frozen=True)
class EndingRoutes:
    """The operations that end connections."""

    services: Services

    async def disconnect(self, request: Request, name: str) -> Response:
        """End all access, at once; what was synced stays."""
        await visible_connection(self.services.in_force, granted_to(request), name)
        asked = await read_body(request, EndingAsked)
        done = await self._endings(name).disconnect(
            name, actor=actor_of(request), reason=asked.reason, request_id=request.state.request_id
        )
        return tell(_told(name, done))

    async def forget(self, request: Request, name: str) -> Response:
        """End all access, and erase all that was synced; also of one that is not in force any more."""
        grant = granted_to(request)
        if not grant.everywhere:
            await visible_connection(self.services.in_force, grant, name)
        await read_body(request, EndingAsked)
        endings = self._endings(name)
        done = await endings.forget(
            name, actor=actor_of(request), request_id=request.state.request_id
        )
        return tell(_told(name, done))

    def _endings(self, name: str) -> Endings:
        if self.services.endings is None:
            raise no_connection(name)
        return self.services.endings


def ending_routes(endings: EndingRoutes) -> Iterator[Route]:
    """Yield the operations that end connections."""
    for word, made, summary in (
        ("disconnect", endings.disconnect, "Disconnect: all access ends at once, records stay"),
        ("forget", endings.forget, "Forget: disconnect, and erase records, runs and cursors"),
    ):
        yield Route(
            "POST",
            f"/api/v1/connections/{{name}}/{word}",
            made,
            Scope.ADMIN,
            f"{word}_connection",
            summary,
            "connections",
            answer=answers_model(EndingTold),
            problems=_PROBLEMS,
            extra=takes_model(EndingAsked),
        )


def _told(name: str, done: Disconnected) -> EndingTold:
    return EndingTold(
        connection=name,
        tokens=done.tokens,
        credentials=done.credentials,
        links=done.links,
        records=done.records,
        runs=done.runs,
    )

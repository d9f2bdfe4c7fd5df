"""What the API says of itself and of the presented token."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from fastapi import Request
from starlette.responses import Response

from reconciler.errors import ReconcilerError
from reconciler.web.error_docs import error_docs
from reconciler.web.needs import Check, Services
from reconciler.web.security import granted_to, token_of
from reconciler.web.v1.answers import tagged, tell
from reconciler.web.v1.schemas import Readiness, TokenTold, Versions, VersionTold
from reconciler.web.versions import VERSIONS, listed

CHECK_SECONDS: Final = 5
"""How long a part has to say that it is ready."""


@dataclass(frozen=True)
class About:
    """The operations that need no data of a customer. ``document`` gives the OpenAPI document."""

    services: Services
    document: Callable[[], dict[str, Any]]

    async def me(self, request: Request) -> Response:
        """Answer with what the presented token may do."""
        grant, kept = granted_to(request), token_of(request)
        name = None
        if grant.connection is not None:
            name = (await self.services.in_force.look()).name_of(grant.connection)
        return tell(
            TokenTold(
                token=kept.id,
                name=kept.name,
                scopes=sorted(scope.value for scope in grant.scopes),
                role=kept.role.value if kept.role else None,
                connection=name,
                selector=dict(grant.selector) or None,
                networks=list(kept.networks),
                description=kept.description,
                api_version=kept.api_version,
                created_at=kept.created_at,
                expires_at=kept.expires_at,
            )
        )

    async def versions(self) -> Response:
        """Answer with the versions that are served."""
        return tell(Versions(data=[VersionTold(**one) for one in listed(VERSIONS)]))

    async def openapi(self, request: Request) -> Response:
        """Answer with the OpenAPI document."""
        return tagged(request, msgspec.json.encode(self.document()))

    async def errors(self) -> Response:
        """Answer with the page on error codes that every problem's ``type`` leads to."""
        return Response(error_docs(), media_type="text/markdown; charset=utf-8")


@dataclass(frozen=True)
class HealthRoutes:
    """What whoever runs the program asks of it."""

    services: Services

    async def healthz(self) -> Response:
        """Answer that the process runs."""
        return Response("ok\n", media_type="text/plain")

    async def readyz(self) -> Response:
        """Answer 200 if all parts are ready, 503 with what is wrong if not."""
        checks = {name: await self._look(check) for name, check in self.services.checks.items()}
        ready = all(said == "ok" for said in checks.values())
        return tell(Readiness(ready=ready, checks=checks), status=200 if ready else 503)

    async def _look(self, check: Check) -> str:
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await check()
        except TimeoutError:
            return f"no answer within {CHECK_SECONDS} s"
        except ReconcilerError as error:
            return error.message
        return "ok"

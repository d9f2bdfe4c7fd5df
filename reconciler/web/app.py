"""The API as one ASGI application, and how it is served."""

import asyncio
import contextlib
from typing import Any, Final

import uvicorn
from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp

from reconciler import __version__
from reconciler.errors import ReconcilerError
from reconciler.web.envelope import Envelope
from reconciler.web.error_docs import error_docs
from reconciler.web.gates import BodyGate, HostGate, VersionGate
from reconciler.web.handlers import install
from reconciler.web.needs import Services
from reconciler.web.problems import MEDIA_TYPE, ApiProblem, Code, Refused, answer
from reconciler.web.rates import Rates
from reconciler.web.security import Gatekeeper
from reconciler.web.translate import translate
from reconciler.web.v1.connections import connection_routes, own_routes, sync_routes
from reconciler.web.v1.prefix import PREFIX
from reconciler.web.v1.records import record_components, record_routes
from reconciler.web.versions import VERSIONS

__all__ = ["Services", "make_app", "serve"]

PROBLEMS: Final = ("400", "401", "403", "404", "405", "413", "421", "422", "429", "500", "503")


def make_app(services: Services) -> ASGIApp:
    """Return the application: routes inside, walls around them."""
    app = FastAPI(
        title="reconciler",
        version=__version__,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        separate_input_output_schemas=False,
    )
    policy = services.policy
    rates = Rates(policy.rate, policy.burst)
    keeper = Gatekeeper(services.store, services.in_force, services.clock, rates)
    for router in (
        own_routes(services, keeper),
        connection_routes(services, keeper),
        sync_routes(services, keeper),
        record_routes(services, keeper),
    ):
        # Not included but laid in, so that a wrong method can be answered with all right ones.
        app.router.routes.extend(router.routes)
    _open_routes(app, services)
    install(app)
    app.add_exception_handler(ReconcilerError, _on_ours)
    app.add_exception_handler(Refused, _on_refused)
    inside: ASGIApp = GZipMiddleware(app, minimum_size=2048, compresslevel=5)
    inside = BodyGate(inside, policy.body)
    inside = VersionGate(inside, VERSIONS)
    inside = HostGate(inside, policy.hosts)
    return Envelope(inside, policy.timeout)


async def serve(
    app: ASGIApp, *, host: str, port: int, started: asyncio.Event | None = None
) -> None:
    """Serve *app* until cancelled; answers under way are finished first."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=10,
    )
    server = _Server(config)
    serving = asyncio.ensure_future(server.serve())
    try:
        while not server.started and not serving.done():  # noqa: ASYNC110  it tells nobody
            await asyncio.sleep(0.01)
        if started is not None and server.started:
            started.set()
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await asyncio.wait({serving})
        raise


class _Server(uvicorn.Server):
    """Leaves signals to whoever runs it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        """Capture nothing."""
        yield


def _open_routes(app: FastAPI, services: Services) -> None:
    """Add what needs no token: is it alive, is it ready, how is it spoken to."""
    schema: dict[str, Any] = {}

    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> Response:
        return PlainTextResponse("ok\n")

    @app.get("/readyz", include_in_schema=False)
    async def readyz() -> Response:
        found: dict[str, str] = {}
        for name, check in services.checks.items():
            try:
                await check()
                found[name] = "ok"
            except ReconcilerError as error:
                found[name] = error.message
        well = all(text == "ok" for text in found.values())
        return JSONResponse({"ready": well, "checks": found}, 200 if well else 503)

    @app.get("/docs/api-errors", include_in_schema=False)
    async def errors() -> Response:
        return PlainTextResponse(error_docs(), media_type="text/markdown; charset=utf-8")

    @app.get(f"{PREFIX}/openapi.json", include_in_schema=False)
    async def openapi() -> Response:
        if not schema:
            schema.update(openapi_of(app))
        return JSONResponse(schema)


def openapi_of(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document: routes, the schemas of all entities, problems, tokens."""
    told = get_openapi(
        title="reconciler API",
        version=VERSIONS[-1].name,
        openapi_version="3.1.0",
        description="Every connected system through one API. Records come in the unified model.",
        routes=app.routes,
    )
    components = told.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas.update(record_components())
    schemas["Problem"] = _PROBLEM
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
    told["security"] = [{"bearer": []}]
    for path in told["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
            for status in PROBLEMS:
                operation["responses"].setdefault(status, _PROBLEM_ANSWER)
    return told


_PROBLEM: Final = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457, with our `code`, `request_id` and `hint`.",
    "required": ["type", "title", "status", "detail", "instance", "code", "request_id", "hint"],
    "properties": {
        **{
            name: {"type": "string"}
            for name in ("type", "title", "detail", "instance", "request_id", "hint")
        },
        "status": {"type": "integer"},
        "code": {"type": "string", "enum": [code.value for code in Code]},
        "errors": {"type": "array", "items": {"type": "object"}},
    },
}
_PROBLEM_ANSWER: Final = {
    "description": "It was not done; the code says why.",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


async def _on_ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, ReconcilerError)  # noqa: S101 - registered for this class only
    return _answered(request, translate(error))


async def _on_refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)  # noqa: S101 - registered for this class only
    return _answered(request, error.problem)


def _answered(request: Request, problem: ApiProblem) -> Response:
    return answer(problem, instance=request.url.path, request_id=request.state.request_id)

"""The web application: made of services, served by uvicorn inside the program's own loop."""

from functools import cache
from typing import Any, Final

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware

from reconciler.web import handlers
from reconciler.web.attempts import Attempts
from reconciler.web.connect.pages import page_routes
from reconciler.web.envelope import Envelope
from reconciler.web.gates import PROBES, BodyGate, HostGate, VersionGate
from reconciler.web.hooks import hook_routes
from reconciler.web.metrics import PATH, metric_routes
from reconciler.web.needs import Policy, Services
from reconciler.web.rates import Rates
from reconciler.web.route import mount
from reconciler.web.security import Gatekeeper
from reconciler.web.server import listen, serve, serve_on
from reconciler.web.v1.documents import build
from reconciler.web.v1.routes import routes
from reconciler.web.versions import VERSIONS

__all__ = ["Policy", "Services", "listen", "make_app", "serve", "serve_on"]

COMPRESS_FROM: Final = 4096
"""Answers of at least this many bytes are compressed for who takes it; smaller ones fit a packet or two."""


def make_app(services: Services) -> FastAPI:
    """Return the application over *services*."""
    policy = services.policy
    app = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        middleware=[
            Middleware(Envelope, timeout=policy.timeout, meter=services.meter),
            Middleware(GZipMiddleware, minimum_size=COMPRESS_FROM, compresslevel=4),
            Middleware(HostGate, hosts=policy.hosts, free=_by_address(policy)),
            Middleware(VersionGate, versions=VERSIONS),
            Middleware(BodyGate, limit=policy.body),
        ],
    )
    handlers.install(app)
    rates, attempts = Rates(policy.rate, policy.burst), Attempts(policy.failures)
    keeper = Gatekeeper(services.store, services.in_force, services.clock, rates, attempts)

    @cache
    def document() -> dict[str, Any]:
        return build(app, every)

    every = [
        *routes(services, document),
        *hook_routes(services.hooks, services.clock),
        *page_routes(services.connect, services.clock),
        *metric_routes(services),
    ]
    for route in every:
        mount(app, route, keeper)
    app.state.routes = tuple(every)
    return app


def _by_address(policy: Policy) -> frozenset[str]:
    """Return the paths that are asked by address: what scrapes finds processes, not names.

    Metrics are among them while they need a token, which no page that rebinds a name has.
    """
    return PROBES if policy.open_metrics else PROBES | {PATH}

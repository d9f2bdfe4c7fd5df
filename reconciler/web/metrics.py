"""``GET /metrics``: the numbers that a Prometheus server scrapes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from fastapi import Request
from starlette.responses import Response

from reconciler.model.access import Scope
from reconciler.web.needs import Metrics, Services
from reconciler.web.problems import Code, refuse
from reconciler.web.route import Access, Route
from reconciler.web.security import granted_to

PATH: Final = "/metrics"


def metric_routes(services: Services) -> Iterator[Route]:
    """Yield the route of metrics, if there are any: behind a token, unless the operator has opened it."""
    if services.metrics is None:
        return
    opened = services.policy.open_metrics
    yield Route(
        "GET",
        PATH,
        MetricRoutes(services.metrics, opened=opened).page,
        Access.PUBLIC if opened else Scope.READ_STATUS,
        "get_metrics",
        "Metrics for Prometheus",
        "health",
        shown=False,
    )


@dataclass(frozen=True)
class MetricRoutes:
    """The operation on metrics. Their labels name customers: not for the token of one of them."""

    metrics: Metrics
    opened: bool

    async def page(self, request: Request) -> Response:
        """Answer with the metrics, as text or OpenMetrics."""
        if not self.opened and granted_to(request).connection is not None:
            raise refuse(
                Code.PERMISSION_DENIED,
                "metrics are about all connections, and this token is over one",
                hint="make one over all of them: reconciler token create --scope read:status",
            )
        packed = "gzip" in request.headers.get("accept-encoding", "")
        body, media_type = await self.metrics.page(request.headers.get("accept", ""), packed=packed)
        headers = {"Cache-Control": "no-store", "Vary": "Accept, Accept-Encoding"}
        if packed:
            headers["Content-Encoding"] = "gzip"
        return Response(body, headers={**headers, "Content-Type": media_type})

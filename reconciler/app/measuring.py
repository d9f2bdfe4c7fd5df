"""What a running process says of itself: its metrics, and whether it is ready."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from reconciler.app import House
from reconciler.ports import SILENT

if TYPE_CHECKING:
    from reconciler.engine.runtime import Runtime
    from reconciler.telemetry.moment import Lease
    from reconciler.web.needs import Check, Metrics


def measured(built: House) -> House:
    """Return a house that counts what happens in it, unless metrics are off."""
    if built.settings.metrics == "off":
        return built
    from reconciler.telemetry.meter import PrometheusMeter  # noqa: PLC0415  only what runs pays for it

    return replace(built, meter=PrometheusMeter())


def metrics_of(built: House, made: "Runtime") -> "Metrics | None":
    """Return the page of metrics of a house that counts; ``None`` for one that does not."""
    if built.meter is SILENT:
        return None
    from reconciler.telemetry.meter import PrometheusMeter  # noqa: PLC0415  only what runs pays for it
    from reconciler.telemetry.moment import Sources  # noqa: PLC0415  likewise
    from reconciler.telemetry.page import MetricsPage  # noqa: PLC0415  likewise

    if not isinstance(built.meter, PrometheusMeter):
        return None
    url = built.settings.database_url
    sources = Sources(
        built.store.views,
        built.in_force,
        built.clock,
        depths=lambda: made.depths,
        jobs=lambda: built.jobs.standing,
        lease=lambda: _lease(built),
        database="postgresql" if url and url.startswith("postgres") else "sqlite",
    )
    return MetricsPage(built.meter, sources)


def _lease(built: House) -> "Lease":
    from reconciler.telemetry.moment import Lease  # noqa: PLC0415  only what runs pays for it

    writer = built.writer
    return Lease(held=False, epoch=0) if writer is None else Lease(writer.held, writer.epoch)


def readiness(built: House, made: "Runtime") -> "Mapping[str, Check]":
    """Return what has to be well for the process to be ready: the database, the specs, the lease."""
    checks = {"database": built.check_store, "specs": made.check_looked}
    return checks if built.writer is None else {**checks, "lease": built.writer.check_held}

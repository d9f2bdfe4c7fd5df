"""A page of metrics read back by the parsers of the client library."""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from prometheus_client.core import Metric
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as open_families,
)
from prometheus_client.parser import text_string_to_metric_families

from reconciler.telemetry.families import Family, Shape

OPEN = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
TEXT = "text/plain;version=0.0.4"

Samples: TypeAlias = Mapping[str, float]
"""``name{label="value"}`` to its value, labels by name."""


def read(page: tuple[bytes, str]) -> list[Metric]:
    """Return the families of a page, by the parser of its media type."""
    body, media_type = page
    parse = open_families if "openmetrics" in media_type else text_string_to_metric_families
    return list(parse(body.decode()))


def samples(page: tuple[bytes, str]) -> dict[str, float]:
    """Return all samples of a page."""
    found: dict[str, float] = {}
    for metric in read(page):
        for sample in metric.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            key = f"{sample.name}{{{labels}}}" if labels else sample.name
            assert key not in found, f"{key} is told twice"
            found[key] = sample.value
    return found


def series_of(found: Samples, family: Family) -> dict[str, float]:
    """Return the samples of a family, by their labels alone: ``kind="config"``."""
    return {
        key.removeprefix(family.name).strip("{}"): value
        for key, value in found.items()
        if key == family.name or key.startswith(f"{family.name}{{")
    }


def shapes(metrics: Iterable[Metric]) -> dict[str, str]:
    """Return the type of each family of an OpenMetrics page, by the name that the table has for it."""
    ends = {Shape.COUNTER: "_total", Shape.INFO: "_info"}
    return {f"{one.name}{ends.get(Shape(one.type), '')}": one.type for one in metrics}

"""The page that is scraped: what was counted and how it all stands, in the form that is asked for."""

import asyncio
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder

from reconciler.telemetry.families import LAST_SUCCESS
from reconciler.telemetry.meter import PrometheusMeter
from reconciler.telemetry.moment import Looker, Moment, Sources

LEVEL: Final = 4
"""How hard a page is compressed: the same lines again and again, so that more work gains little."""

_OPENING: Final = f"# TYPE {LAST_SUCCESS.name} {LAST_SUCCESS.shape}\n".encode()


class MetricsPage:
    """Makes pages, one at a time: however many ask, at most one thread works for them."""

    def __init__(self, meter: PrometheusMeter, sources: Sources) -> None:
        self._registry = meter.registry
        self._looker = Looker(sources)
        self._one = asyncio.Lock()

    async def page(self, accept: str, *, packed: bool = False) -> tuple[bytes, str]:
        """Return the numbers of now and their media type: text or OpenMetrics, by an Accept header.

        *packed*: compressed with gzip. A store that does not answer is told as such.
        """
        async with self._one:
            whole = _Whole(self._registry, await self._looker.look())
            return await asyncio.to_thread(_written, whole, accept, packed=packed)


@dataclass(frozen=True, slots=True)
class _Whole:
    """Both halves of a page as one collector."""

    counted: CollectorRegistry
    moment: Moment

    def collect(self) -> Iterator[Metric]:
        yield from self.moment.collect()
        yield from self.counted.collect()


def _written(whole: _Whole, accept: str, *, packed: bool) -> tuple[bytes, str]:
    encode, media_type = choose_encoder(accept)
    # Both formats open a family with this line, and then list its samples.
    before, opening, after = encode(whole).partition(_OPENING)
    page = b"".join((before, opening, whole.moment.lines(), after))
    return (gzip.compress(page, LEVEL, mtime=0) if packed else page), media_type

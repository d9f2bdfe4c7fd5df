"""The front door: builds everything, and is the only file that knows every room.

Heavy rooms are imported where they are built: a ``plan`` never pays for the web server.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from reconciler.connectors.catalogue import catalogue_files
from reconciler.engine.inforce import InForce
from reconciler.engine.reader import RecordReader
from reconciler.engine.reconcile import Wish
from reconciler.engine.remap import Remap
from reconciler.engine.runtime import Parts, Runtime
from reconciler.engine.syncs import Syncs
from reconciler.engine.turns import Reading, SpecsTurn
from reconciler.model.resource import Resource
from reconciler.ports import Connectors, Store
from reconciler.settings import Settings
from reconciler.sources.cache import ParseCache
from reconciler.sources.folder import Folder
from reconciler.spec.load import load


class SystemClock:
    """The machine's clock, in UTC."""

    def now(self) -> datetime:
        """Return the time now."""
        return datetime.now(UTC)  # noqa: TID251  this is the clock

    async def sleep(self, delay: timedelta) -> None:
        """Return when *delay* has passed."""
        await asyncio.sleep(delay.total_seconds())


@dataclass(frozen=True, slots=True)
class House:
    """What commands work with."""

    settings: Settings
    store: Store
    clock: SystemClock
    catalogue: Mapping[str, Resource]
    in_force: InForce

    @property
    def reader(self) -> RecordReader:
        """Unified records under the mapping in force."""
        return RecordReader(self.store.views, self.in_force)

    @property
    def connectors(self) -> Connectors:
        """Opens connections to remote systems."""
        from reconciler.connectors.registry import HttpConnectors  # noqa: PLC0415  httpx is heavy

        return HttpConnectors(self.clock, os.environ)

    @property
    def syncs(self) -> Syncs:
        """Runs syncs."""
        return Syncs(self.store, self.in_force, self.connectors, self.clock)

    @property
    def remap(self) -> Remap:
        """Maps stored records again."""
        return Remap(self.store, self.in_force, self.clock)


@asynccontextmanager
async def house(settings: Settings) -> AsyncIterator[House]:
    """Open the store and build what stands on it; close it at the end."""
    from reconciler.store.open import open_store  # noqa: PLC0415  SQLAlchemy is heavy

    clock = SystemClock()
    store = await open_store(settings.database_url or settings.state_dir)
    try:
        catalogue = load({}, catalogue=catalogue_files()).catalogue
        yield House(settings, store, clock, catalogue, InForce(store.views, catalogue))
    finally:
        await store.close()


def parse_cache(settings: Settings) -> ParseCache:
    """Return the cache of parsed spec files."""
    return ParseCache(settings.state_dir / "cache" / "specs.bin")


def runtime(built: House, path: Path, wish: Wish) -> Runtime:
    """Return the long-running reconciler over the specs at *path*."""
    from reconciler.jobs.inprocess import InProcessJobs  # noqa: PLC0415
    from reconciler.sources.timer import Timer  # noqa: PLC0415  APScheduler is heavy

    source = Folder(path)
    cache = parse_cache(built.settings)
    reading = Reading(wish, catalogue_files(), cache, cache.save)
    parts = Parts(
        source=source,
        specs=SpecsTurn(source, reading, built.store, built.in_force, built.clock),
        store=built.store,
        in_force=built.in_force,
        syncs=built.syncs,
        remap=built.remap,
        jobs=InProcessJobs(built.clock, workers=built.settings.workers),
        clock=built.clock,
    )
    return Runtime(parts, lambda made: Timer(made.due))


async def serve(built: House, made: Runtime, bind: tuple[str, int], *, started: asyncio.Event) -> None:
    """Serve the API until cancelled."""
    from reconciler.web.app import Services, make_app  # noqa: PLC0415  FastAPI is heavy
    from reconciler.web.app import serve as serve_app  # noqa: PLC0415

    services = Services(
        reader=built.reader,
        store=built.store,
        clock=built.clock,
        syncs=made,
        in_force=built.in_force,
    )
    host, port = bind
    await serve_app(make_app(services), host=host, port=port, started=started)


async def until_stopped(work: "asyncio.Task[None]") -> None:
    """Wait for *work*; an interrupt or a polite kill cancels it, and it ends in order."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, work.cancel)
    try:
        await work
    except asyncio.CancelledError:
        return
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)

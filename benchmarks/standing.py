"""A reconciler to be measured: specs in a folder of their own, SQLite, and a plant that never answers."""

import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from reconciler.app import SystemClock
from reconciler.connectors.catalogue import catalogue_files
from reconciler.engine.inforce import InForce
from reconciler.engine.reading import Reading
from reconciler.engine.remap import Remap
from reconciler.engine.runtime import Parts, Runtime
from reconciler.engine.syncs import SyncReport
from reconciler.engine.turns import SpecsTurn
from reconciler.engine.wish import Wish
from reconciler.jobs.inprocess import InProcessJobs
from reconciler.ports import Store
from reconciler.sources.cache import ParseCache
from reconciler.sources.folder import Folder
from reconciler.sources.timer import Timer
from reconciler.spec.load import load
from reconciler.spec.memo import Memo
from reconciler.store.open import open_store

CONNECTION = """\
apiVersion: reconciler/v1
kind: Connection
metadata: {{name: c-{i}, labels: {{customer: "c{i}", tier: t{t}}}}}
spec:
  connector: sandbox
  config: {{base_url: "http://127.0.0.1:8055"}}
  auth: {{method: api_key, key: {{env: SANDBOX_API_KEY}}}}
  entities: [purchase-orders, vendors]
  history: 365d
"""
MAPPING = """\
apiVersion: reconciler/v1
kind: Mapping
metadata: {{name: c-{i}-purchase-orders}}
spec:
  connection: c-{i}
  entity: purchase-orders
  fields:
    number: {{from: number, type: string}}
    status: {{from: status, values: {{OPEN: approved, CLOSED: closed}}, unknown: other}}
  customFields:
    cost_center: {{from: cost_center, type: string}}
"""
SCHEDULE = """\
apiVersion: reconciler/v1
kind: SyncSchedule
metadata: {{name: c-{i}-daily}}
spec: {{connection: c-{i}, every: 1d, jitter: 1h}}
"""


def write_specs(folder: Path, count: int, *, together: int) -> None:
    """Write *count* resources, *together* in a file, 500 files in a folder."""
    forms = (CONNECTION, MAPPING, SCHEDULE)
    texts = [forms[n % 3].format(i=n // 3, t=n % 5) for n in range(count)]
    for at in range(0, count, together):
        file = folder / f"{at // together // 500:03d}" / f"{at:05d}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("---\n".join(texts[at : at + together]))
    # A file that was written a moment ago is read again at each look, so that no change is missed.
    time.sleep(2.1)


class NoSyncs:
    """Syncs that are over at once: only the control loop is measured."""

    async def run(self, *_: object) -> SyncReport:
        """Return at once."""
        return SyncReport(())


@dataclass(frozen=True)
class Standing:
    """All that is measured."""

    specs: Path
    store: Store
    turn: SpecsTurn
    runtime: Runtime


@asynccontextmanager
async def standing(count: int, *, together: int) -> AsyncIterator[Standing]:
    structlog.configure(
        processors=[structlog.dev.ConsoleRenderer()], cache_logger_on_first_use=True
    )
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    folder = Path(tempfile.mkdtemp(prefix="reconciler-bench-"))
    write_specs(folder / "specs", count, together=together)
    store, clock = open_store(folder / "state"), SystemClock()
    cache = ParseCache(folder / "state" / "cache" / "specs.bin")
    memo = Memo(cache)
    reading = Reading(Wish(), catalogue_files(), memo, lambda: cache.save_sparingly(memo.used()))
    in_force = InForce(store.views, load({}, catalogue=catalogue_files()).catalogue)
    source = Folder(folder / "specs")
    turn = SpecsTurn(source, reading, store, in_force, clock)
    remap, jobs = Remap(store, in_force, clock), InProcessJobs(clock)
    parts = Parts(source, turn, store, in_force, NoSyncs(), remap, jobs, clock)  # type: ignore[arg-type]
    try:
        runtime = Runtime(parts, lambda made: Timer(made.due))
        yield Standing(folder / "specs", store, turn, runtime)
    finally:
        await store.close()
        shutil.rmtree(folder)

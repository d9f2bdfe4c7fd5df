"""All metrics there are: name, type, labels and meaning, in one table; the page of them is made of it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Shape(StrEnum):
    """The types of metrics, in the words of Prometheus."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Family:
    """A metric. ``buckets`` are the upper bounds of a histogram, in its unit."""

    name: str
    shape: Shape
    labels: tuple[str, ...]
    meaning: str
    buckets: tuple[float, ...] = ()


_TURNS: Final = (0.005, 0.025, 0.1, 0.5, 1, 5, 15, 60, 300)
_WAITS: Final = (0.01, 0.1, 1, 5, 30, 120, 600)
_SYNCS: Final = (1, 5, 15, 60, 300, 900, 3600, 14_400)
_LATENCIES: Final = (0.1, 0.5, 1, 5, 30, 60, 300, 1800, 7200, 36_000, 86_400, 259_200)
_REQUESTS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

BUILD: Final = Family(
    "reconciler_build_info",
    Shape.INFO,
    ("version", "python", "database"),
    "Always 1: which version runs, on which Python and which database (`sqlite`, `postgresql`).",
)
STORE_UP: Final = Family(
    "reconciler_store_up",
    Shape.GAUGE,
    (),
    "1 if the store answered this scrape. If it is 0, what is read from the store is left out.",
)
LEASE_HELD: Final = Family(
    "reconciler_lease_held",
    Shape.GAUGE,
    (),
    "1 if this process holds the lease of the one writer.",
)
LEASE_EPOCH: Final = Family(
    "reconciler_lease_epoch",
    Shape.GAUGE,
    (),
    "How often the lease has changed hands. It rises by one at each start.",
)
SOURCE_READY: Final = Family(
    "reconciler_source_ready",
    Shape.GAUGE,
    (),
    "1 if the last look found specs that can be read and are sound; 0 before the first look.",
)
LAST_LOOK: Final = Family(
    "reconciler_specs_last_success_timestamp_seconds",
    Shape.GAUGE,
    (),
    "When the last look ended that found sound specs; 0 before the first.",
)
LOOKS: Final = Family(
    "reconciler_specs_look_duration_seconds",
    Shape.HISTOGRAM,
    ("outcome",),
    "How long looks at the specs took: `applied`, `unchanged`, `invalid`, `unreadable`, `failed`.",
    _TURNS,
)
OBJECTS: Final = Family(
    "reconciler_objects", Shape.GAUGE, ("kind",), "Objects in force, by kind (`Connection`, …)."
)
PLANS: Final = Family(
    "reconciler_plans_applied_total", Shape.COUNTER, (), "Plans that were brought into force."
)
CHANGES: Final = Family(
    "reconciler_changes_applied_total",
    Shape.COUNTER,
    ("action", "kind"),
    "Changes that these plans made: `create`, `update`, `replace`, `rename`, `adopt`, `heal`, "
    "`forget`, `delete`.",
)
HELD: Final = Family(
    "reconciler_changes_held",
    Shape.GAUGE,
    (),
    "Changes of the last sound specs that a guard or a conflict holds until a person decides.",
)
DRIFTS: Final = Family(
    "reconciler_drifts_open",
    Shape.GAUGE,
    ("kind",),
    "Drift that is not over: `config`, `schema`, `credential`, `data`.",
)
DEPTH: Final = Family(
    "reconciler_controller_queue_depth",
    Shape.GAUGE,
    ("family",),
    "Keys that are due and wait for a worker. The family of `remap:acme` is `remap`.",
)
WAITED: Final = Family(
    "reconciler_controller_queue_wait_seconds",
    Shape.HISTOGRAM,
    ("family",),
    "How long keys waited for a worker after they were due.",
    _WAITS,
)
TURNS: Final = Family(
    "reconciler_controller_turn_duration_seconds",
    Shape.HISTOGRAM,
    ("family", "outcome"),
    "How long turns took: `done`, `retried` (after a fault), `waiting` (for something else to end), "
    "`halted` (until a person or a change).",
    _TURNS,
)
CONNECTIONS: Final = Family(
    "reconciler_connections",
    Shape.GAUGE,
    ("status",),
    "Connections in force: `pending`, `online`, `degraded`, `offline`, `needs_reauth`, and `paused` "
    "for those that are suspended.",
)
JOBS: Final = Family(
    "reconciler_sync_jobs",
    Shape.GAUGE,
    ("state",),
    "Syncs of connections that are `queued` and `running`; how many run at a time is set by "
    "`RECONCILER_WORKERS`.",
)
RUNS: Final = Family(
    "reconciler_sync_runs_total",
    Shape.COUNTER,
    ("connector", "entity", "mode", "status"),
    "Runs that ended: `succeeded`, `failed`, `cancelled`. The mode is `incremental`, `full` or "
    "`remap` (of what is stored; no system is asked).",
)
RUN_DURATION: Final = Family(
    "reconciler_sync_duration_seconds",
    Shape.HISTOGRAM,
    ("connector", "mode"),
    "How long runs took, from the first page to the last; one run is one entity of one connection.",
    _SYNCS,
)
READ: Final = Family(
    "reconciler_sync_records_read_total",
    Shape.COUNTER,
    ("connector", "entity", "mode"),
    "Records that runs read; counted when a run ends.",
)
WRITTEN: Final = Family(
    "reconciler_sync_records_written_total",
    Shape.COUNTER,
    ("connector", "entity", "mode", "action"),
    "Records that were `created` or `updated`. What is as it was is not written.",
)
DELETED: Final = Family(
    "reconciler_sync_records_deleted_total",
    Shape.COUNTER,
    ("connector", "entity", "mode"),
    "Records that are gone in their system, and became tombstones.",
)
INVALID: Final = Family(
    "reconciler_sync_records_invalid_total",
    Shape.COUNTER,
    ("connector", "entity", "mode"),
    "Records that could not be mapped; they are kept raw.",
)
LAST_SUCCESS: Final = Family(
    "reconciler_sync_last_success_timestamp_seconds",
    Shape.GAUGE,
    ("connection", "entity"),
    "When an entity of a connection was last read to the end (`last_success_at` of the API); 0: never. "
    "Connections that are suspended have none.",
)
DELIVERIES: Final = Family(
    "reconciler_deliveries",
    Shape.GAUGE,
    ("state",),
    "Deliveries of events that are `pending`, those of suspended routes too, and those that are `dead`.",
)
ATTEMPTS: Final = Family(
    "reconciler_delivery_attempts_total",
    Shape.COUNTER,
    ("outcome",),
    "Attempts to deliver: `delivered`, `refused` (answered, but not with 2xx), `unanswered`.",
)
LATENCY: Final = Family(
    "reconciler_delivery_latency_seconds",
    Shape.HISTOGRAM,
    (),
    "From an event to the end of the attempt that delivered it.",
    _LATENCIES,
)
OLDEST: Final = Family(
    "reconciler_outbox_oldest_pending_age_seconds",
    Shape.GAUGE,
    (),
    "How long ago the oldest event happened that not everybody was told of who is to be told; 0 if "
    "there is none.",
)
REQUESTS: Final = Family(
    "reconciler_http_requests_total",
    Shape.COUNTER,
    ("route", "method", "status"),
    "Requests that were answered, by the route's template (`unmatched`: of no route) and the class of "
    "the status (`2xx`, `4xx`, `5xx`; `none`: the client left before).",
)
REQUEST_DURATION: Final = Family(
    "reconciler_http_request_duration_seconds",
    Shape.HISTOGRAM,
    ("route", "method"),
    "How long requests took until the last byte of the answer.",
    _REQUESTS,
)

OURS: Final = (
    BUILD,
    STORE_UP,
    LEASE_HELD,
    LEASE_EPOCH,
    SOURCE_READY,
    LAST_LOOK,
    LOOKS,
    OBJECTS,
    PLANS,
    CHANGES,
    HELD,
    DRIFTS,
    DEPTH,
    WAITED,
    TURNS,
    CONNECTIONS,
    JOBS,
    RUNS,
    RUN_DURATION,
    READ,
    WRITTEN,
    DELETED,
    INVALID,
    LAST_SUCCESS,
    DELIVERIES,
    ATTEMPTS,
    LATENCY,
    OLDEST,
    REQUESTS,
    REQUEST_DURATION,
)
"""The metrics of the reconciler, in the order of the page."""

_GENERATION: Final = ("generation",)

LIBRARY: Final = (
    Family("process_cpu_seconds_total", Shape.COUNTER, (), "CPU time of the process."),
    Family("process_resident_memory_bytes", Shape.GAUGE, (), "Memory in use."),
    Family("process_virtual_memory_bytes", Shape.GAUGE, (), "Virtual memory."),
    Family("process_start_time_seconds", Shape.GAUGE, (), "When the process started."),
    Family("process_open_fds", Shape.GAUGE, (), "Open files and sockets."),
    Family("process_max_fds", Shape.GAUGE, (), "How many there may be."),
    Family(
        "python_info",
        Shape.GAUGE,
        ("implementation", "major", "minor", "patchlevel", "version"),
        "Always 1: which Python runs.",
    ),
    Family(
        "python_gc_collections_total", Shape.COUNTER, _GENERATION, "Runs of the garbage collector."
    ),
    Family(
        "python_gc_objects_collected_total", Shape.COUNTER, _GENERATION, "Objects it has freed."
    ),
    Family(
        "python_gc_objects_uncollectable_total",
        Shape.COUNTER,
        _GENERATION,
        "Objects it could not free.",
    ),
)
"""What the client library tells of the process, on Linux."""

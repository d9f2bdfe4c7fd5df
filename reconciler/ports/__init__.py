"""What the engine needs of the world, each port as small as its user. The shell fits them.

``Store`` is a transaction at a time; a ``UnitOfWork`` has one small port a table family, and leaves
nothing behind unless ``commit`` was called. ``connection`` is the connection's uid everywhere below
the API; its name is for people.
"""

from reconciler.ports.alerts import Alerts, Endpoints
from reconciler.ports.credentials import Credentials, Handovers, Links, Obtained, Safe, Secrets
from reconciler.ports.edits import (
    CommitPatch,
    EditDone,
    Edits,
    EditWish,
    MappingEdited,
    MappingEdits,
    MappingWish,
    Permit,
)
from reconciler.ports.health import Health
from reconciler.ports.meter import SILENT, Answered, Look, LookEnd, Meter
from reconciler.ports.remote import Connector, Connectors, Consents, StreamFacts
from reconciler.ports.specs import Clock, Commit, Snapshot, SpecSource
from reconciler.ports.store import Leases, Objects, Outbox, Records, Runs, Store, Tokens, UnitOfWork
from reconciler.ports.trust import Audit, Conditions, Ledger, Pins
from reconciler.ports.views import Views
from reconciler.ports.work import (
    Job,
    JobHandler,
    Jobs,
    JobStatus,
    Outcome,
    Reporter,
    Sender,
    SyncRequest,
)

__all__ = [
    "SILENT",
    "Alerts",
    "Answered",
    "Audit",
    "Clock",
    "Commit",
    "CommitPatch",
    "Conditions",
    "Connector",
    "Connectors",
    "Consents",
    "Credentials",
    "EditDone",
    "EditWish",
    "Edits",
    "Endpoints",
    "Handovers",
    "Health",
    "Job",
    "JobHandler",
    "JobStatus",
    "Jobs",
    "Leases",
    "Ledger",
    "Links",
    "Look",
    "LookEnd",
    "MappingEdited",
    "MappingEdits",
    "MappingWish",
    "Meter",
    "Objects",
    "Obtained",
    "Outbox",
    "Outcome",
    "Permit",
    "Pins",
    "Records",
    "Reporter",
    "Runs",
    "Safe",
    "Secrets",
    "Sender",
    "Snapshot",
    "SpecSource",
    "Store",
    "StreamFacts",
    "SyncRequest",
    "Tokens",
    "UnitOfWork",
    "Views",
]

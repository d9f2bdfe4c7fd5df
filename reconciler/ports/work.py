"""Work to be done: durable jobs, wishes to sync, and events to send."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from reconciler.model.event import Attempt, Delivery, Event
from reconciler.model.resource import Resource
from reconciler.model.sync import SyncMode, Trigger


@dataclass(frozen=True, slots=True)
class Job:
    """Work to be done once: ``id`` makes a second ask the same one; ``lane`` runs one at a time."""

    id: str
    name: str
    lane: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class JobStatus:
    """How a job stands: ``queued running succeeded failed cancelled``, and why it failed."""

    id: str
    status: str
    error: str = ""


class Jobs(Protocol):
    """Durable work in six verbs; what runs behind them may change."""

    async def enqueue(self, job: Job) -> JobStatus:
        """Ask for *job*; one with the same id is the same job, and is not run twice."""
        ...

    async def cancel(self, job_id: str) -> None:
        """Stop a job before its next step."""
        ...

    async def status(self, job_id: str) -> JobStatus | None:
        """Return how a job stands."""
        ...

    async def recover(self) -> int:
        """Take up what a dead process left; return how many jobs."""
        ...

    async def retain(self, keep: timedelta) -> int:
        """Forget jobs that ended longer ago than *keep*; return how many."""
        ...

    async def listen(self, handlers: Mapping[str, "JobHandler"]) -> None:
        """Run jobs, each by the handler of its name, until cancelled."""
        ...


JobHandler = Callable[[Job], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class SyncRequest:
    """A wish to sync: which entities (none: all) of which connection (its name), how, and who asks.

    ``key`` makes a second ask the same one: two requests with the same key are one job. Empty: a new one.
    """

    connection: str
    entities: tuple[str, ...] = ()
    mode: SyncMode = SyncMode.INCREMENTAL
    trigger: Trigger = Trigger.PERSON
    key: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a look at a commit ended: in force (``well``), or why not, in a sentence.

    ``waits``: it will be in force by itself, when a window of the policy ends.
    """

    commit: str
    revision: str
    well: bool
    summary: str
    waits: bool = False


Reporter = Callable[[Outcome], Awaitable[None]]
"""Tells where the specs come from how a look at a commit has ended."""


class Sender(Protocol):
    """Sends one event to one address."""

    async def send(self, delivery: Delivery, event: Event, route: Resource) -> Attempt:
        """Send to where *route* says, and return what came of it.

        It never raises for what the receiver did, nor for an address or a secret that leads nowhere.
        """
        ...

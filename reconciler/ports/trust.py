"""What makes a change accountable: the drift ledger, conditions, the audit log, and pins."""

from collections.abc import Sequence
from typing import Protocol

from reconciler.model.audit import AuditEntry, Pin
from reconciler.model.condition import Condition, Status
from reconciler.model.drift import Drift


class Ledger(Protocol):
    """Drift, open and ended."""

    async def open(self) -> Sequence[Drift]:
        """Return the drift of objects (kind ``config``) that is not over, oldest first."""
        ...

    async def keep(self, drift: Drift) -> None:
        """Keep *drift* as it is now, new or known by its id."""
        ...


class Conditions(Protocol):
    """What is to be said of an object (by uid) or of the source of specs (``Source``)."""

    async def put(self, subject: str, status: Status) -> bool:
        """Keep *status*; return whether its truth or reason is another than before."""
        ...

    async def clear(self, subject: str, condition: Condition) -> bool:
        """Say nothing any more; return whether something was said."""
        ...


class Audit(Protocol):
    """Who did what."""

    async def record(self, entry: AuditEntry) -> None:
        """Keep *entry*, bound to the one before it."""
        ...


class Pins(Protocol):
    """Where the source of specs stays."""

    async def put(self, pin: Pin) -> None:
        """Keep *pin*, in place of the one that its environment had."""
        ...

    async def remove(self, environment: str) -> bool:
        """Take the pin off; return whether there was one."""
        ...

"""Drift ledger, conditions, audit log and pins without a database."""

from collections.abc import Sequence
from dataclasses import replace

from reconciler.model.audit import AuditEntry, Pin
from reconciler.model.condition import Condition, Status
from reconciler.model.drift import Drift, DriftKind
from reconciler.store.in_memory.shelf import Draft, Shelf


class MemoryLedger:
    """``ports.Ledger`` in one transaction."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft

    async def open(self) -> Sequence[Drift]:
        """Return the drift of objects that is not over, oldest first."""
        return await self._draft.do(_open)

    async def keep(self, drift: Drift) -> None:
        """Keep *drift* as it is now, new or known by its id."""
        await self._draft.do(lambda shelf: shelf.drifts.update({drift.id: drift}))


class MemoryConditions:
    """``ports.Conditions`` in one transaction."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft

    async def put(self, subject: str, status: Status) -> bool:
        """Keep *status*; return whether its truth or reason is another than before."""
        return await self._draft.do(_put, subject, status)

    async def clear(self, subject: str, condition: Condition) -> bool:
        """Say nothing any more; return whether something was said."""
        return await self._draft.do(
            lambda shelf: shelf.conditions.pop((subject, condition), None) is not None
        )


class MemoryAudit:
    """``ports.Audit`` in one transaction."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft

    async def record(self, entry: AuditEntry) -> None:
        """Keep *entry*, bound to the one before it."""
        await self._draft.do(_record, entry)


class MemoryPins:
    """``ports.Pins`` in one transaction."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft

    async def put(self, pin: Pin) -> None:
        """Keep *pin*, in place of the one that its environment had."""
        await self._draft.do(lambda shelf: shelf.pins.update({pin.environment: pin}))

    async def remove(self, environment: str) -> bool:
        """Take the pin off; return whether there was one."""
        return await self._draft.do(lambda shelf: shelf.pins.pop(environment, None) is not None)


def _open(shelf: Shelf) -> Sequence[Drift]:
    found = [
        replace(drift, key=shelf.objects[drift.uid].resource.key)
        for drift in shelf.drifts.values()
        if drift.resolved_at is None and drift.kind is DriftKind.CONFIG
    ]
    return sorted(found, key=lambda drift: (drift.first_seen_at, drift.id))


def _put(shelf: Shelf, subject: str, status: Status) -> bool:
    place = (subject, status.condition)
    known = shelf.conditions.get(place)
    shelf.conditions[place] = status if known is None else known.after(status)
    return known is None or (known.truth, known.reason) != (status.truth, status.reason)


def _record(shelf: Shelf, entry: AuditEntry) -> None:
    before = shelf.audit[-1].chain if shelf.audit else ""
    number = len(shelf.audit) + 1
    shelf.audit.append(replace(entry, seq=number, chain=entry.chained(before)))

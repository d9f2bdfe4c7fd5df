"""Removes what has ended long ago: deliveries, alerts and silences, some at a time."""

from datetime import datetime, timedelta
from typing import Final

import structlog

from reconciler.ports import Clock, Store

log = structlog.get_logger()

KEPT: Final = timedelta(days=30)
"""So long an ended delivery is kept, and can be made once more; alerts and silences as long."""

EVERY: Final = timedelta(hours=1)
BATCH: Final = 1000
"""So many rows go in one transaction."""


class Tidying:
    """Looks once an hour."""

    def __init__(self, store: Store, clock: Clock, *, batch: int = BATCH) -> None:
        self._store = store
        self._clock = clock
        self._batch = batch
        self._next: datetime | None = None

    async def turn(self) -> datetime:
        """Remove a batch of each at most, if it is time; return when to look again."""
        now = self._clock.now()
        if self._next is not None and now < self._next:
            return self._next
        before = now - KEPT
        async with self._store.begin() as unit:
            deliveries = await unit.outbox.prune(before, limit=self._batch)
            alerts = await unit.alerts.prune(before, limit=self._batch)
            await unit.commit()
        if deliveries or alerts:
            log.info("ended_removed", deliveries=deliveries, alerts=alerts)
        more = self._batch in {deliveries, alerts}
        self._next = now if more else now + EVERY
        return self._next

"""The use of tokens that are worthless: kept in the audit log, so that a leaked or forgotten one is seen."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from reconciler.engine.granting import subject_of
from reconciler.errors import ReconcilerError
from reconciler.model.access import Token
from reconciler.model.audit import AuditEntry
from reconciler.ports import Store

EVERY: Final = timedelta(minutes=1)
"""A token is told of at most this often."""
KEPT: Final = 10_000
"""Of how many tokens it is remembered when they were told of."""
GONE: Final = "connection-gone"
"""The reason where a token is good, and its connection not in force."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Turned:
    """A request that was turned away: why, from which address, and its id."""

    reason: str
    peer: str | None
    request_id: str


class Refusals:
    """Tells the audit log of *store*. Only who has a token's whole text makes an entry."""

    def __init__(self, store: Store, *, kept: int = KEPT) -> None:
        self._store = store
        self._kept = kept
        self._told: OrderedDict[str, datetime] = OrderedDict()

    async def note(self, token: Token, turned: Turned, now: datetime) -> None:
        """Keep that *token* was refused, unless that was told within the last minute."""
        last = self._told.get(token.id)
        if last is not None and now - last < EVERY:
            return
        self._told[token.id] = now
        self._told.move_to_end(token.id)
        while len(self._told) > self._kept:
            self._told.popitem(last=False)
        await self._keep(token, turned, now)

    async def _keep(self, token: Token, turned: Turned, now: datetime) -> None:
        data = {
            "name": token.name,
            "connection": token.connection,
            "reason": turned.reason,
            "peer": turned.peer,
        }
        actor = f"api:{token.name or token.id}"
        entry = AuditEntry(now, actor, "token.refused", subject_of(token), data, turned.request_id)
        try:
            async with self._store.begin() as unit:
                await unit.audit.record(entry)
                await unit.commit()
        except ReconcilerError as error:
            log.warning("refusal_not_kept", token=token.id, reason=error.message)

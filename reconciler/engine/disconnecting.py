"""A connection's end: disconnected, its data kept; or forgotten, its data erased.

Disconnecting makes its tokens worthless, drops what its customer gave, revokes open links, and pauses it
until it is connected again. What was synced stays, and can be read by tokens over all connections.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from reconciler.datamodel.reader import entities
from reconciler.engine.granting import By, Granting
from reconciler.engine.inforce import InForce, Situation
from reconciler.engine.pausing import is_disconnection, pause_document, pause_key
from reconciler.errors import Locked, NotFound
from reconciler.model.audit import AuditEntry
from reconciler.model.link import LinkState
from reconciler.model.resource import Kind, Resource, ResourceKey
from reconciler.ports import Clock, Edits, EditWish, Store, UnitOfWork

ENDLESS: Final = timedelta(days=36_500)
"""How long a disconnection lasts if nobody connects again."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """How much ended: tokens, credentials and open links; and how many records and runs were erased."""

    tokens: int
    credentials: int
    links: int
    records: int = 0
    runs: int = 0


class Disconnecting:
    """Ends connections."""

    def __init__(self, store: Store, in_force: InForce, edits: Edits, clock: Clock) -> None:
        self._store = store
        self._in_force = in_force
        self._edits = edits
        self._clock = clock

    async def disconnect(
        self, name: str, *, actor: str, reason: str = "disconnected", request_id: str = ""
    ) -> Disconnected:
        """End the access of a connection and to it, at once; its records stay. Twice is as once.

        Raises:
            NotFound: if no connection of this name is in force.
        """
        situation = await self._in_force.look()
        connection = situation.connection(name)
        by = By(actor, self._clock.now(), request_id)
        async with self._store.begin() as unit:
            done = await self._end(unit, situation.uid(connection), connection.key, by, reason)
            await unit.commit()
        await self._pause(situation, connection, by, reason)
        return done

    async def forget(self, name: str, *, actor: str, request_id: str = "") -> Disconnected:
        """Disconnect, and erase all records, runs and cursors for good.

        One that is not in force any more, and whose data were retained, is forgotten too.

        Raises:
            NotFound: if there is nothing of that name.
            Locked: if a sync of it is under way: it would bring back what is erased.
        """
        key = ResourceKey(Kind.CONNECTION, name)
        reason = "forgotten on request"
        situation = await self._in_force.look()
        by = By(actor, self._clock.now(), request_id)
        connection = situation.state.resources.get(key)
        if connection is not None:
            # First, so that no sync brings back what is being erased.
            await self._pause(situation, connection, by, reason)
        async with self._store.begin() as unit:
            uid = await unit.objects.last_uid(key)
            if uid is None:
                hint = "reconciler get connections lists those in force"
                raise NotFound(f"nothing is kept of a connection {name!r}", hint=hint)
            await _hold_syncs(unit, uid, by)
            done = await self._end(unit, uid, key, by, reason)
            records = await unit.records.erase(uid)
            runs = await unit.runs.erase(uid)
            await self._tell(unit, key, by, "connection.forgotten", records=records, runs=runs)
            await unit.commit()
        return replace(done, records=records, runs=runs)

    async def connected(self, name: str, *, actor: str) -> None:
        """End the pause of a disconnection: the customer has connected again."""
        pause = pause_key(ResourceKey(Kind.CONNECTION, name))
        found = (await self._in_force.look()).state.resources.get(pause)
        if found is not None and is_disconnection(found):
            await self._edits.remove(pause, actor=actor)

    async def _end(
        self, unit: UnitOfWork, uid: str, key: ResourceKey, by: By, reason: str
    ) -> Disconnected:
        tokens = await Granting(unit, by).revoke_all_of(uid)
        credentials = await unit.credentials.drop(uid)
        links = 0
        for known in await self._store.views.links(uid):
            link = await unit.links.by_digest(known.digest)
            if link is not None and link.stands(by.at) is LinkState.OPEN:
                await unit.links.put(replace(link, revoked_at=by.at))
                links += 1
            handover = await unit.handovers.of(known.id)
            if handover is not None and handover.taken_at is None:  # no token comes of it any more
                await unit.handovers.put(handover.taken(by.at))
        ended = Disconnected(len(tokens), credentials, links)
        data = {"tokens": len(tokens), "credentials": credentials, "links": links}
        await self._tell(unit, key, by, "connection.disconnected", reason=reason, **data)
        return ended

    async def _tell(
        self, unit: UnitOfWork, key: ResourceKey, by: By, deed: str, **data: Any
    ) -> None:
        entry = AuditEntry(by.at, by.actor, deed, str(key), data, by.request_id)
        await unit.audit.record(entry)

    async def _pause(self, situation: Situation, connection: Resource, by: By, reason: str) -> None:
        if pause_key(connection.key) in situation.state.resources:
            return
        document = pause_document(
            connection.key, by.at + ENDLESS, reason, by=by.actor, disconnected=True
        )
        await self._edits.put(EditWish(document, by.actor, by.request_id))


async def _hold_syncs(unit: UnitOfWork, uid: str, by: By) -> None:
    """Return if no sync of the connection is under way; none begins before *unit* has ended."""
    for entity in entities():
        held = await unit.leases.acquire(
            f"sync:{uid}:{entity}", f"forget by {by.actor}", now=by.at, lease=timedelta(0)
        )
        if held is None:
            msg = f"a sync of {entity} is under way"
            raise Locked(msg, hint="it is paused now: ask again when this run has ended")

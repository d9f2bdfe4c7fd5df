"""The safe: credentials opened and kept, and renewed by one caller of all processes at a time.

A system that rotates its refresh tokens gives each once, and takes a second use of an old one for theft. So
nobody renews before nobody else does, what was obtained is kept before anybody uses it, and that a
renewal is under way is kept before it begins: a death in between can be told from a refusal.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final, TypeAlias

from reconciler.model.credential import Sealed
from reconciler.ports import Clock, Obtained, Store, UnitOfWork
from reconciler.secrets.fingerprints import Fingerprints
from reconciler.secrets.keyring import KeyRing
from reconciler.secrets.renewal import INTENT, Renewal
from reconciler.secrets.secret import Unwritten

Good: TypeAlias = Callable[[Mapping[str, str], datetime], bool]
Obtain: TypeAlias = Callable[[Mapping[str, str]], Awaitable[Obtained]]

ROUNDS: Final = 3
"""How often one waits for what others obtain before what is obtained is taken as it is."""


class StoredSafe(Unwritten):
    """``ports.Safe`` over the store, for the process *holder*, a name that no other process has."""

    def __init__(self, store: Store, keyring: KeyRing, clock: Clock, holder: str) -> None:
        self._store = store
        self._ring = keyring
        self._clock = clock
        self._holder = holder
        self._prints = Fingerprints(store.views, keyring)
        self._flights: dict[str, asyncio.Task[Mapping[str, str]]] = {}

    async def open(self, connection: str) -> Mapping[str, str]:
        """Return the values that a connection has, by field; empty if there are none.

        Raises:
            Invalid: if a key is missing, or a value does not open.
        """
        return self.opened(connection, await self._store.views.credentials(connection))

    async def fingerprints(self, connection: str) -> Mapping[str, str]:
        """Return the keyed fingerprints of what a connection has, by field."""
        found = await self._store.views.credentials(connection)
        return {field: one.fingerprint for field, one in found.items() if field != INTENT}

    async def derived(self, label: str, unit: UnitOfWork, at: datetime) -> bytes:
        """Return 32 bytes that follow from *label* and this installation's key; for *unit* to keep."""
        return await self._prints.derived(label, unit, at)

    async def derived_again(self, label: str) -> bytes | None:
        """Return what ``derived`` returned for *label*."""
        return await self._prints.derived_again(label)

    async def keep(  # noqa: PLR0913  by whom, when and until when belong to what is kept
        self,
        unit: UnitOfWork,
        connection: str,
        values: Mapping[str, str | None],
        *,
        by: str,
        at: datetime,
        expires_at: datetime | None = None,
    ) -> None:
        """Seal *values*, by field, and keep them in the transaction *unit*; ``None`` drops a field.

        A renewal that was interrupted before is of no matter any more.

        Raises:
            Invalid: if there is no key to seal with.
        """
        fingerprint = await self._prints.within(unit, at)
        sealed = []
        for field, value in values.items():
            if value is not None:
                one = self._sealed(connection, field, value, (by, at))
                sealed.append(replace(one, fingerprint=fingerprint(value), expires_at=expires_at))
        gone = [field for field, value in values.items() if value is None]
        await unit.credentials.drop(connection, [*gone, INTENT])
        await unit.credentials.put(connection, sealed)

    async def renew(self, connection: str, good: Good, obtain: Obtain) -> Mapping[str, str]:
        """Return values that are *good* at this moment, obtained by one caller at a time.

        Raises:
            Locked: if another process takes longer than it may.
            ReconcilerError: what *obtain* raises.
        """
        values = await self.open(connection)
        for _ in range(ROUNDS):
            if good(values, self._clock.now()):
                break
            flight = self._flights.get(connection)
            if flight is None:
                return await asyncio.shield(self._start(connection, good, obtain))
            values = await asyncio.shield(flight)
        return values

    def opened(self, connection: str, sealed: Mapping[str, Sealed]) -> Mapping[str, str]:
        """Return the values of *sealed*, by field."""
        return {
            field: self._ring.open(one.key_id, one.sealed, connection, field)
            for field, one in sealed.items()
            if field != INTENT
        }

    def _start(
        self, connection: str, good: Good, obtain: Obtain
    ) -> "asyncio.Task[Mapping[str, str]]":
        """Begin a renewal that goes on when who asked for it is cancelled: others wait for it, too."""
        renewal = Renewal(self, self._store, self._clock, self._holder, connection)
        flight = asyncio.create_task(renewal.run(good, obtain), name=f"renew {connection}")
        self._flights[connection] = flight
        flight.add_done_callback(lambda done: self._landed(connection, done))
        return flight

    def _landed(self, connection: str, flight: "asyncio.Task[Mapping[str, str]]") -> None:
        del self._flights[connection]
        if not flight.cancelled():
            flight.exception()  # looked at: those who asked may be gone

    def intend(self, connection: str, at: datetime) -> Sealed:
        """Return the row that says that a renewal is under way."""
        return self._sealed(connection, INTENT, self._holder, (self._holder, at))

    def _sealed(self, connection: str, field: str, value: str, who: tuple[str, datetime]) -> Sealed:
        kid, sealed = self._ring.seal(value, connection, field)
        by, at = who
        return Sealed(field, kid, sealed, "", at, by)

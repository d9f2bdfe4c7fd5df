"""The health of connections: what a look or a sync found out, kept with what is told of it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from reconciler.engine.bulletin import Subject, conditions, news, told, warning
from reconciler.engine.inforce import InForce, Situation
from reconciler.errors import (
    Forbidden,
    Invalid,
    Obstacle,
    RateLimited,
    ReconcilerError,
    Revoked,
    SourceError,
    Unauthorized,
    Unreachable,
)
from reconciler.model.change import Effect
from reconciler.model.condition import Reason
from reconciler.model.connection import (
    STRIKES,
    Checks,
    ConnectionState,
    ConnectionStatus,
    Probe,
    StatusChange,
    new_state,
)
from reconciler.model.event import Event, EventType
from reconciler.model.resource import Resource
from reconciler.model.value import digest_of
from reconciler.plan.effects import basis
from reconciler.ports import Clock, Store, UnitOfWork

log = structlog.get_logger()

COUNTED: Final = timedelta(days=8)
"""How long counts are kept."""
FRESH: Final = timedelta(hours=1)
"""How old the kept time of the last good answer may be."""

Heard = Callable[[str, bool], Awaitable[None]]
"""Is told which connection is online again, and whether its login is another than before or was refused."""
Move = Callable[[ConnectionState], ConnectionState]
Links = Callable[[UnitOfWork, Situation, Resource], Awaitable[Mapping[str, Any] | None]]
"""Makes the link by which the customer of a connection can log in anew, in the same transaction."""


@dataclass(frozen=True, slots=True)
class _Patient:
    """A connection that is looked after, and the basis that its state has to have."""

    situation: Situation
    connection: Resource
    uid: str
    basis: str


class Health:
    """Keeps how each connection is; one instance for all of a process."""

    def __init__(
        self, store: Store, in_force: InForce, clock: Clock, links: Links | None = None
    ) -> None:
        self._store = store
        self._in_force = in_force
        self._clock = clock
        self._links = links
        self._recovered: list[Heard] = []
        self._good: dict[str, datetime] = {}
        self._counts: dict[tuple[str, datetime], Checks] = {}
        self._connected: dict[str, tuple[ConnectionState | None, ConnectionState]] = {}

    def when_recovered(self, heard: Heard) -> None:
        """Call *heard* for each connection that is online again."""
        self._recovered.append(heard)

    async def learn(
        self, situation: Situation, connection: Resource, error: ReconcilerError | None
    ) -> ConnectionState | None:
        """Keep what *error* (``None``: all is well) says of a connection, with all that is told of it.

        Return how it is then; ``None`` if the error says nothing of it, or it is not in force any more.
        """
        probe = found(error)
        if probe is None or connection.key not in situation.state.uids:
            return None
        now = self._clock.now()
        uid = situation.uid(connection)
        self._count(uid, probe, now)
        strikes = (connection.spec.get("health") or {}).get("strikes", STRIKES)
        message = error.message if error else ""

        def move(before: ConnectionState) -> ConnectionState:
            return before.after(probe, now, message=message, strikes=strikes)

        after = await self._move(situation, connection, move)
        if probe is Probe.ANSWERED:
            self._good[uid] = now
        return after

    async def rest(self, situation: Situation, connection: Resource) -> None:
        """Keep that a connection is suspended."""
        now = self._clock.now()
        by = ", ".join(str(key) for key in situation.exceptions.by.get(connection.key, ()))
        why = f"suspended by {by or 'its spec'}"

        def move(before: ConnectionState) -> ConnectionState:
            return before.moved(ConnectionStatus.PAUSED, Reason.PAUSED, now, why)

        await self._move(situation, connection, move)

    async def keep(
        self, unit: UnitOfWork, connection: Resource, uid: str, *, by: str, at: datetime
    ) -> None:
        """Keep with *unit* that the system of a connection takes the new credentials of *by*.

        ``follow`` is to be called once it is committed.
        """
        del by  # the audit log knows
        situation = await self._in_force.look()
        patient = _Patient(situation, connection, uid, state_basis(situation, connection))

        def move(before: ConnectionState) -> ConnectionState:
            return before.under(patient.basis, at).after(Probe.ANSWERED, at)

        subject = await self._subject(patient)
        self._connected[uid] = await self._write(unit, patient, subject, move)

    async def follow(self, connection: Resource, uid: str) -> None:
        """Say to who waits for it that a connection has new credentials that its system takes."""
        known = self._connected.pop(uid, None)
        if known is not None:
            self._good[uid] = self._clock.now()
            await self._tell(connection, *known)

    async def expires(
        self, situation: Situation, connection: Resource, at: datetime | None
    ) -> None:
        """Keep when what a connection logs in with stops to be good (``None``: not known)."""

        def move(before: ConnectionState) -> ConnectionState:
            if before.expires_at == at:
                return before
            return replace(before, expires_at=at, warned=None)

        await self._move(situation, connection, move)

    async def flush(self) -> None:
        """Keep what was counted, and let go of what is old."""
        counts, self._counts = list(self._counts.values()), {}
        if not counts:
            return
        async with self._store.begin() as unit:
            await unit.health.count(counts)
            await unit.health.forget(self._clock.now() - COUNTED)
            await unit.commit()

    async def _move(
        self, situation: Situation, connection: Resource, move: Move
    ) -> ConnectionState:
        """Take a connection's state through *move*, and keep it with what is told of it."""
        uid = situation.uid(connection)
        patient = _Patient(situation, connection, uid, state_basis(situation, connection))
        kept = await self._store.views.connection_state(uid)
        after, _ = self._step(patient, kept, move)
        if kept is not None and not _worth_a_write(kept, after):
            return after
        subject = await self._subject(patient)
        async with self._store.begin() as unit:
            kept, after = await self._write(unit, patient, subject, move)
            await unit.commit()
        await self._tell(connection, kept, after)
        return after

    async def _write(
        self, unit: UnitOfWork, patient: _Patient, subject: Subject, move: Move
    ) -> tuple[ConnectionState | None, ConnectionState]:
        """Take a state through *move* in *unit*; return it as it was and as it is."""
        kept = await unit.health.state(patient.uid)
        after, kinds = self._step(patient, kept, move)
        await self._keep(unit, patient, kept, after)
        await unit.outbox.emit([await self._event(unit, one, subject, after) for one in kinds])
        return kept, after

    def _step(
        self, patient: _Patient, kept: ConnectionState | None, move: Move
    ) -> tuple[ConnectionState, list[EventType]]:
        """Return the state that follows on *kept*, and what is to be told of it."""
        now = self._clock.now()
        before = kept or new_state(patient.connection.key, patient.basis, now)
        if before.basis != patient.basis or _wakes(before, patient.connection):
            before = before.under(patient.basis, now)
        good = self._good.get(patient.uid)
        if good is not None and (before.good_at is None or good > before.good_at):
            before = replace(before, good_at=good)
        after, kinds = news(before, move(before))
        days = warning(after, now)
        if days is not None:
            return replace(after, warned=days), [*kinds, EventType.CONNECTION_EXPIRING]
        return after, kinds

    async def _subject(self, patient: _Patient) -> Subject:
        cursors = await self._store.views.cursors(patient.uid)
        last = max((one.advanced_at for one in cursors if one.advanced_at), default=None)
        return Subject(patient.situation, patient.connection, last)

    async def _keep(
        self,
        unit: UnitOfWork,
        patient: _Patient,
        kept: ConnectionState | None,
        after: ConnectionState,
    ) -> None:
        now = self._clock.now()
        await unit.health.put(after)
        known = kept.status if kept else ConnectionStatus.PENDING
        if known is not after.status:
            change = StatusChange(
                patient.uid, now, known, after.status, after.reason, after.message
            )
            await unit.health.note(change)
        for status in conditions(after, now, patient.situation.state.generation):
            await unit.conditions.put(patient.uid, status)

    async def _event(
        self, unit: UnitOfWork, kind: EventType, subject: Subject, state: ConnectionState
    ) -> Event:
        more: dict[str, Any] = {}
        if kind in {EventType.CONNECTION_AUTH_REQUIRED, EventType.CONNECTION_EXPIRING}:
            more["reconnect"] = None
            if self._links is not None:
                more["reconnect"] = await self._links(unit, subject.situation, subject.connection)
        if kind is EventType.CONNECTION_EXPIRING:
            more["expires_at"] = told(state.expires_at)
        return subject.event(kind, state, self._clock.now(), **more)

    async def _tell(
        self, connection: Resource, kept: ConnectionState | None, after: ConnectionState
    ) -> None:
        """Say in the log, and to who waits for it, that a connection has another status."""
        before = kept.status if kept else ConnectionStatus.PENDING
        if before is after.status:
            return
        say = log.warning if after.status in _BAD else log.info
        say(
            "connection_changed",
            connection=connection.key.name,
            before=before.value,
            after=after.status.value,
            reason=after.reason.value,
            why=after.message or None,
        )
        if after.status is ConnectionStatus.ONLINE:
            for heard in self._recovered:
                await heard(connection.key.name, before in _LOGIN)

    def _count(self, uid: str, probe: Probe, now: datetime) -> None:
        hour = now.replace(minute=0, second=0, microsecond=0)
        known = self._counts.get((uid, hour), Checks(uid, hour, 0, 0, now))
        failed = known.failed + (probe is not Probe.ANSWERED)
        counted = replace(known, asked=known.asked + 1, failed=failed, last_at=now)
        self._counts[uid, hour] = counted


_FOUND: Final[tuple[tuple[type[ReconcilerError], Probe], ...]] = (
    (Revoked, Probe.REVOKED),
    (Unauthorized, Probe.REFUSED),
    (Unreachable, Probe.SILENT),
    (RateLimited, Probe.THROTTLED),
    (Forbidden, Probe.DENIED),
    (SourceError, Probe.FAULTY),
    (Invalid, Probe.UNSET),
)
"""What an error says of a system; the first class that it is of counts."""


def found(error: ReconcilerError | None) -> Probe | None:
    """Return what *error* says of the system; ``None``: nothing, it is a matter of the run."""
    if error is None:
        return Probe.ANSWERED
    if isinstance(error, Unreachable) and error.obstacle is Obstacle.CLIENT_CERTIFICATE:
        return Probe.REFUSED  # it was reached, and does not take what we show
    return next((probe for kind, probe in _FOUND if isinstance(error, kind)), None)


def state_basis(situation: Situation, connection: Resource) -> str:
    """Return the digest of the settings that a state is found under: system, login, and its manifest."""
    manifest = situation.manifest(connection)
    return digest_of([basis(connection, Effect.RECHECK), basis(manifest, Effect.RECHECK)])[:32]


_LOGIN: Final = frozenset({ConnectionStatus.PENDING, ConnectionStatus.NEEDS_REAUTH})
_BAD: Final = frozenset({ConnectionStatus.OFFLINE, ConnectionStatus.NEEDS_REAUTH})


def _wakes(state: ConnectionState, connection: Resource) -> bool:
    """Return whether a connection that was paused is no longer."""
    return state.status is ConnectionStatus.PAUSED and connection.spec.get("suspend") is not True


def _worth_a_write(kept: ConnectionState, after: ConnectionState) -> bool:
    """Return whether more has changed than the time of the last good answer by a little."""
    if replace(kept, good_at=None) != replace(after, good_at=None):
        return True
    if kept.good_at is None or after.good_at is None:
        return kept.good_at is not after.good_at
    return after.good_at - kept.good_at >= FRESH

"""Fakes that keep a contract: a clock that is turned by hand, and a system that is a script."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from reconciler.errors import ReconcilerError, Revoked
from reconciler.model.event import Attempt, Delivery, Event
from reconciler.model.record import Page
from reconciler.model.resource import Resource
from reconciler.model.sync import SyncRun
from reconciler.model.value import canonical
from reconciler.model.verdict import Verdict
from reconciler.ports import Answered, Clock, Look, Obtained, StreamFacts

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


class TurnedClock:
    """Time that passes only when ``turn`` is called."""

    def __init__(self, now: datetime = NOON) -> None:
        self._now = now
        self._waiting: list[tuple[datetime, int, asyncio.Event]] = []
        self._count = itertools.count()

    def now(self) -> datetime:
        return self._now

    async def sleep(self, delay: timedelta) -> None:
        woken = asyncio.Event()
        self._waiting.append((self._now + delay, next(self._count), woken))
        await woken.wait()

    async def turn(self, by: timedelta) -> None:
        """Let *by* pass, wake who waited for it, and let them run."""
        self._now += by
        due = sorted(entry for entry in self._waiting if entry[0] <= self._now)
        self._waiting = [entry for entry in self._waiting if entry[0] > self._now]
        for _, _, woken in due:
            woken.set()
        for _ in range(20):
            await asyncio.sleep(0)


def iso(at: datetime) -> str:
    """Return a time as a position: text that compares as the times do."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass
class ScriptedConnector:
    """A system whose records are a dictionary: ``{entity: {id: record}}``, ``changed_at`` in each.

    ``fail`` maps how many reads were made before to the error that the next one meets, once.
    """

    clock: TurnedClock
    records: dict[str, dict[str, dict[str, Any]]]
    page_size: int = 2
    ordered: bool = True
    resumable: bool = True
    sweepable: bool = True
    fail: dict[int, ReconcilerError] = field(default_factory=dict)
    keyless: list[dict[str, Any]] = field(default_factory=list)
    reads: list[tuple[str, str | None, str | None]] = field(default_factory=list)
    closed: int = 0
    mark: str = "first"
    expires: datetime | None = None
    probes: int = 0

    @property
    def streams(self) -> Mapping[str, StreamFacts]:
        return {
            entity: StreamFacts(
                entity=entity,
                incremental=True,
                ordered=self.ordered,
                resumable=self.resumable,
                sweepable=self.sweepable,
            )
            for entity in self.records
        }

    async def probe(self) -> None:
        self.probes += 1
        self._meet()

    def start(self, entity: str, at: datetime) -> str | None:
        return iso(at)

    def resume(self, entity: str, position: str) -> str:
        at = datetime.strptime(position, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
        return iso(at - timedelta(minutes=5))

    async def read(self, entity: str, *, since: str | None, page: str | None) -> Page:
        self._meet()
        self.reads.append((entity, since, page))
        found = self._found(entity, since)
        after = _place(found, page)
        part = found[after : after + self.page_size]
        more = after + self.page_size < len(found)
        stamps = [record["changed_at"] for _, record in part]
        return Page(
            records=tuple(canonical(record) for _, record in part),
            ids=tuple(key for key, _ in part),
            next=f"{part[-1][1]['changed_at']}|{part[-1][0]}" if more else None,
            reached=max(stamps, default=None),
            asof=iso(self.clock.now()),
            bad=tuple(f"record {n} has no 'id'" for n, _ in enumerate(self.keyless, 1)),
        )

    async def ids(self, entity: str, *, page: str | None) -> Page:
        self._meet()
        found = sorted(self.records[entity])
        start = 0 if page is None else found.index(page) + 1
        part = found[start : start + self.page_size]
        more = start + self.page_size < len(found)
        return Page(records=(), ids=tuple(part), next=part[-1] if more else None)

    async def close(self) -> None:
        self.closed += 1

    def _found(self, entity: str, since: str | None) -> list[tuple[str, dict[str, Any]]]:
        kept = [
            (key, record)
            for key, record in self.records[entity].items()
            if since is None or record["changed_at"] >= since
        ]
        return sorted(kept, key=lambda pair: (pair[1]["changed_at"], pair[0]))

    def _meet(self) -> None:
        error = self.fail.pop(len(self.reads), None)
        if error is not None:
            raise error


def _place(found: Sequence[tuple[str, dict[str, Any]]], page: str | None) -> int:
    if page is None:
        return 0
    stamp, _, key = page.partition("|")
    return sum((record["changed_at"], one) <= (stamp, key) for one, record in found)


@dataclass
class ScriptedConnectors:
    """Opens the same scripted system for every connection."""

    connector: ScriptedConnector

    def open(
        self,
        connection: Resource,
        manifest: Resource,
        *,
        uid: str = "",
        given: Mapping[str, str] | None = None,
    ) -> ScriptedConnector:
        return self.connector


@dataclass
class RecordingSender:
    """Receivers that are a script: what each route answers next, 204 where nothing is said.

    ``hold`` maps a route's name to what its answers wait for.
    """

    clock: TurnedClock
    answers: dict[str, list[int]] = field(default_factory=dict)
    hold: dict[str, asyncio.Event] = field(default_factory=dict)
    sent: list[tuple[str, str, str]] = field(default_factory=list)
    at: list[datetime] = field(default_factory=list)

    async def send(self, delivery: Delivery, event: Event, route: Resource) -> Attempt:
        name = route.key.name
        at = self.clock.now()
        self.sent.append((name, event.id, delivery.id))
        self.at.append(at)
        if name in self.hold:
            await self.hold[name].wait()
        script = self.answers.get(name, [])
        return Attempt(at, script.pop(0) if script else 204, timedelta(0))

    def to(self, name: str) -> list[str]:
        """Return the ids of the events that were sent to a route, in their order."""
        return [event for route, event, _ in self.sent if route == name]


@dataclass
class FakeSafe:
    """Keeps credentials open in memory, and what ``Safe`` promises of renewal.

    ``interrupted`` holds connections whose last renewal died on the way; ``obtained`` counts renewals.
    """

    clock: Clock
    values: dict[str, dict[str, str]] = field(default_factory=dict)
    interrupted: set[str] = field(default_factory=set)
    obtained: dict[str, int] = field(default_factory=dict)
    locks: dict[str, asyncio.Lock] = field(default_factory=dict)

    async def open(self, connection: str) -> Mapping[str, str]:
        return dict(self.values.get(connection, {}))

    async def renew(
        self,
        connection: str,
        good: Callable[[Mapping[str, str], datetime], bool],
        obtain: Callable[[Mapping[str, str]], Awaitable[Obtained]],
    ) -> Mapping[str, str]:
        async with self.locks.setdefault(connection, asyncio.Lock()):
            there = await self.open(connection)
            if good(there, self.clock.now()):
                return there
            await asyncio.sleep(0)
            try:
                obtained = await obtain(there)
            except Revoked as error:
                if connection not in self.interrupted:
                    raise
                said = f"an earlier renewal was interrupted, and its outcome lost: {error.message}"
                raise Revoked(said, hint=error.hint) from error
            self.interrupted.discard(connection)
            self.obtained[connection] = self.obtained.get(connection, 0) + 1
            kept = self.values.setdefault(connection, {})
            for name, value in obtained.fields.items():
                if value is None:
                    kept.pop(name, None)
                else:
                    kept[name] = value
            return dict(kept)


@dataclass
class RecordingMeter:
    """Keeps all that it is told, in its order."""

    looks: list[tuple[Look, datetime, timedelta]] = field(default_factory=list)
    turns: list[tuple[str, Verdict, timedelta, timedelta]] = field(default_factory=list)
    runs: list[tuple[SyncRun, str]] = field(default_factory=list)
    attempts: list[tuple[Attempt, Event]] = field(default_factory=list)
    answers: list[Answered] = field(default_factory=list)

    def looked(self, look: Look, at: datetime, took: timedelta) -> None:
        self.looks.append((look, at, took))

    def turned(self, key: str, verdict: Verdict, *, waited: timedelta, took: timedelta) -> None:
        self.turns.append((key, verdict, waited, took))

    def synced(self, run: SyncRun, connector: str) -> None:
        self.runs.append((run, connector))

    def attempted(self, attempt: Attempt, event: Event) -> None:
        self.attempts.append((attempt, event))

    def answered(self, answer: Answered) -> None:
        self.answers.append(answer)


async def until(true: Callable[[], bool]) -> None:
    """Return when *true* says so; fail if it never does."""
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110  what is waited for tells nobody
            await asyncio.sleep(0)

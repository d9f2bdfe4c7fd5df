"""A source of orders whose every change is drawn from a seed, and the ledger of what it ever held."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any, Final

import httpx

from tests.connectors.conftest import TurnedClock

GRAINS: Final = (timedelta(microseconds=1), timedelta(seconds=1), timedelta(minutes=1))
LATEST: Final = timedelta(minutes=4)
"""How long after its stamp a change may be committed; within the lookback of five minutes."""


@dataclass(frozen=True, slots=True)
class World:
    """What kind of source it is: all that a seed draws before anything happens.

    ``paging`` says how pages are asked for; ``grain`` is the step of its stamps, ``zone`` whose clocks
    its stamps mean (without saying so), ``skew`` how far its clock is before ours, ``late`` whether
    changes are committed after their stamp. ``slow`` is how long a request takes at most, ``cap`` the most
    records that a page has, whatever was asked for. ``busy`` is the chance of a change between two
    requests, ``faults`` that of a bad answer.
    """

    paging: str = "key"
    size: int = 5
    grain: timedelta = GRAINS[0]
    zone: int = 0
    skew: timedelta = timedelta()
    late: bool = False
    slow: timedelta = timedelta(seconds=2)
    busy: float = 0.4
    faults: float = 0.1
    dated: bool = True


def drawn(chance: random.Random) -> World:
    """Return a world.

    A clock that is behind ours by more than the lookback is beyond what can be known of a source that does
    not send ``Date``: the start of a run is then told by our clock.
    """
    dated = chance.random() < 0.8
    return World(
        paging=chance.choice(["key", "key", "token", "whole"]),
        size=chance.choice([1, 2, 5, 10]),
        grain=chance.choice(GRAINS),
        zone=chance.choice([-11, 0, 0, 5, 14]),
        skew=timedelta(seconds=chance.choice([-600, 0, 0, -10, 30, 900][not dated :])),
        late=chance.random() < 0.5,
        slow=timedelta(seconds=chance.choice([1, 5, 40])),
        busy=chance.choice([0.0, 0.3, 0.6]),
        faults=chance.choice([0.0, 0.05, 0.25]),
        dated=dated,
    )


@dataclass(slots=True)
class Row:
    """One version of one order."""

    key: int
    version: int
    stamp: datetime
    visible: datetime


@dataclass
class Source:
    """The system itself. ``shown`` is which versions of which order were ever given out."""

    world: World
    clock: TurnedClock
    chance: random.Random
    rows: dict[int, Row] = field(default_factory=dict)
    waiting: list[Row] = field(default_factory=list)
    quiet: bool = False
    shown: dict[int, set[int]] = field(default_factory=dict)
    requests: int = 0
    count: int = 0
    versions: int = 0
    die: Callable[[], bool] = lambda: False

    # ── what happens in it ───────────────────────────────────────────────────────────────────────

    def now(self) -> datetime:
        """Return the time that it believes it is."""
        return self.clock.now() + self.world.skew

    def stir(self, times: int) -> None:
        """Create, change or delete so many orders."""
        for _ in range(times):
            draw = self.chance.random()
            if draw < 0.3 or not self.rows:
                self.count += 1
                self._write(self.count)
            elif draw < 0.9:
                self._write(self.chance.choice(list(self.rows)))
            else:
                key = self.chance.choice(list(self.rows))
                del self.rows[key]
                self.waiting = [row for row in self.waiting if row.key != key]

    def _write(self, key: int) -> None:
        self.versions += 1
        now = self.now()
        row = Row(key, self.versions, now, now)
        if self.world.late and self.chance.random() < 0.3:
            row.visible = now + self.chance.random() * LATEST
            self.waiting.append(row)
        else:
            self._commit(row)

    def _commit(self, row: Row) -> None:
        known = self.rows.get(row.key)
        if known is None or known.version < row.version:
            self.rows[row.key] = row

    def settle(self) -> None:
        """Commit what is due; all of it once the source is quiet."""
        due = [row for row in self.waiting if self.quiet or row.visible <= self.now()]
        self.waiting = [row for row in self.waiting if row not in due]
        for row in due:
            self._commit(row)

    # ── how it answers ───────────────────────────────────────────────────────────────────────────

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer as an HTTP server does, badly now and then."""
        self.requests += 1
        self.clock.time += self.chance.random() * self.world.slow
        if not self.quiet and self.chance.random() < self.world.busy:
            self.stir(self.chance.randrange(1, 4))
        self.settle()
        if not self.quiet and self.chance.random() < self.world.faults:
            return self._fault(request)
        query = request.url.params
        since = query.get("since")
        rows = [row for row in self.rows.values() if since is None or self._text(row) >= since]
        return self._answer(request, *self._page(rows, query))

    def _page(self, rows: list[Row], query: httpx.QueryParams) -> tuple[list[Row], str | None]:
        size, paging = int(query.get("size", 200)), self.world.paging
        if paging == "whole":
            return self._shuffled(rows), None
        if paging == "key":
            after = int(query.get("after") or 0)
            return sorted((r for r in rows if r.key > after), key=lambda r: r.key)[:size], None
        ordered = sorted(rows, key=self._place)
        token = query.get("token")
        if token:
            stamp, key = token.split("|")
            ordered = [row for row in ordered if self._place(row) > (stamp, int(key))]
        part = ordered[:size]
        more = len(ordered) > size
        return part, f"{self._text(part[-1])}|{part[-1].key}" if more else None

    def _shuffled(self, rows: list[Row]) -> list[Row]:
        return self.chance.sample(rows, len(rows))

    def _place(self, row: Row) -> tuple[str, int]:
        return (self._text(row), row.key)

    def _text(self, row: Row) -> str:
        """Return a stamp as it writes it: local time without a zone, cut to its grain."""
        cut = (
            row.stamp
            - (row.stamp - datetime.min.replace(tzinfo=row.stamp.tzinfo)) % self.world.grain
        )
        local = cut.astimezone(timezone(timedelta(hours=self.world.zone)))
        return local.strftime("%Y-%m-%d %H:%M:%S.%f")

    def _answer(self, request: httpx.Request, rows: list[Row], token: str | None) -> httpx.Response:
        told: dict[str, Any] = {"data": [self._body(row) for row in rows], "next": token}
        if request.url.path.endswith("/orders"):
            for row in rows:
                self.shown.setdefault(row.key, set()).add(row.version)
        return self._reply(200, json.dumps(told).encode())

    def _body(self, row: Row) -> dict[str, Any]:
        return {"id": row.key, "no": f"PO-{row.version}", "changed": self._text(row)}

    def _reply(self, status: int, body: bytes, **headers: str) -> httpx.Response:
        if self.world.dated:
            headers["date"] = format_datetime(self.now(), usegmt=True)
        return httpx.Response(status, content=body, headers=headers)

    def _fault(self, request: httpx.Request) -> httpx.Response:
        match self.chance.randrange(7):
            case 0:
                return self._reply(500, b"<h1>oops</h1>")
            case 1:
                return self._reply(
                    429, b"", **{"retry-after": str(self.chance.choice([1, 7, 300]))}
                )
            case 2:
                at = format_datetime(self.now() + timedelta(seconds=20), usegmt=True)
                return self._reply(429, b"", **{"retry-after": at})
            case 3:
                raise httpx.ReadError("reset by peer", request=request)
            case 4:
                return self._reply(200, b'{"data": [{"id": 1, "no": "PO-')
            case 5:
                return self._reply(200, b"<html>Please log in</html>")
            case _:
                return self._reply(503, b"", **{"retry-after": "2"})

"""Runs, tokens and leases without a database."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from reconciler.errors import Conflict
from reconciler.model.access import Token
from reconciler.model.sync import Cursor, SyncRun
from reconciler.store.in_memory.shelf import Draft, Lock, Shelf
from reconciler.store.settling import lease_lost
from reconciler.store.times import micros


class MemoryRuns:
    """``ports.Runs`` in one transaction."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft

    async def cursor(self, connection: str, entity: str) -> Cursor | None:
        """Return where the sync stands, or ``None`` before the first."""
        return await self._draft.do(lambda shelf: shelf.cursors.get((connection, entity)))

    async def move(self, cursor: Cursor, *, before: Cursor | None) -> None:
        """Put *cursor* where *before* stood; raise ``Conflict`` if another run has moved it."""
        await self._draft.do(_move, cursor, before)

    async def put(self, run: SyncRun) -> None:
        """Keep *run* as it is now, new or known."""
        await self._draft.do(lambda shelf: shelf.runs.update({run.id: run}))

    async def erase(self, connection: str) -> int:
        """Remove all runs and cursors of a connection for good; return how many runs there were."""
        return await self._draft.do(_erase, connection)


def _erase(shelf: Shelf, connection: str) -> int:
    for place in [place for place in shelf.cursors if place[0] == connection]:
        del shelf.cursors[place]
    gone = [run.id for run in shelf.runs.values() if run.connection == connection]
    for run in gone:
        del shelf.runs[run]
    return len(gone)


def _move(shelf: Shelf, cursor: Cursor, before: Cursor | None) -> None:
    place = (cursor.connection, cursor.entity)
    if shelf.cursors.get(place) != before:
        raise Conflict(
            f"the cursor of {cursor.entity} of connection {cursor.connection} was moved by another run",
            hint="nothing of this page was kept; the other run goes on from where it stands",
        )
    shelf.cursors[place] = cursor


class MemoryTokens:
    """``ports.Tokens`` in one transaction."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft

    async def put(self, token: Token) -> None:
        """Keep a token, new or known."""
        await self._draft.do(_put_token, token)

    async def touch(self, token_id: str, *, at: datetime) -> None:
        """Keep when a token was used last; an earlier time than the one kept changes nothing."""
        await self._draft.do(_touch, token_id, at)

    async def find(self, token_id: str) -> Token | None:
        """Return a token by its id; nobody else changes it before this transaction has ended."""
        return await self._draft.do(lambda shelf: shelf.tokens.get(token_id))

    async def of(self, connection: str) -> Sequence[Token]:
        """Return the tokens of one connection (its uid), likewise."""
        return await self._draft.do(_tokens_of, connection)


def _put_token(shelf: Shelf, token: Token) -> None:
    if any(one.digest == token.digest and one.id != token.id for one in shelf.tokens.values()):
        raise Conflict("what was to be written contradicts what another has written")
    shelf.tokens[token.id] = token


def _touch(shelf: Shelf, token_id: str, at: datetime) -> None:
    token = shelf.tokens.get(token_id)
    if token is not None and (token.last_used_at is None or token.last_used_at < at):
        shelf.tokens[token_id] = replace(token, last_used_at=at)


def _tokens_of(shelf: Shelf, connection: str) -> Sequence[Token]:
    found = [token for token in shelf.tokens.values() if token.connection == connection]
    return tuple(sorted(found, key=lambda token: (token.created_at, token.id)))


class MemoryLeases:
    """``ports.Leases`` in one transaction."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft

    async def acquire(
        self, name: str, holder: str, *, now: datetime, lease: timedelta
    ) -> int | None:
        """Take or renew *name*; return its epoch, or ``None`` if another holds it."""
        return await self._draft.do(_acquire, name, holder, micros(now), micros(now + lease))

    async def release(self, name: str, holder: str) -> None:
        """Let go of *name* if *holder* has it."""
        await self._draft.do(_release, name, holder)

    async def check(self, name: str, holder: str, *, epoch: int, now: datetime) -> None:
        """Return if *holder* still has *name* in that epoch, or raise ``LeaseLost``."""
        await self._draft.do(_check, name, holder, epoch, micros(now))


def _acquire(shelf: Shelf, name: str, holder: str, now: int, until: int) -> int | None:
    held = shelf.leases.get(name, Lock(None, 0, 0))
    if held.holder not in {None, holder} and held.expires_at > now:
        return None
    epoch = held.epoch if held.holder == holder else held.epoch + 1
    since = held.acquired_at if held.holder == holder else now
    shelf.leases[name] = Lock(holder, epoch, until, since)
    return epoch


def _check(shelf: Shelf, name: str, holder: str, epoch: int, now: int) -> None:
    held = shelf.leases.get(name, Lock(None, 0, 0))
    mine = (held.holder, held.epoch) == (holder, epoch)
    if not mine or held.expires_at <= now:
        raise lease_lost(name, None if mine else held.holder)


def _release(shelf: Shelf, name: str, holder: str) -> None:
    held = shelf.leases.get(name)
    if held is not None and held.holder == holder:
        shelf.leases[name] = held._replace(holder=None)

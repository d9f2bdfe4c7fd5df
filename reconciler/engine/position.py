"""Where a run of a sync begins, and what its cursor is afterwards. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from reconciler.model.sync import Cursor, SyncMode, redo_of
from reconciler.ports import Connector, StreamFacts


@dataclass(frozen=True, slots=True)
class Ask:
    """What a run was asked for: how, from when at the earliest, and since when by a person's word."""

    mode: SyncMode
    oldest: datetime
    basis: str
    run: str


def opened(
    cursor: Cursor | None,
    ask: Ask,
    *,
    facts: StreamFacts,
    connector: Connector,
    key: tuple[str, str],
) -> Cursor:
    """Return the cursor that the run starts with.

    A run that was stopped goes on at its page, if its settings are the same and a page token of the
    stream stays good. A first run, a full one, and one under other settings read the whole window.
    Otherwise the run reads what changed since the position, less the stream's lookback. What was read
    for a redo counts as read for it under other settings too.
    """
    known = cursor if cursor is not None and cursor.basis == ask.basis else None
    if known is not None and _goes_on(known, ask, facts):
        return replace(known, run=ask.run)
    uid, entity = key
    full = ask.mode is SyncMode.FULL or known is None or known.position is None
    if full:
        since = connector.start(entity, ask.oldest) if facts.windowed else None
    else:
        since = connector.resume(entity, known.position) if known and known.position else None
    ended = known or (cursor if _redone(cursor, ask) else None)
    return Cursor(
        connection=uid,
        entity=entity,
        basis=ask.basis,
        position=known.position if known else None,
        mode=SyncMode.FULL if full or not facts.incremental else SyncMode.INCREMENTAL,
        since=since,
        run=ask.run,
        advanced_at=ended.advanced_at if ended else None,
    )


def _redone(cursor: Cursor | None, ask: Ask) -> bool:
    redo = redo_of(ask.basis)
    return bool(redo) and cursor is not None and redo_of(cursor.basis) == redo


def _goes_on(cursor: Cursor, ask: Ask, facts: StreamFacts) -> bool:
    if cursor.page is None or not facts.resumable:
        return False
    return ask.mode is SyncMode.INCREMENTAL or cursor.mode is ask.mode


def turned(
    cursor: Cursor, *, page: str | None, reached: str | None, asof: str | None, ordered: bool
) -> Cursor:
    """Return the cursor after a page: the next page, and what the position becomes at the end.

    Where pages come in the order of the cursor, that is the highest value seen. Where they do not, a
    record already passed may have changed since, so the source's own clock at the first page bounds it:
    both are kept until the end, because a source may stamp by another clock than it answers by.
    """
    seen, start = _parts(cursor.reached)
    seen = max(seen, reached or "")
    if ordered:
        return replace(cursor, page=page, reached=seen or None)
    return replace(cursor, page=page, reached=f"{seen}{_AND}{start or asof or ''}")


def closed(cursor: Cursor, now: datetime) -> Cursor:
    """Return the cursor after the last page: the position moves, never backwards.

    Positions compare as text: that is the connector's promise. Where nothing was seen it stays.
    """
    seen, start = _parts(cursor.reached)
    reached = min(seen, start) if seen and start else seen
    return Cursor(
        connection=cursor.connection,
        entity=cursor.entity,
        basis=cursor.basis,
        position=max(cursor.position or "", reached) or None,
        run=cursor.run,
        advanced_at=now,
    )


_AND: Final = "\x1f"
"""Stands between the highest value seen and the source's clock at the start; no position holds it."""


def _parts(reached: str | None) -> tuple[str, str]:
    seen, _, start = (reached or "").partition(_AND)
    return seen, start

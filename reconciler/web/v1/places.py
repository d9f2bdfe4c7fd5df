"""Places in pages of records, as cursors: where a page ended, sealed for one query only."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from reconciler.web.cursors import seal, unseal
from reconciler.web.needs import Position
from reconciler.web.problems import Code, refuse

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def sealed(position: Position, identity: Sequence[object]) -> str:
    """Return the cursor that stands for *position* in the pages of the query that *identity* is."""
    updated_at, record_id = position
    return seal([(updated_at - _EPOCH) // timedelta(microseconds=1), record_id], identity)


def place_of(cursor: str | None, identity: Sequence[object]) -> Position | None:
    """Return the position that *cursor* stands for; ``None`` for the first page.

    Raises:
        Refused: if it is no cursor of this query.
    """
    if cursor is None:
        return None
    micros, record_id = unseal(cursor, identity, tuple[int, str])
    try:
        return _EPOCH + timedelta(microseconds=micros), record_id
    except OverflowError:
        raise refuse(Code.INVALID_REQUEST, "query.cursor is no cursor of ours") from None

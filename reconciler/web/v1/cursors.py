"""The opaque ``cursor`` of a list: where the next page starts, and of which query it is."""

import base64
import binascii
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from reconciler.web.needs import Position
from reconciler.web.problems import Code, refuse

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_STEP: Final = timedelta(microseconds=1)


class _Held(msgspec.Struct, array_like=True, frozen=True):
    at: int
    id: str
    query: str


def write_cursor(position: Position, query: str) -> str:
    """Return the cursor of *position* in the list that *query* (a digest) describes."""
    at, key = position
    held = _Held((at - _EPOCH) // _STEP, key, query)
    return base64.urlsafe_b64encode(msgspec.json.encode(held)).decode().rstrip("=")


def read_cursor(text: str, query: str) -> Position:
    """Return the position that a cursor holds.

    Raises:
        Refused: if it is none of ours, or of another query.
    """
    try:
        padded = text + "=" * (-len(text) % 4)
        held = msgspec.json.decode(base64.urlsafe_b64decode(padded), type=_Held)
        position = (_EPOCH + held.at * _STEP, held.id)
    except (ValueError, binascii.Error, msgspec.MsgspecError, OverflowError):
        raise refuse(
            Code.INVALID_REQUEST,
            "the cursor cannot be read",
            hint="give next_cursor of the page before as it is, or leave it out to begin anew",
        ) from None
    if held.query != query:
        raise refuse(
            Code.INVALID_REQUEST,
            "the cursor belongs to a list with other parameters",
            hint="keep all parameters but cursor and limit while paging",
        )
    return position

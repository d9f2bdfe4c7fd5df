"""Cursors of pages: opaque to clients, checked by us, and good for one query only."""

import base64
import binascii
import hashlib
from typing import Any, Final

import msgspec

from reconciler.model.value import canonical
from reconciler.web.problems import Code, Refused, refuse

_MARK: Final = 6
_LONGEST: Final = 1024


def seal(position: list[Any], query: object) -> str:
    """Return the cursor that stands for *position* (JSON values) in the pages of *query*."""
    content = msgspec.json.encode(position)
    whole = _mark(canonical(query)) + _mark(content + canonical(query)) + content
    return base64.urlsafe_b64encode(whole).decode().rstrip("=")


def unseal(cursor: str, query: object, form: Any) -> Any:
    """Return the position that *cursor* stands for, decoded as *form*.

    Raises:
        Refused: if the cursor is of another query, or was damaged.
    """
    whole = _decoded(cursor)
    of_query, of_whole, content = whole[:_MARK], whole[_MARK : 2 * _MARK], whole[2 * _MARK :]
    if of_query != _mark(canonical(query)):
        raise _refused("cursor is not of this query")
    if of_whole != _mark(content + canonical(query)):
        raise _refused("cursor was damaged")
    try:
        return msgspec.json.decode(content, type=form)
    except msgspec.MsgspecError:
        raise _refused("cursor was damaged") from None


def _decoded(cursor: str) -> bytes:
    if len(cursor) > _LONGEST:
        raise _refused("cursor is no cursor of ours")
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _refused("cursor is no cursor of ours") from None


def _mark(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_MARK).digest()


def _refused(detail: str) -> Refused:
    return refuse(
        Code.INVALID_REQUEST,
        f"query.cursor: {detail}",
        hint="use next_cursor of the page before, with all other parameters but limit unchanged; "
        "or leave cursor out to start again",
    )

"""Paging: from one page to the question for the next, as pure functions over a small value.

A ``Spot`` is where a page is. Its text is what the engine keeps: it holds all that is needed to go on
after a stop. Nothing turns in circles unnoticed: a token that comes again, or a page whose records were
those of the page before, is an error. The token is compared with that of one earlier page, which moves
on at every power of two, so that a circle of any length is found.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

import msgspec

from reconciler.connectors.exchange import origin_of
from reconciler.errors import ServerFault, SourceInvalid
from reconciler.spec.kinds.connector import Paging

_LONGEST_TOKEN: Final = 8_192


class Spot(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a page is.

    After ``pages`` others; at an ``offset``, a ``number``, a ``token``, a ``key`` or a ``link``; for the
    value ``each``.
    ``most``: how many records the longest page had. ``asked_on``: the page before was short, and may
    have been the last. ``seen``: the mark of the page before; ``same``: how often it came in a row.
    ``anchor``: the mark of an earlier token.
    """

    pages: int = 0
    offset: int = 0
    number: int | None = None
    token: str | int | float | None = None
    key: str | int | float | None = None
    link: str | None = None
    each: str | int | float | None = None
    most: int = 0
    asked_on: bool = False
    seen: str = ""
    same: int = 0
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What paging must know of a page.

    How many records, their ids (``mark``), the last one's key; what ``next`` and ``more`` found in the
    answer, and where the answer came from.
    """

    count: int
    mark: tuple[str, ...] = ()
    last_key: Any = None
    next: Any = None
    more: Any = None
    url: str = ""


_READ: Final = msgspec.json.Decoder(Spot)
_WRITE: Final = msgspec.json.Encoder()


def read_spot(text: str | None) -> Spot:
    """Return the spot that *text* says; ``None`` is the first page.

    Raises:
        SourceInvalid: if it was not written by ``write_spot``.
    """
    if text is None:
        return Spot()
    try:
        return _READ.decode(text)
    except msgspec.DecodeError:
        raise SourceInvalid(
            "the place where the last run stopped cannot be read",
            hint="sync this entity anew with --full",
        ) from None


def write_spot(spot: Spot) -> str:
    """Return *spot* as text."""
    return _WRITE.encode(spot).decode()


def variables(paging: Paging, spot: Spot) -> dict[str, Any]:
    """Return what templates see as ``page``."""
    return {
        "size": paging.size,
        "offset": spot.offset,
        "number": paging.first if spot.number is None else spot.number,
        "token": spot.token,
        "key": spot.key,
    }


def place_of(paging: Paging, spot: Spot) -> str:
    """Return where the page is, in words: ``page at offset 200``."""
    match paging.type:
        case "offset":
            where = f"page at offset {spot.offset}"
        case "page":
            where = f"page {paging.first if spot.number is None else spot.number}"
        case "keyset" if spot.key is not None:
            where = f"page after {str(spot.key)[:60]!r}"
        case _:
            where = f"page {spot.pages + 1}"
    return where if spot.each is None else f"{where} of {str(spot.each)[:60]!r}"


def resumable(paging: Paging) -> bool:
    """Whether a page can be asked for long after the one before it."""
    return (
        paging.type not in {"cursor", "next_link"} if paging.resumable is None else paging.resumable
    )


def next_spot(paging: Paging, spot: Spot, found: Found) -> Spot | None:
    """Return where the next page is; ``None`` after the last.

    Raises:
        SourceInvalid: if paging turns in a circle, or leads to another host.
    """
    mark = _mark(found.mark)
    again = bool(found.mark) and mark == spot.seen
    if again and spot.asked_on:
        return None
    same = spot.same + 1 if again else 0
    if same > (0 if len(found.mark) > 1 else 1):
        raise SourceInvalid(
            f"the {place_of(paging, spot)} has the same {len(found.mark)} records as the page before it",
            hint="the source does not heed the paging of the request; correct the connector's manifest",
        )
    step = _step(paging, spot, found)
    if step is None:
        return None
    most = max(spot.most, found.count)
    asked_on = found.count < paging.size and not _has_token(paging)
    kept = {"pages": spot.pages + 1, "each": spot.each, "most": most, "same": same, "seen": mark}
    return _guarded(paging, spot, Spot(**{**kept, "asked_on": asked_on, **step}))


def _has_token(paging: Paging) -> bool:
    return paging.type in {"cursor", "next_link"} or paging.more is not None


def _step(paging: Paging, spot: Spot, found: Found) -> Mapping[str, Any] | None:
    """Return the fields that say where the next page is."""
    match paging.type:
        case "none":
            return None
        case "cursor":
            return None if found.next in (None, "", False) else {"token": _token(found.next)}
        case "next_link":
            return {"link": _link(found)} if found.next else None
        case "offset" | "page" | "keyset":
            return _counted(paging, spot, found) if _more(paging, spot, found) else None


def _counted(paging: Paging, spot: Spot, found: Found) -> Mapping[str, Any]:
    """Return the fields of the next page, for the kinds where we count ourselves."""
    if paging.type == "offset":
        return {"offset": spot.offset + found.count}
    if paging.type == "page":
        return {"number": (paging.first if spot.number is None else spot.number) + 1}
    return {"key": _token(found.last_key)}


def _more(paging: Paging, spot: Spot, found: Found) -> bool:
    """Whether there is a next page, for the kinds where the source does not hand out a token."""
    if paging.more is not None:
        if found.more and not found.count:
            # To stop here would lose what follows, in silence; to ask on would ask the same for ever.
            raise ServerFault(
                "a page holds no record, though the answer says that more follow",
                hint="the run goes on from here next time; if it stays so, look at 'more' of the paging",
            )
        return bool(found.more)
    if found.count >= paging.size:
        return True
    return found.count > 0 and found.count >= spot.most and found.count % 10 == 0


def _token(value: Any) -> str | float:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise SourceInvalid(
            f"the next page is given as {type(value).__name__}, not as a text or a number",
            hint="correct 'next' or 'key' of the stream's paging",
        )
    if len(str(value)) > _LONGEST_TOKEN:
        raise SourceInvalid(f"the token of the next page has {len(str(value))} characters")
    return value


def _link(found: Found) -> str:
    url = urljoin(found.url, str(_token(found.next)))
    if origin_of(url) != origin_of(found.url):
        raise SourceInvalid(
            f"the link to the next page leads to another host, {urlsplit(url).hostname}; "
            "credentials are not sent there",
            hint="if the system is reached under both names, write the one of its links as base_url",
        )
    return url


def _guarded(paging: Paging, spot: Spot, after: Spot) -> Spot:
    """Return *after* with its anchor, if its token was not there before."""
    token = {"cursor": after.token, "next_link": after.link, "keyset": after.key}.get(paging.type)
    if token is None:
        return after
    mark = _mark((str(token),))
    before = {"cursor": spot.token, "next_link": spot.link, "keyset": spot.key}[paging.type]
    if mark == spot.anchor or token == before:
        raise SourceInvalid(
            f"the {place_of(paging, spot)} leads to a page that was read already",
            hint="the source's paging turns in a circle; correct the connector's manifest",
        )
    power_of_two = after.pages & (after.pages - 1) == 0
    return msgspec.structs.replace(after, anchor=mark if power_of_two else spot.anchor)


def _mark(texts: Sequence[str]) -> str:
    return hashlib.blake2b("\x00".join(texts).encode(), digest_size=8).hexdigest() if texts else ""


def link_header(text: str) -> str | None:
    """Return the target of ``rel="next"`` in a ``Link`` header."""
    for part in re.split(r",\s*(?=<)", text):
        target, *parameters = part.strip().split(";")
        names = {p.strip().replace('"', "").replace("'", "").lower() for p in parameters}
        if "rel=next" in names and target.startswith("<") and target.endswith(">"):
            return target[1:-1]
    return None


def without_parameter(url: str, name: str) -> str:
    """Return *url* without the query parameter *name*: a source may repeat our key in its links."""
    parts = urlsplit(url)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    if not any(key == name for key, _ in pairs):
        return url
    kept = urlencode([(key, value) for key, value in pairs if key != name])
    return urlunsplit(parts._replace(query=kept))

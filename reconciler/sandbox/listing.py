"""How the plant lists its collections: as many ways of paging as there were teams that wrote it.

A ``Listing`` is a way to find a page (``whole``, ``by_offset``, ``by_page``, ``by_key``, ``by_token``)
and a shape to wrap it in. Records are copied into the answer as the bytes they are kept as.
"""

import base64
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from reconciler.sandbox.shelf import Entry, Key, Shelf
from reconciler.sandbox.stamps import read_stamp

Query = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Found:
    """The records of a page. ``here`` and ``next`` are tokens of this page and of the next one."""

    entries: Sequence[Entry]
    next: str | None = None
    here: str | None = None
    number: int = 0
    pages: int = 1
    total: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """What a shape wraps: a page, its records serialised, and the URL of the next one."""

    found: Found
    records: msgspec.Raw
    link: str | None

    @property
    def more(self) -> bool:
        """Whether there is a page behind this one."""
        return self.found.next is not None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request asks for: since when, how many, and from where on (``at``, as it wrote it)."""

    since: int | None
    size: int
    at: str | None


Finder = Callable[[Shelf, Wanted], Found]


@dataclass(frozen=True, slots=True)
class Listing:
    """One path that lists a collection: how it pages, and the names of its query parameters."""

    path: str
    shelf: str
    find: Finder
    shape: Callable[[Page], Any]
    at: str = "offset"
    size: str = "limit"
    since: str | None = None
    largest: int = 1000
    ids: bool = False
    """Lists keys and no records."""
    link_header: bool = False

    def wanted(self, shelf: Shelf, query: Query, cap: int | None) -> Wanted:
        """Return what *query* asks for, under the *cap* of the plant.

        Raises:
            ValueError: if a parameter is unknown or not written as it should be.
        """
        unknown = set(query) - {self.at, self.size, self.since}
        if unknown:
            raise ValueError(f"no such parameter: {', '.join(sorted(unknown))}")
        size = int(query.get(self.size, 100))
        if size < 1:
            raise ValueError(f"{self.size} is at least 1")
        since = query.get(self.since) if self.since is not None else None
        if since is not None:
            style = shelf.label.style
            low = int(since) if shelf.label.stamp is None else read_stamp(style, since)
            return Wanted(low, min(size, self.largest, cap or size), query.get(self.at))
        return Wanted(None, min(size, self.largest, cap or size), query.get(self.at))


def whole(shelf: Shelf, wanted: Wanted) -> Found:
    """Return everything at once."""
    entries = shelf.entries(shelf.keys(wanted.since))
    return Found(entries, total=len(entries))


def by_offset(shelf: Shelf, wanted: Wanted) -> Found:
    """Return the records from an offset on, in the order of keys."""
    return _slice(shelf, wanted, int(wanted.at or 0))


def by_page(first: int) -> Finder:
    """Return a finder of numbered pages; the first one has the number *first*."""

    def find(shelf: Shelf, wanted: Wanted) -> Found:
        number = int(wanted.at or first)
        return _slice(shelf, wanted, (number - first) * wanted.size, number=number)

    return find


def by_key(shelf: Shelf, wanted: Wanted) -> Found:
    """Return the records behind a key, in the order of keys."""
    after = None if wanted.at is None else shelf.label.read_key(wanted.at)
    return _behind(shelf, shelf.keys_after(after, wanted.since), wanted)


def by_number(shelf: Shelf, wanted: Wanted) -> Found:
    """Return the records behind a key; ``since`` is the lowest key that is wanted."""
    after = None if wanted.at is None else int(wanted.at)
    keys = shelf.keys_after(after)
    return _behind(shelf, keys[bisect_left(keys, wanted.since or 0) :], wanted)


def by_token(shelf: Shelf, wanted: Wanted) -> Found:
    """Return the records behind an opaque token, in the order of ``(changed, key)``.

    A token also knows the ``since`` of the listing that it goes on with.
    """
    since, after = (wanted.since, None) if wanted.at is None else _opened(shelf, wanted.at)
    entries = shelf.changed(since, after, wanted.size + 1)
    page = entries[: wanted.size]
    more = len(entries) > wanted.size
    token = _sealed(since, (page[-1].changed, page[-1].key)) if more else None
    return Found(page, token, _sealed(since, after))


def _slice(shelf: Shelf, wanted: Wanted, start: int, *, number: int = 0) -> Found:
    if start < 0:
        raise ValueError("pages and offsets are counted from their first one on")
    keys = shelf.keys(wanted.since)
    page = keys[start : start + wanted.size]
    end = start + len(page)
    pages = -(-len(keys) // wanted.size)
    following = str(end) if end < len(keys) else None
    return Found(shelf.entries(page), following, None, number, pages, len(keys))


def _behind(shelf: Shelf, keys: Sequence[Key], wanted: Wanted) -> Found:
    page = keys[: wanted.size]
    following = str(page[-1]) if len(keys) > wanted.size else None
    return Found(shelf.entries(page), following, wanted.at)


def _sealed(since: int | None, after: tuple[int, Key] | None) -> str:
    text = msgspec.json.encode((since, after))
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def _opened(shelf: Shelf, token: str) -> tuple[int | None, tuple[int, Key] | None]:
    text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    since, after = msgspec.json.decode(text, type=tuple[int | None, tuple[int, Key] | None])
    if after is not None and isinstance(after[1], int) is not shelf.label.numeric:
        raise ValueError("the token is of another listing")
    return since, after

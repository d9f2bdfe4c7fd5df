"""Cookies of one host: what an answer sets, as pairs to send back. Bounded; nothing outlives the session."""

from collections.abc import Iterable, Mapping
from typing import Final

MOST: Final = 50
LARGEST: Final = 4096
"""How many cookies are kept, and how many characters one may have (RFC 6265, 6.1): the least that a
client has to take, and the most that this one does."""


def cookies_of(lines: Iterable[str]) -> Mapping[str, str]:
    """Return the cookies that ``Set-Cookie`` *lines* set; the later line wins, one that ends a cookie removes it.

    ``Domain`` and ``Path`` are of no matter: they go to the host that set them, and to no other.
    """
    found: dict[str, str] = {}
    for line in lines:
        name, value, ends = _read(line)
        found.pop(name, None)
        if name and not ends and len(found) < MOST:
            found[name] = value
    return found


def _read(line: str) -> tuple[str, str, bool]:
    """Return name and value of a line, and whether it ends the cookie; no name if it cannot be used."""
    pair, _, rest = line.partition(";")
    name, sign, value = (part.strip() for part in pair.partition("="))
    if not sign or not name or len(pair) > LARGEST or not pair.isprintable() or not pair.isascii():
        return "", "", False
    ends = not value or "max-age=0" in rest.lower().replace(" ", "") or "1970" in rest
    return name, value, ends

"""Connect links as text, and what may be asked of a new one. Pure: chance and time are parameters."""

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from reconciler.errors import Invalid

CHANCE: Final = 32
"""How many random bytes the text of a link takes, and that of a one-time code."""
LIFE: Final = timedelta(hours=24)
"""How long a link is good, unless it is asked for otherwise."""
SHORTEST: Final = timedelta(hours=1)
LONGEST: Final = timedelta(days=7)
LONGEST_GRACE: Final = timedelta(days=7)
REDIRECTS: Final = "RECONCILER_CONNECT_REDIRECTS"

_TEXT: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_ADDRESS: Final = re.compile(r"[!-\[\]-~]{1,2048}")
_STATE: Final = re.compile(r"[ -~]{0,1024}")
_SLY: Final = re.compile(r"(?i)(?:^|/)\.{1,2}(?:/|$)|%2e|%2f|%5c")
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_OURS: Final = frozenset({"code", "state"})


@dataclass(frozen=True, slots=True)
class LinkWish:
    """What a new link is to be.

    ``redirect`` is where the customer's browser goes at the end, with ``state`` as it is given here.
    ``shown``: the customer sees the new API token. ``grace`` is how long the token before it stays good.
    """

    lives: timedelta = LIFE
    redirect: str = ""
    state: str = ""
    shown: bool = False
    grace: timedelta = timedelta(0)


def text_of(chance: bytes) -> str:
    """Return *chance* as the text of a link or of a one-time code.

    Raises:
        ValueError: if it is not ``CHANCE`` bytes.
    """
    if len(chance) != CHANCE:
        raise ValueError(f"a link takes {CHANCE} random bytes, not {len(chance)}")
    return base64.urlsafe_b64encode(chance).decode().rstrip("=")


def digest_of(text: str) -> bytes | None:
    """Return the SHA-256 by which the link (or code) of this text is kept; ``None`` if it is none."""
    if _TEXT.fullmatch(text) is None:
        return None
    return hashlib.sha256(text.encode()).digest()


def check_wish(wish: LinkWish, redirects: Sequence[str]) -> None:
    """Return if a link may be as *wish* says.

    Raises:
        Invalid: if it lives too long or too short, or leads to a place that is not allowed.
    """
    if not SHORTEST <= wish.lives <= LONGEST:
        raise Invalid("a connect link is good for 1 hour to 7 days", hint="24h is the default")
    if not timedelta(0) <= wish.grace <= LONGEST_GRACE:
        raise Invalid("the token before stays good for 0 seconds to 7 days", hint="0s: it ends")
    if _STATE.fullmatch(wish.state) is None:
        raise Invalid(
            "the state has other characters than visible ASCII ones, or more than 1024 of them",
            hint="encode it: base64url",
        )
    if wish.state and not wish.redirect:
        raise Invalid("a state is of no use without a redirect address")
    if wish.redirect and wish.shown:
        raise Invalid(
            "the token is shown to the customer, or goes to the redirect address; not both",
            hint="leave out one of the two",
        )
    if wish.redirect:
        check_redirect(wish.redirect, redirects)


def check_redirect(address: str, redirects: Sequence[str]) -> None:
    """Return if a customer may be sent to *address*: it is at one of *redirects*.

    Raises:
        Invalid: if not; the address is not repeated, it may be long and anybody's.
    """
    found = _Place.of(address)
    if found is None:
        raise Invalid(
            "the redirect address is no address that a customer can be sent to",
            hint="write https://host/path; without user, fragment, dots in the path or blanks",
        )
    if {name for name, _ in parse_qsl(urlsplit(address).query, keep_blank_values=True)} & _OURS:
        raise Invalid("the redirect address has a parameter 'code' or 'state' already")
    if not any((place := _Place.of(one)) and place.holds(found) for one in redirects):
        raise Invalid(
            f"customers are not sent to {found.origin}{found.path} from here",
            hint=f"the operator allows origins, or addresses that begin alike, in {REDIRECTS}",
        )


def read_redirects(text: str) -> tuple[str, ...]:
    """Return the entries of the operator's list, separated by commas or blanks.

    Raises:
        Invalid: if one is no origin and no beginning of an address.
    """
    found = tuple(text.replace(",", " ").split())
    for one in found:
        if _Place.of(one) is None or urlsplit(one).query:
            raise Invalid(
                f"{REDIRECTS}: {one!r} is no address",
                hint="write origins or beginnings: https://app.example.com, https://b.example/done/",
            )
    return found


def read_public(text: str, setting: str) -> str:
    """Return the address at which customers reach us, without a slash at its end.

    Raises:
        Invalid: if it is none, or passwords would cross a network in clear.
    """
    if _Place.of(text) is None or urlsplit(text).query:
        raise Invalid(
            f"{setting}: {text!r} is no address for customers",
            hint="write https://connect.example.com; plain http:// is for this machine alone",
        )
    return text.rstrip("/")


def read_origins(text: str, setting: str) -> tuple[str, ...]:
    """Return the origins that *setting* lists, separated by commas or blanks.

    Raises:
        Invalid: if one is no origin.
    """
    found = []
    for one in text.replace(",", " ").split():
        place = _Place.of(one)
        if place is None or place.path != "/" or urlsplit(one).query:
            raise Invalid(f"{setting}: {one!r} is no origin", hint="write https://app.example.com")
        found.append(place.origin)
    return tuple(found)


def sent_back(redirect: str, answers: Iterable[tuple[str, str]]) -> str:
    """Return *redirect* with *answers* in its query; those that are empty are left out."""
    more = urlencode([(name, value) for name, value in answers if value])
    return f"{redirect}{'&' if urlsplit(redirect).query else '?'}{more}" if more else redirect


@dataclass(frozen=True, slots=True)
class _Place:
    """An address taken apart, so that two are compared as browsers understand them."""

    origin: str
    path: str

    @staticmethod
    def of(address: str) -> "_Place | None":
        """Return the place of *address*; ``None`` if it is none that a browser may be sent to."""
        try:
            parts = urlsplit(address if _ADDRESS.fullmatch(address) else "")
            scheme, host, port = parts.scheme, parts.hostname or "", parts.port
        except ValueError:
            return None
        plain = scheme == "http" and host in _LOOPBACK
        if not host or (scheme != "https" and not plain):
            return None
        if "@" in parts.netloc or "#" in address or _SLY.search(parts.path):
            return None
        usual = {"https": 443, "http": 80}[scheme]
        shown = f"[{host}]" if ":" in host else host
        at = "" if port in {None, usual} else f":{port}"
        return _Place(f"{scheme}://{shown}{at}", parts.path or "/")

    def holds(self, other: "_Place") -> bool:
        """Whether *other* is at this place or below it."""
        if self.origin != other.origin:
            return False
        below = self.path if self.path.endswith("/") else f"{self.path}/"
        return other.path == self.path or other.path.startswith(below)

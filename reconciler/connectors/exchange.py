"""One question to a remote system and its answer, as values, and what an answer's status means.

Neither shows a secret: a question prints as its method, host and path, an answer is quoted with every
known secret taken out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

from reconciler.errors import (
    Forbidden,
    RateLimited,
    ServerFault,
    SourceInvalid,
    Unauthorized,
    WrongAddress,
)

SHORTEST_WAIT: Final = timedelta(seconds=1)
LONGEST_WAIT: Final = timedelta(hours=1)
LONGEST_QUOTE: Final = 200

Clean = Callable[[str], str]


class Missing(WrongAddress):
    """404 or 410: what was asked for is not there."""


@dataclass(frozen=True, slots=True, repr=False)
class Ask:
    """One HTTP request. ``query`` is added to what the URL already has; ``call`` names it in messages.

    A redirect is followed on the same host, unless ``follow`` is false: then it is the answer.
    """

    method: str
    url: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    call: str = ""
    follow: bool = True

    def __repr__(self) -> str:
        return f"Ask({self.place})"

    @property
    def place(self) -> str:
        """Method, host and path, for messages; never the query."""
        parts = urlsplit(self.url)
        where = f"{self.method} {parts.netloc.rpartition('@')[2]}{parts.path or '/'}"
        return f"{where} ({self.call})" if self.call else where

    def with_headers(self, headers: Mapping[str, str]) -> "Ask":
        """Return it with more *headers*."""
        return replace(self, headers={**self.headers, **headers}) if headers else self

    def without_following(self) -> "Ask":
        """Return it as one whose redirect is the answer."""
        return replace(self, follow=False)

    def with_cookies(self, cookies: Mapping[str, str]) -> "Ask":
        """Return it with more *cookies*, beside those that it has."""
        if not cookies:
            return self
        name = next((name for name in self.headers if name.lower() == "cookie"), "cookie")
        there = [self.headers[name]] if name in self.headers else []
        pairs = [*there, *(f"{key}={value}" for key, value in cookies.items())]
        return self.with_headers({name: "; ".join(pairs)})

    def with_query(self, *pairs: tuple[str, str]) -> "Ask":
        """Return it with more query parameters."""
        return replace(self, query=(*self.query, *pairs))


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """What came back. ``at`` is the source's own clock if it told it, else ours when we asked."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    ask: Ask
    at: datetime
    clean: Clean = str
    cookies: tuple[str, ...] = ()
    """Its ``Set-Cookie`` headers, which may come several times."""

    def __repr__(self) -> str:
        return f"Answer({self.status} to {self.ask.place})"

    @property
    def place(self) -> str:
        """What was asked, for messages."""
        return self.clean(self.ask.place)

    @property
    def quote(self) -> str:
        """The first 200 characters of the body on one line, with every known secret taken out."""
        text = self.clean(self.body[:65_536].decode("utf-8", "replace"))
        words = " ".join("".join(c if c.isprintable() else " " for c in text[:2_000]).split())
        if not words:
            return "(empty)"
        return words if len(words) <= LONGEST_QUOTE else words[:LONGEST_QUOTE] + "…"


def origin_of(url: str) -> tuple[str, str, int | None]:
    """Return scheme, host and port of *url*: what credentials are good for."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname or "", port


def check_status(answer: Answer) -> None:
    """Return if *answer* is a success by its status; else raise what it means, in our words.

    Raises:
        SourceError: the kind that the status stands for.
    """
    status = answer.status
    if status < 300:
        return
    said = f"{answer.place} answered {status}: {answer.quote}"
    wait = wait_asked(answer)
    if status == 401:
        raise Unauthorized(
            said,
            hint="mend what the connection's 'auth' refers to; from a customer: reconciler connect NAME",
        )
    if status == 403:
        raise Forbidden(said, hint="give the user of this connection the right to read this")
    if status == 429 or (status == 503 and wait is not None):
        raise RateLimited(said, wait=wait)
    if status >= 500 or status in {408, 425}:
        raise ServerFault(said)
    if status in {404, 410}:
        raise Missing(said, hint="compare base_url and the connector's path with the system's own")
    raise SourceInvalid(said, hint="the system did not accept what the connector asked")


def wait_asked(answer: Answer) -> timedelta | None:
    """Return how long *answer* asks us to wait, between a second and an hour; ``None``: not said.

    ``Retry-After`` as seconds or as a date, measured by the source's own clock; else the reset of a
    rate limit, as seconds or as an epoch.
    """
    text = answer.headers.get("retry-after", "").strip()
    wait = _seconds(text) or _until(text, answer.at)
    if wait is None and answer.status == 429:
        for name in ("ratelimit-reset", "x-ratelimit-reset"):
            wait = wait or _seconds(answer.headers.get(name, "").strip(), now=answer.at)
    return None if wait is None else min(max(wait, SHORTEST_WAIT), LONGEST_WAIT)


def _seconds(text: str, *, now: datetime | None = None) -> timedelta | None:
    try:
        number = float(text)
        if now is not None and number > 1e9:
            number -= now.timestamp()
        return timedelta(seconds=min(max(number, 0.001), 1e6))
    except (ValueError, OverflowError):
        return None


def _until(text: str, now: datetime) -> timedelta | None:
    moment = http_date(text)
    return None if moment is None else max(moment - now, SHORTEST_WAIT)


def http_date(text: str) -> datetime | None:
    """Return the time that an HTTP date says, or ``None``."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)

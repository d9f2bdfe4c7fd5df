"""One POST to an address that a route gives, and what came of it in our words."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpcore
import httpx

from reconciler.errors import Invalid
from reconciler.ports import Clock
from reconciler.webhooks.channel import Reply, Secrets
from reconciler.webhooks.wire import Wire

LONGEST: Final = timedelta(days=1)
"""No ``Retry-After`` is taken for more."""


def address_of(given: str | Mapping[str, Any], secrets: Secrets, what: str) -> httpx.URL:
    """Return the address that *given* says or refers to.

    Raises:
        Invalid: if it is none of a receiver; the address is not told.
    """
    text = secrets.value(given, what)
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, UnicodeError):
        raise Invalid(f"{what} is no address", hint="write https://host/path") from None
    if not isinstance(given, str):
        secrets.cleaner.learn([url.host, url.raw_path.decode()])
    if url.scheme not in {"http", "https"} or not url.host or url.userinfo:
        raise Invalid(
            f"{what} is no address of a receiver",
            hint="write https://host/path, with no name and password in it",
        )
    return url


async def post(
    wire: Wire, clock: Clock, url: httpx.URL, headers: Mapping[str, str], body: bytes
) -> Reply:
    """Return what the receiver at *url* said to *body*.

    Raises:
        ReconcilerError, OSError, ValueError: if it may not go there, or is none.
    """
    to = httpcore.URL(
        scheme=url.raw_scheme, host=url.raw_host, port=_port(url), target=url.raw_path
    )
    try:
        said = await wire.post(to, {"host": url.netloc.decode(), **headers}, body)
    except TimeoutError:
        return Reply(0, f"no answer within {wire.timeout.total_seconds():g} s")
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
        return Reply(0, f"no answer: {str(error) or type(error).__name__}")
    wait = None if said.status < 300 else retry_after(said.headers, clock.now())
    return Reply(said.status, said.beginning.decode(errors="replace"), wait)


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Return how long the receiver asks us to wait: seconds, or until a date (RFC 9110, 10.2.3)."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:9])), LONGEST)
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return min(max(until - now, timedelta(0)), LONGEST)


def _port(url: httpx.URL) -> int:
    return url.port or {"https": 443, "http": 80}[url.scheme]

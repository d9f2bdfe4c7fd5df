"""``ports.Sender`` for webhooks: an event, signed, to the address that its route names."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final, Protocol, TypeAlias

import httpcore
import httpx

from reconciler.errors import Invalid, ReconcilerError
from reconciler.model.event import Attempt, Delivery, Event
from reconciler.model.resource import Resource
from reconciler.ports import Clock
from reconciler.webhooks.bodies import content_of
from reconciler.webhooks.signing import PREFIX, headers_of, keys_of
from reconciler.webhooks.wire import Said, Wire

ANSWER: Final = 1_000
"""Characters of an answer that are kept."""
LONGEST: Final = timedelta(days=1)
"""No ``Retry-After`` is taken for more."""

_RESERVED: Final = frozenset(
    {"host", "content-length", "content-type", "connection", "transfer-encoding", "user-agent"}
)
"""Headers that a route cannot set, beside ours."""

Reveal: TypeAlias = Callable[[Mapping[str, Any], str], str]
"""Returns the value that a reference leads to, told what it is for; raises ``SecretMissing``."""


class Cleaner(Protocol):
    """Takes known secrets out of texts."""

    def learn(self, values: Iterable[str]) -> None:
        """Know *values* from now on."""
        ...

    def clean(self, text: str) -> str:
        """Return *text* without them."""
        ...


class WebhookSender:
    """Posts events to receivers. Secrets are resolved for each attempt, and kept nowhere.

    *version* is the version of the API whose words the payload speaks.
    """

    def __init__(
        self, clock: Clock, wire: Wire, reveal: Reveal, cleaner: Cleaner, *, version: str
    ) -> None:
        self._clock = clock
        self._wire = wire
        self._reveal = reveal
        self._cleaner = cleaner
        self._version = version

    async def send(self, delivery: Delivery, event: Event, route: Resource) -> Attempt:
        """Send to where *route* says, and return what came of it."""
        at = self._clock.now()
        try:
            said = await self._post(delivery, event, route)
        except ReconcilerError as error:
            why = f"{error.message} ({error.hint})" if error.hint else error.message
            return self._attempt(at, 0, why)
        except TimeoutError:
            seconds = self._wire.timeout.total_seconds()
            return self._attempt(at, 0, f"no answer within {seconds:g} s")
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
            return self._attempt(at, 0, f"no answer: {_why(error)}")
        except (OSError, ValueError) as error:
            return self._attempt(at, 0, f"no answer: {_why(error)}")
        wait = None if said.status < 300 else retry_after(said.headers, self._clock.now())
        return self._attempt(at, said.status, said.beginning.decode(errors="replace"), wait)

    async def close(self) -> None:
        """Let go of connections."""
        await self._wire.close()

    async def _post(self, delivery: Delivery, event: Event, route: Resource) -> Said:
        webhook = route.spec["to"]["webhook"]
        url = self._address(webhook["url"], f"{route.key}: url")
        keys = self._keys(webhook.get("secret"), f"{route.key}: secret")
        content = content_of(delivery, event, webhook.get("format", "standard"))
        body = content.body
        stamp = int(self._clock.now().timestamp())
        headers = {
            **_given(webhook.get("headers", {})),
            "host": url.netloc.decode(),
            "content-type": content.media,
            "user-agent": "reconciler",
            "reconciler-version": self._version,
            **headers_of(delivery.id, stamp, body, keys),
        }
        to = httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=_port(url), target=url.raw_path
        )
        return await self._wire.post(to, headers, body)

    def _address(self, given: str | Mapping[str, Any], what: str) -> httpx.URL:
        text = given if isinstance(given, str) else self._reveal(given, what).strip()
        try:
            url = httpx.URL(text)
        except (httpx.InvalidURL, UnicodeError):
            raise Invalid(f"{what} is no address", hint="write https://host/path") from None
        if not isinstance(given, str):
            self._cleaner.learn([url.host, url.raw_path.decode()])
        if url.scheme not in {"http", "https"} or not url.host or url.userinfo:
            raise Invalid(
                f"{what} is no address of a receiver",
                hint="write https://host/path, with no name and password in it",
            )
        return url

    def _keys(self, given: Mapping[str, Any] | None, what: str) -> tuple[bytes, ...]:
        if given is None:
            return ()
        secret = self._reveal(given, what)
        words = secret.split()
        self._cleaner.learn([secret, *words, *(word.removeprefix(PREFIX) for word in words)])
        return keys_of(secret)

    def _attempt(
        self, at: datetime, status: int, answer: str, wait: timedelta | None = None
    ) -> Attempt:
        text = self._cleaner.clean(answer.replace("\x00", ""))[:ANSWER]
        return Attempt(at, status, self._clock.now() - at, text, wait)


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


def _given(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of a route that are its own to set.

    Raises:
        Invalid: if one holds what cannot be sent.
    """
    lower = {name.lower(): text for name, text in headers.items()}
    for name, text in lower.items():
        if not (text.isascii() and text.isprintable() and name.isascii() and name.isprintable()):
            raise Invalid(
                f"the header {name!r} of the route holds what cannot be sent",
                hint="write letters, digits and signs of ASCII, on one line",
            )
    return {
        name: text
        for name, text in lower.items()
        if name not in _RESERVED and not name.startswith(("webhook-", "reconciler-"))
    }


def _port(url: httpx.URL) -> int:
    return url.port or {"https": 443, "http": 80}[url.scheme]


def _why(error: BaseException) -> str:
    return str(error) or type(error).__name__

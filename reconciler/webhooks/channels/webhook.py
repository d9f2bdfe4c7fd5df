"""Webhooks: a signed POST of our own body, of a ready one, or of one that the route has written."""

import json
from collections.abc import Mapping
from typing import Any, Final

import httpx

from reconciler.errors import Invalid
from reconciler.mapping.template import TemplateInvalid
from reconciler.ports import Clock
from reconciler.webhooks.bodies import CLOUD_EVENT, cloud_event
from reconciler.webhooks.channel import Letter, Reply, Secrets
from reconciler.webhooks.message import Message, filled
from reconciler.webhooks.posted import JSON, Posted
from reconciler.webhooks.posting import address_of, post
from reconciler.webhooks.services import READY
from reconciler.webhooks.signing import PREFIX, headers_of, keys_of
from reconciler.webhooks.wire import Wire

UNTOLD: Final = "nothing to send: it begins and ends no alert"

_RESERVED: Final = frozenset(
    {"host", "content-length", "content-type", "connection", "transfer-encoding", "user-agent"}
)
"""Headers that a route cannot set, beside ours."""


class Webhooks:
    """Posts messages to receivers. Secrets are resolved for each attempt, and kept nowhere.

    *version* is the version of the API whose words our own body speaks.
    """

    def __init__(self, clock: Clock, wire: Wire, secrets: Secrets, *, version: str) -> None:
        self._clock = clock
        self._wire = wire
        self._secrets = secrets
        self._version = version

    async def send(self, letter: Letter) -> Reply:
        """Post to where the route says, and return what the receiver said."""
        webhook, route = letter.to("webhook"), letter.route.key
        url = address_of(webhook["url"], self._secrets, f"{route}: url")
        keys = self._keys(webhook.get("secret"), f"{route}: secret")
        posted, trouble = self._posted(letter, webhook, f"{route}: key")
        if posted is None:
            return Reply(204, UNTOLD)
        stamp = int(self._clock.now().timestamp())
        headers = {
            **self._given(webhook.get("headers", {}), f"{route}: headers"),
            **posted.headers,
            "content-type": posted.content_type,
            "user-agent": "reconciler",
            "reconciler-version": self._version,
            **headers_of(letter.id, stamp, posted.body, keys),
        }
        reply = await post(self._wire, self._clock, _below(url, posted.below), headers, posted.body)
        return Reply(reply.status, reply.answer, reply.wait, trouble=trouble)

    def _posted(
        self, letter: Letter, webhook: Mapping[str, Any], what: str
    ) -> tuple[Posted | None, str]:
        """Return what is posted (``None``: nothing), and why it is not what the route says."""
        template, given = webhook.get("template"), webhook.get("key")
        message = letter.message
        if template is None:
            return _own(letter, webhook.get("format", "standard")), ""
        if template in READY:
            key = "" if given is None else self._secrets.value(given, what)
            return READY[template](message, key), ""
        kind = webhook.get("contentType", JSON)
        try:
            return Posted(_written(template, message, kind), kind), ""
        except TemplateInvalid as error:
            return Posted(message.body), f"to.webhook.template: {error}; our own body was sent"

    def _keys(self, given: Mapping[str, Any] | None, what: str) -> tuple[bytes, ...]:
        if given is None:
            return ()
        secret = self._secrets.reveal(given, what)
        words = secret.split()
        self._secrets.cleaner.learn(
            [secret, *words, *(word.removeprefix(PREFIX) for word in words)]
        )
        return keys_of(secret)

    def _given(self, headers: Mapping[str, Any], what: str) -> dict[str, str]:
        """Return the headers of a route that are its own to set.

        Raises:
            Invalid: if one holds what cannot be sent.
        """
        lower = {
            name.lower(): self._secrets.value(text, f"{what}.{name}")
            for name, text in headers.items()
        }
        for name, text in lower.items():
            if not (_sendable(name) and _sendable(text)):
                raise Invalid(
                    f"the header {name!r} of the route holds what cannot be sent",
                    hint="write letters, digits and signs of ASCII, on one line",
                )
        return {
            name: text
            for name, text in lower.items()
            if name not in _RESERVED and not name.startswith(("webhook-", "reconciler-"))
        }


def _own(letter: Letter, form: str) -> Posted:
    """Return our own body in the form that the route asks for."""
    if form != "cloudevents":
        return Posted(letter.message.body)
    return Posted(cloud_event(letter.id, letter.message.body), CLOUD_EVENT)


def _written(template: str, message: Message, kind: str) -> bytes:
    """Return what a route's own template gives.

    Raises:
        TemplateInvalid: if it cannot be filled in, or gives no JSON where JSON is due.
    """
    text = filled(template, message)
    if kind.partition(";")[0].endswith("json"):
        try:
            json.loads(text)
        except ValueError as error:
            msg = f"it gives no JSON ({error}); write values with '| tojson'"
            raise TemplateInvalid(msg) from None
    return text.encode(errors="replace")


def _below(url: httpx.URL, below: str) -> httpx.URL:
    if not below:
        return url
    path, _, query = below.partition("?")
    own, _, asked = url.raw_path.decode().partition("?")
    queries = "&".join(part for part in (asked, query) if part)
    return url.copy_with(raw_path=f"{own.rstrip('/')}{path}?{queries}".encode())


def _sendable(text: str) -> bool:
    return text.isascii() and text.isprintable()

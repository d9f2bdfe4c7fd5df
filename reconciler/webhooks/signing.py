"""Signatures of Standard Webhooks 1.0: HMAC-SHA256 over ``id.timestamp.body``, byte by byte.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from typing import Final

from reconciler.errors import Invalid

PREFIX: Final = "whsec_"
_HINT: Final = 'make one with: echo "whsec_$(openssl rand -base64 32)"'


def keys_of(secret: str) -> tuple[bytes, ...]:
    """Return the keys that *secret* holds: several while it is being changed, the new one first.

    ``whsec_`` and base64 is a key; so is any other text, as it stands. Several of the first form may
    stand side by side, with white space between.

    Raises:
        Invalid: if it is empty, or what follows ``whsec_`` is not base64. The value is not told.
    """
    words = secret.split()
    if not words:
        raise Invalid("the secret of the webhook is empty", hint=_HINT)
    if not all(word.startswith(PREFIX) for word in words):
        return (secret.strip().encode(),)
    return tuple(_decoded(word.removeprefix(PREFIX)) for word in words)


def headers_of(
    message_id: str, timestamp: int, body: bytes, keys: Iterable[bytes]
) -> dict[str, str]:
    """Return the headers that make *body* a webhook; with no key there is no signature.

    *timestamp* is in seconds since 1970, of the attempt.
    """
    headers = {"webhook-id": message_id, "webhook-timestamp": str(timestamp)}
    text = f"{message_id}.{timestamp}.".encode() + body
    signatures = [_signature(text, key) for key in keys]
    return {**headers, "webhook-signature": " ".join(signatures)} if signatures else headers


def _signature(text: bytes, key: bytes) -> str:
    return "v1," + base64.b64encode(hmac.digest(key, text, hashlib.sha256)).decode()


def _decoded(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise Invalid("the secret of the webhook is not base64 after 'whsec_'", hint=_HINT)
    return key

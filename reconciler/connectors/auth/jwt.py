"""Signed assertions (RFC 7519, RFC 7523): a few claims and a signature by a private key."""

import base64
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from reconciler.secrets.signing import sign

LIFE: Final = timedelta(minutes=5)
"""How long an assertion is good; some servers take no longer one."""


def claims_of(names: Mapping[str, str], now: datetime, nonce: str) -> dict[str, Any]:
    """Return the claims *names* (``iss``, ``sub``, ``aud``, ...) with when it is made and ends, and its id."""
    at = int(now.timestamp())
    told = {key: value for key, value in names.items() if value}
    return {**told, "iat": at, "exp": at + int(LIFE.total_seconds()), "jti": nonce}


def signed(claims: Mapping[str, Any], pem: str, algorithm: str, key_id: str = "") -> str:
    """Return the JSON web token of *claims*, signed with the private key *pem*.

    Raises:
        Invalid: if the key cannot be read, or is not of the algorithm's kind.
    """
    header = {"alg": algorithm, "typ": "JWT", **({"kid": key_id} if key_id else {})}
    text = f"{_part(msgspec.json.encode(header))}.{_part(msgspec.json.encode(dict(claims)))}"
    return f"{text}.{_part(sign(text.encode(), pem, algorithm))}"


def _part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

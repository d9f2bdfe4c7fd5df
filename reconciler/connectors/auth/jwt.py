"""Signed assertions (RFC 7519, RFC 7523): a few claims and a signature by a private key."""

import base64
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from reconciler.errors import Invalid

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
    return f"{text}.{_part(_signature(text.encode(), pem, algorithm))}"


def _signature(text: bytes, pem: str, algorithm: str) -> bytes:
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415  heavy
    from cryptography.hazmat.primitives.asymmetric import (  # noqa: PLC0415  heavy
        ec,
        padding,
        rsa,
        utils,
    )

    try:
        key = serialization.load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError):
        raise Invalid(
            "auth.key is no private key in PEM without a password",
            hint="give the file that begins with -----BEGIN PRIVATE KEY-----",
        ) from None
    digest = hashes.SHA256()
    match algorithm, key:
        case "RS256", rsa.RSAPrivateKey():
            return key.sign(text, padding.PKCS1v15(), digest)
        case "PS256", rsa.RSAPrivateKey():
            return key.sign(text, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
        case "ES256", ec.EllipticCurvePrivateKey() if key.key_size == 256:
            one, two = utils.decode_dss_signature(key.sign(text, ec.ECDSA(digest)))
            return one.to_bytes(32, "big") + two.to_bytes(32, "big")
        case _:
            raise Invalid(f"auth.key is not a key for {algorithm}")


def _part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

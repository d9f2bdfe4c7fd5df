"""API tokens as text: how one is made, read and compared. Pure: chance and time are parameters."""

import base64
import hashlib
import hmac
import re
import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from reconciler.model.access import Grant, Scope, Token

CHANCE: Final = 40
"""How many random bytes a token takes: 8 for its id, 32 for its secret."""

_FORM: Final = re.compile(r"(rcn_([a-z2-7]{13})_[A-Za-z0-9_-]{43})_([0-9a-f]{8})")


@dataclass(frozen=True, slots=True)
class TokenWish:
    """What a new token is to allow. ``connection`` is the connection's uid; ``None``: all of them."""

    name: str
    scopes: frozenset[Scope]
    api_version: str
    connection: str | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Presented:
    """A well-formed token text: its id, and the SHA-256 by which the kept one is found."""

    id: str
    digest: bytes


def mint(wish: TokenWish, *, chance: bytes, now: datetime) -> tuple[str, Token]:
    """Return the text of a new token, to be shown once, and the token to keep, without the text.

    Raises:
        ValueError: if *chance* is not ``CHANCE`` bytes, or the wish allows nothing.
    """
    if len(chance) != CHANCE:
        raise ValueError(f"a token takes {CHANCE} random bytes, not {len(chance)}")
    if not wish.scopes:
        raise ValueError("a token needs a scope; give one, such as read:records")
    ident = base64.b32encode(chance[:8]).decode().rstrip("=").lower()
    secret = base64.urlsafe_b64encode(chance[8:]).decode().rstrip("=")
    body = f"rcn_{ident}_{secret}"
    text = f"{body}_{_check(body)}"
    kept = Token(
        id=ident,
        name=wish.name,
        digest=_digest(text),
        scopes=wish.scopes,
        connection=wish.connection,
        api_version=wish.api_version,
        created_at=now,
        expires_at=wish.expires_at,
    )
    return text, kept


def parse(text: str) -> Presented | None:
    """Return what *text* presents, or ``None`` if it is no token or was mistyped (by its checksum)."""
    match = _FORM.fullmatch(text)
    if match is None or not hmac.compare_digest(match[3], _check(match[1])):
        return None
    return Presented(match[2], _digest(text))


def grant(presented: Presented, kept: Token | None, *, now: datetime) -> Grant | None:
    """Return what *kept* allows who presented it; ``None`` if it is another, revoked or expired."""
    if kept is None or not hmac.compare_digest(kept.digest, presented.digest):
        return None
    if kept.revoked_at is not None and kept.revoked_at <= now:
        return None
    if kept.expires_at is not None and kept.expires_at <= now:
        return None
    return Grant(kept.id, kept.scopes, kept.connection)


def _check(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08x}"


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()

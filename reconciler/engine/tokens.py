"""API tokens as text: how one is made, read and judged. Pure: chance and time are parameters."""

import base64
import hashlib
import hmac
import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from reconciler.model.access import ROLES, Grant, Role, Scope, Token
from reconciler.model.selector import Selector

CHANCE: Final = 40
"""How many random bytes a token takes: 8 for its id, 32 for its secret."""
LONGEST: Final = 255
"""How many characters a token's name has at most."""

_FORM: Final = re.compile(r"(rcn_([a-z2-7]{13})_[A-Za-z0-9_-]{43})_([0-9a-f]{8})")


@dataclass(frozen=True, slots=True)
class TokenWish:
    """What a new token is to allow: ``scopes``, those of its ``role`` too.

    ``connection`` is the connection's uid, ``selector`` chooses connections by labels; with neither it
    is over all of them. ``networks`` are as ``networks_of`` gives them.
    """

    name: str
    scopes: frozenset[Scope]
    api_version: str
    connection: str | None = None
    expires_at: datetime | None = None
    role: Role | None = None
    selector: Selector = ()
    networks: tuple[str, ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True)
class Presented:
    """A well-formed token text: its id, and the SHA-256 by which the kept one is found."""

    id: str
    digest: bytes


class Refusal(StrEnum):
    """Why a presented token grants nothing. Its bearer is not told which; the audit log is."""

    UNKNOWN = "unknown"
    REVOKED = "revoked"
    EXPIRED = "expired"
    NETWORK = "network"


def mint(wish: TokenWish, *, chance: bytes, now: datetime) -> tuple[str, Token]:
    """Return the text of a new token, to be shown once, and the token to keep, without the text.

    Raises:
        ValueError: if *chance* is not ``CHANCE`` bytes, or the wish allows nothing or contradicts itself.
    """
    if len(chance) != CHANCE:
        raise ValueError(f"a token takes {CHANCE} random bytes, not {len(chance)}")
    ident = base64.b32encode(chance[:8]).decode().rstrip("=").lower()
    secret = base64.urlsafe_b64encode(chance[8:]).decode().rstrip("=")
    body = f"rcn_{ident}_{secret}"
    text = f"{body}_{_check(body)}"
    kept = Token(
        id=ident,
        name=wish.name,
        digest=_digest(text),
        scopes=_checked(wish, now),
        connection=wish.connection,
        api_version=wish.api_version,
        created_at=now,
        expires_at=wish.expires_at,
        role=wish.role,
        selector=wish.selector,
        networks=wish.networks,
        description=wish.description,
    )
    return text, kept


def networks_of(texts: Iterable[str]) -> tuple[str, ...]:
    """Return networks (``10.0.0.0/8``, a single address too) in canonical form, each once, sorted.

    Raises:
        ValueError: for other text, and for a network whose address has bits beyond its prefix.
    """
    found = set()
    for text in texts:
        try:
            found.add(str(ip_network(text.strip())))
        except ValueError as error:
            raise ValueError(f"{text[:64]!r} is no network such as 10.0.0.0/8: {error}") from None
    return tuple(sorted(found))


def parse(text: str) -> Presented | None:
    """Return what *text* presents, or ``None`` if it is no token or was mistyped (by its checksum)."""
    match = _FORM.fullmatch(text)
    if match is None or not hmac.compare_digest(match[3], _check(match[1])):
        return None
    return Presented(match[2], _digest(text))


def judge(
    presented: Presented, kept: Token | None, *, now: datetime, peer: str | None = None
) -> Grant | Refusal:
    """Return what *kept* allows who presented it from the address *peer*, or why it allows nothing.

    A token that is heard from some networks only grants nothing where the peer is not known.
    """
    if kept is None or not hmac.compare_digest(kept.digest, presented.digest):
        return Refusal.UNKNOWN
    if kept.revoked_at is not None and kept.revoked_at <= now:
        return Refusal.REVOKED
    if kept.expires_at is not None and kept.expires_at <= now:
        return Refusal.EXPIRED
    if kept.networks and not _heard(kept.networks, peer):
        return Refusal.NETWORK
    return Grant(kept.id, kept.scopes, kept.connection, kept.selector)


def grant(
    presented: Presented, kept: Token | None, *, now: datetime, peer: str | None = None
) -> Grant | None:
    """Return what ``judge`` grants; ``None`` if that is nothing."""
    judged = judge(presented, kept, now=now, peer=peer)
    return None if isinstance(judged, Refusal) else judged


def address_of(peer: str | None) -> IPv4Address | IPv6Address | None:
    """Return the address that *peer* writes: an IPv4 one inside an IPv6 one as itself, without zone."""
    try:
        found = ip_address((peer or "").partition("%")[0])
    except ValueError:
        return None
    inside = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return inside or found


def _heard(networks: tuple[str, ...], peer: str | None) -> bool:
    address = address_of(peer)
    return address is not None and any(address in ip_network(network) for network in networks)


def _checked(wish: TokenWish, now: datetime) -> frozenset[Scope]:
    """Return all scopes of *wish*, or raise ``ValueError`` if it makes no sense."""
    scopes = wish.scopes | (ROLES[wish.role] if wish.role else frozenset())
    if not scopes:
        raise ValueError("a token needs a scope; give one, such as read:records")
    if not 0 < len(wish.name) <= LONGEST or not wish.name.isprintable():
        raise ValueError(f"a token's name has 1 to {LONGEST} printable characters")
    if wish.connection is not None and wish.selector:
        raise ValueError("a token is of one connection or of a selector, not of both")
    if wish.expires_at is not None and wish.expires_at <= now:
        raise ValueError("a token that has expired when it is made is of no use")
    return scopes


def _check(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08x}"


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()

"""Credentials as they are kept: sealed, each under a key of the ring and bound to its place."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Sealed:
    """One thing that a connection logs in with, encrypted under the key ``key_id``.

    ``field`` is its place: ``auth.password``, ``config.base_url``, ``oauth.refresh_token``.
    ``fingerprint`` is keyed: it tells whether two values are one, and nothing else. ``expires_at`` is
    when the value stops to be good, where the source has told.
    """

    field: str
    key_id: str
    sealed: bytes
    fingerprint: str
    updated_at: datetime
    updated_by: str
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class InstanceSecret:
    """A secret of this installation itself, encrypted under the key ``key_id``: ``fingerprint``."""

    name: str
    key_id: str
    sealed: bytes
    updated_at: datetime

"""Who may call the API, and for which connection."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Scope(StrEnum):
    """What a token lets its bearer do."""

    READ_RECORDS = "read:records"
    READ_STATUS = "read:status"
    RUN_SYNC = "run:sync"
    WRITE_SPECS = "write:specs"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a presented token allows. ``connection`` is ``None`` for a token over all of them."""

    token: str
    scopes: frozenset[Scope]
    connection: str | None = None

    def allows(self, scope: Scope) -> bool:
        """Whether the bearer may do what asks for *scope*; ``admin`` may do everything."""
        return scope in self.scopes or Scope.ADMIN in self.scopes


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is kept: never its text, only the SHA-256 of it (32 bytes)."""

    id: str
    name: str
    digest: bytes
    scopes: frozenset[Scope]
    connection: str | None
    api_version: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None

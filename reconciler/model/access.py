"""Who may call the API, and for which connections."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from reconciler.model.selector import Selector, chosen_by


class Scope(StrEnum):
    """What a token lets its bearer do."""

    READ_RECORDS = "read:records"
    READ_STATUS = "read:status"
    RUN_SYNC = "run:sync"
    WRITE_SPECS = "write:specs"
    ADMIN = "admin"


class Role(StrEnum):
    """A named set of scopes: the closed set, each with all that the one before it may."""

    VIEWER = "viewer"
    READER = "reader"
    OPERATOR = "operator"
    EDITOR = "editor"
    ADMIN = "admin"


_READER: Final = frozenset({Scope.READ_STATUS, Scope.READ_RECORDS})
_OPERATOR: Final = _READER | {Scope.RUN_SYNC}

ROLES: Final[Mapping[Role, frozenset[Scope]]] = MappingProxyType(
    {
        Role.VIEWER: frozenset({Scope.READ_STATUS}),
        Role.READER: _READER,
        Role.OPERATOR: _OPERATOR,
        Role.EDITOR: _OPERATOR | {Scope.WRITE_SPECS},
        Role.ADMIN: frozenset({Scope.ADMIN}),
    }
)
"""What each role may do. A token keeps its role's name: it may what the role may today."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a presented token allows.

    It is over one ``connection`` (a uid), over those that its ``selector`` chooses when a request is
    made, or, with neither, over all of them. A route that decides by ``connection`` alone is wrong.
    """

    token: str
    scopes: frozenset[Scope]
    connection: str | None = None
    selector: Selector = ()

    @property
    def everywhere(self) -> bool:
        """Whether it is over all connections, and over what is about none of them."""
        return self.connection is None and not self.selector

    def allows(self, scope: Scope) -> bool:
        """Whether the bearer may do what asks for *scope*; ``admin`` may do everything."""
        return scope in self.scopes or Scope.ADMIN in self.scopes

    def covers(self, uid: str | None, labels: Mapping[str, str]) -> bool:
        """Whether it is over the connection with this uid (``None``: not in force yet) and *labels*."""
        if self.connection is not None:
            return self.connection == uid
        return not self.selector or chosen_by(self.selector, labels)


class TokenState(StrEnum):
    """How a token stands. ``retiring``: it was replaced, and is good until its grace is over."""

    VALID = "valid"
    RETIRING = "retiring"
    REVOKED = "revoked"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is kept: never its text, only the SHA-256 of it (32 bytes).

    ``scopes`` is all that it allows, those of its ``role`` among them. ``networks`` are the networks it
    is heard from (``10.0.0.0/8``); none: any. A ``revoked_at`` that is ahead is the end of a grace, and
    ``replaced_by`` the id of the token that came in its place.
    """

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
    role: Role | None = None
    selector: Selector = ()
    networks: tuple[str, ...] = ()
    description: str = ""
    created_by: str = ""
    replaced_by: str | None = None

    @property
    def prefix(self) -> str:
        """How its text begins: enough to recognise it, and no secret."""
        return f"rcn_{self.id}_…"

    def state(self, now: datetime) -> TokenState:
        """Return how it stands at *now*."""
        if self.revoked_at is not None and self.revoked_at <= now:
            return TokenState.REVOKED
        if self.expires_at is not None and self.expires_at <= now:
            return TokenState.EXPIRED
        return TokenState.VALID if self.revoked_at is None else TokenState.RETIRING

"""Who may ask: one set of credentials, four ways to show them."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the plant takes: a key, a bearer token, or a user with a password (basic, or a session)."""

    username: str = "integration"
    password: str = field(default="", repr=False)
    api_key: str = field(default="", repr=False)
    token: str = field(default="", repr=False)

    @classmethod
    def of(cls, seed: int) -> Self:
        """Return made-up credentials that follow from *seed*."""
        return cls(
            password=_made_up(seed, "password"),
            api_key=_made_up(seed, "key"),
            token=_made_up(seed, "token"),
        )


class Door:
    """Checks credentials, and keeps the sessions that were opened with them."""

    def __init__(self, credentials: Credentials) -> None:
        self.credentials = credentials
        self.opened = 0
        """How many sessions have been opened."""
        self._sessions: dict[str, int | None] = {}

    def open_session(self, username: str, password: str, uses: int | None) -> str | None:
        """Return a new session, good for *uses* requests, or ``None`` for wrong credentials."""
        if not self._known(username, password):
            return None
        self.opened += 1
        session = _made_up(self.opened, f"session {self.credentials.token}")
        self._sessions[session] = uses
        return session

    def end_sessions(self) -> None:
        """End all sessions; who has one must log in again."""
        self._sessions.clear()

    def admits(self, headers: Mapping[str, str]) -> bool:
        """Return whether *headers* show good credentials; a session is used up by it."""
        if "x-plant-key" in headers:
            return _same(headers["x-plant-key"], self.credentials.api_key)
        if "x-plant-session" in headers:
            return self._use(headers["x-plant-session"])
        scheme, _, shown = headers.get("authorization", "").partition(" ")
        match scheme.lower():
            case "bearer":
                return _same(shown.strip(), self.credentials.token)
            case "basic":
                username, _, password = _basic(shown).partition(":")
                return self._known(username, password)
            case _:
                return False

    def _known(self, username: str, password: str) -> bool:
        known = _same(username, self.credentials.username)
        return _same(password, self.credentials.password) and known

    def _use(self, session: str) -> bool:
        if session not in self._sessions:
            return False
        left = self._sessions[session]
        if left is not None:
            if left <= 0:
                del self._sessions[session]
                return False
            self._sessions[session] = left - 1
        return True


def _made_up(seed: int, use: str) -> str:
    return hashlib.sha256(f"sandbox {use} {seed}".encode()).hexdigest()[:24]


def _same(shown: str, known: str) -> bool:
    return bool(known) and hmac.compare_digest(shown.encode(), known.encode())


def _basic(shown: str) -> str:
    try:
        return base64.b64decode(shown, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""

"""Credentials that go along with each request: none, a key, a token, user and password."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.connectors.auth.flows import Flow, Session
from reconciler.connectors.exchange import Ask


@dataclass(frozen=True, slots=True, repr=False)
class Fixed:
    """Headers and query parameters that never change."""

    headers: Mapping[str, str] = field(default_factory=dict)
    query: tuple[tuple[str, str], ...] = ()
    renewable: bool = False

    def log_in(self) -> Flow[Session]:
        """Return a session of the headers, so that they are known as secrets; nothing is asked."""
        yield from ()
        return Session(headers=self.headers)

    def sign(self, ask: Ask, session: Session) -> Ask:
        """Return *ask* with the credentials."""
        del session
        return ask.with_headers(self.headers).with_query(*self.query)


def basic(username: str, password: str) -> str:
    """Return the ``Authorization`` of HTTP Basic."""
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"

"""An authorization server and the API behind it, as a handler function; time is the clock's."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

import httpx

from reconciler.connectors.registry import HttpConnectors
from reconciler.model.resource import Kind, Resource
from reconciler.ports import Connector, Safe
from tests.connectors.conftest import NOW, TurnedClock, manifest, resource

TOKEN_URL = "https://login.example/token"
ENVIRON = {"CLIENT_SECRET": "canary-client-secret/+="}
CODE_AUTH = {
    "type": "oauth2_authorization_code",
    "fields": {"client_id": {"required": True}, "client_secret": {"secret": True}},
    "tokenUrl": TOKEN_URL,
    "authorizeUrl": "https://login.example/authorize",
    "scopes": ["orders.read", "offline_access"],
}
GIVEN_AUTH = {
    "method": "oauth",
    "client_id": "our-app",
    "client_secret": {"env": "CLIENT_SECRET"},
}


@dataclass
class AuthServer:
    """Tokens live *life* seconds; refresh tokens rotate, and a second use of one ends the grant.

    ``failing`` are answers that the token endpoint gives before it works again; ``api`` those of the API.
    """

    clock: TurnedClock
    life: int | None = 3600
    rotates: bool = True
    failing: list[httpx.Response | Exception] = field(default_factory=list)
    api: list[httpx.Response] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)
    used: list[str] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    alive: dict[str, datetime] = field(default_factory=dict)
    refresh: str = "canary-refresh-token-0"
    gone: bool = False
    skew: timedelta = timedelta(0)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == "login.example":
            return self._token(request)
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        self.used.append(token)
        if token not in self.alive or self.clock.now() >= self.alive[token]:
            return httpx.Response(401, json={"error": f"{token} is not good"})
        if self.api:
            return self.api.pop(0)
        return httpx.Response(200, json={"data": [{"id": 1}]})

    def tokens(self, life: int = 3600) -> dict[str, str]:
        """Return what a consent gave, *life* seconds to live."""
        token = f"canary-access-token-{len(self.asked)}"
        now = self.clock.now()
        ends = datetime.fromtimestamp(now.timestamp() + life, tz=now.tzinfo)
        self.alive[token] = ends
        return {
            "oauth.access_token": token,
            "oauth.refresh_token": self.refresh,
            "oauth.issued_at": now.isoformat(),
            "oauth.expires_at": ends.isoformat(),
        }

    def revoke(self) -> None:
        """End every access token."""
        self.alive.clear()

    def _token(self, request: httpx.Request) -> httpx.Response:
        form = dict(parse_qsl(request.content.decode()))
        self.asked.append(form)
        self.headers.append(request.headers.get("authorization", ""))
        if self.failing:
            failing = self.failing.pop(0)
            if isinstance(failing, Exception):
                raise failing
            return failing
        if form["grant_type"] == "refresh_token":
            if self.gone or form["refresh_token"] != self.refresh:
                self.gone = True
                said = f"the token {form['refresh_token']} is gone"
                return httpx.Response(
                    400, json={"error": "invalid_grant", "error_description": said}
                )
            if self.rotates:
                self.refresh = f"canary-refresh-token-{len(self.asked)}"
        token = f"canary-access-token-{len(self.asked)}"
        ends = self.clock.now().timestamp() + (self.life or 1e6)
        self.alive[token] = datetime.fromtimestamp(ends, tz=NOW.tzinfo)
        body: dict[str, Any] = {"access_token": token, "token_type": "Bearer"}
        if self.life is not None:
            body["expires_in"] = self.life
        if form["grant_type"] == "refresh_token" and self.rotates:
            body["refresh_token"] = self.refresh
        date = format_datetime(self.clock.now() + self.skew)
        return httpx.Response(200, json=body, headers={"date": date})


def client_of(header: str) -> tuple[str, str]:
    """Return the client's id and secret in a header of HTTP Basic, read as RFC 6749, 2.3.1 says."""
    pair = base64.b64decode(header.removeprefix("Basic ")).decode()
    name, _, secret = pair.partition(":")
    return unquote_plus(name), unquote_plus(secret)


@dataclass
class Office:
    """A process: its connectors, and connections that they open. ``chance`` is fixed at a half."""

    clock: TurnedClock
    server: Any
    safe: Safe | None = None
    environ: Mapping[str, str] = field(default_factory=lambda: ENVIRON)
    opened: list[Connector] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.connectors = HttpConnectors(
            self.clock,
            self.environ,
            safe=self.safe,
            transport=lambda: httpx.MockTransport(self.server),
            chance=lambda: 0.5,
        )

    def open(
        self,
        auth: Mapping[str, Any] = CODE_AUTH,
        given: Mapping[str, str] | None = None,
        *,
        with_auth: Mapping[str, Any] = GIVEN_AUTH,
        uid: str = "uid-1",
        **changes: Any,
    ) -> Connector:
        """Return an opened connection with *auth* as its manifest's only way to log in."""
        connector = self.connectors.open(
            connection_of(with_auth), manifest_of(auth, **changes), uid=uid, given=given
        )
        self.opened.append(connector)
        return connector

    async def close(self) -> None:
        for connector in self.opened:
            await connector.close()


def connection_of(auth: Mapping[str, Any] = GIVEN_AUTH) -> Resource:
    spec = {"connector": "small", "config": {"base_url": "https://erp.example/api"}, "auth": auth}
    return resource(Kind.CONNECTION, "acme", spec)


def manifest_of(auth: Mapping[str, Any] = CODE_AUTH, **changes: Any) -> Resource:
    return resource(Kind.CONNECTOR, "small", manifest(auth={"oauth": auth}, **changes))

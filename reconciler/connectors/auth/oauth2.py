"""OAuth 2 on the wire, as pure functions: the consent address, token requests, and what answers mean.

RFC 6749 (the grants), RFC 7636 (PKCE, S256 alone), RFC 7523 (assertions), RFC 8414 not at all: a manifest
says where the endpoints are. A token endpoint gets our secrets, so that its redirects are not followed,
and plain http is for this machine only.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import parse_qsl, quote_plus, urlencode, urlsplit, urlunsplit

import msgspec

from reconciler.connectors.auth.fixed import basic
from reconciler.connectors.exchange import Answer, Ask, wait_asked
from reconciler.connectors.expiry import GRANT_ENDS
from reconciler.errors import Invalid, RateLimited, Revoked, ServerFault, SourceError
from reconciler.ports import Obtained

ACCESS: Final = "oauth.access_token"
REFRESH: Final = "oauth.refresh_token"
EXPIRES: Final = "oauth.expires_at"
ISSUED: Final = "oauth.issued_at"
SCOPE: Final = "oauth.scope"
LONGEST_LIFE: Final = timedelta(days=3650)
_FORM: Final = "application/x-www-form-urlencoded"
_SECRET: Final = (
    "client_secret",
    "refresh_token",
    "code",
    "code_verifier",
    "client_assertion",
    "assertion",
)
_OURS: Final = frozenset(
    [
        "response_type",
        "client_id",
        "redirect_uri",
        "scope",
        "state",
        "code_challenge",
        "code_challenge_method",
    ]
)


@dataclass(frozen=True, slots=True, repr=False)
class Client:
    """Who we are to an authorization server, and how we say so."""

    id: str
    secret: str = ""
    way: str = "none"


@dataclass(frozen=True, slots=True, repr=False)
class Endpoint:
    """A token endpoint, the client there, and more parameters of each request to it."""

    url: str
    client: Client
    params: Mapping[str, str] = field(default_factory=dict)


def secure(url: str, what: str) -> str:
    """Return *url* if secrets may be sent there.

    Raises:
        Invalid: if it is neither https nor on this machine.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        parts, host = urlsplit(""), ""
    local = host == "localhost" or _is_loopback(host)
    if (
        not host
        or parts.username
        or not (parts.scheme == "https" or (parts.scheme == "http" and local))
    ):
        raise Invalid(
            f"the {what} is no https address",
            hint="write https://...; http is for addresses of this machine only",
        )
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge of a *verifier* (RFC 7636, 4.2).

    Raises:
        Invalid: if the verifier has not 43 to 128 of the letters that it may have.
    """
    letters = verifier.replace("-", "").replace(".", "").replace("_", "").replace("~", "")
    if not 43 <= len(verifier) <= 128 or not (letters.isascii() and letters.isalnum()):
        raise Invalid("a PKCE verifier has 43 to 128 letters, digits and -._~")
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def consent_address(
    authorize_url: str, client_id: str, params: Mapping[str, str], more: Mapping[str, str]
) -> str:
    """Return where to send the customer: *params* are ours (``redirect_uri``, ``state``, ...), *more* the manifest's.

    Raises:
        Invalid: if *more* sets one of ours, or the page is neither https nor on this machine.
    """
    taken = sorted(_OURS & more.keys())
    if taken:
        raise Invalid(
            f"authorizeParams sets {', '.join(taken)}, which is not the manifest's to set"
        )
    parts = urlsplit(secure(authorize_url, "authorization page"))
    there = [
        pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in _OURS
    ]
    ours = {"response_type": "code", "client_id": client_id, **params, **more}
    query = urlencode([*there, *((key, value) for key, value in ours.items() if value)])
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))


def token_ask(endpoint: Endpoint, form: Mapping[str, str]) -> Ask:
    """Return the token request of *form*, with who we are."""
    client = endpoint.client
    whole = {**endpoint.params, **form}
    headers = {"content-type": _FORM, "accept": "application/json"}
    if client.way == "basic":
        headers["authorization"] = basic(quote_plus(client.id), quote_plus(client.secret))
    elif client.id:
        whole["client_id"] = client.id
        if client.way == "post":
            whole["client_secret"] = client.secret
    body = urlencode({key: value for key, value in whole.items() if value}).encode()
    url = secure(endpoint.url, "token endpoint")
    return Ask("POST", url, (), headers, body, str(form.get("grant_type", "")), follow=False)


def secrets_of(ask: Ask) -> tuple[str, ...]:
    """Return what must not be shown of a token request."""
    form = dict(parse_qsl((ask.body or b"").decode()))
    header = ask.headers.get("authorization", "").partition(" ")[2]
    return tuple(word for word in (header, *(form.get(name, "") for name in _SECRET)) if word)


def scope_text(scopes: Sequence[str]) -> str:
    """Return scopes as they are sent."""
    return " ".join(scopes)


def read_tokens(answer: Answer, life: timedelta, asked_at: datetime) -> Obtained:
    """Return the tokens in *answer*; *life* is how long one is good where it does not say so.

    It is good from *asked_at* by our own clock, for which it is told: the server's may go wrong.

    Raises:
        Refused: if the server says no.
        SourceError: what else is wrong.
    """
    body = _object(answer)
    token = body.get("access_token")
    if answer.status >= 300 or not isinstance(token, str) or not token:
        raise _refusal(answer, body)
    told = _seconds(body.get("expires_in"))
    expires = asked_at + (told or life)
    fields: dict[str, str | None] = {
        ACCESS: token,
        EXPIRES: _iso(expires),
        ISSUED: _iso(asked_at),
    }
    if isinstance(body.get("refresh_token"), str) and body["refresh_token"]:
        fields[REFRESH] = body["refresh_token"]
        # No word of RFC 6749: the first is GitHub's and Microsoft's, the second Keycloak's (0: it does not end).
        grant = body.get("refresh_token_expires_in") or body.get("refresh_expires_in")
        ends = _seconds(grant)
        fields[GRANT_ENDS] = _iso(asked_at + ends) if ends else None
    if isinstance(body.get("scope"), str):
        fields[SCOPE] = body["scope"]
    return Obtained(fields, expires if told else None)


class Refused(SourceError):
    """The authorization server said no; ``error`` is its word for it (RFC 6749, 5.2)."""

    def __init__(self, message: str, error: str) -> None:
        super().__init__(message)
        self.error = error


def as_refresh(refused: Refused) -> SourceError:
    """Return what a refusal means for a refresh: only ``invalid_grant`` ends the grant."""
    if refused.error == "invalid_grant":
        return Revoked(
            refused.message, hint="the customer has to consent again: reconciler connect NAME"
        )
    return ServerFault(
        refused.message, hint="check client_id and client_secret, and the server's own log"
    )


def _refusal(answer: Answer, body: Mapping[str, Any]) -> SourceError:
    error, more = body.get("error"), body.get("error_description")
    if not isinstance(error, str) or not error:
        said = f"{answer.place} answered {answer.status} without a token: {answer.quote}"
        wait = wait_asked(answer)
        if answer.status == 429 or (answer.status == 503 and wait is not None):
            return RateLimited(said, wait=wait)
        return ServerFault(said)
    words = f"{error}: {more}" if isinstance(more, str) and more else error
    words = " ".join(answer.clean(words).split())[:300]
    said = f"{answer.place} answered {answer.status}: {words}"
    if answer.status == 429:
        return RateLimited(said, wait=wait_asked(answer))
    if answer.status >= 500 or error in {"server_error", "temporarily_unavailable"}:
        return ServerFault(said)
    return Refused(said, error)


def _object(answer: Answer) -> Mapping[str, Any]:
    """Return the JSON object of *answer*, or of the form that some servers answer with; else nothing."""
    try:
        body = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        text = answer.body[:65_536].decode("utf-8", "replace")
        plain = answer.headers.get("content-type", "").startswith(_FORM)
        return dict(parse_qsl(text)) if plain else {}
    return body if isinstance(body, dict) else {}


def _seconds(value: Any) -> timedelta | None:
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return None
    if not 0 < seconds < float("inf"):
        return None
    return min(timedelta(seconds=min(seconds, 1e9)), LONGEST_LIFE)


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")

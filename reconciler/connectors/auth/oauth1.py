"""Signed requests (RFC 5849), with HMAC-SHA256 or HMAC-SHA1, as pure functions. NetSuite's tokens are this."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl, quote, urlsplit

from reconciler.connectors.auth.flows import Flow, Session
from reconciler.connectors.exchange import Ask
from reconciler.connectors.http import url_of

Pairs = Iterable[tuple[str, str]]
_DIGESTS: Final = {"HMAC-SHA1": hashlib.sha1, "HMAC-SHA256": hashlib.sha256}
_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """What signs: the application's pair and the user's."""

    consumer_key: str
    consumer_secret: str
    token: str
    token_secret: str


def base_text(method: str, url: str, pairs: Pairs) -> str:
    """Return the text that is signed (RFC 5849, 3.4.1): *pairs* are all decoded parameters but the signature."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    port = parts.port
    where = host if port in {None, _PORTS.get(parts.scheme)} else f"{host}:{port}"
    address = f"{parts.scheme.lower()}://{where}{parts.path or '/'}"
    encoded = sorted((_escaped(key), _escaped(value)) for key, value in pairs)
    query = "&".join(f"{key}={value}" for key, value in encoded)
    return "&".join((method.upper(), _escaped(address), _escaped(query)))


def signature(text: str, keys: Keys, method: str) -> str:
    """Return the signature of *text* (RFC 5849, 3.4.2) in base64."""
    key = f"{_escaped(keys.consumer_secret)}&{_escaped(keys.token_secret)}"
    digest = hmac.new(key.encode(), text.encode(), _DIGESTS[method]).digest()
    return base64.b64encode(digest).decode()


def authorization(params: Mapping[str, str], realm: str | None) -> str:
    """Return the ``Authorization`` header (RFC 5849, 3.5.1)."""
    first = [] if realm is None else [f'realm="{realm}"']
    return "OAuth " + ", ".join(
        [*first, *(f'{_escaped(key)}="{_escaped(value)}"' for key, value in params.items())]
    )


@dataclass(frozen=True, slots=True, repr=False)
class OAuth1Login:
    """Signs each request with a time and a word that are its own."""

    keys: Keys
    method: str
    realm: str | None
    now: Callable[[], datetime]
    nonce: Callable[[], str]
    renewable: bool = False

    def log_in(self) -> Flow[Session]:
        """Return an empty session; nothing is asked."""
        yield from ()
        return Session()

    def sign(self, ask: Ask, session: Session) -> Ask:
        """Return *ask* signed, with its query in its URL: a redirect would need another signature."""
        del session
        url = str(url_of(ask))
        params = {
            "oauth_consumer_key": self.keys.consumer_key,
            "oauth_token": self.keys.token,
            "oauth_signature_method": self.method,
            "oauth_timestamp": str(int(self.now().timestamp())),
            "oauth_nonce": self.nonce(),
            "oauth_version": "1.0",
        }
        pairs = [*params.items(), *_pairs_of(url, ask)]
        params["oauth_signature"] = signature(
            base_text(ask.method, url, pairs), self.keys, self.method
        )
        header = {"authorization": authorization(params, self.realm)}
        signed = Ask(ask.method, url, (), ask.headers, ask.body, ask.call, follow=False)
        return signed.with_headers(header)


def _pairs_of(url: str, ask: Ask) -> Pairs:
    """Return the parameters of the query, and of the body if it is a form (RFC 5849, 3.4.1.3.1)."""
    pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    kinds = (value for name, value in ask.headers.items() if name.lower() == "content-type")
    if next(kinds, "").startswith("application/x-www-form-urlencoded"):
        pairs += parse_qsl((ask.body or b"").decode(), keep_blank_values=True)
    return pairs


def _escaped(text: str) -> str:
    return quote(text, safe="-._~")

"""Whom the page believes: cookies, the mark in the form, and what the browser says of where a post is from.

The mark is an HMAC over a browser's cookie under the text of the link, so it is good in one browser for one
link. The state and the PKCE verifier of a consent are made the same way: nothing of them is kept here, and
they outlive a restart.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

CONSENT_LIFE: Final = timedelta(minutes=15)
"""How long a customer has to come back from the page where the consent is given."""

_NONCE: Final = re.compile(r"[A-Za-z0-9_-]{22}")
_CONSENT: Final = re.compile(r"([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]{22})")


@dataclass(frozen=True, slots=True)
class Jar:
    """Cookies of the page. ``secure``: it is at https; ``embedded``: it may be in frames of others."""

    secure: bool
    embedded: bool

    @property
    def browser(self) -> str:
        """The name of the cookie that knows a browser again."""
        return self._name("rcn-connect")

    @property
    def consent(self) -> str:
        """The name of the cookie that waits for a consent."""
        return self._name("rcn-consent")

    def nonce(self, request: Request) -> str | None:
        """Return what knows the browser again, if it is there and is ours by its form."""
        found = request.cookies.get(self.browser, "")
        return found if _NONCE.fullmatch(found) else None

    def waiting(self, request: Request) -> tuple[str, str] | None:
        """Return the link and the nonce of the consent that the browser waits for."""
        match = _CONSENT.fullmatch(request.cookies.get(self.consent, ""))
        return (match[1], match[2]) if match else None

    def put(
        self, response: Response, name: str, value: str, *, life: timedelta | None = None
    ) -> None:
        """Have *response* set a cookie: for this host alone, and out of the reach of scripts."""
        parts = [f"{name}={value}", "Path=/", "HttpOnly"]
        if life is not None:
            parts.append(f"Max-Age={int(life.total_seconds())}")
        if self.secure:
            parts.append("Secure")
        # In a frame of another site only a partitioned cookie is sent, and it belongs to that site's frame.
        framed = self.secure and self.embedded
        parts += ["SameSite=None", "Partitioned"] if framed else ["SameSite=Lax"]
        response.headers.append("Set-Cookie", "; ".join(parts))

    def _name(self, name: str) -> str:
        return f"__Host-{name}" if self.secure else name


def mark_of(link: str, nonce: str) -> str:
    """Return the mark that the form of *link* carries in the browser with this *nonce*."""
    return _keyed(link, f"form:{nonce}")


def state_of(link: str, nonce: str) -> str:
    """Return the state that goes to the page where the consent is given, and comes back."""
    return _keyed(link, f"state:{nonce}")


def verifier_of(link: str, nonce: str) -> str:
    """Return the PKCE verifier of a consent (RFC 7636: 43 characters)."""
    return _keyed(link, f"pkce:{nonce}")


def same(one: str, other: str) -> bool:
    """Whether two texts are one, told in a time that does not depend on them."""
    return hmac.compare_digest(one.encode(), other.encode())


def from_elsewhere(request: Request, origins: frozenset[str]) -> bool:
    """Whether the browser says that a post comes from another place than our own page.

    What it does not say decides nothing: pages without a referrer post with ``Origin: null``, and old
    browsers know no ``Sec-Fetch-Site``. The mark in the form decides then.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None and site != "same-origin":
        return True
    origin = request.headers.get("origin", "null")
    if origin == "null":
        return False
    return origin not in origins and urlsplit(origin).netloc != request.headers.get("host")


def _keyed(link: str, what: str) -> str:
    made = hmac.digest(link.encode(), what.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(made).decode().rstrip("=")

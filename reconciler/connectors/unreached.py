"""Why there was no answer, told from the errors below the HTTP library's."""

import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Final

from reconciler.errors import Obstacle, Unreachable

DEEPEST: Final = 12
"""How many errors below each other are looked at."""

_HINTS: Final = {
    Obstacle.NAME: "check the host name in base_url, and that it is known where the reconciler runs",
    Obstacle.REFUSED: "check the port in base_url, the firewall, and that the system is up",
    Obstacle.TIMEOUT: "check the firewall, and that the system is up",
    Obstacle.CERTIFICATE: "give the authority that signed it as 'ca' under auth, or have the certificate renewed",
    Obstacle.CLIENT_CERTIFICATE: "give client_certificate and client_key under auth, signed by whom the system trusts",
    Obstacle.TLS: "check that base_url says https only where the system speaks it, with TLS 1.2 or newer",
    Obstacle.NETWORK: "check base_url, the network and the system itself",
}
_CLIENT_ALERTS: Final = (
    "CERTIFICATE_REQUIRED",
    "BAD_CERTIFICATE",
    "ALERT_UNKNOWN_CA",
    "CERTIFICATE_UNKNOWN",
    "CERTIFICATE_EXPIRED",
    "CERTIFICATE_REVOKED",
    "HANDSHAKE_FAILURE",
)
"""Alerts by which a server says what it thinks of the certificate that we show, or do not show."""


def unreached(place: str, error: BaseException, clean: Callable[[str], str]) -> Unreachable:
    """Return that *place* did not answer, and why."""
    below = list(_below(error))
    for cause in reversed(below):
        obstacle = obstacle_of(cause)
        if obstacle is not None:
            why = clean(_words(cause, obstacle))
            return Unreachable(f"{place}: {why}", obstacle=obstacle, hint=_HINTS[obstacle])
    cut = any(isinstance(one, ConnectionResetError | BrokenPipeError) for one in below)
    why = "it cut the connection" if cut else clean(str(error)) or type(error).__name__
    return Unreachable(f"{place}: {why}", hint=_HINTS[Obstacle.NETWORK])


def obstacle_of(error: BaseException) -> Obstacle | None:
    """Return what *error* alone says to be in the way; ``None``: nothing in particular."""
    match error:
        case ssl.SSLCertVerificationError():
            return Obstacle.CERTIFICATE
        case ssl.SSLError():
            reason = error.reason or ""
            alerted = "ALERT" in reason and any(word in reason for word in _CLIENT_ALERTS)
            return Obstacle.CLIENT_CERTIFICATE if alerted else Obstacle.TLS
        case socket.gaierror():
            return Obstacle.NAME
        case ConnectionRefusedError():
            return Obstacle.REFUSED
        case TimeoutError():
            return Obstacle.TIMEOUT
        case _:
            return None


def _words(error: BaseException, obstacle: Obstacle) -> str:
    match obstacle:
        case Obstacle.CERTIFICATE:
            why = getattr(error, "verify_message", "") or "it cannot be verified"
            return f"its certificate is not trusted: {why}"
        case Obstacle.CLIENT_CERTIFICATE:
            return f"it does not take our client certificate, or misses one: {error}"
        case Obstacle.NAME:
            return "its name is not known"
        case Obstacle.REFUSED:
            return "it refused the connection"
        case Obstacle.TLS if isinstance(error, ssl.SSLEOFError):
            return "it cut the connection while TLS was agreed on; it may want a client certificate"
        case _:
            return str(error) or type(error).__name__


def _below(error: BaseException | None, depth: int = DEEPEST) -> Iterator[BaseException]:
    """Yield *error* and what it came from, those of a group each."""
    if error is None or depth == 0:
        return
    yield error
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _below(one, depth - 1)
    yield from _below(error.__cause__ or error.__context__, depth - 1)

"""When what a connection logs in with stops to be good, where the certificate, the grant or the system says so."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from reconciler.connectors.envelope import Finder
from reconciler.errors import SourceInvalid
from reconciler.secrets.certificates import end_of

GRANT_ENDS: Final = "oauth.refresh_expires_at"
"""The place at which the end of a grant is kept, as RFC 3339."""


def known_ends(auth: Mapping[str, Any], given: Mapping[str, str]) -> Iterator[datetime]:
    """Yield the ends that are known before anything is asked.

    Raises:
        Invalid: if the client certificate cannot be read.
    """
    certificate = auth.get("client_certificate")
    if certificate:
        yield end_of(str(certificate))
    if given.get(GRANT_ENDS):
        yield datetime.fromisoformat(given[GRANT_ENDS])


def told_end(finder: Finder, payload: bytes) -> datetime | None:
    """Return the end that the answer to a probe tells; ``None`` where it tells none.

    It is a time as RFC 3339 has it (without a zone: in UTC), a date, or seconds since 1970.

    Raises:
        SourceInvalid: if it is something else.
    """
    found = finder.find(payload)
    if found is None or found == "":
        return None
    try:
        if isinstance(found, int | float) and not isinstance(found, bool):
            return datetime.fromtimestamp(found, UTC)
        at = datetime.fromisoformat(found)
    except (ValueError, TypeError, OverflowError, OSError):
        said = f"'{finder.expression}' finds {str(found)[:64]!r}, which is no time"
        raise SourceInvalid(said, hint="correct 'expires' in the connector") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)

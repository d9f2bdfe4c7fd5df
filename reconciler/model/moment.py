"""Times as text: RFC 3339, in UTC, with ``Z``."""

from datetime import UTC, datetime
from typing import Literal


def rfc3339(
    at: datetime, precision: Literal["seconds", "milliseconds", "microseconds"] = "seconds"
) -> str:
    """Return *at*, which is aware, in UTC: ``2026-11-24T12:00:00Z``; what is finer is cut off."""
    return at.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")

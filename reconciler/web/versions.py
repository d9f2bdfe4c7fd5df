"""The dated versions of the API: which there are, which is pinned, and how their end is announced."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from email.utils import format_datetime
from typing import Any, Final

from reconciler.web.problems import Code, refuse

NOTICE: Final = timedelta(days=366)
"""How long a version lives at least after its end was announced: twelve months, in a leap year too."""


@dataclass(frozen=True, slots=True)
class ApiVersion:
    """One dated version. ``guide`` is the page that tells how to move on, once it is deprecated."""

    on: date
    deprecated: date | None = None
    sunset: date | None = None
    guide: str = ""

    def __post_init__(self) -> None:
        """Refuse an end without notice.

        Raises:
            ValueError: if the sunset is less than twelve months after the deprecation, or has no guide.
        """
        if self.deprecated is None:
            if self.sunset is not None:
                raise ValueError(f"version {self.on} ends on {self.sunset} and is not deprecated")
            return
        if not self.guide:
            raise ValueError(f"version {self.on} is deprecated; name the guide to the next one")
        if self.sunset is not None and self.sunset - self.deprecated < NOTICE:
            raise ValueError(f"version {self.on} ends less than twelve months after its notice")

    @property
    def name(self) -> str:
        """The date, as clients write it."""
        return self.on.isoformat()


VERSIONS: Final = (ApiVersion(date(2026, 11, 1)),)
"""All versions that are served, the oldest first; the last is the current one."""

CURRENT: Final = VERSIONS[-1]


def pick(versions: Sequence[ApiVersion], pinned: str) -> ApiVersion:
    """Return the version that *pinned* names.

    Raises:
        Refused: if there is none.
    """
    for version in versions:
        if version.name == pinned:
            return version
    known = ", ".join(version.name for version in versions)
    raise refuse(
        Code.UNSUPPORTED_VERSION,
        f"there is no API version {pinned[:40]!r}; there are: {known}",
        hint=f"pin one of {known} in Reconciler-Version, or leave the header out",
    )


def headers_of(version: ApiVersion) -> dict[str, str]:
    """Return what every answer in *version* says of it: RFC 9745 and RFC 8594 when its end is known."""
    headers = {"Reconciler-Version": version.name}
    if version.deprecated is not None:
        headers["Deprecation"] = f"@{int(_midnight(version.deprecated).timestamp())}"
        headers["Link"] = f'<{version.guide}>; rel="deprecation"; type="text/html"'
    if version.sunset is not None:
        headers["Sunset"] = format_datetime(_midnight(version.sunset), usegmt=True)
    return headers


def listed(versions: Sequence[ApiVersion]) -> list[dict[str, Any]]:
    """Return *versions* as the API lists them, the newest first."""
    return [
        {
            "version": version.name,
            "current": version is versions[-1],
            "deprecated_on": version.deprecated.isoformat() if version.deprecated else None,
            "sunset_on": version.sunset.isoformat() if version.sunset else None,
            "guide": version.guide or None,
        }
        for version in reversed(versions)
    ]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)

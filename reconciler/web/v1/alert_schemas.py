"""The public shapes of alerts and silences."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from reconciler.engine.hushing import LONGEST, MOST
from reconciler.model.duration import parse_duration
from reconciler.web.v1.schemas import Asked, Moment, PageQuery, Told

_STRICT = ConfigDict(
    extra="forbid", strict=True, hide_input_in_errors=True, use_attribute_docstrings=True
)


def _lasts(text: str) -> str:
    if not timedelta(0) < parse_duration(text) <= LONGEST:
        raise ValueError(f"a silence lasts at least 1s and at most {LONGEST.days}d")
    return text


Pattern = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=127)]


class AlertListQuery(PageQuery):
    """Which alerts are listed, the newest first."""

    ended: Literal["include"] | None = None
    """`include` lists those that are over too, and notices, of the last 30 days."""


class AlertShown(Told):
    """Something that is wrong, or a notice."""

    id: str
    name: str
    """The event that opens it: `connection.offline`."""
    status: Literal["firing", "resolved", "notice"]
    severity: Literal["info", "warning", "error", "critical"]
    subject: str
    part: str | None
    """Which of several about the same subject it is: an entity, a kind of drift."""
    reason: str | None
    facts: dict[str, str]
    """What it is grouped by and can be silenced with."""
    starts_at: datetime
    ends_at: datetime | None
    count: int
    """How many events said so."""
    event_id: str
    """The newest of them."""
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    note: str | None


class AlertList(Told):
    """A page of alerts, the newest first."""

    data: list[AlertShown]
    next_cursor: str | None


class AckAsked(Asked):
    """That somebody is on it."""

    model_config = ConfigDict(**_STRICT, json_schema_extra={"examples": [{"note": "on it"}, {}]})

    note: Annotated[str, StringConstraints(max_length=1024)] = ""
    """For those who read it later."""


class SilenceAsked(Asked):
    """What nobody wants to hear of for a while."""

    model_config = ConfigDict(
        **_STRICT,
        json_schema_extra={
            "examples": [
                {"matchers": {"connection": "acme-*"}, "lasts": "2h", "comment": "ERP upgrade"}
            ]
        },
    )

    matchers: Annotated[dict[Name, Pattern], Field(min_length=1, max_length=MOST)]
    """Patterns (`*`, `?`) by the name of a fact (`connection`, `entity`, `event`, `connector`, `host`,
    `severity`, `subject`) or a label; all must fit."""
    lasts: Annotated[
        str, StringConstraints(pattern=r"^[0-9]{1,9}[smhdw]$"), AfterValidator(_lasts)
    ] = "1h"
    """For how long: `2h`; at most 365 days."""
    starts_at: Moment | None = None
    """When it begins. Default: now. RFC 3339, or a date (its start in UTC)."""
    comment: Annotated[str, StringConstraints(min_length=1, max_length=1024)]
    """Why, for those who wonder."""

    @property
    def span(self) -> timedelta:
        """How long it lasts."""
        return parse_duration(self.lasts)


class SilenceShown(Told):
    """A silence."""

    id: str
    matchers: dict[str, str]
    comment: str
    created_by: str
    created_at: datetime
    starts_at: datetime
    ends_at: datetime
    active: bool


class SilenceList(Told):
    """All silences of the last 30 days, the one that ends last first."""

    data: list[SilenceShown]

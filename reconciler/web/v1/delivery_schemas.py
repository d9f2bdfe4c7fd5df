"""The public shapes of deliveries, and of routes as receivers."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints

from reconciler.model.event import DeliveryStatus, EventType
from reconciler.web.v1.schemas import Asked, Moment, PageQuery, Place, Told

StatusWord = Literal["pending", "delivered", "dead"]
assert set(DeliveryStatus) == set(StatusWord.__args__)  # type: ignore[attr-defined]  # noqa: S101  the words are those of the model

_STRICT = ConfigDict(
    extra="forbid", strict=True, hide_input_in_errors=True, use_attribute_docstrings=True
)
EventName = Annotated[
    str,
    StringConstraints(max_length=63),
    Field(json_schema_extra={"enum": [kind.value for kind in EventType]}),
]


class DeliveryListQuery(PageQuery):
    """Which deliveries are listed, the newest first."""

    route: Place | None = None
    """Only those of the route of this name."""
    status: StatusWord | None = None
    """Only those in this status: `dead` ones can be made once more for 30 days."""
    since: Moment | None = None
    """Only those made at or after this. RFC 3339, or a date (its start in UTC)."""
    until: Moment | None = None
    """Only those made before this."""


class RetryAsked(Asked):
    """Which dead deliveries are made once more: all that fit."""

    model_config = ConfigDict(
        **_STRICT,
        json_schema_extra={"examples": [{"route": "ops", "since": "2026-11-24T00:00:00Z"}, {}]},
    )

    route: Place | None = None
    """Only those of the route of this name."""
    since: Moment | None = None
    """Only those made at or after this."""
    until: Moment | None = None
    """Only those made before this."""


class Retried(Told):
    """How many deliveries are made once more."""

    retried: int


class AttemptTold(Told):
    """One try to deliver."""

    at: datetime
    status: int
    """What the receiver answered; 0: nothing."""
    took_ms: int
    answer: str
    """The beginning of what it said, or why there was no answer."""


class DeliveryTold(Told):
    """One delivery: an event, or a group of alerts, on its way to a route."""

    id: str
    """What the receiver gets as `webhook-id`, at each attempt."""
    route: str
    """The route's name; its uid if it is gone."""
    type: str
    """What the body says it is: `sync.failed`, `alerts.firing`."""
    event_id: str
    """The event, or the newest of a group."""
    subject: str
    status: StatusWord
    made_at: datetime | None
    due_at: datetime | None
    """When it is tried next, while it is pending."""
    ended_at: datetime | None
    reason: str | None
    """Why a dead one is dead."""
    attempts: int
    last_status: int | None
    """What the last attempt was answered with; 0: nothing."""


class DeliveryShown(DeliveryTold):
    """One delivery, with all that was tried."""

    tried: list[AttemptTold]
    group: dict[str, str] | None
    """The labels of the group it tells of; null for one event."""
    firing: int | None
    resolved: int | None


class DeliveryList(Told):
    """A page of deliveries, the newest first."""

    data: list[DeliveryTold]
    next_cursor: str | None


class RouteTold(Told):
    """A route, and how its receiver is."""

    name: str
    state: Literal["ok", "failing", "resting", "disabled", "suspended"]
    """`resting`: left alone for a moment after failures in a row; `disabled`: until it is enabled."""
    failures: int
    """How many attempts in a row have failed."""
    failing_since: datetime | None
    disabled_at: datetime | None
    reason: str | None


class RouteList(Told):
    """All routes, by name."""

    data: list[RouteTold]


class TrialAsked(Asked):
    """What a route is tried with."""

    model_config = ConfigDict(**_STRICT, json_schema_extra={"examples": [{"event": "sync.failed"}]})

    event: EventName = EventType.CONNECTION_OFFLINE.value
    """Of which event a sample is sent."""


class TrialTold(Told):
    """What came of a trial."""

    well: bool
    """Whether the receiver took it: 2xx."""
    attempt: AttemptTold


class EventTypeTold(Told):
    """One event that may be told."""

    type: str
    version: int
    severity: Literal["info", "warning", "error", "critical"]
    subject: str
    when: str
    json_schema: dict[str, Any]
    """The JSON Schema of a webhook's body that tells of it."""
    sample: dict[str, Any]


class EventTypes(Told):
    """All events."""

    data: list[EventTypeTold]

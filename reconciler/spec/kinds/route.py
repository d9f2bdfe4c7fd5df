"""``AlertRoute``: which events go where, how grouped, and how often repeated."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from reconciler.spec.kinds.asked import Template
from reconciler.spec.kinds.drifting import Drifting
from reconciler.spec.kinds.envelope import (
    Duration,
    Envelope,
    LabelName,
    LabelValue,
    SecretRef,
    Strict,
    unordered,
)

HttpUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]+(/\S*)?$", max_length=2048)]
EventPattern = Annotated[
    str, StringConstraints(pattern=r"^(\*|[a-z_]+(\.([a-z_]+|\*))?)$", max_length=63)
]
"""An event (``sync.failed``), all of a family (``drift.*``), or all (``*``)."""

Address = Annotated[str, StringConstraints(pattern=r"^[^\s@]+@[^\s@]+$", max_length=254)]


def _set(values: object) -> object:
    return tuple(unordered(values)) if isinstance(values, list) else values


class Match(Strict):
    """Which events. All that is given must hold."""

    events: Annotated[tuple[EventPattern, ...], BeforeValidator(_set), Field(min_length=1)] = ("*",)
    """Events by name or pattern; one of them must fit."""
    labels: dict[LabelName, LabelValue] = {}
    """Labels that the event's connection must have."""
    severity: Literal["info", "warning", "error", "critical"] = "info"
    """How bad an event must be at least."""


class Webhook(Strict):
    """A receiver of signed webhooks (Standard Webhooks)."""

    url: HttpUrl | SecretRef
    """Where to send; by reference, if the address itself is a secret."""
    secret: SecretRef | None = None
    """The secret that signs."""
    headers: dict[str, str] = {}
    """Sent with every request; nothing secret."""


class Email(Strict):
    """E-mail."""

    to: Annotated[tuple[Address, ...], BeforeValidator(_set), Field(min_length=1)]
    """Who gets it."""
    sender: Annotated[Address | None, Field(alias="from")] = None
    """Who it is from. Default: the server's own address."""
    smtp: SecretRef | None = None
    """The mail server as a URL with its login. Default: the server's own."""


class Notify(Strict):
    """A chat, pager or push service, by a URL of the Apprise library."""

    url: SecretRef
    """The service's URL, which holds its key."""


class Alertmanager(Strict):
    """A Prometheus Alertmanager."""

    url: HttpUrl
    """Its address, without ``/api/v2/alerts``."""
    token: SecretRef | None = None
    """A bearer token."""


class To(Strict):
    """Where to: exactly one of these."""

    webhook: Webhook | None = None
    """Signed webhooks."""
    email: Email | None = None
    """E-mail."""
    notify: Notify | None = None
    """Chat, pager or push."""
    alertmanager: Alertmanager | None = None
    """Prometheus Alertmanager."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise PydanticCustomError(
                "keys_together",
                "write exactly one of 'webhook', 'email', 'notify' and 'alertmanager'",
            )
        return self


GroupBy = Literal["connection", "entity", "event", "connector", "severity"]


class Group(Strict):
    """How events that belong together become one message."""

    by: Annotated[tuple[GroupBy, ...], BeforeValidator(_set)] = ("connection",)
    """What events must share to be told together."""
    wait: Duration = "30s"
    """How long the first event of a group waits for others."""
    interval: Duration = "5m"
    """How long until news of a group is told."""
    repeat: Duration = "4h"
    """How long until a group that still holds is told again."""


class AlertRouteSpec(Drifting):
    """Which events go where."""

    match: Match = Match()
    """Which events. Default: all."""
    to: To
    """Where to."""
    for_: Annotated[Duration, Field(alias="for")] = "0s"
    """How long something must hold before it is told."""
    group: Group = Group()
    """How events are grouped and repeated."""
    send_resolved: Annotated[bool, Field(alias="sendResolved")] = True
    """Whether it is told when something is well again."""
    title: Template | None = None
    """The subject of a message, as a template over the event."""
    body: Template | None = None
    """The text of a message, as a template over the event."""
    suspend: bool = False
    """Whether nothing is sent for now."""


class AlertRouteDocument(Envelope):
    """Which events go where, how grouped, how often repeated."""

    kind: Literal["AlertRoute"]
    spec: AlertRouteSpec

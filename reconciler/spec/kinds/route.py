"""``AlertRoute``: which events go where, how grouped, and how often repeated."""

from datetime import timedelta
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
    Name,
    SecretRef,
    Strict,
    TextOrRef,
    ZoneName,
    at_least,
    at_most,
    unordered,
)
from reconciler.spec.kinds.schedule import Windows

HttpUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]+(/\S*)?$", max_length=2048)]
EventPattern = Annotated[
    str, StringConstraints(pattern=r"^(\*|[a-z_]+(\.([a-z_]+|\*))?)$", max_length=63)
]
"""An event (``sync.failed``), all of a family (``drift.*``), or all (``*``)."""

Address = Annotated[str, StringConstraints(pattern=r"^[^\s@]+@[^\s@]+$", max_length=254)]
Host = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]+$", max_length=253)]
MediaType = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9.+-]+/[a-z0-9.+-]+(; ?[a-z-]+=[^\s;]+)?$", max_length=127),
]
AlertLabel = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$", max_length=127)]
"""A label's name, as Prometheus takes it."""


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
    """The secret that signs what is sent."""
    key: SecretRef | None = None
    """What the service of a ready template knows us by: PagerDuty's routing key, Opsgenie's API key."""
    headers: dict[str, TextOrRef] = {}
    """Sent with every request; what is secret by reference."""
    template: Template | None = None
    """What is sent instead of our own body: a ready one by name (`slack`, `teams`, `pagerduty`, `opsgenie`, `discord`),
    or a template over the message, which gives JSON unless `contentType` says otherwise."""
    content_type: Annotated[MediaType, Field(alias="contentType")] = "application/json"
    """What a template of your own gives."""
    format: Literal["standard", "cloudevents"] = "standard"
    """The form of the body: that of Standard Webhooks, or CloudEvents 1.0 (structured). Signed alike."""
    concurrency: Annotated[int, Field(ge=1, le=16)] = 4
    """How many requests it gets at once; one while it fails."""


class Smtp(Strict):
    """A mail server."""

    host: Host
    """Its name, which its certificate has to have."""
    port: Annotated[int, Field(ge=1, le=65_535)] | None = None
    """Its port. Default: 587, with `tls` 465, with `none` 25."""
    tls: Literal["starttls", "tls", "none"] = "starttls"
    """How it is encrypted: from the second word on, from the first on, or not at all. `none` goes only where
    the operator allows what is not encrypted."""
    username: TextOrRef | None = None
    """The login's name."""
    password: SecretRef | None = None
    """The login's password."""

    @model_validator(mode="after")
    def _login(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise PydanticCustomError(
                "keys_together", "write 'username' and 'password', or neither"
            )
        return self


class Email(Strict):
    """E-mail: one message to all who get it."""

    to: Annotated[tuple[Address, ...], BeforeValidator(_set), Field(min_length=1, max_length=100)]
    """Who gets it."""
    sender: Annotated[Address | None, Field(alias="from")] = None
    """Who it is from. Default: the server's own address."""
    smtp: Smtp | None = None
    """The mail server. Default: the server's own."""


class Notify(Strict):
    """A chat, pager or push service, by a URL of the Apprise library."""

    url: SecretRef
    """The service's URL, which holds its key."""


class Alertmanager(Strict):
    """A Prometheus Alertmanager."""

    url: HttpUrl | None = None
    """Its address, without `/api/v2/alerts`. Default: the server's own."""
    token: SecretRef | None = None
    """A bearer token."""
    labels: dict[AlertLabel, Annotated[str, StringConstraints(max_length=1024)]] = {}
    """Labels of every alert, beside ours."""
    holds: Duration = "7d"
    """How long an alert of which nothing more is heard still fires."""

    @model_validator(mode="after")
    def _whose_token(self) -> Self:
        if self.token is not None and self.url is None:
            raise PydanticCustomError("keys_together", "write 'url' too: the token is for it alone")
        return self


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


GroupBy = Literal["connection", "entity", "event", "connector", "severity", "host"]

_YEAR = timedelta(days=366)


class Group(Strict):
    """How events that belong together become one message."""

    by: Annotated[tuple[GroupBy, ...], BeforeValidator(_set)] = ("connection",)
    """What events must share to be told together. None (`[]`): all in one. A host that is offline for five
    connections or more is one group, whatever stands here."""
    wait: Annotated[Duration, at_most(timedelta(days=1), "wait")] = "30s"
    """How long the first event of a group waits for others."""
    interval: Annotated[
        Duration, at_least(timedelta(seconds=1), "interval"), at_most(_YEAR, "interval")
    ] = "5m"
    """How long until news of a group is told."""
    repeat: Annotated[
        Duration, at_least(timedelta(minutes=1), "repeat"), at_most(_YEAR, "repeat")
    ] = "4h"
    """How long until a group that still holds is told again; not once all of it is acknowledged."""


class Escalate(Strict):
    """Who else is told of what nobody has acknowledged."""

    after: Annotated[Duration, at_least(timedelta(seconds=1), "after"), at_most(_YEAR, "after")]
    """How long after it was told."""
    to: Name
    """The route that is told then, by name; whatever that route matches."""


class Digest(Strict):
    """One message a day, instead of one for each group."""

    at: Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    """When, as clocks show it: `"07:30"`, in quotes."""
    time_zone: Annotated[ZoneName, Field(alias="timeZone")] = "UTC"
    """Whose clocks."""


class AlertRouteSpec(Drifting):
    """Which events go where."""

    match: Match = Match()
    """Which events. Default: all."""
    to: To
    """Where to."""
    for_: Annotated[Duration | None, Field(alias="for")] = None
    """How long something must hold before it is told; what is over before is never told."""
    group: Group | None = None
    """How events are grouped and repeated. Without this, `for`, `escalate`, `quiet` and `digest`, each event is
    told at once, alone."""
    send_resolved: Annotated[bool, Field(alias="sendResolved")] = True
    """Whether it is told when something is well again that was told."""
    escalate: Escalate | None = None
    """Who else is told of what nobody acknowledges."""
    quiet: Windows = ()
    """Times in which only what is critical is told; the rest is told after them, if it still holds."""
    digest: Digest | None = None
    """Has all of it told once a day, in one message, instead of `for`, `group`, `escalate` and `quiet`."""
    title: Template | None = None
    """The subject of a message, as a template over the event."""
    body: Template | None = None
    """The text of a message, as a template over the event."""
    suspend: bool = False
    """Whether nothing is sent for now."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.digest and (self.for_ or self.group or self.escalate or self.quiet):
            raise PydanticCustomError(
                "keys_together",
                "'digest' tells all of it once a day: it goes without 'for', 'group', 'escalate' and 'quiet'; "
                "write a second route for those",
            )
        return self


class AlertRouteDocument(Envelope):
    """Which events go where, how grouped, how often repeated."""

    kind: Literal["AlertRoute"]
    spec: AlertRouteSpec

"""Alerts: what is wrong now, from the event that opened it to the one that closed it.

Which events open and close a condition is a closed table. Any other event is a *notice*: it is told once,
and has no end.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, Final

from reconciler.model.event import SEVERITIES, Event, EventSeverity, EventType


@dataclass(frozen=True, slots=True)
class Rule:
    """What ends a condition, and how it is told apart from others about the same subject.

    ``closed_by`` are the events that end it, each with what its data must hold. ``part`` and ``reason``
    are keys of an event's data: another ``part`` (an entity) is another alert, another ``reason`` is
    news of the same one.
    """

    closed_by: Mapping[EventType, Mapping[str, Any]]
    part: str = ""
    reason: str = ""


_ANY: Final[Mapping[str, Any]] = {}

CONDITIONS: Final[Mapping[EventType, Rule]] = {
    EventType.CONNECTION_AUTH_REQUIRED: Rule(
        {EventType.CONNECTION_REAUTHORIZED: _ANY}, reason="reason"
    ),
    EventType.CONNECTION_OFFLINE: Rule({EventType.CONNECTION_ONLINE: _ANY}, reason="reason"),
    EventType.SYNC_FAILED: Rule({EventType.SYNC_COMPLETED: _ANY}, part="entity", reason="code"),
    EventType.DELETES_HELD: Rule({EventType.SYNC_COMPLETED: {"mode": "full"}}, part="entity"),
    EventType.DRIFT_DETECTED: Rule({EventType.DRIFT_RESOLVED: _ANY}, part="kind"),
    EventType.SOURCE_INVALID: Rule({EventType.SOURCE_RECOVERED: _ANY}, reason="reason"),
    EventType.PLAN_FAILED: Rule(
        {EventType.PLAN_APPLIED: {"held": 0}, EventType.PLAN_RECOVERED: _ANY}
    ),
    EventType.ROUTE_DISABLED: Rule({EventType.ROUTE_ENABLED: _ANY}, reason="reason"),
}
"""Each condition by the event that opens it. What is deleted (``resource.deleted``) has none any more."""

CLOSING: Final = frozenset(kind for rule in CONDITIONS.values() for kind in rule.closed_by)
"""Events that end something. Where alerts are told, they are told as its end; alone, only where they are
asked for by name."""

INHIBITS: Final[Mapping[EventType, frozenset[EventType]]] = {
    EventType.CONNECTION_OFFLINE: frozenset({EventType.SYNC_FAILED}),
    EventType.CONNECTION_AUTH_REQUIRED: frozenset({EventType.SYNC_FAILED}),
    EventType.DELETES_HELD: frozenset({EventType.SYNC_FAILED}),
}
"""What an open alert makes needless to tell about the same subject."""


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that is wrong, or (without ``lasting``) a notice that is told once.

    ``type`` is the event that opens it, ``event_id`` the newest that said so, and ``closed_by`` the one
    that ended it. ``facts`` are what it can be grouped by and silenced with; ``labels`` are those of what
    it is about, once for each connection. ``changed_at`` is when its ``reason`` last changed. Once
    ``settled``, nobody is to be told anything of it any more.
    """

    id: str
    type: EventType
    subject: str
    part: str
    reason: str
    event_id: str
    opened_at: datetime
    changed_at: datetime
    lasting: bool = True
    count: int = 1
    closed_at: datetime | None = None
    closed_by: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    labels: tuple[Mapping[str, str], ...] = ()
    acked_at: datetime | None = None
    acked_by: str = ""
    note: str = ""
    settled: bool = False

    @property
    def severity(self) -> EventSeverity:
        """How bad it is."""
        return SEVERITIES[self.type]

    @property
    def open(self) -> bool:
        """Whether it still holds. A notice never does."""
        return self.lasting and self.closed_at is None

    @property
    def place(self) -> tuple[str, str, str]:
        """What makes two of them the same."""
        return (self.type.value, self.subject, self.part)

    def again(self, event: Event) -> "Alert":
        """Return it as *event* says it again. Only another reason is news; of a notice, each event is."""
        reason = reason_of(event)
        same = self.lasting and reason == self.reason
        changed = self.changed_at if same else event.occurred_at
        return replace(
            self, event_id=event.id, reason=reason, count=self.count + 1, changed_at=changed
        )

    @property
    def said(self) -> str:
        """What a route is told anew once it changes: the reason; of a notice, how often it has happened."""
        return self.reason if self.lasting else str(self.count)

    def ended(self, event: Event) -> "Alert":
        """Return it as *event* ends it."""
        return replace(self, closed_at=event.occurred_at, closed_by=event.id)


def alert_of(event: Event, facts: Mapping[str, str], labels: Iterable[Mapping[str, str]]) -> Alert:
    """Return the alert that *event* opens, or the notice that it is."""
    rule = CONDITIONS.get(event.type)
    mark = hashlib.blake2b(event.id.encode(), digest_size=14).hexdigest()
    return Alert(
        id=f"alt_{mark}",
        type=event.type,
        subject=event.subject,
        part=part_of(event),
        reason=reason_of(event),
        event_id=event.id,
        opened_at=event.occurred_at,
        changed_at=event.occurred_at,
        lasting=rule is not None,
        closed_at=None if rule is not None else event.occurred_at,
        facts=facts,
        labels=tuple(labels),
    )


def part_of(event: Event) -> str:
    """Return which of several alerts of a type about one subject *event* is about."""
    rule = CONDITIONS.get(event.type)
    return str(event.data.get(rule.part if rule else "entity", ""))


def reason_of(event: Event) -> str:
    """Return why *event* says that it is so, as a stable word; "" where it does not say."""
    rule = CONDITIONS.get(event.type)
    return str(event.data.get(rule.reason, "")) if rule and rule.reason else ""


def ends(event: Event, alert: Alert) -> bool:
    """Return whether *event* ends *alert*, which is open and about the same subject."""
    if event.subject != alert.subject or not alert.open:
        return False
    if event.type is EventType.RESOURCE_DELETED:
        return True
    rule = CONDITIONS[alert.type]
    wanted = rule.closed_by.get(event.type)
    if wanted is None or any(event.data.get(key) != value for key, value in wanted.items()):
        return False
    return not rule.part or str(event.data.get(rule.part, "")) == alert.part


@dataclass(frozen=True, slots=True)
class Telling:
    """What one route (its uid) has been told of one alert, and in which group.

    ``said`` is what was told of it last; ``escalated_to`` is the uid of the route that was told because
    nobody had acknowledged it.
    """

    route: str
    alert: str
    group: str
    told_at: datetime
    said: str = ""
    resolved_at: datetime | None = None
    escalated_at: datetime | None = None
    escalated_to: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """What is told together at one route: the labels it shares, and when it was told last.

    ``number`` counts what it has told; ``delivery`` is the last of these.
    """

    route: str
    key: str
    labels: Mapping[str, str]
    number: int = 0
    flushed_at: datetime | None = None
    delivery: str = ""


@dataclass(frozen=True, slots=True)
class Silence:
    """Who wants to hear nothing of which alerts, until when, and why.

    ``matchers`` are patterns (``acme-*``) by the name of a fact or label; all of them must fit.
    """

    id: str
    matchers: Mapping[str, str]
    comment: str
    created_by: str
    created_at: datetime
    starts_at: datetime
    ends_at: datetime

    def active(self, now: datetime) -> bool:
        """Return whether it holds at *now*."""
        return self.starts_at <= now < self.ends_at

    def covers(self, alert: Alert) -> bool:
        """Return whether it is about *alert*: facts and labels of one of its connections fit."""
        return any(self._fits({**own, **alert.facts}) for own in alert.labels or ({},))

    def _fits(self, words: Mapping[str, str]) -> bool:
        return all(
            fnmatchcase(words.get(name, ""), pattern) for name, pattern in self.matchers.items()
        )


@dataclass(frozen=True, slots=True)
class Board:
    """All that is still to be told of something: alerts that are not settled, and who knows what of them.

    Tellings are by route and alert, groups by route and key. ``busy`` are the last deliveries of groups
    that are still on their way. ``mark`` is another one when any of it has changed.
    """

    alerts: Mapping[str, Alert] = field(default_factory=dict)
    tellings: Mapping[tuple[str, str], Telling] = field(default_factory=dict)
    groups: Mapping[tuple[str, str], Group] = field(default_factory=dict)
    silences: tuple[Silence, ...] = ()
    busy: frozenset[str] = frozenset()
    mark: int = 0

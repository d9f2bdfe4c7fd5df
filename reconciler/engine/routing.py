"""Which routes want an event: every event, looked at once, becomes one delivery for each route that does.

A route with manners gets none of these: the event opens, says again or ends an alert, and alerts are told
by their own rules (``alerting``). Routing is level-triggered: it takes what no routing has taken, whenever that came in. Taking events and
keeping their deliveries is one transaction; a delivery's id follows from the event and the route.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from reconciler.engine.inforce import InForce, Situation, chooses
from reconciler.engine.manners import Manners, manners_of
from reconciler.engine.noting import Described, note
from reconciler.engine.tracking import facts_of, may_end, opens
from reconciler.model.alert import CLOSING, Alert
from reconciler.model.event import Delivery, Event, EventSeverity
from reconciler.model.resource import Kind, Resource, ResourceKey
from reconciler.ports import Alerts, Clock, Store, Views

log = structlog.get_logger()

BATCH: Final = 500

OLDEST: Final = timedelta(hours=76)
"""What happened longer ago is not told any more: no delivery is tried for longer either."""

_KINDS: Final = frozenset(kind.value for kind in Kind)
_CHOOSING: Final = frozenset({Kind.MAPPING, Kind.SYNC_SCHEDULE, Kind.EXPECTATION})
"""Kinds that are about connections: by name, or by labels."""


@dataclass(frozen=True, slots=True)
class Route:
    """An ``AlertRoute`` in force."""

    uid: str
    resource: Resource
    events: tuple[str, ...]
    labels: Mapping[str, str]
    severity: EventSeverity
    suspended: bool
    manners: Manners | None = None
    concurrency: int | None = None

    def wants(self, event: Event | Alert) -> bool:
        """Whether it asks for events of this type and severity, whatever they are about."""
        return event.severity.reaches(self.severity) and any(
            fits(pattern, event.type) for pattern in self.events
        )

    def heeds(self, event: Event | Alert) -> bool:
        """Whether it is told of this as an alert or a notice: what only ends something, if it says so."""
        return self.wants(event) and (event.type not in CLOSING or event.type in self.events)

    def listens(self, alert: Alert) -> bool:
        """Whether it is told of this alert, or notice, and of what that is about."""
        return self.heeds(alert) and self.chooses(alert.labels)

    def chooses(self, labels: Iterable[Mapping[str, str]]) -> bool:
        """Whether what an event is about has the labels that it asks for."""
        return not self.labels or any(self.labels.items() <= own.items() for own in labels)


def fits(pattern: str, name: str) -> bool:
    """Return whether an event is the one of *pattern*, of its family (``sync.*``), or any (``*``)."""
    family, star, _ = pattern.partition("*")
    return name.startswith(family) if star else name == pattern


def routes_of(situation: Situation) -> Mapping[str, Route]:
    """Return the routes in force, by uid."""
    found = {}
    for key, resource in situation.state.resources.items():
        if key.kind is Kind.ALERT_ROUTE:
            uid = situation.state.uids[key]
            found[uid] = _route(uid, resource, resource.spec)
    return found


def _route(uid: str, resource: Resource, spec: Mapping[str, Any]) -> Route:
    match = spec.get("match", {})
    return Route(
        uid=uid,
        resource=resource,
        events=tuple(match.get("events", ("*",))),
        labels=match.get("labels", {}),
        severity=EventSeverity(match.get("severity", "info")),
        suspended=spec.get("suspend", False),
        manners=manners_of(spec),
        concurrency=(spec["to"].get("webhook") or {}).get("concurrency"),
    )


def delivery_of(event: Event, route: str, *, now: datetime) -> Delivery:
    """Return the one delivery of *event* to the route with that uid, due at once."""
    mark = hashlib.blake2b(f"{event.id}\x00{route}".encode(), digest_size=14).hexdigest()
    return Delivery(
        f"dlv_{mark}",
        event.id,
        route,
        due_at=now,
        subject=event.subject,
        topic=event.type.value,
        made_at=now,
    )


def labels_of(resource: Resource | None, situation: Situation) -> Sequence[Mapping[str, str]]:
    """Return the labels of a thing, once for each connection that it is about, with that one's labels.

    Where both have a label, that of the thing itself counts. What is not known has no labels.
    """
    if resource is None:
        return ()
    own = resource.labels
    if resource.key.kind not in _CHOOSING:
        return (own,)
    spec = resource.spec
    about = [one.labels for one in situation.connections() if chooses(spec, one)]
    return [{**labels, **own} for labels in about] or (own,)


def key_of(subject: str) -> ResourceKey | None:
    """Return the key that a subject is, or ``None`` if it is about no one thing (``Plan``)."""
    kind, slash, name = subject.partition("/")
    return ResourceKey(Kind(kind), name) if slash and kind in _KINDS else None


class Routing:
    """Makes deliveries of events, *batch* events at most in one transaction."""

    def __init__(
        self, store: Store, in_force: InForce, clock: Clock, *, batch: int = BATCH
    ) -> None:
        self._batch = batch
        self._store = store
        self._in_force = in_force
        self._clock = clock
        self._known: tuple[int, Mapping[str, Route]] = (-1, {})

    async def turn(self) -> bool:
        """Route what has come in, a batch at most; return whether there may be more."""
        now = self._clock.now()
        async with self._store.begin() as unit:
            taken = await unit.outbox.take(limit=self._batch)
            if not taken:
                return False
            # After taking: a route that is older than an event is seen with it.
            situation = await self._in_force.look()
            about = _About(situation, self._store.views)
            routes = await self._listening(situation)
            fresh = [event for event in taken if now - event.occurred_at <= OLDEST]
            wanted = await _wanted(
                fresh, [one for one in routes if one.manners is None], about, now
            )
            await unit.outbox.enqueue(wanted)
            await _note(unit.alerts, taken, [one for one in routes if one.manners], about)
            await unit.commit()
        if len(fresh) < len(taken):
            log.warning("events_too_old", count=len(taken) - len(fresh))
        log.debug("events_routed", events=len(fresh), deliveries=len(wanted))
        return len(taken) == self._batch

    async def _listening(self, situation: Situation) -> Sequence[Route]:
        """Return the routes that are told of what happens now."""
        known = await self._store.views.endpoints()
        return [
            route
            for uid, route in self._routes(situation).items()
            if not route.suspended and not (uid in known and known[uid].off(route.resource.digest))
        ]

    def _routes(self, situation: Situation) -> Mapping[str, Route]:
        generation = situation.state.generation
        if self._known[0] != generation:
            self._known = (generation, routes_of(situation))
        return self._known[1]


async def _wanted(
    events: Sequence[Event], routes: Sequence[Route], about: "_About", now: datetime
) -> Sequence[Delivery]:
    return [
        delivery_of(event, route.uid, now=now)
        for event in events
        for route in routes
        if route.wants(event)
        and (not route.labels or route.chooses(await about.labels(event.subject)))
    ]


async def _note(
    alerts: Alerts, events: Sequence[Event], routes: Sequence[Route], about: "_About"
) -> None:
    """Keep what *events* open, end, or are to those of *routes* that heed them."""
    told: list[tuple[Event, bool]] = []
    described: dict[str, Described] = {}
    for event in events:
        wanted = any(route.heeds(event) for route in routes)
        if wanted or opens(event):
            described[event.id] = await about.described(event)
        if wanted or opens(event) or may_end(event):
            told.append((event, wanted))
    await note(alerts, told, described)


class _About:
    """What events are about, each subject looked up once."""

    def __init__(self, situation: Situation, views: Views) -> None:
        self._situation = situation
        self._views = views
        self._found: dict[str, Resource | None] = {}

    async def labels(self, subject: str) -> Sequence[Mapping[str, str]]:
        """Return the labels of *subject*, as they were last if it is gone."""
        return labels_of(await self._of(subject), self._situation)

    async def described(self, event: Event) -> Described:
        """Return the facts of *event*, and the labels of what it is about."""
        facts = facts_of(event, await self._of(event.subject), self._situation)
        return facts, await self.labels(event.subject)

    async def _of(self, subject: str) -> Resource | None:
        if subject not in self._found:
            key = key_of(subject)
            self._found[subject] = None if key is None else await self._resource(key)
        return self._found[subject]

    async def _resource(self, key: ResourceKey) -> Resource | None:
        found = self._situation.state.resources.get(key)
        if found is not None:
            return found
        for past in await self._views.history(key, limit=1):
            body = past.after or past.before
            if body:
                return Resource(key, body, "")
        return None

"""Deliveries through the API: listed, shown, made once more; routes tried out and enabled again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import Query, Request
from starlette.responses import Response

from reconciler.datamodel.events import event_entries, event_schema
from reconciler.engine.granting import By
from reconciler.engine.receivers import enable
from reconciler.engine.retrying import retry, retry_all, route_named, routes_by_uid
from reconciler.model.change import State
from reconciler.model.endpoint import Endpoint
from reconciler.model.event import Attempt, Delivery, DeliveryStatus, EventType
from reconciler.model.resource import Kind, Resource
from reconciler.model.sought import DeliveryQuery
from reconciler.web.cursors import seal, unseal
from reconciler.web.needs import Services
from reconciler.web.problems import ApiProblem, Code, Refused, refuse
from reconciler.web.security import actor_of, granted_to
from reconciler.web.v1.answers import tell
from reconciler.web.v1.bodies import read_body
from reconciler.web.v1.delivery_schemas import (
    AttemptTold,
    DeliveryList,
    DeliveryListQuery,
    DeliveryShown,
    DeliveryTold,
    EventTypes,
    EventTypeTold,
    Retried,
    RetryAsked,
    RouteList,
    RouteTold,
    TrialAsked,
    TrialTold,
)
from reconciler.web.v1.tenants import check_everywhere

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_STEP: Final = timedelta(microseconds=1)
_DEED: Final = "sees deliveries: a route is about all connections"


def by_of(request: Request, services: Services) -> By:
    """Return who asks, when, and in which request."""
    return By(actor_of(request), services.clock.now(), request.state.request_id)


def place_of(cursor: str | None, query: object) -> tuple[datetime, str] | None:
    """Return the time and id that *cursor* stands for in the pages of *query*."""
    if cursor is None:
        return None
    micros, name = unseal(cursor, query, tuple[int, str])
    try:
        return _EPOCH + timedelta(microseconds=micros), name
    except OverflowError:
        raise refuse(Code.INVALID_REQUEST, "query.cursor is no cursor of ours") from None


def cursor_of(at: datetime, name: str, query: object) -> str:
    """Return the cursor of the page after the thing of this time and id."""
    return seal([(at - _EPOCH) // _STEP, name], query)


@dataclass(frozen=True)
class DeliveryRoutes:
    """The operations on deliveries and receivers; only a token over all connections has them."""

    services: Services

    async def many(
        self, request: Request, query: Annotated[DeliveryListQuery, Query()]
    ) -> Response:
        """Answer with a page of deliveries, the newest first."""
        state = await self._state(request)
        asked = query.model_dump(mode="json", exclude={"limit", "cursor"})
        found = await self.services.store.views.deliveries(
            DeliveryQuery(
                route=None if query.route is None else route_named(state, query.route)[0],
                status=None if query.status is None else DeliveryStatus(query.status),
                since=query.since,
                until=query.until,
                after=place_of(query.cursor, asked),
                limit=query.limit + 1,
            )
        )
        page = found[: query.limit]
        last = page[-1] if len(found) > query.limit else None
        names = routes_by_uid(state)
        cursor = last and cursor_of(last.made_at or _EPOCH, last.id, asked)
        return tell(DeliveryList(data=[_told(one, names) for one in page], next_cursor=cursor))

    async def one(self, request: Request, delivery_id: str) -> Response:
        """Answer with one delivery and all that was tried."""
        state = await self._state(request)
        found = await self.services.store.views.delivery(delivery_id)
        if found is None:
            raise refuse(Code.NOT_FOUND, f"there is no delivery {delivery_id[:64]!r}")
        return tell(_shown(found, routes_by_uid(state)))

    async def retry(self, request: Request, delivery_id: str) -> Response:
        """Have one delivery made once more."""
        state = await self._state(request)
        by = by_of(request, self.services)
        done = await retry(self.services.store, state, delivery_id, by)
        return tell(_shown(done, routes_by_uid(state)))

    async def retry_all(self, request: Request) -> Response:
        """Have all dead deliveries that fit made once more."""
        state = await self._state(request)
        asked = await read_body(request, RetryAsked)
        uid = None if asked.route is None else route_named(state, asked.route)[0]
        wanted = DeliveryQuery(route=uid, since=asked.since, until=asked.until)
        count = await retry_all(self.services.store, state, wanted, by_of(request, self.services))
        return tell(Retried(retried=count))

    async def routes(self, request: Request) -> Response:
        """Answer with all routes, and how their receivers are."""
        state = await self._state(request)
        known = await self.services.store.views.endpoints()
        now = self.services.clock.now()
        found = [
            _route(one, known.get(state.uids[key]), now)
            for key, one in sorted(state.resources.items())
            if key.kind is Kind.ALERT_ROUTE
        ]
        return tell(RouteList(data=found))

    async def enable(self, request: Request, route: str) -> Response:
        """Have a disabled receiver tried again."""
        uid, resource = route_named(await self._state(request), route)
        async with self.services.store.begin() as unit:
            await enable(unit, uid, resource, by_of(request, self.services))
            await unit.commit()
        return tell(_route(resource, None, self.services.clock.now()))

    async def trial(self, request: Request, route: str) -> Response:
        """Send a sample to a receiver, once, and answer with what it said."""
        route_named(await self._state(request), route)
        asked = await read_body(request, TrialAsked)
        if asked.event not in set(EventType):
            raise _no_event(asked.event)
        if self.services.trials is None:
            raise refuse(Code.METHOD_NOT_ALLOWED, "this server tells nobody")
        attempt = await self.services.trials.send(route, EventType(asked.event))
        return tell(TrialTold(well=attempt.well, attempt=_attempt(attempt)))

    async def event_types(self) -> Response:
        """Answer with all events, their schemas and samples."""
        found = [
            EventTypeTold(
                type=entry.type.value,
                version=entry.version,
                severity=entry.severity.value,
                subject=entry.subject,
                when=entry.when,
                json_schema=event_schema(entry),
                sample=dict(entry.sample),
            )
            for entry in event_entries().values()
        ]
        return tell(EventTypes(data=found))

    async def _state(self, request: Request) -> State:
        check_everywhere(granted_to(request), _DEED)
        return (await self.services.in_force.look()).state


def _told(one: Delivery, names: Mapping[str, str]) -> DeliveryTold:
    return DeliveryTold(**_fields(one, names))


def _shown(one: Delivery, names: Mapping[str, str]) -> DeliveryShown:
    told = one.notification
    return DeliveryShown(
        **_fields(one, names),
        tried=[_attempt(attempt) for attempt in one.attempts],
        group=None if told is None else dict(told.group),
        firing=None if told is None else told.firing,
        resolved=None if told is None else told.resolved,
    )


def _fields(one: Delivery, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": one.id,
        "route": names.get(one.route, one.route),
        "type": one.topic,
        "event_id": one.event_id,
        "subject": one.subject,
        "status": one.status.value,
        "made_at": one.made_at,
        "due_at": one.due_at if one.status is DeliveryStatus.PENDING else None,
        "ended_at": one.ended_at,
        "reason": one.reason or None,
        "attempts": len(one.attempts),
        "last_status": one.attempts[-1].status if one.attempts else None,
    }


def _attempt(attempt: Attempt) -> AttemptTold:
    took = attempt.took // timedelta(milliseconds=1)
    return AttemptTold(at=attempt.at, status=attempt.status, took_ms=took, answer=attempt.answer)


def _route(resource: Resource, endpoint: Endpoint | None, now: datetime) -> RouteTold:
    known = endpoint or Endpoint("")
    return RouteTold(
        name=resource.key.name,
        state=known.state(resource.digest, now, suspended=bool(resource.spec.get("suspend"))).value,
        failures=known.failures,
        failing_since=known.failing_since,
        disabled_at=known.disabled_at,
        reason=known.reason or None,
    )


def _no_event(name: str) -> Refused:
    text = f"body.event: no event is called {name[:63]!r}"
    finding = {"where": "body.event", "message": "no event is called so"}
    hint = "GET /api/v1/event-types lists them"
    return Refused(ApiProblem(Code.INVALID_CONTENT, text, hint, errors=[finding]))

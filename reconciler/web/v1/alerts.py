"""Alerts and silences through the API."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

from fastapi import Query, Request
from starlette.responses import Response

from reconciler.engine.hushing import acknowledge, end_silence, silence
from reconciler.errors import Invalid, NotFound
from reconciler.model.alert import Alert, Silence
from reconciler.web.needs import Services
from reconciler.web.problems import Code, refuse
from reconciler.web.security import granted_to
from reconciler.web.v1.alert_schemas import (
    AckAsked,
    AlertList,
    AlertListQuery,
    AlertShown,
    SilenceAsked,
    SilenceList,
    SilenceShown,
)
from reconciler.web.v1.answers import tell
from reconciler.web.v1.bodies import read_body
from reconciler.web.v1.deliveries import by_of, cursor_of, place_of
from reconciler.web.v1.tenants import check_everywhere

_DEED: Final = "sees alerts: they are about all connections"


@dataclass(frozen=True)
class AlertRoutes:
    """The operations on alerts and silences; only a token over all connections has them."""

    services: Services

    async def many(self, request: Request, query: Annotated[AlertListQuery, Query()]) -> Response:
        """Answer with a page of alerts, the newest first."""
        check_everywhere(granted_to(request), _DEED)
        asked = query.model_dump(mode="json", exclude={"limit", "cursor"})
        found = await self.services.store.views.alerts(
            ended=query.ended is not None,
            after=place_of(query.cursor, asked),
            limit=query.limit + 1,
        )
        page = found[: query.limit]
        last = page[-1] if len(found) > query.limit else None
        cursor = last and cursor_of(last.opened_at, last.id, asked)
        return tell(AlertList(data=[_alert(one) for one in page], next_cursor=cursor))

    async def one(self, request: Request, alert_id: str) -> Response:
        """Answer with one alert."""
        check_everywhere(granted_to(request), _DEED)
        found = await self.services.store.views.alert(alert_id)
        if found is None:
            raise refuse(Code.NOT_FOUND, f"there is no alert {alert_id[:64]!r}")
        return tell(_alert(found))

    async def ack(self, request: Request, alert_id: str) -> Response:
        """Keep that somebody is on it."""
        check_everywhere(granted_to(request), _DEED)
        asked = await read_body(request, AckAsked)
        by = by_of(request, self.services)
        async with self.services.store.begin() as unit:
            try:
                done = await acknowledge(unit, alert_id, by, note=asked.note)
            except NotFound:
                raise refuse(Code.NOT_FOUND, f"there is no alert {alert_id[:64]!r}") from None
            except Invalid as error:
                raise refuse(Code.CONFLICT, error.message) from None
            await unit.commit()
        return tell(_alert(done))

    async def silences(self, request: Request) -> Response:
        """Answer with all silences."""
        check_everywhere(granted_to(request), _DEED)
        now = self.services.clock.now()
        found = await self.services.store.views.silences()
        return tell(SilenceList(data=[_silence(one, now) for one in found]))

    async def silence(self, request: Request) -> Response:
        """Add a silence."""
        check_everywhere(granted_to(request), _DEED)
        asked = await read_body(request, SilenceAsked)
        by = by_of(request, self.services)
        starts = asked.starts_at or by.at
        try:
            lasts = (starts, starts + asked.span)
        except OverflowError:
            raise refuse(Code.INVALID_CONTENT, "body.starts_at: is beyond the calendar") from None
        async with self.services.store.begin() as unit:
            try:
                made = await silence(unit, asked.matchers, by, lasts=lasts, comment=asked.comment)
            except Invalid as error:
                raise refuse(Code.INVALID_CONTENT, error.message, hint=error.hint) from None
            await unit.commit()
        response = tell(_silence(made, by.at), status=201)
        response.headers["Location"] = f"/api/v1/silences/{made.id}"
        return response

    async def end_silence(self, request: Request, silence_id: str) -> Response:
        """End a silence now; again, nothing more happens."""
        check_everywhere(granted_to(request), _DEED)
        by = by_of(request, self.services)
        kept = await self.services.store.views.silences()
        known = next((one for one in kept if one.id == silence_id), None)
        if known is None:
            raise refuse(Code.NOT_FOUND, f"there is no silence {silence_id[:64]!r}")
        async with self.services.store.begin() as unit:
            await end_silence(unit, known, silence_id, by)
            await unit.commit()
        return Response(status_code=204)


def _alert(one: Alert) -> AlertShown:
    ended = one.closed_at if one.lasting else None
    over = "resolved" if one.lasting else "notice"
    return AlertShown(
        id=one.id,
        name=one.type.value,
        status="firing" if one.open else over,
        severity=one.severity.value,
        subject=one.subject,
        part=one.part or None,
        reason=one.reason or None,
        facts=dict(one.facts),
        starts_at=one.opened_at,
        ends_at=ended,
        count=one.count,
        event_id=one.event_id,
        acknowledged_at=one.acked_at,
        acknowledged_by=one.acked_by or None,
        note=one.note or None,
    )


def _silence(one: Silence, now: datetime) -> SilenceShown:
    return SilenceShown(
        id=one.id,
        matchers=dict(one.matchers),
        comment=one.comment,
        created_by=one.created_by,
        created_at=one.created_at,
        starts_at=one.starts_at,
        ends_at=one.ends_at,
        active=one.active(now),
    )

"""A route tried out: a sample of an event is sent to its receiver, once, and what came of it is returned."""

import secrets
from dataclasses import replace
from datetime import datetime

from reconciler.datamodel.events import event_entries
from reconciler.engine.inforce import InForce
from reconciler.engine.manners import manners_of
from reconciler.engine.retrying import route_named
from reconciler.model.alert import CONDITIONS, reason_of
from reconciler.model.event import Attempt, Delivery, Event, EventType
from reconciler.model.notification import AlertStatus, AlertTold, Notification, Told
from reconciler.ports import Clock, Sender

USUAL = EventType.CONNECTION_OFFLINE
"""What is sent where nobody says of what."""


class Trials:
    """Sends samples; nothing of them is kept, and no failure counts."""

    def __init__(self, in_force: InForce, sender: Sender, clock: Clock) -> None:
        self._in_force = in_force
        self._sender = sender
        self._clock = clock

    async def send(self, route: str, kind: EventType = USUAL) -> Attempt:
        """Send a sample of *kind* to the route of this name, in the form in which it is told.

        Raises:
            NotFound: if there is no such route.
        """
        _, resource = route_named((await self._in_force.look()).state, route)
        mark, now = secrets.token_hex(8), self._clock.now()
        event = event_entries()[kind].event(f"evt_test_{mark}", now)
        delivery = Delivery(f"dlv_test_{mark}", event.id, "", now, subject=event.subject)
        if manners_of(resource.spec) is not None:
            delivery = replace(delivery, notification=sample(event, mark, now))
        return await self._sender.send(delivery, event, resource)


def sample(event: Event, mark: str, now: datetime) -> Notification:
    """Return a notification of *event* alone that says of itself that it is a trial."""
    lasting = event.type in CONDITIONS
    status = AlertStatus.FIRING if lasting else AlertStatus.NOTICE
    labels = {"connection": event.subject.partition("/")[2]} if "/" in event.subject else {}
    told = AlertTold(
        id=f"alt_test_{mark}",
        name=event.type.value,
        status=status,
        severity=event.severity,
        subject=event.subject,
        reason=reason_of(event),
        labels=labels,
        starts_at=now,
        ends_at=None,
        count=1,
        acknowledged_by="",
        event=event,
    )
    return Notification(
        id=f"ntf_test_{mark}",
        kind=Told.TEST,
        status=status,
        severity=event.severity,
        group=labels,
        at=now,
        alerts=(told,),
        firing=int(lasting),
        resolved=0,
        notices=int(not lasting),
    )

"""Keeps which alerts events open, say again and end, in the transaction that routes the events."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from reconciler.engine.tracking import Tracking
from reconciler.model.event import Event
from reconciler.ports import Alerts

Described: TypeAlias = tuple[Mapping[str, str], Sequence[Mapping[str, str]]]
"""The facts of an event, and the labels of what it is about."""


async def note(
    alerts: Alerts, events: Sequence[tuple[Event, bool]], described: Mapping[str, Described]
) -> int:
    """Keep what *events* make of alerts; return how many changed.

    Each event comes with whether somebody wants it as a notice; *described* is by event.
    """
    if not events:
        return 0
    kept = await alerts.about([event.subject for event, _ in events])
    known = [alert for alert in kept if alert.open or not alert.lasting]
    tracking = Tracking(known, lambda event: described[event.id])
    for event, wanted in events:
        tracking.follow(event, wanted=wanted)
    await alerts.put(list(tracking.news.values()))
    await alerts.put(list(tracking.repeats.values()), news=False)
    return len(tracking.news)

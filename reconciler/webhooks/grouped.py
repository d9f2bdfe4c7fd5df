"""A group of alerts as a message: the same by every way, in words as well as in our own body."""

from collections.abc import Iterator
from typing import Final

from reconciler.model.event import Event
from reconciler.model.notification import AlertStatus, AlertTold, Notification, Told
from reconciler.webhooks.bodies import body_of_group
from reconciler.webhooks.message import Message, Status
from reconciler.webhooks.wording import line, sentence, text_of, title_of

_WHY: Final = {
    Told.NEWS: "",
    Told.REPEAT: "still: ",
    Told.ESCALATION: "nobody has acknowledged: ",
    Told.DIGEST: "digest: ",
    Told.TEST: "only a test: ",
}
"""How a title begins."""


def message_of_group(told: Notification, key: str) -> Message:
    """Return the message of a group of alerts; *key* is the same as long as the group is the same."""
    events = sorted(map(_event, told.alerts), key=lambda event: (event.occurred_at, event.id))
    return Message(
        status=Status(told.status.value),
        title=line(_WHY[told.kind] + _title(told, events)),
        text="\n\n".join([", ".join(_counts(told)), text_of(events)]),
        events=tuple(events),
        key=key,
        body=body_of_group(told),
    )


def _event(one: AlertTold) -> Event:
    return one.end if one.status is AlertStatus.RESOLVED and one.end else one.event


def _title(told: Notification, events: list[Event]) -> str:
    """Return what it is about: the one alert, or how many there are of what."""
    if told.left_out or len(told.alerts) > 1:
        of = ", ".join(f"{name} {text}" for name, text in told.group.items())
        return f"{', '.join(_counts(told))}{f' ({of})' if of else ''}: {sentence(events[-1])}"
    return title_of(events)


def _counts(told: Notification) -> Iterator[str]:
    """Yield how many fire, are over, and are only news; those that there are."""
    counts = ((told.firing, "firing"), (told.resolved, "resolved"), (told.notices, "notices"))
    return (f"{count:,} {word}" for count, word in counts if count)

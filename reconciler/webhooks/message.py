"""What is told, whatever way it goes: events that belong together, in words, firing or resolved."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

from reconciler.mapping.template import Template, TemplateInvalid, compile_template
from reconciler.model.event import Event, EventSeverity
from reconciler.model.value import digest
from reconciler.webhooks.alarms import begun_by, ended_by
from reconciler.webhooks.payload import body_of, moment
from reconciler.webhooks.wording import line, text_of, title_of


class Status(StrEnum):
    """Whether trouble lasts or is over, in Alertmanager's words; or whether it is only news."""

    FIRING = "firing"
    RESOLVED = "resolved"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class Message:
    """Events that are told together, the oldest first; at least one.

    ``key`` names the trouble: the same when it begins, is told again, and ends. ``body`` is what a webhook
    says where its route has no template.
    """

    status: Status
    title: str
    text: str
    events: tuple[Event, ...]
    key: str
    body: bytes

    @property
    def severity(self) -> EventSeverity:
        """How bad the worst of it is."""
        order = list(EventSeverity)
        return max((event.severity for event in self.events), key=order.index)

    def key_within(self, longest: int) -> str:
        """Return the key, or a digest of it where it has more than *longest* characters."""
        return self.key if len(self.key) <= longest else digest(self.key.encode())

    @property
    def newest(self) -> Event:
        """What has happened last."""
        return self.events[-1]


def message_of(event: Event, sender: str = "") -> Message:
    """Return the message of one event; *sender* makes its key another than that of other senders."""
    begun, ended = begun_by(event), ended_by(event)
    alarm = begun or next(iter(ended), None)
    parts = (
        [sender, event.id] if alarm is None else [sender, alarm.name, *alarm.about(event).values()]
    )
    status = Status.FIRING if begun else Status.RESOLVED
    return Message(
        status=Status.NOTICE if alarm is None else status,
        title=title_of([event]),
        text=text_of([event]),
        events=(event,),
        key="/".join(part for part in parts if part),
        body=body_of(event),
    )


def worded(message: Message, spec: Mapping[str, Any]) -> tuple[Message, str]:
    """Return *message* in the words of a route (``title``, ``body``), and what was wrong with them.

    Words that fail leave those of the message.
    """
    title, no_title = _worded(message, spec, "title")
    text, no_text = _worded(message, spec, "body")
    told = replace(
        message,
        title=message.title if title is None else line(title),
        text=message.text if text is None else text.strip(),
    )
    return told, "; ".join(why for why in (no_title, no_text) if why)


def _worded(message: Message, spec: Mapping[str, Any], key: str) -> tuple[str | None, str]:
    template = spec.get(key)
    if template is None:
        return None, ""
    try:
        return filled(template, message), ""
    except TemplateInvalid as error:
        return None, f"{key}: {error}"


def filled(template: str, message: Message) -> str:
    """Return *template*, filled in with what is told.

    Raises:
        TemplateInvalid: if a name is missing, or a value does not fit.
    """
    return _compiled(template).render(context_of(message))


def context_of(message: Message) -> Mapping[str, Any]:
    """Return what the templates of a route may name."""
    events = [_told(event) for event in message.events]
    return {
        "status": message.status.value,
        "severity": message.severity.value,
        "title": message.title,
        "text": message.text,
        "key": message.key,
        "count": len(events),
        "event": events[-1],
        "events": events,
    }


def _told(event: Event) -> Mapping[str, Any]:
    return {
        "id": event.id,
        "type": event.type.value,
        "subject": event.subject,
        "severity": event.severity.value,
        "timestamp": moment(event),
        "details": event.data,
    }


_KEPT: Final = 512


@lru_cache(maxsize=_KEPT)
def _compiled(text: str) -> Template:
    return compile_template(text)

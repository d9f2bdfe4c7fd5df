"""What messages say in words: a title, a text, and the facts of an event; data of others is held to a line."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from reconciler.model.event import Event, EventType
from reconciler.model.moment import rfc3339
from reconciler.model.value import canonical

WORDS: Final[Mapping[EventType, str]] = {
    EventType.RESOURCE_CREATED: "was created",
    EventType.RESOURCE_UPDATED: "was changed",
    EventType.RESOURCE_DELETED: "was deleted",
    EventType.PLAN_APPLIED: "changes are in force",
    EventType.PLAN_FAILED: "changes are held until somebody decides",
    EventType.DRIFT_DETECTED: "was changed outside of git",
    EventType.DRIFT_RESOLVED: "is as git says again",
    EventType.SOURCE_INVALID: "the specs cannot be taken; the old ones stay in force",
    EventType.SOURCE_RECOVERED: "the specs are sound again",
    EventType.CONNECTION_AUTH_REQUIRED: "the credentials are refused",
    EventType.CONNECTION_REAUTHORIZED: "the credentials work again",
    EventType.CONNECTION_OFFLINE: "does not answer",
    EventType.CONNECTION_ONLINE: "answers",
    EventType.CONNECTION_EXPIRING: "the credentials are about to end",
    EventType.SYNC_STARTED: "a sync has begun",
    EventType.SYNC_COMPLETED: "a sync has ended well",
    EventType.SYNC_FAILED: "a sync has failed",
    EventType.RECORDS_CHANGED: "records have changed",
    EventType.DELETES_HELD: "deletions are held: more than the brake allows",
    EventType.PLAN_RECOVERED: "nothing waits for a decision any more",
    EventType.ROUTE_DISABLED: "nothing is sent to it any more: its receiver takes nothing",
    EventType.ROUTE_ENABLED: "its receiver is tried again",
}
"""What has happened, after the subject that it has happened to."""

SHOWN: Final = 20
"""Events of one message that are written out; the others are counted."""

_LINE: Final = 200
_FACT: Final = 500
_FACTS: Final = 20
# Control characters, and those that turn the direction of what follows (https://www.unicode.org/reports/tr9/).
_UNSEEN: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]+"
)


def line(text: str, longest: int = _LINE) -> str:
    """Return *text* on one line, without what is not seen, and *longest* characters long at most."""
    return cut(" ".join(_UNSEEN.sub(" ", text).split()), longest)


def cut(text: str, longest: int) -> str:
    """Return *text*, with an ellipsis where it was cut off."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def moment(at: datetime) -> str:
    """Return *at* as people read it and machines do, too."""
    return rfc3339(at)


def title_of(events: Sequence[Event]) -> str:
    """Return what *events* are about, on one line: the newest, and how many others there are."""
    more = f" (and {len(events) - 1} more)" if len(events) > 1 else ""
    return sentence(events[-1]) + more


def sentence(event: Event) -> str:
    """Return what has happened to what, on one line."""
    entity = event.data.get("entity")
    of = f" ({entity})" if isinstance(entity, str) and entity else ""
    return line(f"{event.subject}: {WORDS.get(event.type, event.type.value)}{of}")


def text_of(events: Sequence[Event]) -> str:
    """Return *events* in words, the newest first: what has happened, and what is known of it."""
    shown = [_paragraph(event) for event in reversed(events[-SHOWN:])]
    if len(events) > SHOWN:
        shown.append(f"… and {len(events) - SHOWN} before that")
    return "\n\n".join(shown)


def facts_of(event: Event) -> Mapping[str, str]:
    """Return what is known of *event*, by name, each on one line."""
    known = [(name, _said(value)) for name, value in event.data.items()]
    return {line(name, 60): text for name, text in known[:_FACTS] if text}


def _paragraph(event: Event) -> str:
    return "\n".join(_lines(event))


def _lines(event: Event) -> Iterator[str]:
    yield f"{moment(event.occurred_at)} {sentence(event)}"
    yield from (f"  {name}: {text}" for name, text in facts_of(event).items())


def _said(value: Any) -> str:
    if value is None or value in ({}, [], ""):
        return ""
    text = value if isinstance(value, str) else canonical(value).decode()
    return line(text, _FACT)

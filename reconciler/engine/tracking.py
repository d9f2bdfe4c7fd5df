"""Which alerts events open, say again and end; pure, over the events of one batch and what is open."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from reconciler.engine.inforce import Situation
from reconciler.model.alert import CLOSING, CONDITIONS, Alert, alert_of, ends, part_of
from reconciler.model.event import SEVERITIES, Event, EventType
from reconciler.model.resource import Kind, Resource, ResourceKey

_CONNECTION: Final = f"{Kind.CONNECTION.value}/"

Describe = Callable[[Event], tuple[Mapping[str, str], Sequence[Mapping[str, str]]]]
"""Returns the facts of an event, and the labels of what it is about."""


class Tracking:
    """Takes *known* alerts (open ones, and notices) along with events, in their order."""

    def __init__(self, known: Iterable[Alert], describe: Describe) -> None:
        self._describe = describe
        self._by_subject: dict[str, dict[tuple[str, str, str], Alert]] = {}
        for alert in known:
            self._by_subject.setdefault(alert.subject, {})[alert.place] = alert
        self.news: dict[str, Alert] = {}
        self.repeats: dict[str, Alert] = {}

    def follow(self, event: Event, *, wanted: bool) -> None:
        """Keep what *event* ends, opens or says again; it is a notice only if it is *wanted* as one."""
        own = self._by_subject.setdefault(event.subject, {})
        over = [(place, alert) for place, alert in own.items() if ends(event, alert)]
        for place, alert in over:
            del own[place]
            self._keep(alert.ended(event), alert)
        told_as_end = bool(over) and event.type in CLOSING
        if event.type in CONDITIONS or (wanted and not told_as_end):
            place = (event.type.value, event.subject, part_of(event))
            before = own.get(place)
            after = before.again(event) if before else alert_of(event, *self._describe(event))
            own[place] = after
            self._keep(after, before)

    def _keep(self, after: Alert, before: Alert | None) -> None:
        known = before is not None and before.said == after.said and before.open == after.open
        if known and after.id not in self.news:
            self.repeats[after.id] = after
        else:
            self.repeats.pop(after.id, None)
            self.news[after.id] = after


def opens(event: Event) -> bool:
    """Return whether *event* opens a condition: it is followed whoever wants to hear of it."""
    return event.type in CONDITIONS


def may_end(event: Event) -> bool:
    """Return whether *event* may end something that is open."""
    return event.type in CLOSING or event.type is EventType.RESOURCE_DELETED


def facts_of(event: Event, resource: Resource | None, situation: Situation) -> Mapping[str, str]:
    """Return what an alert of *event*, which is about *resource*, is grouped by and silenced with."""
    facts = {
        "event": event.type.value,
        "severity": SEVERITIES[event.type].value,
        "subject": event.subject,
    }
    if event.data.get("entity"):
        facts["entity"] = str(event.data["entity"])
    name = _connection_of(event, resource)
    if name:
        facts["connection"] = name
        facts |= _facts_of_connection(
            situation.resources.get(ResourceKey(Kind.CONNECTION, name)) or resource
        )
    return facts


def _connection_of(event: Event, resource: Resource | None) -> str:
    if event.subject.startswith(_CONNECTION):
        return event.subject.removeprefix(_CONNECTION)
    spec: Mapping[str, Any] = resource.spec if resource is not None else {}
    return spec.get("connection") or ""


def _facts_of_connection(connection: Resource | None) -> dict[str, str]:
    if connection is None or connection.key.kind is not Kind.CONNECTION:
        return {}
    found = {"connector": connection.spec.get("connector", ""), "host": host_of(connection)}
    return {name: text for name, text in found.items() if text}


def host_of(connection: Resource) -> str:
    """Return the host that a connection's settings name first, in lower case; "" if none does."""
    config: Mapping[str, Any] = connection.spec.get("config") or {}
    for name in sorted(config):
        text = config[name]
        if not isinstance(text, str):
            continue
        if "://" in text:
            try:
                found = urlsplit(text).hostname
            except ValueError:
                continue
            if found:
                return found
        elif name == "host":
            return text.lower()
    return ""

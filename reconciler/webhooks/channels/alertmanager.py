"""Prometheus Alertmanager: what begins trouble fires an alert, what ends it resolves it.

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml (``POST /api/v2/alerts``). Which
event begins and ends what stands in ``webhooks.alarms``. An alert is told apart by its labels alone, so
these are the same when it begins and when it ends.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from reconciler.errors import Invalid
from reconciler.model.duration import parse_duration
from reconciler.model.event import SEVERITIES, Event, EventSeverity
from reconciler.model.moment import rfc3339
from reconciler.model.value import canonical
from reconciler.ports import Clock
from reconciler.webhooks.alarms import Alarm, begun_by, ended_by
from reconciler.webhooks.channel import Letter, Reply, Secrets
from reconciler.webhooks.message import Message
from reconciler.webhooks.posting import address_of, post
from reconciler.webhooks.wire import Wire
from reconciler.webhooks.wording import cut, sentence, text_of

UNTOLD: Final = "nothing to send: it begins and ends no alert"
HOLDS: Final = timedelta(days=7)

_PATH: Final = b"/api/v2/alerts"
_TEXT: Final = 4_000


@dataclass(frozen=True, slots=True)
class Alertmanager:
    """The Alertmanager that the operator has named, and how to reach it; ``token`` is a reference."""

    url: str = ""
    token: Mapping[str, Any] | None = None
    wire: Wire | None = None


class Alerts:
    """Posts alerts: to the address of a route by *wire*, or to the operator's own."""

    def __init__(
        self, clock: Clock, wire: Wire, secrets: Secrets, own: Alertmanager | None = None
    ) -> None:
        self._clock = clock
        self._wire = wire
        self._secrets = secrets
        self._own = own or Alertmanager()

    async def send(self, letter: Letter) -> Reply:
        """Post what fires and what is resolved, and return what Alertmanager said."""
        told = letter.to("alertmanager")
        holds = parse_duration(told["holds"]) if "holds" in told else HOLDS
        alerts = alerts_of(letter.message, told.get("labels", {}), self._clock.now() + holds)
        if not alerts:
            return Reply(204, UNTOLD)
        wire, url, token = self._where(told, str(letter.route.key))
        headers = {"content-type": "application/json", "user-agent": "reconciler"}
        if token is not None:
            value = self._secrets.value(token, f"{letter.route.key}: token")
            headers["authorization"] = f"Bearer {value}"
        base = address_of(url, self._secrets, f"{letter.route.key}: url")
        to = base.copy_with(raw_path=base.raw_path.partition(b"?")[0].rstrip(b"/") + _PATH)
        return await post(wire, self._clock, to, headers, canonical(alerts))

    def _where(
        self, told: Mapping[str, Any], route: str
    ) -> tuple[Wire, str, Mapping[str, Any] | None]:
        """Return by what to go where, and with which token; the operator's goes to the operator's own alone."""
        url = told.get("url")
        if url is not None:
            return self._wire, url, told.get("token")
        if not self._own.url:
            raise Invalid(
                f"{route}: no Alertmanager is named",
                hint="write to.alertmanager.url, or set RECONCILER_ALERTMANAGER_URL",
            )
        return self._own.wire or self._wire, self._own.url, self._own.token


def alerts_of(
    message: Message, labels: Mapping[str, str], until: datetime
) -> Sequence[Mapping[str, Any]]:
    """Return the alerts of *message*, each as its newest event leaves it; news is none.

    What fires does so until *until*, unless it is told again or resolved before.
    """
    alone = len(message.events) == 1
    found: dict[bytes, dict[str, Any]] = {}
    for event in message.events:
        words = (message.title, message.text) if alone else (sentence(event), text_of([event]))
        said = {"summary": words[0], "description": cut(words[1], _TEXT), "event": event.id}
        for own, starts, ends in _states(event, until):
            named = {**labels, **own}
            before = found.get(canonical(named), {}).get("startsAt", starts)
            found[canonical(named)] = {
                "labels": named,
                "annotations": said,
                "startsAt": min(before, starts),
                "endsAt": ends,
            }
    return list(found.values())


def _states(event: Event, until: datetime) -> Iterator[tuple[Mapping[str, str], str, str]]:
    """Yield labels, start and end of what *event* begins or ends."""
    at, begun = rfc3339(event.occurred_at, "microseconds"), begun_by(event)
    if begun is not None:
        yield (
            _labels(begun, SEVERITIES[event.type], event),
            at,
            rfc3339(max(until, event.occurred_at), "microseconds"),
        )
    for alarm in ended_by(event):
        for severity in alarm.severities:
            yield _labels(alarm, severity, event), at, at


def _labels(alarm: Alarm, severity: EventSeverity, event: Event) -> Mapping[str, str]:
    told = {"alertname": alarm.name, "severity": severity.value, **alarm.about(event)}
    kind, _, name = event.subject.partition("/")
    return {**told, "connection": name} if kind == "Connection" else told

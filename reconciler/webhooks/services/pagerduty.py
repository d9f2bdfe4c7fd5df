"""PagerDuty: Events API v2, at https://events.pagerduty.com/v2/enqueue or that of the EU.

https://developer.pagerduty.com/docs/events-api-v2/trigger-events (fields, sizes and severities).
"""

from typing import Any, Final

from reconciler.model.event import Event
from reconciler.webhooks.message import Message, Status
from reconciler.webhooks.payload import moment
from reconciler.webhooks.posted import Posted, as_json
from reconciler.webhooks.wording import cut, facts_of

_SUMMARY: Final = 1_024
_DEDUP_KEY: Final = 255
_TEXT: Final = 10_000
_LISTED: Final = 5
"""Events that are told with their facts: far within the 512 kB that an event may have."""


def posted(message: Message, key: str) -> Posted | None:
    """Return *message* for the service with the routing key *key*; ``None`` if it is only news."""
    if message.status is Status.NOTICE:
        return None
    told = {"routing_key": key, "dedup_key": message.key_within(_DEDUP_KEY)}
    if message.status is Status.RESOLVED:
        return as_json({**told, "event_action": "resolve"})
    newest = message.newest
    return as_json(
        {
            **told,
            "event_action": "trigger",
            "client": "reconciler",
            "payload": {
                "summary": cut(message.title, _SUMMARY),
                "source": newest.subject,
                "severity": message.severity.value,
                "timestamp": moment(newest),
                "class": newest.type.value,
                "custom_details": {
                    "text": cut(message.text, _TEXT),
                    "events": [_told(one) for one in message.events[-_LISTED:]],
                },
            },
        }
    )


def _told(event: Event) -> dict[str, Any]:
    return {
        "id": event.id,
        "type": event.type.value,
        "subject": event.subject,
        "facts": facts_of(event),
    }

"""Opsgenie: alerts, at https://api.opsgenie.com/v2/alerts or that of the EU.

https://docs.opsgenie.com/docs/alert-api (create, close, sizes and priorities).
"""

from typing import Final
from urllib.parse import quote

from reconciler.model.event import EventSeverity
from reconciler.webhooks.message import Message, Status
from reconciler.webhooks.posted import Posted, as_json
from reconciler.webhooks.wording import cut, facts_of

PRIORITIES: Final = {
    EventSeverity.CRITICAL: "P1",
    EventSeverity.ERROR: "P2",
    EventSeverity.WARNING: "P3",
    EventSeverity.INFO: "P5",
}

_MESSAGE: Final = 130
_ALIAS: Final = 512
_DESCRIPTION: Final = 15_000
_DETAILS: Final = 8_000
_ENTITY: Final = 512
_SOURCE: Final = "reconciler"


def posted(message: Message, key: str) -> Posted | None:
    """Return *message* for the integration with the API key *key*; ``None`` if it is only news."""
    if message.status is Status.NOTICE:
        return None
    headers = {"authorization": f"GenieKey {key}"}
    alias = message.key_within(_ALIAS)
    if message.status is Status.RESOLVED:
        told = {"source": _SOURCE, "note": message.title}
        below = f"/{quote(alias, safe='')}/close?identifierType=alias"
        return as_json(told, below=below, headers=headers)
    return as_json(
        {
            "message": cut(message.title, _MESSAGE),
            "alias": alias,
            "description": cut(message.text, _DESCRIPTION),
            "priority": PRIORITIES[message.severity],
            "source": _SOURCE,
            "entity": cut(message.newest.subject, _ENTITY),
            "tags": [message.newest.type.value, message.severity.value],
            "details": _details(message),
        },
        headers=headers,
    )


def _details(message: Message) -> dict[str, str]:
    """Return what is known of the newest event, as much of it as is taken."""
    room = _DETAILS
    kept = {}
    for name, text in facts_of(message.newest).items():
        room -= len(name) + len(text)
        if room < 0:
            break
        kept[name] = text
    return kept

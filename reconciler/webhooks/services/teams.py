"""Microsoft Teams: an adaptive card for a webhook of Workflows, or for an incoming webhook.

https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using (the
request, 28 KB at most), https://adaptivecards.io/explorer/TextRun.html (a run of text is no Markdown: what a
system said is shown as it stands).
"""

from typing import Any, Final

from reconciler.model.event import EventSeverity
from reconciler.webhooks.message import Message, Status
from reconciler.webhooks.posted import Posted, as_json
from reconciler.webhooks.wording import cut

COLOURS: Final = {
    EventSeverity.INFO: "accent",
    EventSeverity.WARNING: "warning",
    EventSeverity.ERROR: "attention",
    EventSeverity.CRITICAL: "attention",
}

_TITLE: Final = 300
_TEXT: Final = 4_000
"""Characters; each has six bytes of JSON at most, which leaves room within 28 KB."""


def posted(message: Message, _key: str = "") -> Posted:
    """Return *message* as a card."""
    over = message.status is Status.RESOLVED
    word = "Resolved" if over else message.severity.value.capitalize()
    colour = "good" if over else COLOURS[message.severity]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": [
            _run(
                cut(f"{word}: {message.title}", _TITLE), color=colour, weight="bolder", size="large"
            ),
            *(_run(paragraph) for paragraph in cut(message.text, _TEXT).split("\n\n") if paragraph),
        ],
    }
    kind = "application/vnd.microsoft.card.adaptive"
    attachment = {"contentType": kind, "contentUrl": None, "content": card}
    return as_json({"type": "message", "attachments": [attachment]})


def _run(text: str, **style: str) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **style}]}

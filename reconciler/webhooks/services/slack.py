"""Slack: incoming webhooks.

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks (the request),
https://docs.slack.dev/reference/block-kit/blocks (sizes),
https://docs.slack.dev/messaging/formatting-message-text#escaping (``& < >``, so that nothing is a mention).
"""

from typing import Any, Final

from reconciler.model.event import EventSeverity
from reconciler.webhooks.message import Message, Status
from reconciler.webhooks.posted import Posted, as_json
from reconciler.webhooks.wording import cut

COLOURS: Final = {
    EventSeverity.INFO: "#439fe0",
    EventSeverity.WARNING: "#daa038",
    EventSeverity.ERROR: "#d0342c",
    EventSeverity.CRITICAL: "#8b0000",
}
WELL: Final = "#2eb886"

_HEADER: Final = 150
_SECTION: Final = 3_000


def posted(message: Message, _key: str = "") -> Posted:
    """Return *message* for the address of an incoming webhook."""
    over = message.status is Status.RESOLVED
    word = "Resolved" if over else message.severity.value.capitalize()
    title = f"{word}: {message.title}"
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": cut(title, _HEADER)}},
        {"type": "section", "text": {"type": "mrkdwn", "text": _text(message.text, _SECTION)}},
    ]
    colour = WELL if over else COLOURS[message.severity]
    return as_json(
        {"text": _escaped(title), "attachments": [{"color": colour, "blocks": blocks}]},
    )


def _text(text: str, longest: int) -> str:
    """Return *text* escaped, cut so that no escape is broken; Slack takes no empty text."""
    room = longest
    kept: list[str] = []
    for letter in text:
        escaped = _escaped(letter)
        room -= len(escaped)
        if room < 1:
            return "".join(kept) + "…"
        kept.append(escaped)
    return "".join(kept) or " "


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

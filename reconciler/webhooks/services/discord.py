"""Discord: webhooks.

https://discord.com/developers/docs/resources/webhook#execute-webhook (the request),
https://discord.com/developers/docs/resources/message#embed-object-embed-limits (sizes). No mention in it
reaches anybody, and no letter of it is Markdown.
"""

import re
from typing import Final

from reconciler.model.event import EventSeverity
from reconciler.webhooks.message import Message, Status
from reconciler.webhooks.payload import moment
from reconciler.webhooks.posted import Posted, as_json
from reconciler.webhooks.wording import cut

COLOURS: Final = {
    EventSeverity.INFO: 0x439FE0,
    EventSeverity.WARNING: 0xDAA038,
    EventSeverity.ERROR: 0xD0342C,
    EventSeverity.CRITICAL: 0x8B0000,
}
WELL: Final = 0x2EB886

_TITLE: Final = 256
_DESCRIPTION: Final = 4_096
_MARKS: Final = re.compile(r"([\\*_~`|<>\[\]()#])")


def posted(message: Message, _key: str = "") -> Posted:
    """Return *message* for the address of a webhook."""
    over = message.status is Status.RESOLVED
    word = "Resolved" if over else message.severity.value.capitalize()
    embed = {
        "title": _plain(f"{word}: {message.title}", _TITLE),
        "description": _plain(message.text, _DESCRIPTION),
        "color": WELL if over else COLOURS[message.severity],
        "timestamp": moment(message.newest),
    }
    return as_json({"embeds": [embed], "allowed_mentions": {"parse": []}})


def _plain(text: str, longest: int) -> str:
    """Return *text* with its marks escaped; cut before that, for an escape is two letters."""
    escaped = _MARKS.sub(r"\\\1", text)
    return escaped if len(escaped) <= longest else _MARKS.sub(r"\\\1", cut(text, longest // 2))

"""Takes known secrets out of texts, by value, in the forms in which they travel.

A remote system may well repeat a secret in an error page.
"""

import base64
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, quote_plus

from reconciler.secrets.secret import MASK, Unwritten

SHORTEST: Final = 4
"""Texts shorter than this are no secret that could be hidden: every word holds them."""


class Redactor(Unwritten):
    """Takes known secrets out of texts. It learns as it goes: a session's token is one, too."""

    def __init__(self) -> None:
        self._forms: dict[str, None] = {}

    def __repr__(self) -> str:
        return f"Redactor({len(self._forms)} forms)"

    def learn(self, values: Iterable[str]) -> None:
        """Know *values* from now on, each in the forms in which it travels."""
        for value in values:
            if len(value) >= SHORTEST:
                self._forms.update(dict.fromkeys(_forms_of(value)))
        self._forms = dict.fromkeys(sorted(self._forms, key=len, reverse=True))

    def clean(self, text: str) -> str:
        """Return *text* with ``***`` for every secret in it."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, MASK)
        return text


def _forms_of(value: str) -> Iterable[str]:
    """Yield *value* as it stands, as in URLs, JSON and HTML, and in base64."""
    encoded = base64.b64encode(value.encode()).decode()
    yield value
    yield quote(value, safe="")
    yield quote_plus(value)
    yield value.replace("\\", "\\\\").replace('"', '\\"')
    yield value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    yield encoded
    yield encoded.rstrip("=")
    yield base64.urlsafe_b64encode(value.encode()).decode()

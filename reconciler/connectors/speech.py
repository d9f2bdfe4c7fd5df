"""What a protocol does: it writes requests, and reads answers."""

from typing import Protocol

from reconciler.connectors.exchange import Answer, Ask
from reconciler.connectors.questions import Filled


class Speech(Protocol):
    """How requests are written and answers read on the wire."""

    def ask(self, filled: Filled) -> Ask:
        """Return the HTTP request of *filled*."""
        ...

    def open(self, answer: Answer) -> bytes:
        """Return the payload of *answer*, or raise what it means."""
        ...

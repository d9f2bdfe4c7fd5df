"""JSON over HTTP: a path, a query, a body; the answer is the payload."""

from urllib.parse import urlencode

import msgspec

from reconciler.connectors.envelope import json_of
from reconciler.connectors.exchange import Answer, Ask, check_status
from reconciler.connectors.questions import Filled, joined
from reconciler.connectors.signals import Signals
from reconciler.errors import ServerFault


class HttpJson:
    """Writes requests and reads answers of plain HTTP APIs."""

    def __init__(self, endpoint: str, signals: Signals) -> None:
        self._endpoint = endpoint
        self._signals = signals

    def ask(self, filled: Filled) -> Ask:
        """Return the HTTP request of *filled*."""
        url = joined(self._endpoint, filled.path)
        if filled.form is not None:
            headers = {"content-type": "application/x-www-form-urlencoded", **filled.headers}
            body = urlencode(filled.form).encode()
            return Ask(filled.method, url, filled.query, headers, body)
        if filled.body is None:
            return Ask(filled.method, url, filled.query, filled.headers)
        headers = {"content-type": "application/json", **filled.headers}
        return Ask(filled.method, url, filled.query, headers, msgspec.json.encode(filled.body))

    def open(self, answer: Answer) -> bytes:
        """Return the JSON of *answer*.

        Raises:
            SourceError: what a signal in it, or its status, or its not being JSON means.
        """
        if answer.status >= 300:
            if self._signals:
                self._look_in(answer)
            check_status(answer)
        body = json_of(answer)
        self._signals.check(answer, body)
        return body

    def _look_in(self, answer: Answer) -> None:
        try:
            body = json_of(answer)
        except ServerFault:
            return
        self._signals.check(answer, body)

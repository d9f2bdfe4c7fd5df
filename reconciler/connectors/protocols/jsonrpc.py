"""JSON-RPC over HTTP: a method and its parameters; the payload is the result.

Errors come with status 200. The dialect ``tryton`` has its own: exactly three keys in a request, errors
as a list, and typed values (``{"__class__": "Decimal", "decimal": "1.50"}``), which become texts as
JSON has them elsewhere: decimals and times in ISO 8601, bytes in base64.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from typing import Any, Final

import msgspec

from reconciler.connectors.envelope import json_of
from reconciler.connectors.exchange import Answer, Ask, check_status
from reconciler.connectors.questions import Filled, joined
from reconciler.connectors.signals import Signals, told
from reconciler.errors import ServerFault, SourceError


class _Reply(msgspec.Struct):
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: msgspec.Raw = msgspec.Raw(b"null")


_READ: Final = msgspec.json.Decoder(_Reply)
_MARK: Final = b'"__class__"'


class JsonRpc:
    """Writes calls and reads replies."""

    def __init__(self, endpoint: str, signals: Signals, *, tryton: bool = False) -> None:
        self._endpoint = endpoint
        self._signals = signals
        self._tryton = tryton

    def ask(self, filled: Filled) -> Ask:
        """Return the HTTP request of the call in *filled*."""
        params = [] if filled.body is None else filled.body
        call: dict[str, Any] = {"id": 1, "method": filled.call or "", "params": params}
        if not self._tryton:
            call["jsonrpc"] = "2.0"
        headers = {"content-type": "application/json", **filled.headers}
        url = joined(self._endpoint, filled.path)
        body = msgspec.json.encode(call)
        return Ask("POST", url, filled.query, headers, body, filled.call or "")

    def open(self, answer: Answer) -> bytes:
        """Return the JSON of the result.

        Raises:
            SourceError: what a signal in it, its status or its error means.
        """
        check_status(answer)
        body = json_of(answer)
        self._signals.check(answer, body)
        try:
            reply = _READ.decode(body)
        except msgspec.ValidationError:
            raise ServerFault(
                f"{answer.place} answered no JSON-RPC reply: {answer.quote}"
            ) from None
        error = msgspec.json.decode(reply.error)
        if error is not None:
            raise _tryton_error(answer, error) if self._tryton else _plain_error(answer, error)
        result = bytes(reply.result)
        return plain_json(result) if self._tryton and _MARK in result else result


def _plain_error(answer: Answer, error: Any) -> SourceError:
    code = error.get("code") if isinstance(error, Mapping) else None
    said = error.get("message") if isinstance(error, Mapping) else error
    fault = code == -32603 or (isinstance(code, int) and -32099 <= code <= -32000)
    return told(answer, "fault" if fault else "invalid", said)


def _tryton_error(answer: Answer, error: Any) -> SourceError:
    """Return what a Tryton error means; a refused reading is a ``UserError``, as no right has another."""
    parts = error if isinstance(error, list) else [error]
    name, more = str(parts[0]), parts[1] if len(parts) > 1 else ""
    said = " ".join(str(m) for m in more if m) if isinstance(more, list) else str(more)
    means = {"UserError": "forbidden", "ConcurrencyException": "fault"}.get(name, "invalid")
    return told(answer, means, f"{name}: {said}" if said else name)


def plain_json(payload: bytes) -> bytes:
    """Return *payload* with Tryton's typed values as plain JSON."""
    return msgspec.json.encode(_plain(msgspec.json.decode(payload)))


def _plain(value: Any) -> Any:
    if type(value) is dict:
        kind = value.get("__class__")
        if kind is None:
            return {key: _plain(item) for key, item in value.items()}
        return _TYPES[kind](value) if kind in _TYPES else value
    if type(value) is list:
        return [_plain(item) for item in value]
    return value


def _datetime(value: Mapping[str, Any]) -> str:
    parts = ("year", "month", "day", "hour", "minute", "second", "microsecond")
    return datetime(*[value.get(part, 0) for part in parts]).isoformat()  # noqa: DTZ001 - the wire has none


def _date(value: Mapping[str, Any]) -> str:
    return date(value["year"], value["month"], value["day"]).isoformat()


def _time(value: Mapping[str, Any]) -> str:
    return time(*[value.get(p, 0) for p in ("hour", "minute", "second", "microsecond")]).isoformat()


_TYPES: Final[Mapping[str, Callable[[Mapping[str, Any]], Any]]] = {
    "Decimal": lambda value: value["decimal"],
    "datetime": _datetime,
    "date": _date,
    "time": _time,
    "timedelta": lambda value: value["seconds"],
    "bytes": lambda value: value["base64"],
}

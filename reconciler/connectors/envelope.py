"""Looking into JSON answers: whole, or all but the records, which are most of the bytes.

Expressions about paging and errors look at a few values beside the records. Where an expression does
not name the list of records, the records are not decoded for it.
"""

import re
from typing import Any, Final, TypeAlias

import jmespath
import msgspec

from reconciler.connectors.exchange import Answer
from reconciler.errors import NotTheProduct, ServerFault, SourceInvalid

SIMPLE: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
Path: TypeAlias = tuple[str, ...]

_PARTS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_RAW: Final = msgspec.json.Decoder(msgspec.Raw)
_ANY: Final = msgspec.json.Decoder()


def simple_path(expression: str) -> Path | None:
    """Return the keys of an expression such as ``result.items`` (``@``: none), or ``None`` for others."""
    text = expression.strip()
    if text == "@":
        return ()
    return tuple(text.split(".")) if SIMPLE.fullmatch(text) else None


class Finder:
    """A compiled JMESPath expression over JSON bytes, of which *records* is the list of records."""

    def __init__(self, expression: str, records: Path | None = None) -> None:
        self.expression = expression
        self._compiled = jmespath.compile(expression)
        self._whole = any(sign in expression for sign in "@*\\")
        nested = bool(records) and len(records or ()) > 1
        self._skip = records if nested and records and records[-1] not in expression else None

    def find(self, payload: bytes) -> Any:
        """Return what the expression finds in *payload*; parts that it does not name stay undecoded.

        Raises:
            SourceInvalid: if the expression cannot be applied to it.
        """
        if self._whole:
            return self.search(_ANY.decode(payload))
        try:
            parts = _PARTS.decode(payload)
        except msgspec.ValidationError:
            return self.search(_ANY.decode(payload))
        named = {key: part for key, part in parts.items() if key in self.expression}
        return self.search({key: self._decoded(key, part) for key, part in named.items()})

    def search(self, value: Any) -> Any:
        """Return what the expression finds in a decoded *value*."""
        try:
            return self._compiled.search(value)
        except jmespath.exceptions.JMESPathError as error:
            raise SourceInvalid(
                f"the expression '{self.expression}' does not fit the answer: {error}",
                hint="correct it in the connector's manifest",
            ) from None

    def _decoded(self, key: str, part: msgspec.Raw) -> Any:
        if self._skip is None or key != self._skip[0]:
            return _ANY.decode(part)
        return _without(part, self._skip[1:])


def _without(payload: msgspec.Raw, path: Path) -> Any:
    """Return *payload* decoded, with null for the value at *path*."""
    try:
        parts = _PARTS.decode(payload)
    except msgspec.ValidationError:
        return _ANY.decode(payload)
    found: dict[str, Any] = {}
    for key, part in parts.items():
        if key != path[0]:
            found[key] = _ANY.decode(part)
        else:
            found[key] = _without(part, path[1:]) if len(path) > 1 else None
    return found


class Lister:
    """Finds a list at a simple path, its items as raw bytes, each an exact slice of the answer."""

    def __init__(self, path: Path) -> None:
        kind: Any = list[msgspec.Raw]
        for key in reversed(path):
            kind = msgspec.defstruct("Level", [("at", kind | None, None)], rename={"at": key})
        self._decode = msgspec.json.Decoder(kind).decode
        self._depth = len(path)

    def find(self, payload: bytes) -> list[msgspec.Raw] | None:
        """Return the items, or ``None`` if there is no list."""
        try:
            found: Any = self._decode(payload)
        except msgspec.ValidationError:
            return None
        for _ in range(self._depth):
            found = None if found is None else found.at
        items: list[msgspec.Raw] | None = found
        return items


def json_of(answer: Answer) -> bytes:
    """Return the body of *answer* if it is JSON.

    Raises:
        NotTheProduct: if it is HTML, or nothing.
        ServerFault: if it breaks off.
    """
    body = answer.body
    try:
        _RAW.decode(body)
    except (msgspec.DecodeError, RecursionError):
        kind = "HTML" if body.lstrip()[:1] == b"<" else "something"
        what = f"{kind} where JSON was due" if body.strip() else "nothing where JSON was due"
        broken = body.lstrip()[:1] in {b"{", b"["}
        raise (ServerFault if broken else NotTheProduct)(
            f"{answer.place} answered {answer.status} with {what}: {answer.quote}"
        ) from None
    return body
